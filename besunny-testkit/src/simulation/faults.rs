//! What may go wrong, how often, and how often it did.
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    clock::Clock,
    commit::{Basis, Commit},
    ids::StreamId,
    job::Task,
    repository::RepositoryError,
    scheduler::Claim,
    source::{ItemId, SourceError, SourceErrorKind, Subject},
    tenant::TenantScope,
    track::Version,
};

use super::trace::Trace;
use crate::{
    bots::BotWeather,
    clock::ManualClock,
    interposed::Interposer,
    scripted::{Call, Oddity, Weather},
    seed::Seed,
};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A kind of fault; it counts when the engine met it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the name of the kind.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

faults! {
    /// An engine dies at an await and is started anew (F1).
    Crash = "crash",
    /// An engine stands still for minutes and then goes on, with leases long gone (F13).
    Freeze = "freeze",
    /// A commit came under a lease that had passed on (F13, F14).
    StaleCommit = "stale_commit",
    /// A call takes longer than a lease lasts.
    SlowCall = "slow_call",
    /// The store fails before it does anything (F10).
    StoreFailed = "store_failed",
    /// The store does what it is asked, and the answer is lost (F10).
    ReplyLost = "reply_lost",
    /// Too many requests, with and without a wait (F7).
    RateLimited = "rate_limited",
    /// The source is unavailable (F7).
    Unavailable = "unavailable",
    /// The answer makes no sense (F11).
    Malformed = "malformed",
    /// A page token died (F11).
    PageExpired = "page_expired",
    /// Page tokens lead in a circle (F11).
    TokensCircle = "tokens_circle",
    /// The change log before the cursor is gone (F6).
    LogExpired = "log_expired",
    /// The grant was revoked (F8).
    Revoked = "revoked",
    /// An item cannot be decoded (F12).
    Poison = "poison",
    /// The source keeps failing on one item (F12).
    ItemFails = "item_fails",
    /// The change log does not show yet what was notified.
    IndexLag = "index_lag",
    /// A notice is lost (F4).
    NoticeDropped = "notice_dropped",
    /// A notice comes several times (F3).
    NoticeDoubled = "notice_doubled",
    /// A notice comes much later (F4).
    NoticeLate = "notice_late",
    /// A notice comes after a later one of the same mailbox (F4).
    NoticeOvertaken = "notice_overtaken",
    /// A notice that the provider did not write, or that makes no sense (F5).
    NoticeForged = "notice_forged",
    /// A notice is not taken, or the answer is lost; it comes again (F3).
    NoticeRefused = "notice_refused",
    /// A notice by a watch that we do not hold (any more).
    NoticeOrphaned = "notice_orphaned",
    /// A watch ended before anybody renewed it.
    WatchEnded = "watch_ended",
    /// The provider forgot a watch before its time.
    WatchForgotten = "watch_forgotten",
    /// A watch could not be started, renewed or stopped.
    WatchFailed = "watch_failed",
    /// A watch was started, renewed or stopped, and the answer is lost.
    WatchCut = "watch_cut",
    /// A mail could not be marked at its source.
    FilingFailed = "filing_failed",
    /// A mail was marked at its source, and the answer is lost.
    FilingCut = "filing_cut",
    /// A job was given up; a person asks for it again.
    JobGivenUp = "job_given_up",
    /// A notice for a mailbox nobody follows (F5).
    NoticeForeign = "notice_foreign",
    /// Most of a mailbox is gone after the log was lost; a person decides.
    MassRemoval = "mass_removal",
    /// The rules of the intake change.
    RulesChanged = "rules_changed",
    /// A person comes later than the mail that names them.
    Newcomer = "newcomer",
    /// A person asks for a new listing.
    Relisted = "relisted",
    /// A person decides on a document, perhaps before the classifier does.
    PersonDecides = "person_decides",
    /// A provider of bots fails before it does anything.
    BotCallFailed = "bot_call_failed",
    /// A provider of bots does what it is asked, and the answer is lost (BOT-4).
    BotReplyLost = "bot_reply_lost",
    /// A bot breaks in the call (BOT-7).
    BotBroke = "bot_broke",
    /// Somebody in the call takes the bot out of it.
    BotTakenOut = "bot_taken_out",
    /// A bot waits in the lobby until the host turns it away.
    BotTurnedAway = "bot_turned_away",
    /// The provider calls about a bot, at any moment.
    BotNoticed = "bot_noticed",
    /// A meeting is moved, perhaps while its bot can be neither moved nor stopped.
    MeetingMoved = "meeting_moved",
    /// A meeting is called off, in its calendar or by being deleted.
    MeetingCalledOff = "meeting_called_off",
    /// The classifier fails (F22).
    ClassifierFailed = "classifier_failed",
    /// The receiver of events fails.
    SinkFailed = "sink_failed",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the executor does with an engine after it gave way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Drops it at this very await.
    Dies,
    /// Lets it stand still.
    Freezes(Duration),
}

