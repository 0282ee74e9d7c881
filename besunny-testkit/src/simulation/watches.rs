//! The provider's side of push: registrations that end, get lost, or were never allowed.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    clock::Clock,
    ids::WatchId,
    push::{Delivery, Notice, PublicKey, Push, Receiver, Rejected, Watch, WatchRequest},
    source::{Cursor, SourceError, SourceErrorKind, StreamRef, Subject},
};
use chrono::{DateTime, Utc};

use super::{
    faults::{Fault, Faults},
    post::Post,
    stage::lock,
};
use crate::{
    bell::{self, Told},
    clock::ManualClock,
    planted::Claims,
    scripted::ScriptedMail,
    seed::Seed,
};

/// A watch lasts between 8 and so many minutes: some end before anybody looks again.
const LIFE_MINUTES: u64 = 90;

/// How a mailbox calls back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Not at all.
    Never,
    /// By the name of the account; one watch, which the same call lengthens, like Gmail.
    Lengthened,
    /// By the name of the watch; another is started and the old one stopped, like Calendar.
    Replaced,
}

pub(super) const MANNERS: [Manner; 3] = [Manner::Never, Manner::Lengthened, Manner::Replaced];

/// Every registration that the provider knows.
#[derive(Debug)]
pub(super) struct Watches {
    clock: Arc<ManualClock>,
    faults: Arc<Faults>,
    mail: Arc<ScriptedMail>,
    post: Arc<Post>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    seed: Seed,
    manners: BTreeMap<Subject, Manner>,
    registered: BTreeMap<Subject, BTreeMap<WatchId, DateTime<Utc>>>,
    /// Mailboxes whose watch was forgotten before its time.
    forgotten: BTreeSet<Subject>,
    /// Where the last notice of a mailbox says that its log ends; nobody may believe it.
    claimed: BTreeMap<Subject, usize>,
}

impl Watches {
    pub(super) fn new(
        mut seed: Seed,
        clock: Arc<ManualClock>,
        faults: Arc<Faults>,
        mail: Arc<ScriptedMail>,
    ) -> Self {
        let post = Arc::new(Post::new(seed.fork(), Arc::clone(&clock), Arc::clone(&faults)));
        let inner = Inner {
            seed,
            manners: BTreeMap::new(),
            registered: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            claimed: BTreeMap::new(),
        };
        Self { clock, faults, mail, post, inner: Mutex::new(inner) }
    }

    pub(super) fn post(&self) -> Arc<Post> {
        Arc::clone(&self.post)
    }

    /// Says how a mailbox calls back.
    pub(super) fn open(&self, subject: Subject, manner: Manner) {
        lock(&self.inner).manners.insert(subject, manner);
    }

    /// Tells everybody who asked that something changed in a mailbox.
    pub(super) fn tell(&self, subject: &Subject) {
        let now = self.clock.now();
        let mut inner = lock(&self.inner);
        let Some(registered) = inner.registered.get_mut(subject) else { return };
        let known = registered.len();
        registered.retain(|_, until| now < *until);
        let (live, forgotten) = (registered.clone(), inner.forgotten.remove(subject));
        if forgotten {
            self.faults.fire(Fault::WatchForgotten);
        } else if live.is_empty() && known > 0 {
            self.faults.fire(Fault::WatchEnded);
        }
        for id in live.into_keys() {
            self.write(&mut inner, subject, id);
        }
    }

    /// Forgets the watches of a mailbox before their time.
    pub(super) fn forget(&self, subject: &Subject) {
        let mut inner = lock(&self.inner);
        if inner.registered.remove(subject).is_some_and(|known| !known.is_empty()) {
            inner.registered.insert(subject.clone(), BTreeMap::new());
            inner.forgotten.insert(subject.clone());
        }
    }

