//! The scripted mail source, in each way of telling of changes.
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use besunny_core::{
    ids::AccountId,
    message::{MailFiling, Message},
    source::{ItemId, Source, SourceError, SourceErrorKind, StreamKey, StreamRef, Subject},
};
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        filing::{self, FilingWorld, Marks},
        mail::{MailWorld, World, cases},
    },
    scripted::{Call, Mailbox, Oddity, ScriptedMail, Telling, Weather},
};
use bytes::Bytes;
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let nothing = |_| None;
    let groups = [
        super::trials("scripted", filing::cases(), nothing, || {
            Box::pin(async { ScriptedWorld::fresh_filing() })
        }),
        super::trials("scripted-log", cases(), nothing, || {
            Box::pin(async { ScriptedWorld::fresh(Telling::Log) })
        }),
        super::trials("scripted-cursor-at-end", cases(), nothing, || {
            Box::pin(async { ScriptedWorld::fresh(Telling::CursorAtEnd) })
        }),
        super::trials("scripted-fingerprint", cases(), nothing, || {
            Box::pin(async { ScriptedWorld::fresh(Telling::Fingerprint) })
        }),
        super::trials("scripted-list-only", cases(), nothing, || {
            Box::pin(async { ScriptedWorld::fresh(Telling::ListOnly) })
        }),
    ];
    groups.into_iter().flatten().collect()
}

/// A mailbox in memory.
#[derive(Debug)]
pub(crate) struct ScriptedWorld {
    clock: ManualClock,
    source: Arc<ScriptedMail>,
    storm: Arc<Storm>,
    stream: StreamRef,
    delivered: AtomicU32,
    by_subject: Mutex<Vec<(String, ItemId)>>,
}

impl ScriptedWorld {
    pub(crate) fn fresh(telling: Telling) -> World {
        Arc::new(Self::new(telling))
    }

    pub(crate) fn fresh_filing() -> filing::World {
        Arc::new(Self::new(Telling::Log))
    }

    fn new(telling: Telling) -> Self {
        let storm = Arc::new(Storm::default());
        let source = ScriptedMail::new(Arc::<Storm>::clone(&storm), 5);
        let subject = Subject::from_source("ann@example.com");
        source.open(subject.clone(), telling);
        let account = AccountId::derived(&[b"ann"]);
        Self {
            clock: ManualClock::default(),
            source: Arc::new(source),
            storm,
            stream: StreamRef { account, subject, key: StreamKey::from_source("mailbox") },
            delivered: AtomicU32::new(0),
            by_subject: Mutex::default(),
        }
    }

    fn with_subject(&self, subject: &str, change: impl Fn(&mut Mailbox, &ItemId)) {
        let known = self.by_subject.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, id) in known.iter().filter(|(line, _)| line == subject) {
            self.source.with(&self.stream.subject, |mailbox| change(mailbox, id));
        }
    }
}

#[async_trait]
impl MailWorld for ScriptedWorld {
    fn source(&self) -> Arc<dyn Source<Message>> {
        Arc::<ScriptedMail>::clone(&self.source)
    }

    async fn restarted(&self) -> Arc<dyn Source<Message>> {
        Arc::new(self.source.restarted())
    }

    fn stream(&self) -> StreamRef {
        self.stream.clone()
    }

    async fn deliver(&self, raw: Bytes) {
        use besunny_core::clock::Clock as _;
        let number = self.delivered.fetch_add(1, Ordering::Relaxed);
        // Ids are in no order of arrival, like a provider's.
        let id = ItemId::from_source(format!("{:08x}", number.wrapping_mul(0x9e37_79b1)));
        let text = String::from_utf8_lossy(&raw).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
        let line = line.unwrap_or_default().to_owned();
        self.by_subject.lock().unwrap_or_else(PoisonError::into_inner).push((line, id.clone()));
        let at = self.clock.now();
        self.source.with(&self.stream.subject, |mailbox| mailbox.deliver(&id, raw, at));
    }

    async fn remove(&self, subject: &str) {
        self.with_subject(subject, Mailbox::remove);
    }

    async fn hide(&self, subject: &str, hidden: bool) {
        self.with_subject(subject, |mailbox, id| mailbox.hide(id, hidden));
    }

    async fn poison(&self, subject: &str) {
        self.with_subject(subject, |mailbox, id| mailbox.poison(id, true));
    }

    async fn expire_log(&self) {
        self.source.with(&self.stream.subject, Mailbox::expire_log);
    }

    async fn kill_pages(&self) {
        self.source.with(&self.stream.subject, Mailbox::kill_page_tokens);
    }

    async fn fail_next(&self, kind: SourceErrorKind, retry_after: Option<u64>) {
        *self.storm.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((kind, retry_after));
    }

    fn lacks(&self, _: Power) -> Option<&'static str> {
        None
    }
}

#[async_trait]
impl FilingWorld for ScriptedWorld {
    fn filing(&self) -> Arc<dyn MailFiling> {
        Arc::<ScriptedMail>::clone(&self.source)
    }

    fn stream(&self) -> StreamRef {
        self.stream.clone()
    }

    async fn deliver(&self, subject: &str) -> ItemId {
        use besunny_core::clock::Clock as _;
        let (id, at) = (ItemId::from_source(subject), self.clock.now());
        let raw = format!("Subject: {subject}\r\n\r\nText.\r\n");
        self.source.with(&self.stream.subject, |mailbox| mailbox.deliver(&id, raw, at));
        id
    }

    async fn remove(&self, item: &ItemId) {
        self.source.with(&self.stream.subject, |mailbox| mailbox.remove(item));
    }

    async fn marks(&self, item: &ItemId) -> Marks {
        let marks = self.source.with(&self.stream.subject, |mailbox| mailbox.marks(item));
        marks.expect("a mail")
    }

    async fn fail_next(&self) {
        MailWorld::fail_next(self, SourceErrorKind::Unavailable, None).await;
    }
}

/// Fails the next call when told to.
#[derive(Debug, Default)]
struct Storm(Mutex<Option<(SourceErrorKind, Option<u64>)>>);

#[async_trait]
impl Weather for Storm {
    async fn before(&self, call: Call<'_>) -> Result<(), SourceError> {
        let failure = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((kind, wait)) = failure else { return Ok(()) };
        let wait = wait.map(std::time::Duration::from_secs);
        Err(SourceError::new(kind, call.operation).with_retry_after(wait))
    }

    fn lag(&self, _: &Subject) -> usize {
        0
    }

    fn circles(&self) -> bool {
        false
    }

    fn answered(&self, _: Oddity) {}
}
