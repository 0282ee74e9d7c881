//! Calendars that call back through channels, at the simulator.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    clock::Clock,
    push::{PublicKey, Push, Receiver},
    source::{Source, StreamKey, StreamRef},
};
use besunny_google::{Called, ChannelConfig, GoogleCalendar};
use besunny_simulator::{AgendaControl, RetryAfter, Simulator};
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        push::{self, Call, Forged, PushWorld},
    },
};
use chrono::{DateTime, Utc};
use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    gmail::{ANN, down, fail, http, mailbox, simulator, tokens},
    google::Door,
};

pub(crate) fn trials() -> Vec<Trial> {
    super::trials("google_calendar", push::cases(), lacks, || {
        Box::pin(async { Channelled::fresh().await })
    })
}

fn lacks(power: Power) -> Option<&'static str> {
    match power {
        Power::Lengthen => Some("a channel cannot be lengthened"),
        Power::Keys => Some("the receiver shares a secret with itself"),
        Power::ExpireLog
        | Power::KillPages
        | Power::Poison
        | Power::Hide
        | Power::Fail
        | Power::PageWise
        | Power::Reopen
        | Power::Replace
        | Power::Bot(_) => None,
    }
}

/// A calendar with channels, and the door where its calls arrive.
#[derive(Debug)]
struct Channelled {
    simulator: Simulator,
    clock: Arc<ManualClock>,
    calendar: Arc<GoogleCalendar<Called>>,
    door: Door,
}

const STATE: &str = "x-goog-resource-state";
const CHANNEL: &str = "x-goog-channel-id";
const TOKEN: &str = "x-goog-channel-token";

impl Channelled {
    async fn fresh() -> push::World {
        let (simulator, clock) = (simulator().await, Arc::new(ManualClock::default()));
        let door = Door::open(&clock).await;
        let http = http(&simulator, &clock);
        let tokens = Arc::new(tokens(&simulator, &http));
        let budget = Arc::new(besunny_core::budget::Unmetered);
        let secret = "a secret of the receiver, long enough".into();
        let config = ChannelConfig { address: door.url.clone(), secrets: vec![secret] };
        let calendar = GoogleCalendar::new(http, tokens, budget).with_push(config);
        let calendar = Arc::new(calendar.expect("a configuration"));
        let world = Self { simulator, clock, calendar, door };
        // With a token in hand, the next failure strikes Calendar and not the token endpoint.
        let account =
            besunny_core::source::AccountRef { id: mailbox().account, subject: mailbox().subject };
        world.calendar.streams(&account).await.expect("a token");
        Arc::new(world)
    }

    fn agenda(&self) -> AgendaControl {
        self.simulator.control().agenda(ANN).expect("the account")
    }

    async fn arrived(&self) -> Vec<Call> {
        self.door.arrived(&self.simulator).await
    }
}

fn header<'a>(call: &'a mut Call, name: &str) -> &'a mut Vec<u8> {
    let found = call.headers.iter_mut().find(|(known, _)| known == name);
    &mut found.expect("the header").1
}

#[async_trait]
impl PushWorld for Channelled {
    fn push(&self) -> Arc<dyn Push> {
        Arc::<GoogleCalendar<Called>>::clone(&self.calendar)
    }

    fn receiver(&self) -> Arc<dyn Receiver> {
        Arc::<GoogleCalendar<Called>>::clone(&self.calendar)
    }

    async fn keys(&self) -> Vec<PublicKey> {
        Vec::new()
    }

    fn stream(&self) -> StreamRef {
        StreamRef { key: StreamKey::from_source("primary"), ..mailbox() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.simulator.control().advance(by);
    }

    /// A call `sync` says that a channel began, and is about no change.
    async fn change(&self) -> Vec<Call> {
        let event = json!({
            "summary": "one",
            "start": { "dateTime": "2026-06-01T09:00:00+02:00" },
            "end": { "dateTime": "2026-06-01T10:00:00+02:00" },
        });
        self.agenda().put("primary", event).expect("an event");
        let mut calls = self.arrived().await;
        calls.retain_mut(|call| header(call, STATE) != b"sync");
        calls
    }

    async fn forged(&self) -> Vec<Forged> {
        self.agenda().put("primary", json!({ "summary": "two" })).expect("an event");
        let genuine = self.arrived().await.pop().expect("a call");
        let forge = |name: &str, change: fn(&mut Call)| {
            let mut call = genuine.clone();
            change(&mut call);
            Forged { name: name.to_owned(), call, before_body: true }
        };
        vec![
            forge("another token", |call| {
                let token = header(call, TOKEN);
                token[0] = if token[0] == b'0' { b'1' } else { b'0' };
            }),
            forge("half a token", |call| header(call, TOKEN).truncate(32)),
            forge("an empty token", |call| header(call, TOKEN).clear()),
            forge("a token that is no text", |call| *header(call, TOKEN) = vec![0xff; 64]),
            forge("another channel", |call| header(call, CHANNEL).push(b'0')),
            forge("no channel", |call| call.headers.retain(|(name, _)| name != CHANNEL)),
        ]
    }

    /// A call has no body, so one with a body makes no sense.
    fn rewritten(&self, call: &Call, body: &[u8]) -> Call {
        Call { body: body.to_vec(), ..call.clone() }
    }

    async fn fail_next(&self) {
        fail(&self.simulator, None, down(RetryAfter::Absent));
    }

    fn lacks(&self, power: Power) -> Option<&'static str> {
        lacks(power)
    }
}
