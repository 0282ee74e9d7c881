//! Bugs of what goes beyond reading mail: marking it, being called back, listing without a log.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    ids::WatchId,
    message::{Filing, MailFiling, Message},
    push::{Delivery, Notice, PublicKey, Push, Receiver, Rejected, Watch, WatchRequest},
    source::{
        AccountRef, Cursor, Entries, Fetched, ItemId, Limits, OfferedStream, PageToken, Snapshot,
        SourceError, StreamRef,
    },
};
use besunny_local::Form;
use besunny_testkit::{
    bell::Manner,
    conformance::{
        Power,
        filing::{self, FilingWorld, Marks},
        push::{self, Call, Forged, PushWorld},
        snapshot::{self, SnapshotWorld},
    },
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use libtest_mimic::Trial;

use super::{broken, plant};
use crate::{bell::BellWorld, local::LocalWorld, scripted::ScriptedWorld};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    SwallowedFailure,
    SecondCall,
    NeverRead,
    LabelledAnyway,
    LongerLife,
    NameOfItsOwn,
    ForgottenStop,
    BelievedCalls,
    BodyBeforeProof,
    CountedItems,
    CutListing,
}

pub(crate) fn trials() -> Vec<Trial> {
    let filings = [
        (Bug::SwallowedFailure, "filing.errors.not-swallowed"),
        (Bug::SecondCall, "filing.errors.not-swallowed"),
        (Bug::NeverRead, "filing.mark.read"),
        (Bug::LabelledAnyway, "filing.mark.none"),
    ];
    let calls = [
        (Bug::SwallowedFailure, "push.errors.not-swallowed"),
        (Bug::SecondCall, "push.errors.not-swallowed"),
        (Bug::LongerLife, "push.watch.end"),
        (Bug::NameOfItsOwn, "push.watch.named"),
        (Bug::ForgottenStop, "push.stop.ends"),
        (Bug::BelievedCalls, "receiver.proof.forged"),
        (Bug::BodyBeforeProof, "receiver.proof.before-body"),
    ];
    let snapshots = [
        (Bug::CountedItems, "snapshot.fingerprint.changes"),
        (Bug::CutListing, "snapshot.entries.as-begun"),
    ];
    let filings = filings.map(|(bug, clause)| {
        plant("filing", bug, clause, move || {
            broken(filing::cases(), || Arc::new(BuggyFiling(ScriptedWorld::fresh_filing(), bug)))
        })
    });
    let calls = calls.map(|(bug, clause)| {
        plant("push", bug, clause, move || {
            let world = || Arc::new(BuggyPush(BellWorld::fresh(Manner::Lengthened), bug));
            broken(push::cases(), move || world() as push::World)
        })
    });
    let snapshots = snapshots.map(|(bug, clause)| {
        plant("snapshot", bug, clause, move || {
            broken(snapshot::cases(), || {
                Arc::new(BuggySnapshot(LocalWorld::listed(Form::Eml), bug))
            })
        })
    });
    filings.into_iter().chain(calls).chain(snapshots).collect()
}

#[derive(Debug)]
struct BuggyFiling(filing::World, Bug);

#[async_trait]
impl FilingWorld for BuggyFiling {
    fn filing(&self) -> Arc<dyn MailFiling> {
        Arc::new(Buggy(self.0.filing(), self.1))
    }
    fn stream(&self) -> StreamRef {
        self.0.stream()
    }
    async fn deliver(&self, subject: &str) -> ItemId {
        self.0.deliver(subject).await
    }
    async fn remove(&self, item: &ItemId) {
        self.0.remove(item).await;
    }
    async fn marks(&self, item: &ItemId) -> Marks {
        self.0.marks(item).await
    }
    async fn fail_next(&self) {
        self.0.fail_next().await;
    }
}

/// A port that breaks one promise.
#[derive(Debug)]
struct Buggy<P: ?Sized>(Arc<P>, Bug);

#[async_trait]
impl MailFiling for Buggy<dyn MailFiling> {
    async fn file(
        &self,
        stream: &StreamRef,
        item: &ItemId,
        filing: &Filing,
    ) -> Result<(), SourceError> {
        let filing = match (self.1, filing) {
            (Bug::NeverRead, Filing::ReadAndLabel(label)) => &Filing::Label(label.clone()),
            (Bug::LabelledAnyway, Filing::None) => &Filing::Label("x".to_owned()),
            (_, filing) => filing,
        };
        match (self.0.file(stream, item, filing).await, self.1) {
            (Err(_), Bug::SwallowedFailure) => Ok(()),
            (Err(_), Bug::SecondCall) => self.0.file(stream, item, filing).await,
            (done, _) => done,
        }
    }
}

