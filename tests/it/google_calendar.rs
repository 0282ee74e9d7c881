//! Google Calendar over real HTTP, at the simulator: nothing is lost, whatever the calendar does.
use std::{collections::BTreeMap, sync::Arc};

use besunny::{
    core::{
        budget::Paced,
        calendar::{CalendarEvent, EventStatus},
        clock::Clock,
        ids::AccountId,
        meeting::MeetingLink,
        source::{
            AccountRef, Change, Cursor, Fetched, ItemId, Next, PageToken, Read, Scope, Source,
            SourceErrorKind, StreamKey, StreamRef, Subject,
        },
    },
    google::{
        ClientSecret, Credential, Credentials, Endpoints, GoogleCalendar, GoogleConfig,
        GoogleTokens, Http,
    },
};
use besunny_simulator::{
    AgendaControl, ClockMode, Config, Damage, Fault, FaultRule, LostSync, Operation, RefusalFault,
    Simulator, SpoiledId,
};
use besunny_testkit::clock::ManualClock;
use serde_json::{Value, json};

const ANN: &str = "ann@example.test";
/// So many events a page has, so that listings and changes have several.
const PAGE: u16 = 3;

struct Stage {
    simulator: Simulator,
    calendar: GoogleCalendar,
}

impl Stage {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let start_at = Some(clock.now());
        let config = Config { clock: ClockMode::Manual, start_at, ..Config::default() };
        let simulator = Simulator::start(config).await.unwrap();
        simulator.control().add_account(ANN);
        let calendar = calendar(&simulator, PAGE);
        Self { simulator, calendar }
    }

    fn agenda(&self) -> AgendaControl {
        self.simulator.control().agenda(ANN).unwrap()
    }

    fn put(&self, summary: &str) -> String {
        self.agenda().put("primary", event(summary)).unwrap()
    }

    fn series(&self) -> String {
        let mut series = event("weekly");
        series["recurrence"] = json!(["RRULE:FREQ=WEEKLY"]);
        self.agenda().put("primary", series).unwrap()
    }

    fn except(&self, series: &str, change: Value) -> String {
        let place = json!({ "dateTime": "2026-06-08T09:00:00+02:00" });
        self.agenda().except("primary", series, &place, change).unwrap()
    }

    fn fail(&self, operation: Operation, fault: Fault) {
        self.simulator.control().add_fault(FaultRule::once(operation, fault));
    }

    async fn list_page(
        &self,
        page: Option<&PageToken>,
    ) -> Result<besunny::core::source::Page<CalendarEvent>, besunny::core::source::SourceError>
    {
        self.calendar.list(&primary(), &Scope::default(), page).await
    }

    async fn changes(&self, cursor: &Cursor) -> Read<CalendarEvent> {
        self.calendar.changes_since(&primary(), cursor, None).await.unwrap()
    }
}

fn calendar(simulator: &Simulator, page: u16) -> GoogleCalendar {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let config = GoogleConfig {
        endpoints: Endpoints::at(&simulator.base_url()),
        calendar_page_size: page,
        ..GoogleConfig::default()
    };
    let budget = Arc::new(Paced::new(Arc::clone(&clock), config.quota.quotas()));
    let http = Http::new(config, clock).unwrap();
    let ann = simulator.control().add_account(ANN);
    let client = ClientSecret { id: ann.client_id, secret: ann.client_secret.into() };
    let credential = Credential { client, refresh_token: ann.refresh_token.into() };
    let tokens = GoogleTokens::new(http.clone(), Credentials::Given(credential));
    GoogleCalendar::new(http, Arc::new(tokens), budget)
}

fn account() -> AccountRef {
    AccountRef { id: AccountId::derived(&[b"ann"]), subject: Subject::from_source(ANN) }
}

fn stream(key: &str) -> StreamRef {
    let AccountRef { id, subject } = account();
    StreamRef { account: id, subject, key: StreamKey::from_source(key) }
}

fn primary() -> StreamRef {
    stream("primary")
}

fn event(summary: &str) -> Value {
    json!({
        "summary": summary,
        "start": { "dateTime": "2026-06-01T09:00:00+02:00", "timeZone": "Europe/Berlin" },
        "end": { "dateTime": "2026-06-01T10:00:00+02:00", "timeZone": "Europe/Berlin" },
    })
}

/// What is held of a calendar, as the engine would hold it.
#[derive(Default)]
struct Held {
    events: BTreeMap<String, CalendarEvent>,
    removed: Vec<String>,
    unreadable: Vec<String>,
    cursor: Option<Cursor>,
}

