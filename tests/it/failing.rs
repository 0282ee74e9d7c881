//! Jobs and watches whose source fails: the retry table decides, as it does for streams.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    account::{Intake, stream_id},
    clock::Clock,
    commit::{Basis, Commit, Effect},
    ids::CommitId,
    job::{Job, Task},
    message::{Filing, MailFiling},
    push::{Push, Watch, WatchRequest},
    repository::DeadJobFilter,
    scheduler::{PauseReason, Work},
    source::{ItemId, SourceError, SourceErrorKind, StreamKey, StreamRef},
    worker::Worker,
};
use besunny_testkit::scripted::Fair;
use chrono::{DateTime, TimeDelta, Utc};

use crate::scene::{MakeStore, Scene, in_a_file, in_memory, mail_of};

const STORES: [MakeStore; 2] = [in_memory, in_a_file];

#[tokio::test]
async fn mail_14_a_job_whose_source_fails_follows_the_retry_table() {
    use SourceErrorKind as Kind;
    for make in STORES {
        check_filing(make, Kind::RateLimited, Some(17), 9, Ok(64)).await;
        check_filing(make, Kind::RateLimited, Some(1_700), 1, Ok(1_700)).await;
        check_filing(make, Kind::Unavailable, None, 12, Ok(600)).await;
        check_filing(make, Kind::LimitReached, None, 1, Ok(3_600)).await;
        check_filing(make, Kind::Malformed, None, 4, Ok(40)).await;
        check_filing(make, Kind::Malformed, None, 5, Err(None)).await;
        check_filing(make, Kind::Unauthorized, None, 1, Err(Some(PauseReason::Reconnect))).await;
        let forbidden = Some(PauseReason::MissingPermission);
        check_filing(make, Kind::Forbidden, None, 1, Err(forbidden)).await;
    }
}

/// Fails a job so often; it is due again after so many seconds at most, or given up.
async fn check_filing(
    make: MakeStore,
    kind: SourceErrorKind,
    asked: Option<u64>,
    failures: u32,
    want: Result<u64, Option<PauseReason>>,
) {
    let scene = Scene::new(make, Arc::new(Fair)).await;
    enqueue_filing(&scene).await;
    let refusing = Arc::new(Refusing::new(kind, asked));
    for attempt in 1..=failures {
        engine(&scene, &refusing).run_until_idle().await;
        assert_eq!(refusing.filed.load(Ordering::Relaxed), attempt, "{kind:?}");
        if attempt < failures {
            scene.clock.advance(scene.store.next_due(Work::Jobs).await.unwrap().unwrap());
        }
    }
    let due = scene.store.next_due(Work::Jobs).await.unwrap();
    let dead = scene.store.dead_jobs(&scene.scope, &DeadJobFilter::default()).await.unwrap();
    match want {
        Ok(seconds) => {
            let rest = due.unwrap().as_secs();
            assert!((seconds / 2..=seconds).contains(&rest), "{kind:?} {failures}: {rest} s");
            assert!(rest >= asked.unwrap_or(0), "{kind:?}: never sooner than asked");
        }
        Err(waits_for) => {
            assert_eq!((due, dead.len()), (None, 1), "{kind:?} {failures}");
            assert_eq!(dead[0].waits_for, waits_for, "{kind:?}");
            assert!(dead[0].error.contains(&kind.to_string()), "{}", dead[0].error);
        }
    }
}

#[tokio::test]
async fn a_watch_that_fails_is_asked_for_again_by_the_retry_table_and_says_why() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        let down = Arc::new(Refusing::new(SourceErrorKind::Unavailable, None));
        for attempt in 1..=4 {
            engine(&scene, &down).run_until_idle().await;
            let trouble = scene.status().await.watch.unwrap().trouble.unwrap();
            assert_eq!((down.watched.load(Ordering::Relaxed), trouble.attempt), (attempt, attempt));
            assert!(trouble.error.contains("unavailable"), "{}", trouble.error);
            scene.notice().await;
            if scene.clock.now() < trouble.retry_at {
                engine(&scene, &down).run_until_idle().await;
                let asked = down.watched.load(Ordering::Relaxed);
                assert_eq!(asked, attempt, "a look before its time asks for no watch");
            }
            scene.clock.move_to(trouble.retry_at);
            scene.notice().await;
        }
    }
}

#[tokio::test]
async fn a_watch_that_waits_for_a_person_is_asked_for_every_hour_until_it_is_had() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        let refusing = Arc::new(Refusing::new(SourceErrorKind::Forbidden, None));
        engine(&scene, &refusing).run_until_idle().await;
        let watch = scene.status().await.watch.unwrap();
        let trouble = watch.trouble.unwrap();
        assert_eq!(trouble.waits_for, Some(PauseReason::MissingPermission));
        assert_eq!(trouble.retry_at - scene.clock.now(), TimeDelta::hours(1));
        assert!(scene.status().await.caught_up_at.is_some(), "the mailbox is polled meanwhile");
        scene.clock.advance(Duration::from_hours(1));
        refusing.relented.store(true, Ordering::Relaxed);
        engine(&scene, &refusing).run_until_idle().await;
        let had = scene.status().await.watch.unwrap();
        assert_eq!((had.id, had.handle.is_some(), had.trouble), (watch.id, true, None));
    }
}

