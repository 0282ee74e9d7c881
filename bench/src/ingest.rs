//! Stores generated mails of 5 KB in pages, as a pass of the sync loop does; only storing is timed.
use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use besunny::core::{
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
use besunny::sqlite::{Options, SqliteStore};
use besunny_testkit::clock::ManualClock;
use clap::Args;

use crate::{
    corpus::{raw_mail, spread},
    measure::{processor_seconds, report},
};

/// Mails of a page: what the sync loop commits at once.
const PAGE: usize = 500;

/// Stores generated mails in a new file.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// The file to write.
    #[arg(long)]
    db: PathBuf,
    /// How many mails.
    #[arg(long)]
    mails: usize,
}

impl Ingest {
    pub(crate) fn run(self) -> Result<()> {
        tokio::runtime::Runtime::new()?.block_on(self.store())
    }

    async fn store(self) -> Result<()> {
        let clock = Arc::new(ManualClock::default());
        let store = SqliteStore::open(self.db, clock, Options::default()).await?;
        let bench = Bench::new(store).await?;
        let (mut stored, mut wall, mut processor) = (0, Duration::ZERO, 0.0);
        while stored < self.mails {
            let size = PAGE.min(self.mails - stored);
            let page = bench.page(stored, size)?;
            let before = processor_seconds()?;
            wall += bench.store_page(page).await?;
            processor += processor_seconds()? - before;
            stored += size;
        }
        bench.store.close().await?;
        report(stored, wall, processor)
    }
}

struct Bench {
    store: SqliteStore,
    clock: ManualClock,
    scope: TenantScope,
    owner: UserId,
    lease: Lease,
}

impl Bench {
    async fn new(store: SqliteStore) -> Result<Self> {
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
        let lease = leases.into_iter().find(|lease| lease.stream == stream).context("no lease")?;
        Ok(Self { store, clock, scope, owner, lease })
    }

    /// Makes the effects of a page of mails; not measured.
    fn page(&self, first: usize, count: usize) -> Result<Vec<Effect>> {
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

    fn document(&self, number: usize) -> Result<NewDocument> {
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
    async fn store_page(&self, effects: Vec<Effect>) -> Result<Duration> {
        let began = std::time::Instant::now();
        let at = self.store.position(&self.scope, self.lease.stream).await?;
        let met = effects.iter().filter_map(|effect| {
            if let Effect::Store { item, .. } = effect { Some(item.clone()) } else { None }
        });
        let basis = PassBasis { met: met.collect(), ..PassBasis::standing(&self.lease, at) };
        let commit = Commit {
            id: CommitId::derived(&[&basis.expected.0.to_be_bytes()]),
            basis: Basis::Pass(Box::new(basis)),
            at: self.clock.now(),
            effects,
        };
        self.store.commit(&self.scope, Arc::new(commit)).await?;
        Ok(began.elapsed())
    }
}