    fn write(&self, inner: &mut Inner, subject: &Subject, id: WatchId) {
        let position = self.mail.with(subject, |mailbox| mailbox.changes());
        let watch = (inner.manners.get(subject) == Some(&Manner::Replaced)).then_some(id);
        let dedup = inner.seed.one_in(2).then(|| format!("n{}", inner.seed.number()));
        self.post.send(&Told { subject: subject.to_string(), watch, dedup, position });
    }

    /// Lets a call pass, or fails before it does anything.
    async fn before(&self, operation: &'static str) -> Result<(), SourceError> {
        self.faults.point(operation).await;
        if self.faults.roll(8) {
            self.faults.fire(Fault::WatchFailed);
            return Err(SourceError::new(SourceErrorKind::Unavailable, operation));
        }
        Ok(())
    }

    /// Answers a call that took effect, or loses the answer.
    async fn after(&self, operation: &'static str) -> Result<(), SourceError> {
        self.faults.point(operation).await;
        if self.faults.roll(8) {
            self.faults.fire(Fault::WatchCut);
            return Err(SourceError::new(SourceErrorKind::Unavailable, operation));
        }
        Ok(())
    }

    /// Registers a watch, and calls at once, perhaps before the answer is there.
    fn register(&self, subject: &Subject, id: WatchId, asked: DateTime<Utc>) -> DateTime<Utc> {
        let mut inner = lock(&self.inner);
        let life = Duration::from_mins(8 + inner.seed.below(LIFE_MINUTES - 8));
        let until = asked.min(self.clock.now() + life);
        let is_one = inner.manners.get(subject) == Some(&Manner::Lengthened);
        let registered = inner.registered.entry(subject.clone()).or_default();
        if is_one {
            registered.clear();
        }
        registered.insert(id, until);
        inner.forgotten.remove(subject);
        self.write(&mut inner, subject, id);
        until
    }

    fn manner(&self, subject: &Subject) -> Manner {
        lock(&self.inner).manners.get(subject).copied().unwrap_or(Manner::Never)
    }
}

#[async_trait]
impl Push for Watches {
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError> {
        let (operation, subject) = ("scripted.watch", &request.stream.subject);
        self.before(operation).await?;
        if self.manner(subject) == Manner::Never {
            return Err(SourceError::new(SourceErrorKind::Forbidden, operation));
        }
        let until = Some(self.register(subject, request.id, request.until));
        self.after(operation).await?;
        let handle = Some(subject.to_string());
        Ok(Watch { id: request.id, handle, since: now, until, trouble: None })
    }

    async fn renew(
        &self,
        stream: &StreamRef,
        watch: &Watch,
        now: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        let (operation, subject) = ("scripted.renew", &stream.subject);
        if self.manner(subject) != Manner::Lengthened {
            return Ok(None);
        }
        self.before(operation).await?;
        let until = Some(self.register(subject, watch.id, DateTime::<Utc>::MAX_UTC));
        self.after(operation).await?;
        Ok(Some(Watch { since: now, until, ..watch.clone() }))
    }

    async fn stop_watch(&self, stream: &StreamRef, watch: &Watch) -> Result<(), SourceError> {
        let operation = "scripted.stop";
        self.before(operation).await?;
        if let Some(registered) = lock(&self.inner).registered.get_mut(&stream.subject) {
            registered.remove(&watch.id);
        }
        self.after(operation).await
    }
}

impl Receiver for Watches {
    fn receive(&self, delivery: &Delivery<'_>, _: &[PublicKey]) -> Result<Vec<Notice>, Rejected> {
        let (notice, told) = bell::read(delivery)?;
        let subject = Subject::from_source(told.subject);
        lock(&self.inner).claimed.insert(subject, told.position);
        Ok(vec![notice])
    }
}

impl Claims for Watches {
    fn take(&self, stream: &StreamRef) -> Option<Cursor> {
        let claimed = lock(&self.inner).claimed.remove(&stream.subject)?;
        Some(Cursor::from_source(claimed.to_string()))
    }
}