impl Held {
    /// Lists everything.
    async fn listed(stage: &Stage) -> Self {
        let mut held = Self::default();
        let mut page = None;
        loop {
            let read = stage.list_page(page.as_ref()).await.unwrap();
            held.take(read.changes);
            match read.next {
                Next::Page(token) => page = Some(token),
                Next::Cursor { cursor, .. } => {
                    held.cursor = Some(cursor);
                    return held;
                }
                Next::End => panic!("a listing brings a cursor"),
            }
        }
    }

    /// Reads what changed; tells whether the calendar wants to be listed anew.
    async fn follow(&mut self, stage: &Stage) -> bool {
        let cursor = self.cursor.clone().unwrap();
        let mut page = None;
        loop {
            let read = stage.calendar.changes_since(&primary(), &cursor, page.as_ref()).await;
            let Read::Page(read) = read.unwrap() else { return true };
            self.take(read.changes);
            match read.next {
                Next::Page(token) => page = Some(token),
                Next::Cursor { cursor, .. } => {
                    self.cursor = Some(cursor);
                    return false;
                }
                Next::End => panic!("changes bring a cursor"),
            }
        }
    }

    fn take(&mut self, changes: Vec<Change<CalendarEvent>>) {
        for change in changes {
            let (_, id) = change.id().as_str().split_once('/').expect("a calendar and an event");
            let id = id.to_owned();
            match change {
                Change::Present { item, .. } => {
                    self.events.insert(id, item.expect("Calendar sends events with the page"));
                }
                Change::Removed(_) => {
                    self.events.remove(&id);
                    self.removed.push(id);
                }
                Change::Unreadable { .. } => self.unreadable.push(id),
            }
        }
    }

    fn ids(&self) -> Vec<&str> {
        self.events.keys().map(String::as_str).collect()
    }

    /// Compares with what is there.
    fn check(&self, stage: &Stage) {
        let mut there = stage.agenda().ids("primary");
        there.sort();
        assert_eq!(self.ids(), there);
        for (id, event) in &self.events {
            let shown = stage.agenda().event("primary", id).unwrap();
            let title = event.title.as_ref().map(|title| title.expose().as_str());
            if event.status != EventStatus::Cancelled {
                assert_eq!(title, shown["summary"].as_str(), "{id}");
            }
        }
    }
}

#[tokio::test]
async fn cal_4_what_changes_is_followed_from_a_listing_on() {
    let stage = Stage::new().await;
    let ids: Vec<String> = (0..7).map(|number| stage.put(&format!("event {number}"))).collect();
    let series = stage.series();
    let mut held = Held::listed(&stage).await;
    held.check(&stage);
    stage.agenda().put("primary", json!({ "id": ids[0], "summary": "changed" })).unwrap();
    stage.agenda().delete("primary", &ids[1]).unwrap();
    for number in 0..5 {
        stage.put(&format!("new {number}"));
    }
    let moved = stage.except(&series, json!({ "summary": "moved" }));
    assert!(!held.follow(&stage).await);
    held.check(&stage);
    assert_eq!(held.removed, [ids[1].clone()]);
    let (moved, series) = (&held.events[&moved], &held.events[&series]);
    assert_eq!(moved.uid, series.uid);
    assert!(moved.replaces.is_some() && series.replaces.is_none());
    assert_eq!(series.recurrence[0].expose(), "RRULE:FREQ=WEEKLY");
}

#[tokio::test]
async fn cal_4_what_changes_during_a_listing_is_not_lost() {
    let stage = Stage::new().await;
    let ids: Vec<String> = (0..5).map(|number| stage.put(&format!("event {number}"))).collect();
    let first = stage.list_page(None).await.unwrap();
    let Next::Page(page) = first.next else { panic!() };
    stage.agenda().put("primary", json!({ "id": ids[0], "summary": "changed" })).unwrap();
    stage.agenda().delete("primary", &ids[4]).unwrap();
    let mut held = Held::default();
    held.take(first.changes);
    let last = stage.list_page(Some(&page)).await.unwrap();
    held.take(last.changes);
    let Next::Cursor { cursor, .. } = last.next else { panic!() };
    held.cursor = Some(cursor);
    assert!(!held.follow(&stage).await);
    held.check(&stage);
}