/// Decides what goes wrong, at every call of every engine.
#[derive(Debug)]
pub(super) struct Faults {
    clock: Arc<ManualClock>,
    trace: Arc<Trace>,
    inner: Mutex<Inner>,
    /// Nothing goes wrong any more.
    calm: AtomicBool,
    /// Which task is running.
    current: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    seed: Seed,
    fired: BTreeMap<Fault, u64>,
    fate: Option<Fate>,
    /// Items the source keeps failing on.
    failing: Vec<(Subject, ItemId)>,
    cursors: BTreeMap<StreamId, u64>,
    regressions: Vec<String>,
    /// How often the filing of a mail was claimed.
    claims: BTreeMap<(StreamId, ItemId), u64>,
}

/// Of so many places where an engine gives way, some are fatal, some slow.
const RARE: u64 = 4_000;
/// A call waits this long at most when nothing special happens, in milliseconds.
const DELAY_MS: u64 = 3_000;
/// A slow call takes so long; longer than a lease.
const SLOW: Duration = Duration::from_secs(90);

impl Faults {
    pub(super) fn new(seed: Seed, clock: Arc<ManualClock>, trace: Arc<Trace>) -> Self {
        let inner = Inner {
            seed,
            fired: BTreeMap::new(),
            fate: None,
            failing: Vec::new(),
            cursors: BTreeMap::new(),
            regressions: Vec::new(),
            claims: BTreeMap::new(),
        };
        Self {
            clock,
            trace,
            inner: Mutex::new(inner),
            calm: AtomicBool::new(false),
            current: AtomicUsize::new(0),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Stops all faults.
    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
        self.inner().failing.clear();
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Says which task runs from now on.
    pub(super) fn enter(&self, task: usize) {
        self.current.store(task, Ordering::Relaxed);
    }

    /// Takes what was decided for the task that just gave way.
    pub(super) fn fate(&self) -> Option<Fate> {
        self.inner().fate.take()
    }

    /// Counts a fault that was met.
    pub(super) fn fire(&self, fault: Fault) {
        *self.inner().fired.entry(fault).or_default() += 1;
        self.note(fault.as_str());
    }

    /// Returns how often each fault was met.
    pub(super) fn fired(&self) -> BTreeMap<Fault, u64> {
        self.inner().fired.clone()
    }

    /// Returns the positions that went backwards.
    pub(super) fn regressions(&self) -> Vec<String> {
        self.inner().regressions.clone()
    }

    /// Returns how often the filing of a mail was claimed.
    pub(super) fn claims(&self, stream: StreamId, item: &ItemId) -> u64 {
        self.inner().claims.get(&(stream, item.clone())).copied().unwrap_or_default()
    }

    /// Makes the source fail on an item until the calm.
    pub(super) fn keep_failing(&self, subject: Subject, item: ItemId) {
        self.inner().failing.push((subject, item));
    }

    /// Says yes once in `times` on average, and never in the calm.
    pub(super) fn roll(&self, times: u64) -> bool {
        !self.is_calm() && self.inner().seed.one_in(times)
    }

    fn note(&self, what: &str) {
        let now = self.clock.now().timestamp_millis();
        self.trace.line(&format!("{now} {} {what}", self.current.load(Ordering::Relaxed)));
    }

    /// A place where an engine gives way: it may wait, freeze or die here.
    pub(super) async fn point(&self, what: &str) {
        self.note(what);
        if self.is_calm() {
            return give_way().await;
        }
        let roll = self.inner().seed.below(RARE);
        match roll {
            0..=7 => self.decide(Fault::Crash),
            8..=15 => self.decide(Fault::Freeze),
            16..=20 => {
                self.fire(Fault::SlowCall);
                self.wait(SLOW).await;
            }
            21..=350 => {
                let wait = Duration::from_millis(self.inner().seed.below(DELAY_MS));
                self.wait(wait).await;
            }
            _ => {}
        }
        give_way().await;
    }

    async fn wait(&self, time: Duration) {
        self.clock.sleep_until(self.clock.now() + time).await;
    }

    /// Decides what becomes of the engine that gives way next.
    fn decide(&self, fault: Fault) {
        self.fire(fault);
        let mut inner = self.inner();
        let minutes = 1 + inner.seed.below(5);
        inner.fate = Some(if fault == Fault::Crash {
            Fate::Dies
        } else {
            Fate::Freezes(Duration::from_mins(minutes))
        });
    }

    /// Chooses among kinds of failure of a source.
    fn failure(&self, operation: &'static str) -> Option<SourceError> {
        if !self.roll(25) {
            return None;
        }
        let kind = self.inner().seed.below(3);
        let (fault, kind, wait) = match kind {
            0 => (Fault::RateLimited, SourceErrorKind::RateLimited, self.inner().seed.below(60)),
            1 => (Fault::Unavailable, SourceErrorKind::Unavailable, 0),
            _ => (Fault::Malformed, SourceErrorKind::Malformed, 0),
        };
        self.fire(fault);
        let wait = (wait > 30).then(|| Duration::from_secs(wait));
        Some(SourceError::new(kind, operation).with_retry_after(wait))
    }
}

/// Lets the executor choose who runs next.
async fn give_way() {
    let mut given = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[async_trait]
impl Weather for Faults {
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError> {
        self.point(call.operation).await;
        if let Some(item) = call.item {
            let key = (call.subject.clone(), item.clone());
            if self.inner().failing.contains(&key) {
                self.fire(Fault::ItemFails);
                return Err(SourceError::new(SourceErrorKind::Unavailable, call.operation));
            }
        }
        self.failure(call.operation).map_or(Ok(()), Err)
    }

    fn lag(&self, _: &Subject) -> usize {
        if self.roll(4) { self.inner().seed.index(3) } else { 0 }
    }

    fn circles(&self) -> bool {
        self.roll(150)
    }

    fn answered(&self, oddity: Oddity) {
        self.fire(match oddity {
            Oddity::LogExpired => Fault::LogExpired,
            Oddity::PageDead => Fault::PageExpired,
            Oddity::Circle => Fault::TokensCircle,
            Oddity::Revoked => Fault::Revoked,
            Oddity::Poison => Fault::Poison,
            Oddity::Lag => Fault::IndexLag,
        });
    }
}

#[async_trait]
impl BotWeather for Faults {
    async fn before(&self, operation: &'static str) -> Result<(), SourceError> {
        self.point(operation).await;
        if self.roll(12) {
            self.fire(Fault::BotCallFailed);
            return Err(SourceError::new(SourceErrorKind::Unavailable, operation));
        }
        Ok(())
    }

    async fn after(&self, operation: &'static str) -> Result<(), SourceError> {
        self.point(operation).await;
        if self.roll(12) {
            self.fire(Fault::BotReplyLost);
            return Err(SourceError::new(SourceErrorKind::Unavailable, operation));
        }
        Ok(())
    }
}

#[async_trait]
impl Interposer for Faults {
    async fn before(&self, call: &'static str) -> Result<(), RepositoryError> {
        self.point(call).await;
        if self.roll(150) {
            self.fire(Fault::StoreFailed);
            return Err(RepositoryError::Store("the simulated store failed".into()));
        }
        Ok(())
    }

    async fn after(&self, call: &'static str) -> Result<(), RepositoryError> {
        self.point(call).await;
        if self.roll(150) {
            self.fire(Fault::ReplyLost);
            return Err(RepositoryError::Store("the simulated reply was lost".into()));
        }
        Ok(())
    }

    fn claimed(&self, claims: &[Claim]) {
        let mut inner = self.inner();
        for claim in claims {
            if let Task::File { stream, item } = &claim.job.task {
                *inner.claims.entry((*stream, item.clone())).or_default() += 1;
            }
        }
    }

    fn committed(
        &self,
        _: &TenantScope,
        commit: &Commit,
        answer: &Result<Version, RepositoryError>,
    ) {
        if matches!(answer, Err(RepositoryError::Fenced)) {
            self.fire(Fault::StaleCommit);
        }
        let (Basis::Pass(pass), Ok(_)) = (&commit.basis, answer) else { return };
        let live = pass.track.live.as_ref();
        // The scripted sources count their log, so a durable cursor is a number that only grows.
        let Some(cursor) = live.and_then(|live| live.cursor.as_str().parse().ok()) else { return };
        let mut inner = self.inner();
        let last = inner.cursors.insert(pass.stream, cursor).unwrap_or_default();
        if cursor < last {
            let what = format!("the cursor of {} went from {last} to {cursor}", pass.stream);
            inner.regressions.push(what);
        }
    }
}