#[tokio::test]
async fn a_watch_is_forgotten_with_its_trouble_once_push_is_switched_off() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        let refusing = Arc::new(Refusing::new(SourceErrorKind::Forbidden, None));
        engine(&scene, &refusing).run_until_idle().await;
        assert!(scene.status().await.watch.unwrap().trouble.is_some());
        scene.clock.advance(Duration::from_hours(1));
        scene.work().await;
        assert_eq!(scene.status().await.watch, None);
    }
}

#[tokio::test]
async fn a_watch_that_lives_outlasts_push_that_is_switched_off_without_its_trouble() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        let moody = Arc::new(Refusing::new(SourceErrorKind::Unavailable, None));
        moody.relented.store(true, Ordering::Relaxed);
        engine(&scene, &moody).run_until_idle().await;
        let had = scene.status().await.watch.unwrap();
        moody.relented.store(false, Ordering::Relaxed);
        scene.clock.advance(Duration::from_hours(4 * 24));
        engine(&scene, &moody).run_until_idle().await;
        assert!(scene.status().await.watch.unwrap().trouble.is_some(), "it was not renewed");
        for (days, want) in [(1, Some(&had)), (3, None)] {
            scene.clock.advance(Duration::from_hours(days * 24));
            scene.work().await;
            assert_eq!(scene.status().await.watch.as_ref(), want, "after {days} days");
        }
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_are_counted_apart_from_outages() {
    for make in STORES {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        enqueue_filing(&scene).await;
        let down = Arc::new(Refusing::new(SourceErrorKind::Unavailable, None));
        let senseless = Arc::new(Refusing::new(SourceErrorKind::Malformed, None));
        let mut dead = Vec::new();
        for source in [&down, &down, &senseless, &down, &down, &senseless, &down, &senseless] {
            engine(&scene, source).run_until_idle().await;
            let wait = scene.store.next_due(Work::Jobs).await.unwrap().expect("it is tried again");
            scene.clock.advance(wait);
        }
        for _ in 0..2 {
            engine(&scene, &senseless).run_until_idle().await;
            scene.clock.advance(Duration::from_mins(20));
            let filter = DeadJobFilter::default();
            dead.push(scene.store.dead_jobs(&scene.scope, &filter).await.unwrap().len());
        }
        assert_eq!(dead, [0, 1], "given up at the fifth answer that makes no sense");
    }
}

/// Makes the job of marking a mail of a mailbox that is marked.
pub(crate) async fn enqueue_filing(scene: &Scene) {
    let mut account = scene.store.accounts(&scene.scope).await.unwrap().remove(0);
    account.intake = Intake::Master;
    scene.store.connect(&scene.scope, &account, &[]).await.unwrap();
    let stream = stream_id(account.id, &StreamKey::from_source("mailbox"));
    let task = Task::File { stream, item: ItemId::from_source("i1") };
    let commit = Commit {
        id: CommitId::derived(&[b"filing"]),
        basis: Basis::Person,
        at: scene.clock.now(),
        effects: vec![Effect::Enqueue(Job::new(scene.scope.tenant(), task))],
    };
    scene.store.commit(&scene.scope, Arc::new(commit)).await.unwrap();
}

/// Makes an engine whose source refuses to mark mails and to call back.
fn engine(scene: &Scene, refusing: &Arc<Refusing>) -> Worker {
    let mut worker = scene.engine(Arc::clone(&scene.store));
    worker.intake.master_filing = Filing::Label("done".to_owned());
    let adapter = mail_of(&mut worker);
    adapter.filing = Some(Arc::<Refusing>::clone(refusing) as _);
    adapter.push = Some(Arc::<Refusing>::clone(refusing) as _);
    worker
}

/// A source that refuses what goes beyond reading.
#[derive(Debug)]
struct Refusing {
    kind: SourceErrorKind,
    asked: Option<Duration>,
    relented: AtomicBool,
    filed: AtomicU32,
    watched: AtomicU32,
}

impl Refusing {
    fn new(kind: SourceErrorKind, asked: Option<u64>) -> Self {
        let asked = asked.map(Duration::from_secs);
        let (filed, watched) = (AtomicU32::default(), AtomicU32::default());
        Self { kind, asked, relented: AtomicBool::default(), filed, watched }
    }

    fn answer(&self, calls: &AtomicU32) -> Result<(), SourceError> {
        calls.fetch_add(1, Ordering::Relaxed);
        if self.relented.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(SourceError::new(self.kind, "scripted.refuse").with_retry_after(self.asked))
    }
}

#[async_trait]
impl MailFiling for Refusing {
    async fn file(&self, _: &StreamRef, _: &ItemId, _: &Filing) -> Result<(), SourceError> {
        self.answer(&self.filed)
    }
}

#[async_trait]
impl Push for Refusing {
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError> {
        self.answer(&self.watched)?;
        let (handle, until) = (Some("handle".to_owned()), Some(request.until));
        Ok(Watch { id: request.id, handle, since: now, until, trouble: None })
    }

    async fn renew(
        &self,
        _: &StreamRef,
        _: &Watch,
        _: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        self.answer(&self.watched).map(|()| None)
    }

    async fn stop_watch(&self, _: &StreamRef, _: &Watch) -> Result<(), SourceError> {
        Ok(())
    }
}