#[tokio::test]
async fn cal_7_a_cancelled_exception_is_kept_under_the_name_of_its_series() {
    let stage = Stage::new().await;
    let series = stage.series();
    let taken = stage.except(&series, json!({ "status": "cancelled" }));
    let held = Held::listed(&stage).await;
    held.check(&stage);
    assert_eq!(held.events[&taken].status, EventStatus::Cancelled);
    assert_eq!(held.events[&taken].uid, held.events[&series].uid);
    let asked = |stage: &Stage| {
        let requests = stage.simulator.control().requests();
        requests.iter().filter(|request| request.operation == Operation::GetEvent).count()
    };
    assert_eq!(asked(&stage), 0, "a series of the same listing need not be asked for");
    let fresh = Stage { calendar: calendar(&stage.simulator, PAGE), ..stage };
    let mut again = Held { cursor: held.cursor, ..Held::default() };
    let place = json!({ "dateTime": "2026-06-15T09:00:00+02:00" });
    let cancelled = json!({ "status": "cancelled" });
    let taken = fresh.agenda().except("primary", &series, &place, cancelled).unwrap();
    assert!(!again.follow(&fresh).await);
    assert_eq!(again.events[&taken].uid, held.events[&series].uid);
    assert_eq!(asked(&fresh), 1, "another process asks once");
    fresh.agenda().delete("primary", &series).unwrap();
    assert!(!again.follow(&fresh).await);
    assert!(again.removed.contains(&series));
}

#[tokio::test]
async fn cal_7_a_deleted_series_is_asked_for_once_whatever_was_taken_out_of_it() {
    let stage = Stage::new().await;
    let series = stage.series();
    for day in ["08", "15", "22"] {
        let place = json!({ "dateTime": format!("2026-06-{day}T09:00:00+02:00") });
        let cancelled = json!({ "status": "cancelled" });
        stage.agenda().except("primary", &series, &place, cancelled).unwrap();
    }
    // One page has the series and all of its exceptions.
    let mut again = Stage { calendar: calendar(&stage.simulator, PAGE + 1), ..stage };
    let cursor = Held::listed(&again).await.cursor;
    again.agenda().delete("primary", &series).unwrap();
    again.calendar = calendar(&again.simulator, PAGE + 1);
    let mut held = Held { cursor, ..Held::default() };
    assert!(!held.follow(&again).await);
    assert_eq!(held.removed.len(), 4);
    let requests = again.simulator.control().requests();
    let asked = requests.iter().filter(|request| request.operation == Operation::GetEvent);
    assert_eq!(asked.count(), 1);
}

#[tokio::test]
async fn cal_4_a_lost_position_is_listed_anew() {
    let stage = Stage::new().await;
    stage.put("one");
    let held = Held::listed(&stage).await;
    let cursor = held.cursor.clone().unwrap();
    for lost in [LostSync::FullSyncRequired, LostSync::UpdatedMinTooLongAgo] {
        stage.fail(Operation::ListEvents, Fault::Refusal(RefusalFault::ExpiredSync { lost }));
        assert!(matches!(stage.changes(&cursor).await, Read::Relist(_)), "{lost:?}");
    }
    let other = calendar(&stage.simulator, PAGE + 1);
    let read = other.changes_since(&primary(), &cursor, None).await.unwrap();
    assert!(matches!(read, Read::Relist(_)), "other parameters");
    for odd in ["", "1", "x", "1.2", "1.2.3", "2.0000000000000000.x"] {
        let read = stage.changes(&Cursor::from_source(odd)).await;
        assert!(matches!(read, Read::Relist(_)), "{odd}");
    }
    let forged = Cursor::from_source(format!("{cursor}x"));
    assert!(matches!(stage.changes(&forged).await, Read::Relist(_)), "a token of nobody's");
    assert!(matches!(stage.changes(&cursor).await, Read::Page(_)));
    stage.agenda().expire_sync("primary").unwrap();
    assert!(matches!(stage.changes(&cursor).await, Read::Relist(_)));
    assert_eq!(stage.calendar.head(&primary(), &Scope::default()).await.unwrap(), None);
}

#[tokio::test]
async fn a_dead_page_is_begun_again() {
    let stage = Stage::new().await;
    for number in 0..5 {
        stage.put(&format!("event {number}"));
    }
    let first = stage.list_page(None).await.unwrap();
    let Next::Page(page) = first.next else { panic!() };
    stage.simulator.control().kill_page_tokens();
    let error = stage.list_page(Some(&page)).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::PageExpired);
    Held::listed(&stage).await.check(&stage);
}