#[derive(Debug)]
struct BuggyPush(push::World, Bug);

#[async_trait]
impl PushWorld for BuggyPush {
    fn push(&self) -> Arc<dyn Push> {
        Arc::new(Buggy(self.0.push(), self.1))
    }
    fn receiver(&self) -> Arc<dyn Receiver> {
        Arc::new(Buggy(self.0.receiver(), self.1))
    }
    async fn keys(&self) -> Vec<PublicKey> {
        self.0.keys().await
    }
    fn stream(&self) -> StreamRef {
        self.0.stream()
    }
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
    async fn advance(&self, by: Duration) {
        self.0.advance(by).await;
    }
    async fn change(&self) -> Vec<Call> {
        self.0.change().await
    }
    async fn forged(&self) -> Vec<Forged> {
        self.0.forged().await
    }
    fn rewritten(&self, call: &Call, body: &[u8]) -> Call {
        self.0.rewritten(call, body)
    }
    async fn fail_next(&self) {
        self.0.fail_next().await;
    }
    fn lacks(&self, power: Power) -> Option<&'static str> {
        self.0.lacks(power)
    }
}

#[async_trait]
impl Push for Buggy<dyn Push> {
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError> {
        let started = match (self.0.start_watch(request, now).await, self.1) {
            (Err(_), Bug::SecondCall) => self.0.start_watch(request, now).await,
            (Err(_), Bug::SwallowedFailure) => {
                let (handle, until) = (Some("?".to_owned()), Some(request.until));
                Ok(Watch { id: request.id, handle, since: now, until, trouble: None })
            }
            (started, _) => started,
        };
        let mut watch = started?;
        if self.1 == Bug::LongerLife {
            watch.until = watch.until.map(|until| until + TimeDelta::days(1));
        }
        if self.1 == Bug::NameOfItsOwn {
            watch.id = WatchId::derived(&[b"own"]);
        }
        Ok(watch)
    }

    async fn renew(
        &self,
        stream: &StreamRef,
        watch: &Watch,
        now: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        self.0.renew(stream, watch, now).await
    }

    async fn stop_watch(&self, stream: &StreamRef, watch: &Watch) -> Result<(), SourceError> {
        if self.1 == Bug::ForgottenStop {
            return Ok(());
        }
        self.0.stop_watch(stream, watch).await
    }
}

impl Receiver for Buggy<dyn Receiver> {
    fn receive(
        &self,
        delivery: &Delivery<'_>,
        keys: &[PublicKey],
    ) -> Result<Vec<Notice>, Rejected> {
        let is_json = serde_json::from_slice::<serde_json::Value>(delivery.body).is_ok();
        match (self.0.receive(delivery, keys), self.1) {
            (Err(Rejected::BadSignature), Bug::BelievedCalls) => Ok(Vec::new()),
            (_, Bug::BodyBeforeProof) if !is_json => Err(Rejected::Unreadable),
            (answer, _) => answer,
        }
    }
}

#[derive(Debug)]
struct BuggySnapshot(snapshot::World, Bug);

#[async_trait]
impl SnapshotWorld for BuggySnapshot {
    fn snapshot(&self) -> Arc<dyn Snapshot<Message>> {
        Arc::new(Buggy(self.0.snapshot(), self.1))
    }
    fn stream(&self) -> StreamRef {
        self.0.stream()
    }
    async fn deliver(&self, raw: Bytes) {
        self.0.deliver(raw).await;
    }
    async fn remove(&self, subject: &str) {
        self.0.remove(subject).await;
    }
}

#[async_trait]
impl Snapshot<Message> for Buggy<dyn Snapshot<Message>> {
    fn limits(&self) -> Limits {
        self.0.limits()
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        self.0.streams(account).await
    }

    async fn fingerprint(&self, stream: &StreamRef) -> Result<Cursor, SourceError> {
        if self.1 == Bug::CountedItems {
            let total = self.0.entries(stream, None).await?.total;
            return Ok(Cursor::from_source(total.unwrap_or_default().to_string()));
        }
        self.0.fingerprint(stream).await
    }

    async fn entries(
        &self,
        stream: &StreamRef,
        page: Option<&PageToken>,
    ) -> Result<Entries, SourceError> {
        match (self.0.entries(stream, page).await, self.1) {
            (Ok(found), Bug::CutListing) => Ok(Entries { next: None, ..found }),
            (found, _) => found,
        }
    }

    async fn read(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<Message>>, SourceError> {
        self.0.read(stream, ids).await
    }
}
