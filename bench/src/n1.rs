//! N1: from a call of a calendar to the stored change, at rest.
//!
//! One call of Calendar lies between (changes), and three commits (notice, lease, change). Each calendar calls once, so
//! no call has to wait for the two seconds in which repeats are one.
use std::sync::Arc;

use anyhow::Result;
use axum::http::HeaderMap;
use besunny::{
    Builder, SystemClock,
    core::{
        account::Provider, adapter::Adapter, budget::Unmetered, clock::Clock, scheduler::Lease,
        sync::Pass, worker::Observer,
    },
    google::{ChannelConfig, GoogleCalendar, GoogleTokens, Http},
};

use crate::{
    corpus::event,
    google::{config, credentials},
    hooks::{PATH, SECRET},
    pushes::{Bench, Place, Pushed, Times},
};

/// Calendars that call.
#[derive(Debug)]
pub(crate) struct Calendars;

impl Pushed for Calendars {
    const ID: &'static str = "N1";
    const CALLS: f64 = 1.0;
    const COMMITS: f64 = 3.0;
    const RATE: Option<f64> = Some(10.0);
    const PATH: &'static str = PATH;
    const NOTHING: &'static str = "/calendar/v3/calendars/primary/events";

    fn provider() -> Provider {
        GoogleCalendar::provider()
    }

    fn wire(engine: Builder, place: &Place<'_>, times: &Times) -> Result<Builder> {
        let http = Http::new(config(place.entry), Arc::clone(&place.clock))?;
        let tokens = GoogleTokens::new(http.clone(), credentials(place.entry, place.folder)?);
        let address = place.endpoint.to_owned();
        let push = ChannelConfig { address, secrets: vec![SECRET.to_owned().into()] };
        let calendar = GoogleCalendar::new(http, Arc::new(tokens), Arc::new(Unmetered));
        let adapter = Adapter::new(calendar.with_push(push)?).with_push();
        let engine = engine.calendar(GoogleCalendar::provider(), adapter);
        Ok(engine.observer(Arc::new(Stored(times.clone()))))
    }

    /// The address of what is watched names the calendar, and that its account.
    fn about(headers: &HeaderMap, _: &[u8]) -> Option<String> {
        let watched = headers.get("x-goog-resource-uri")?.to_str().ok()?;
        let (_, calendar) = watched.split_once("/calendars/")?;
        Some(calendar.split_once("/events")?.0.replace("%40", "@"))
    }

    /// Makes an event; its end is that of the account.
    async fn happen(bench: &Bench, account: &str, number: usize) -> Result<String> {
        let event = event(number, SystemClock::default().now()).to_string();
        bench.post(account, "calendars/primary/events", event.into()).await?;
        Ok(account.to_owned())
    }
}

/// Notes when a change is stored.
#[derive(Debug)]
struct Stored(Times);

impl Observer for Stored {
    fn passed(&self, lease: &Lease, pass: &Pass) {
        let is_end = pass.counts.stored > 0;
        self.0.end(is_end.then(|| lease.account.subject.to_string()).into_iter());
    }

    fn failed(&self, _: &Lease, _: &str) {}
}