#[tokio::test]
async fn one_event_that_cannot_be_read_costs_no_other() {
    let stage = Stage::new().await;
    let ids: Vec<String> = (0..3).map(|number| stage.put(&format!("event {number}"))).collect();
    let spoiled = |id| Fault::Damage(Damage::MalformedItem { id });
    stage.fail(Operation::ListEvents, spoiled(SpoiledId::Readable));
    let held = Held::listed(&stage).await;
    assert_eq!(held.unreadable, [ids[1].clone()]);
    assert_eq!(held.events.len(), 2);
    stage.fail(Operation::ListEvents, spoiled(SpoiledId::Unreadable));
    let error = stage.list_page(None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Malformed, "nobody knows which event it is about");
}

#[tokio::test]
async fn events_are_fetched_by_id() {
    let stage = Stage::new().await;
    let (one, deleted, forgotten) = (stage.put("one"), stage.put("two"), stage.put("three"));
    let series = stage.series();
    let taken = stage.except(&series, json!({ "status": "cancelled" }));
    stage.agenda().delete("primary", &deleted).unwrap();
    stage.agenda().forget("primary", &forgotten).unwrap();
    let ids: Vec<ItemId> = [&one, &deleted, &forgotten, &taken, "../x", ".."]
        .into_iter()
        .map(|id| ItemId::from_source(format!("primary/{id}")))
        .collect();
    let fetched = stage.calendar.fetch(&primary(), &ids).await.unwrap();
    let told: Vec<String> = fetched
        .iter()
        .map(|answer| match answer {
            Fetched::Present(at, event) => format!("{:?} {}", event.status, at.revision.is_some()),
            Fetched::Gone(_) => "gone".to_owned(),
            Fetched::Unreadable { why, .. } => (*why).to_owned(),
        })
        .collect();
    assert_eq!(told, ["Confirmed true", "gone", "gone", "Cancelled true", "gone", "gone"]);
    assert_eq!(fetched.iter().map(Fetched::id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
    let listed = Held::listed(&stage).await;
    let Fetched::Present(_, event) = &fetched[0] else { panic!() };
    assert_eq!(listed.events[&one], *event, "an event is the same by both ways");
}

#[tokio::test]
async fn cal_1_calendars_are_offered_and_may_go() {
    let stage = Stage::new().await;
    let agenda = stage.agenda();
    for (id, change) in [
        ("team@example.test", json!({ "summary": "Team" })),
        ("hidden@example.test", json!({ "selected": null })),
        ("en.usa#holiday@example.test", json!({})),
    ] {
        agenda.add_calendar(id);
        agenda.change_calendar(id, change).unwrap();
    }
    let offered = stage.calendar.streams(&account()).await.unwrap();
    let offered: Vec<(&str, bool)> =
        offered.iter().map(|one| (one.title.as_str(), one.proposed)).collect();
    let want = [(ANN, true), ("en.usa#holiday@example.test", true), ("Team", true)];
    assert_eq!(offered, want);
    let holidays = stream("en.usa#holiday@example.test");
    stage.calendar.list(&holidays, &Scope::default(), None).await.expect("an id with a hash");
    agenda.remove_calendar("team@example.test").unwrap();
    let team = stream("team@example.test");
    let error = stage.calendar.list(&team, &Scope::default(), None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::StreamGone);
}

#[tokio::test]
async fn cal_11_the_link_of_an_event_is_that_of_its_conference() {
    let stage = Stage::new().await;
    let mut event = event("one");
    event["location"] = json!("https://zoom.us/j/1");
    event["hangoutLink"] = json!("https://meet.google.com/abc-defg-hij");
    stage.agenda().put("primary", event).unwrap();
    let held = Held::listed(&stage).await;
    let link = MeetingLink::of_event(held.events.values().next().unwrap()).unwrap();
    assert_eq!(link.key.as_str(), "meet:abc-defg-hij");
}

#[tokio::test]
async fn what_is_asked_and_stored_is_as_it_was() {
    let stage = Stage::new().await;
    let mut held = Held::listed(&stage).await;
    held.follow(&stage).await;
    let cursor = held.cursor.unwrap();
    let (before, token) = cursor.as_str().rsplit_once('.').unwrap();
    let requests = stage.simulator.control().requests();
    let paths: Vec<String> = requests
        .iter()
        .filter(|request| request.operation == Operation::ListEvents)
        .map(|request| request.path.replace(token, "TOKEN"))
        .collect();
    insta::assert_snapshot!(format!("{before}.TOKEN\n{}", paths.join("\n")));
    let usage = stage.simulator.control().usage();
    assert_eq!(usage[ANN][&Operation::ListEvents].units, 2);
}
