//! How fast mails are stored: `cargo run --release -p besunny-store-sqlite --example ingest_rate`.
//!
//! Stores generated mails of 5 KB in pages, as a pass of the sync loop does, and prints what that
//! cost. Arguments: how many mails (2000), and the file to write (a temporary one).
use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use besunny_core::{
    account::{Account, Intake, NewAccount, Provider, stream_id},
    address::Username,
    clock::Clock,
    commit::{Basis, Commit, Effect, PassBasis},
    document::{DocumentKind, NewDocument, document_id},
    ids::{CommitId, TenantId, UserId},
    job::{Job, Task},
    mail::{self, Caps},
    repository::{Accounts, People, Streams},
    scheduler::{Ask, Lease, Scheduler},
    source::{ItemId, ItemRef, OfferedStream, Revision, StreamKey, Subject},
    tenant::{Tenant, TenantScope, User},
};
use besunny_store_sqlite::{Options, Place, SqliteStore};
use besunny_testkit::clock::ManualClock;
use bytes::Bytes;

/// Mails of a page: what the sync loop commits at once.
const PAGE: usize = 500;
/// Bytes of a mail.
const MAIL_BYTES: usize = 5 << 10;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a measurement speaks on stdout")]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().map_or(Ok(2_000), |count| count.parse())?;
    let place = arguments.next().map_or(Place::Temporary, |path| Place::File(PathBuf::from(path)));
    let clock = Arc::new(ManualClock::default());
    let store = SqliteStore::open(place, clock, Options::default()).await?;
    let bench = Bench::new(store).await?;
    let (mut stored, mut spent) = (0, Duration::ZERO);
    while stored < count {
        let size = PAGE.min(count - stored);
        let page = bench.page(stored, size)?;
        spent += bench.store_page(page).await?;
        stored += size;
    }
    let seconds = spent.as_secs_f64();
    let rows = rows(bench.store.path()).await?;
    let (mails_per_second, rows_per_second) =
        (as_f64(count) / seconds, as_f64(usize::try_from(rows)?) / seconds);
    bench.store.close().await?;
    println!(
        "{count} mails, {rows} rows in {seconds:.3} s: {mails_per_second:.0} mails/s, \
         {rows_per_second:.0} rows/s, CPU {:.2} s in all, peak {} MB",
        processor_seconds()?,
        peak_kib()? / 1024,
    );
    Ok(())
}

struct Bench {
    store: SqliteStore,
    clock: ManualClock,
    scope: TenantScope,
    owner: UserId,
    lease: Lease,
}

impl Bench {
    async fn new(store: SqliteStore) -> Outcome<Self> {
        let clock = ManualClock::default();
        let (tenant, owner) = (TenantId::derived(&[b"bench"]), UserId::derived(&[b"ann"]));
        let (scope, now) = (TenantScope::trusted(tenant), clock.now());
        store.found(&Tenant { id: tenant, name: "Bench".to_owned(), created_at: now }).await?;
        let username = Username::parse("ann")?;
        let user = User { id: owner, username, name: "Ann".to_owned(), created_at: now };
        store.add_user(&scope, &user).await?;
        let grant = NewAccount {
            owner,
            provider: Provider::new("bench"),
            subject: Subject::from_source("ann@example.com"),
            intake: Intake::Whole,
        };
        let account = Account::new(tenant, grant, now);
        let key = StreamKey::from_source("mailbox");
        let stream = stream_id(account.id, &key);
        let offered = OfferedStream { key, title: "Mailbox".to_owned(), proposed: true };
        store.connect(&scope, &account, &[offered]).await?;
        let ask = Ask { limit: 1, lease_for: Duration::from_hours(1) };
        let leases = store.lease(ask).await?;
        let lease = leases.into_iter().find(|lease| lease.stream == stream).ok_or("no lease")?;
        Ok(Self { store, clock, scope, owner, lease })
    }

