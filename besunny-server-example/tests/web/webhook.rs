//! A provider's call is answered as the engine says, and 200 only once it is stored.
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::StatusCode;
use besunny::{
    Besunny,
    core::{
        account::Provider,
        adapter::Adapter,
        message::Message,
        push::{
            About, Delivery, Notice, PublicKey, PublicKeys, Push, Receiver, Rejected, Watch,
            WatchRequest,
        },
        source::{
            AccountRef, Cursor, Fetched, ItemId, Limits, OfferedStream, Page, PageToken, Read,
            Scope, Source, SourceError, SourceErrorKind, StreamRef, Subject,
        },
    },
    google::GoogleCalendar,
};
use besunny_testkit::{clock::ManualClock, memory::MemoryRepository};
use chrono::{DateTime, Utc};

use super::stage::{Answer, Stage, call};

/// A provider that signs its calls with a word and is never asked for anything.
#[derive(Debug)]
struct Caller;

fn down() -> SourceError {
    SourceError::new(SourceErrorKind::Unavailable, "caller")
}

#[async_trait]
impl Source<Message> for Caller {
    fn limits(&self) -> Limits {
        unreachable!("no account is connected")
    }

    async fn streams(&self, _: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        Err(down())
    }

    async fn head(&self, _: &StreamRef, _: &Scope) -> Result<Option<Cursor>, SourceError> {
        Err(down())
    }

    async fn changes_since(
        &self,
        _: &StreamRef,
        _: &Cursor,
        _: Option<&PageToken>,
    ) -> Result<Read<Message>, SourceError> {
        Err(down())
    }

    async fn list(
        &self,
        _: &StreamRef,
        _: &Scope,
        _: Option<&PageToken>,
    ) -> Result<Page<Message>, SourceError> {
        Err(down())
    }

    async fn fetch(
        &self,
        _: &StreamRef,
        _: &[ItemId],
    ) -> Result<Vec<Fetched<Message>>, SourceError> {
        Err(down())
    }
}

#[async_trait]
impl Push for Caller {
    async fn start_watch(&self, _: &WatchRequest, _: DateTime<Utc>) -> Result<Watch, SourceError> {
        Err(down())
    }

    async fn renew(
        &self,
        _: &StreamRef,
        _: &Watch,
        _: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        Err(down())
    }

    async fn stop_watch(&self, _: &StreamRef, _: &Watch) -> Result<(), SourceError> {
        Err(down())
    }
}

impl Receiver for Caller {
    fn receive(&self, delivery: &Delivery<'_>, _: &[PublicKey]) -> Result<Vec<Notice>, Rejected> {
        match delivery.header("x-signature") {
            None => Err(Rejected::Unsigned),
            Some("right") if delivery.body == b"hint" && delivery.path == "/webhooks/caller" => {
                let about = About::Subject(Subject::from_source("somebody"));
                Ok(vec![Notice { about, dedup: Some("1".into()) }])
            }
            Some("right") if delivery.body == b"gibberish" => Err(Rejected::Unreadable),
            Some(_) => Err(Rejected::BadSignature),
        }
    }
}

/// Keys that cannot be had.
#[derive(Debug)]
struct NoKeys;

#[async_trait]
impl PublicKeys for NoKeys {
    async fn keys(&self) -> Result<Arc<[PublicKey]>, SourceError> {
        Err(down())
    }

    async fn refresh(&self) -> Result<Arc<[PublicKey]>, SourceError> {
        Err(down())
    }
}

async fn check(path: &str, signature: Option<&str>, body: &str, expected: StatusCode) {
    let clock = Arc::new(ManualClock::default());
    let besunny = Besunny::builder(MemoryRepository::new(Arc::clone(&clock) as _))
        .mail(Provider::new("caller"), Adapter::new(Caller).with_push())
        .mail(GoogleCalendar::provider(), Adapter::new(Caller).with_push())
        .mail(Provider::new("keyed"), Adapter::new(Caller).with_push().with_keys(NoKeys))
        .clock(Arc::clone(&clock) as _)
        .build();
    let stage = Stage::of(besunny, clock).await;
    let headers: Vec<_> = signature.map(|it| ("x-signature", it)).into_iter().collect();
    let answer: Answer = stage.send(call("POST", path, &headers, body)).await;
    assert_eq!((answer.status, answer.body.as_str()), (expected, ""), "{path} {signature:?}");
}

#[tokio::test]
async fn g_3_webhooks_are_answered_as_the_engine_says() {
    check("/webhooks/caller", Some("right"), "hint", StatusCode::OK).await;
    check("/webhooks/caller", Some("wrong"), "hint", StatusCode::UNAUTHORIZED).await;
    check("/webhooks/caller", Some("right"), "gibberish", StatusCode::OK).await;
    check("/webhooks/caller", Some("wrong"), "gibberish", StatusCode::UNAUTHORIZED).await;
    check("/webhooks/caller", None, "hint", StatusCode::UNAUTHORIZED).await;
    check("/webhooks/keyed", Some("right"), "hint", StatusCode::SERVICE_UNAVAILABLE).await;
    check("/webhooks/calendar", Some("right"), "gibberish", StatusCode::OK).await;
    check("/webhooks/calendar", Some("wrong"), "", StatusCode::UNAUTHORIZED).await;
    check("/webhooks/nobody", Some("right"), "hint", StatusCode::NOT_FOUND).await;
    check("/webhooks/mbox", Some("right"), "hint", StatusCode::NOT_FOUND).await;
    let large = "x".repeat(1024 * 1024 + 1);
    check("/webhooks/caller", Some("right"), &large, StatusCode::PAYLOAD_TOO_LARGE).await;
    let most = "x".repeat(1024 * 1024);
    check("/webhooks/caller", Some("right"), &most, StatusCode::UNAUTHORIZED).await;
}
