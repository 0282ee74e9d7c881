//! Calendars come and go: what a person chooses to see is followed, and what is gone is let go of.
use std::time::Duration;

use besunny::core::{
    clock::Clock,
    ids::UserId,
    meeting::MeetingStatus,
    repository::{AgendaFilter, StreamStatus},
};
use besunny_simulator::{Config, Operation};
use chrono::{Days, TimeDelta};
use serde_json::json;

use super::{hook::Hook, stage::Stage};

const TEAM: &str = "team@example.test";

fn put(stage: &Stage, calendar: &str, id: &str) {
    let starts = stage.clock.now() + TimeDelta::days(1);
    let ends = starts + TimeDelta::hours(1);
    let event = json!({
        "id": id,
        "summary": format!("{id} in {calendar}"),
        "location": "https://meet.google.com/abc-defg-hij",
        "start": { "dateTime": starts.to_rfc3339() },
        "end": { "dateTime": ends.to_rfc3339() },
    });
    stage.agenda().put(calendar, event).unwrap();
}

/// Returns the names of the meetings that take place.
async fn planned(stage: &Stage) -> Vec<String> {
    let from = stage.clock.now() - Days::new(9);
    let filter = AgendaFilter { from, to: from + Days::new(99), after: None, limit: 99 };
    let store = stage.besunny.store();
    let owner: UserId = stage.owner;
    let meetings = store.agenda(&stage.scope, owner, &filter).await.unwrap();
    let there = meetings.into_iter().filter(|one| one.status == MeetingStatus::Planned);
    let mut names: Vec<_> = there.map(|one| one.title.unwrap().expose().clone()).collect();
    names.sort();
    names
}

async fn stream(stage: &Stage, key: &str) -> StreamStatus {
    let streams = stage.besunny.store().streams(&stage.scope).await.unwrap();
    streams.into_iter().find(|status| status.key.as_str() == key).unwrap()
}

async fn stage() -> Stage {
    let stage = Stage::new(|_: &mut Config| {}).await;
    put(&stage, "primary", "own");
    stage.connect_calendar().await;
    stage.work().await;
    stage
}

const LOOK: Duration = Duration::from_mins(20);

#[tokio::test]
async fn cal_1_a_calendar_that_is_chosen_is_followed_and_one_that_is_not_is_let_go_of() {
    let stage = stage().await;
    let _hook = Hook::open(&stage);
    assert_eq!(planned(&stage).await, ["own in primary"]);
    stage.agenda().add_calendar(TEAM);
    put(&stage, TEAM, "theirs");
    stage.live(LOOK).await;
    let both = ["own in primary", "theirs in team@example.test"];
    assert_eq!(planned(&stage).await, both);
    assert_eq!(stage.agenda().channels().len(), 2);
    stage.agenda().change_calendar(TEAM, json!({ "selected": null })).unwrap();
    stage.live(LOOK).await;
    assert_eq!(planned(&stage).await, ["own in primary"]);
    let team = stream(&stage, TEAM).await;
    assert_eq!((team.is_followed, team.items.stored, team.watch), (false, 0, None));
    assert_eq!(stage.agenda().channels().len(), 1, "its channel was stopped");
    let asked = |stage: &Stage| {
        let requests = stage.control().requests();
        requests.iter().filter(|request| request.path.contains("team")).count()
    };
    let before = asked(&stage);
    stage.live(LOOK * 3).await;
    assert_eq!(asked(&stage), before, "nobody looks at it");
    stage.agenda().change_calendar(TEAM, json!({ "selected": true })).unwrap();
    stage.live(LOOK).await;
    assert_eq!(planned(&stage).await, both);
}

#[tokio::test]
async fn cal_7_a_calendar_that_is_gone_takes_its_meetings_along_at_once() {
    let stage = stage().await;
    let _hook = Hook::open(&stage);
    stage.agenda().add_calendar(TEAM);
    put(&stage, TEAM, "theirs");
    stage.live(LOOK).await;
    assert_eq!(planned(&stage).await.len(), 2);
    stage.agenda().remove_calendar(TEAM).unwrap();
    stage.drive(stage.control().settle()).await;
    stage.live(Duration::from_secs(30)).await;
    assert_eq!(planned(&stage).await, ["own in primary"]);
    let team = stream(&stage, TEAM).await;
    assert_eq!((team.is_followed, team.paused), (false, None));
}

#[tokio::test]
async fn the_same_event_in_two_calendars_is_two_items() {
    let stage = stage().await;
    let _hook = Hook::open(&stage);
    stage.agenda().add_calendar(TEAM);
    put(&stage, TEAM, "own");
    stage.live(LOOK).await;
    let stored = async |key: &str| stream(&stage, key).await.items.stored;
    assert_eq!((stored("ann@example.test").await, stored(TEAM).await), (1, 1));
    // What was read last would be what a common item says.
    put(&stage, "primary", "own");
    stage.live(LOOK).await;
    stage.agenda().delete("primary", "own").unwrap();
    stage.live(LOOK).await;
    assert_eq!((stored("ann@example.test").await, stored(TEAM).await), (0, 1));
    assert_eq!(planned(&stage).await, ["own in team@example.test"]);
}

#[tokio::test]
async fn an_account_is_asked_what_it_offers_with_each_look_of_the_safety_net() {
    let stage = stage().await;
    let _hook = Hook::open(&stage);
    stage.live(Duration::from_mins(5)).await;
    stage.control().reset_counters();
    stage.live(Duration::from_hours(2)).await;
    let requests = stage.control().requests();
    let asked = requests.iter().filter(|one| one.operation == Operation::ListCalendars).count();
    assert!((7..=10).contains(&asked), "{asked} times in two hours");
}
