//! Google Calendar over real HTTP, at the simulator, which shares no code with the adapter.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    budget::Paced,
    calendar::CalendarEvent,
    clock::Clock,
    source::{AccountRef, Source, SourceErrorKind, StreamKey, StreamRef},
};
use besunny_google::{Endpoints, GoogleCalendar, GoogleConfig, Http};
use besunny_simulator::{AgendaControl, Simulator};
use besunny_testkit::{
    clock::ManualClock,
    conformance::{
        Power,
        calendar::{TwoCalendars, cases_of_two},
        source::{SourceWorld, cases},
    },
};
use bytes::Bytes;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::gmail::{ANN, fail_as, mailbox, simulator, tokens};

/// So many events a page has, so that listings and changes have several.
const PAGE: u16 = 7;

pub(crate) fn trials() -> Vec<Trial> {
    let one = super::trials("google_calendar", cases(), lacks, || {
        Box::pin(async { AgendaWorld::fresh().await as _ })
    });
    let two = super::trials("google_calendar", cases_of_two(), lacks, || {
        Box::pin(async { AgendaWorld::fresh().await as _ })
    });
    one.into_iter().chain(two).collect()
}

/// Another calendar of the account.
const TEAM: &str = "team@example.test";

fn lacks(power: Power) -> Option<&'static str> {
    (power == Power::Hide).then_some("every event of a calendar is in scope")
}

#[derive(Debug)]
struct AgendaWorld {
    simulator: Simulator,
    source: Arc<dyn Source<CalendarEvent>>,
}

impl AgendaWorld {
    async fn fresh() -> Arc<Self> {
        let simulator = simulator().await;
        let source: Arc<dyn Source<CalendarEvent>> = Arc::new(calendar(&simulator));
        // With a token in hand, the next failure strikes Calendar and not the token endpoint.
        let account = AccountRef { id: mailbox().account, subject: mailbox().subject };
        source.streams(&account).await.expect("a token");
        Arc::new(Self { simulator, source })
    }

    fn agenda(&self) -> AgendaControl {
        self.simulator.control().agenda(ANN).expect("the account")
    }

    fn ids(&self, name: &str) -> Vec<String> {
        let agenda = self.agenda();
        let has_name =
            |id: &String| agenda.event("primary", id).expect("an event")["summary"] == json!(name);
        agenda.ids("primary").into_iter().filter(has_name).collect()
    }
}

fn calendar(simulator: &Simulator) -> GoogleCalendar {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let config = GoogleConfig {
        endpoints: Endpoints::at(&simulator.base_url()),
        calendar_page_size: PAGE,
        ..GoogleConfig::default()
    };
    let budget = Arc::new(Paced::new(Arc::clone(&clock), config.quota.quotas()));
    let http = Http::new(config, clock).expect("a configuration");
    let tokens = Arc::new(tokens(simulator, &http));
    GoogleCalendar::new(http, tokens, budget)
}

/// Reads an event as the suite writes it; Google takes no files.
fn imported(raw: &Bytes) -> Value {
    let text = String::from_utf8_lossy(raw);
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.expect("a field of the event").to_owned()
    };
    let instant = |name: &str| {
        let text = field(name);
        let (date, time) = text.split_once('T').expect("an instant");
        let (year, rest) = date.split_at(4);
        let (month, day) = rest.split_at(2);
        let (hour, rest) = time.split_at(2);
        json!({ "dateTime": format!("{year}-{month}-{day}T{hour}:{}:00Z", &rest[..2]) })
    };
    json!({
        "iCalUID": field("UID"), "summary": field("SUMMARY"),
        "start": instant("DTSTART"), "end": instant("DTEND"),
    })
}

#[async_trait]
impl SourceWorld<CalendarEvent> for AgendaWorld {
    fn source(&self) -> Arc<dyn Source<CalendarEvent>> {
        Arc::clone(&self.source)
    }

    async fn restarted(&self) -> Arc<dyn Source<CalendarEvent>> {
        Arc::new(calendar(&self.simulator))
    }

    fn stream(&self) -> StreamRef {
        StreamRef { key: StreamKey::from_source(ANN), ..mailbox() }
    }

    async fn deliver(&self, raw: Bytes) {
        self.agenda().put("primary", imported(&raw)).expect("an event");
    }

    async fn remove(&self, name: &str) {
        for id in self.ids(name) {
            self.agenda().delete("primary", &id).expect("an event");
        }
    }

    async fn hide(&self, _: &str, _: bool) {}

    async fn poison(&self, name: &str) {
        for id in self.ids(name) {
            let odd = json!({ "id": id, "start": { "dateTime": "soon" } });
            self.agenda().put("primary", odd).expect("an event");
        }
    }

    async fn expire_log(&self) {
        self.agenda().expire_sync("primary").expect("a calendar");
    }

    async fn kill_pages(&self) {
        self.simulator.control().kill_page_tokens();
    }

    async fn fail_next(&self, kind: SourceErrorKind, retry_after: Option<u64>) {
        fail_as(&self.simulator, kind, retry_after);
    }

    fn lacks(&self, power: Power) -> Option<&'static str> {
        lacks(power)
    }
}

#[async_trait]
impl TwoCalendars for AgendaWorld {
    fn source(&self) -> Arc<dyn Source<CalendarEvent>> {
        Arc::clone(&self.source)
    }

    fn streams(&self) -> [StreamRef; 2] {
        [ANN, TEAM].map(|key| StreamRef { key: StreamKey::from_source(key), ..mailbox() })
    }

    async fn deliver(&self, raw: Bytes) {
        let id = self.agenda().put("primary", imported(&raw)).expect("an event");
        self.agenda().add_calendar(TEAM);
        let mut copy = imported(&raw);
        copy["id"] = json!(id);
        self.agenda().put(TEAM, copy).expect("an event");
    }

    async fn remove(&self, name: &str) {
        SourceWorld::remove(self, name).await;
    }
}
