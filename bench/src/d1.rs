//! D1: from a push to a mail that is stored and routed, at half of the greatest rate.
//!
//! Two calls of Gmail lie between (history, mail), and five commits (notice, lease, mail, claim, decision).
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use axum::http::HeaderMap;
use base64::Engine as _;
use besunny::{
    Builder,
    core::{
        account::Provider,
        adapter::Adapter,
        budget::Unmetered,
        document::{DocumentKind, document_id},
        event::{Event, EventSink, News, PublishError},
        mail,
    },
    google::{Gmail, GoogleKeys, GoogleTokens, Http, PushConfig},
};
use serde_json::Value;

use crate::{
    corpus::raw_mail,
    google::{config, credentials, text},
    pushes::{Bench, Place, Pushed, Times},
    world::{SERVICE_ACCOUNT, SUBSCRIPTION, TOPIC},
};

/// Mailboxes that push.
#[derive(Debug)]
pub(crate) struct Mailboxes;

impl Pushed for Mailboxes {
    const ID: &'static str = "D1";
    const CALLS: f64 = 2.0;
    const COMMITS: f64 = 5.0;
    const RATE: Option<f64> = None;
    const PATH: &'static str = "/webhooks/gmail";
    const NOTHING: &'static str = "/gmail/v1/users/me/profile";

    fn provider() -> Provider {
        Gmail::provider()
    }

    fn wire(engine: Builder, place: &Place<'_>, times: &Times) -> Result<Builder> {
        let push = PushConfig {
            topic: TOPIC.to_owned(),
            subscription: SUBSCRIPTION.to_owned(),
            audience: place.endpoint.to_owned(),
            service_account: SERVICE_ACCOUNT.to_owned(),
        };
        let http = Http::new(config(place.entry), Arc::clone(&place.clock))?;
        let tokens = GoogleTokens::new(http.clone(), credentials(place.entry, place.folder)?);
        let gmail = Gmail::new(http.clone(), Arc::new(tokens), Arc::new(Unmetered));
        let adapter = Adapter::new(gmail.with_push(push)?).with_push();
        let engine = engine.mail(Gmail::provider(), adapter.with_keys(GoogleKeys::new(http)));
        Ok(engine.sink(Decided(times.clone())))
    }

    fn about(_: &HeaderMap, body: &[u8]) -> Option<String> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let data = base64::engine::general_purpose::STANDARD.decode(text(&body["message"]["data"]));
        let data: Value = serde_json::from_slice(&data.ok()?).ok()?;
        Some(text(&data["emailAddress"]).to_owned())
    }

    /// Lets a mail arrive; its end is that of the document it will be.
    async fn happen(bench: &Bench, account: &str, number: usize) -> Result<String> {
        let raw = raw_mail(number);
        let (kind, hash) = (DocumentKind::Email, mail::content_hash(&raw));
        bench.post(account, "messages", raw).await?;
        Ok(document_id(bench.scope.tenant(), bench.owner, kind, &hash).to_string())
    }
}

/// Notes when mails found their place.
#[derive(Debug)]
struct Decided(Times);

#[async_trait]
impl EventSink for Decided {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let is_end = |event: &&Event| {
            matches!(event.news, News::DocumentRouted { .. } | News::DocumentNeedsReview { .. })
        };
        self.0.end(events.iter().filter(is_end).map(|event| event.document.to_string()));
        Ok(())
    }
}