    /// Makes the effects of a page of mails; not measured.
    fn page(&self, first: usize, count: usize) -> Outcome<Vec<Effect>> {
        let mut effects = Vec::with_capacity(count);
        for number in first..first + count {
            let new = self.document(number)?;
            let task = Task::Classify { document: new.id };
            // Ids of a provider are in no order of ours.
            let id = ItemId::from_source(format!("{:016x}", spread(number)));
            let item = ItemRef::new(id, Revision::from_source("1"));
            effects.push((item, new, Job::new(self.scope.tenant(), task)));
        }
        let effects = effects.into_iter().flat_map(|(item, new, job)| {
            [Effect::Store { item, documents: vec![new] }, Effect::Enqueue(job)]
        });
        Ok(effects.collect())
    }

    fn document(&self, number: usize) -> Outcome<NewDocument> {
        let raw = raw_mail(number);
        let content_hash = mail::content_hash(&raw);
        let kind = DocumentKind::Email;
        Ok(NewDocument {
            id: document_id(self.scope.tenant(), self.owner, kind, &content_hash),
            owner: self.owner,
            kind,
            received_at: self.clock.now() + Duration::from_secs(u64::try_from(number)?),
            mail: Arc::new(mail::read(&raw, &Caps::default())?),
            raw,
            content_hash,
        })
    }

    /// Commits a page; returns how long that took.
    #[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
    async fn store_page(&self, effects: Vec<Effect>) -> Outcome<Duration> {
        let began = std::time::Instant::now();
        let at = self.store.position(&self.scope, self.lease.stream).await?;
        let met = effects.iter().filter_map(|effect| {
            if let Effect::Store { item, .. } = effect { Some(item.clone()) } else { None }
        });
        let basis = PassBasis {
            stream: self.lease.stream,
            epoch: self.lease.epoch,
            expected: at.version,
            track: at.track,
            met: met.collect(),
        };
        let commit = Commit {
            id: CommitId::derived(&[&at.version.0.to_be_bytes()]),
            basis: Basis::Pass(Box::new(basis)),
            at: self.clock.now(),
            effects,
        };
        self.store.commit(&self.scope, Arc::new(commit)).await?;
        Ok(began.elapsed())
    }
}

/// Writes a mail whose text compresses about as well as that of real ones.
fn raw_mail(number: usize) -> Bytes {
    let mut text = format!(
        "Message-ID: <{number}@example.org>\r\nDate: Mon, 1 Jun 2026 09:30:00 +0200\r\n\
         From: Bob Example <bob@example.org>\r\nTo: ann@example.com\r\n\
         Subject: Report {number} of the harbour works\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n"
    );
    let mut dice = spread(number);
    while text.len() < MAIL_BYTES {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let word = dice >> 48;
        let length = 2 + usize::try_from(word % 9).unwrap_or(0);
        let letters = (0..length).map(|at| {
            let letter = (word >> (at % 8)).wrapping_mul(31).wrapping_add(at as u64) % 26;
            char::from(b'a' + u8::try_from(letter).unwrap_or(0))
        });
        text.extend(letters);
        text.push_str(if dice.is_multiple_of(12) { "\r\n" } else { " " });
    }
    Bytes::from(text)
}

/// Spreads numbers over the whole range.
const fn spread(number: usize) -> u64 {
    (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Counts the rows of all tables.
async fn rows(file: &std::path::Path) -> Outcome<i64> {
    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await?;
    let count = "SELECT (SELECT count(*) FROM items) + (SELECT count(*) FROM members)
        + (SELECT count(*) FROM blobs) + (SELECT count(*) FROM documents)
        + (SELECT count(*) FROM origins) + (SELECT count(*) FROM history)
        + (SELECT count(*) FROM outbox) + (SELECT count(*) FROM jobs)";
    Ok(sqlx::query_scalar(count).fetch_one(&mut connection).await?)
}

/// Returns the seconds that all threads of this process have computed (Linux).
fn processor_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<u32> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    // Linux counts in hundredths of a second on every machine.
    Ok(f64::from(ticks.iter().sum::<u32>()) / 100.0)
}

/// Returns the most memory this process has held, in KiB (Linux).
fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmHWM")?;
    Ok(peak.parse()?)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
