//! A month of a calendar: calls go astray, channels are renewed, clocks differ, summer time ends twice.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use besunny::core::{
    clock::Clock,
    meeting::MeetingStatus,
    repository::{AgendaFilter, BATCH},
};
use besunny_simulator::{Forgery, Operation};
use besunny_testkit::seed::Seed;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use serde_json::json;

use super::{
    hook::{Hook, go_astray},
    stage::Stage,
};

const DAYS: u64 = 30;
/// So much happens on a day.
const CHANGES: u64 = 3;
/// A change is there by then, also when every call about it was lost: the safety net and a minute.
const HEARD: Duration = Duration::from_mins(17);
/// What is compared: a week ahead.
const AHEAD: Days = Days::new(7);
const MINUTE: Duration = Duration::from_mins(1);
/// Clocks differ by so many seconds, just less than what tokens of Google allow for.
const SKEW: i64 = 280;

/// A series of every day, by the clock on the wall of its people.
struct Series {
    id: &'static str,
    zone: &'static str,
    hour: u32,
    /// Hours east of UTC before the day on which summer time ends, the day, and the hours after.
    offsets: (i64, NaiveDate, i64),
    /// The days on which it takes place at another time, or not at all.
    exceptions: BTreeMap<NaiveDate, Option<DateTime<Utc>>>,
}

impl Series {
    /// Returns when it begins on a day, written down here without a table of zones.
    fn original(&self, day: NaiveDate) -> DateTime<Utc> {
        let (before, change, after) = self.offsets;
        let offset = if day < change { before } else { after };
        let wall = day.and_hms_opt(self.hour, 0, 0).unwrap();
        Utc.from_utc_datetime(&(wall - TimeDelta::hours(offset)))
    }
}

struct Month {
    stage: Stage,
    _hook: Hook,
    seed: Seed,
    singles: BTreeMap<String, DateTime<Utc>>,
    series: [Series; 2],
}

impl Month {
    /// Opens a calendar whose clock is `skew` seconds ahead of ours, in the middle of October.
    async fn new(seed: u64, skew: i64) -> Self {
        let stage = Stage::new(|config| {
            config.seed = seed;
            config.start_at = config.start_at.map(|at| at + TimeDelta::seconds(skew));
        })
        .await;
        let begin = Utc.with_ymd_and_hms(2026, 10, 12, 6, 0, 0).unwrap();
        stage.advance((begin - stage.clock.now()).to_std().unwrap());
        let hook = Hook::open(&stage);
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        let series = [
            Series {
                id: "berlin",
                zone: "Europe/Berlin",
                hour: 9,
                offsets: (2, day(10, 25), 1),
                exceptions: BTreeMap::new(),
            },
            Series {
                id: "newyork",
                zone: "America/New_York",
                hour: 21,
                offsets: (-4, day(11, 1), -5),
                exceptions: BTreeMap::new(),
            },
        ];
        for Series { id, zone, hour, offsets, .. } in &series {
            let time = |hour: u32| {
                let wall = format!("2026-10-10T{hour:02}:00:00{:+03}:00", offsets.0);
                json!({ "dateTime": wall, "timeZone": zone })
            };
            let event = json!({
                "id": id,
                "summary": id,
                "location": "https://meet.google.com/abc-defg-hij",
                "recurrence": ["RRULE:FREQ=DAILY"],
                "start": time(*hour),
                "end": time(hour + 1),
            });
            stage.agenda().put("primary", event).unwrap();
        }
        stage.connect_calendar().await;
        stage.work().await;
        go_astray(stage.control(), Operation::CallChannel, Forgery::WrongKey, seed);
        let (seed, singles) = (Seed::new(seed), BTreeMap::new());
        Self { stage, _hook: hook, seed, singles, series }
    }

    fn now(&self) -> DateTime<Utc> {
        self.stage.clock.now()
    }

    /// Returns what takes place within a week, as its people mean it.
    fn expected(&self) -> BTreeSet<(String, DateTime<Utc>)> {
        let (from, to) = (self.now(), self.now() + AHEAD);
        let singles = self.singles.iter().map(|(id, at)| (id.clone(), *at));
        let series = self.series.iter().flat_map(|series| {
            let days = (0..12).map(|day| from.date_naive() - Days::new(2) + Days::new(day));
            days.filter_map(|day| {
                let at = series.exceptions.get(&day).copied();
                Some((series.id.to_owned(), at.unwrap_or_else(|| Some(series.original(day)))?))
            })
        });
        singles.chain(series).filter(|(_, at)| (from..to).contains(at)).collect()
    }

    /// Returns what we say takes place within a week.
    async fn planned(&self) -> BTreeSet<(String, DateTime<Utc>)> {
        let (from, to) = (self.now(), self.now() + AHEAD);
        let filter = AgendaFilter { from, to, after: None, limit: BATCH };
        let store = self.stage.besunny.store();
        let found = store.agenda(&self.stage.scope, self.stage.owner, &filter).await.unwrap();
        let there = found.into_iter().filter(|one| one.status == MeetingStatus::Planned);
        let named = there.map(|one| (one.title.unwrap().into_exposed(), one.starts_at));
        named.filter(|(_, at)| *at >= from).collect()
    }

    fn put(&mut self, id: &str) {
        let minutes = 30 + self.seed.below(6 * 24 * 60);
        let at = self.now() + TimeDelta::minutes(minutes.cast_signed());
        let end = at + TimeDelta::minutes(30);
        let event = json!({
            "id": id,
            "summary": id,
            "location": "https://meet.google.com/abc-defg-hij",
            "start": { "dateTime": at.to_rfc3339() },
            "end": { "dateTime": end.to_rfc3339() },
        });
        self.stage.agenda().put("primary", event).unwrap();
        self.singles.insert(id.to_owned(), at);
    }

    fn any_single(&mut self) -> Option<String> {
        let now = self.now();
        let coming = self.singles.iter().filter(|(_, at)| **at > now);
        let coming: Vec<String> = coming.map(|(id, _)| id.clone()).collect();
        (!coming.is_empty()).then(|| self.seed.pick(&coming).clone())
    }

    /// Moves or takes away one day of a series.
    fn except(&mut self) {
        let day = self.now().date_naive() + Days::new(1 + self.seed.below(5));
        let (which, away) = (self.seed.index(self.series.len()), self.seed.one_in(2));
        let series = &mut self.series[which];
        let original = series.original(day);
        let moved = original + TimeDelta::minutes(90);
        let change = if away {
            json!({ "status": "cancelled" })
        } else {
            let end = moved + TimeDelta::minutes(30);
            json!({
                "status": "confirmed",
                "start": { "dateTime": moved.to_rfc3339() },
                "end": { "dateTime": end.to_rfc3339() },
            })
        };
        let when = json!({ "dateTime": original.to_rfc3339(), "timeZone": series.zone });
        self.stage.agenda().except("primary", series.id, &when, change).unwrap();
        series.exceptions.insert(day, (!away).then_some(moved));
    }

    fn change(&mut self, number: u64) {
        match (self.seed.below(10), self.any_single()) {
            (0..=2, Some(id)) => self.put(&id),
            (3..=4, Some(id)) => {
                self.stage.agenda().delete("primary", &id).unwrap();
                self.singles.remove(&id);
            }
            (5..=7, _) => self.except(),
            (8, _) => self.stage.agenda().expire_sync("primary").unwrap(),
            _ => self.put(&format!("single{number}")),
        }
    }

    async fn check(&self, what: &str) {
        assert_eq!(self.planned().await, self.expected(), "{what}, {}", self.now());
        let open = self.stage.agenda().channels();
        assert_eq!(open.len(), 1, "{what}: {open:?}");
    }

    async fn pass(&mut self) {
        for number in 0..DAYS * CHANGES {
            let pause = Duration::from_mins(self.seed.below(7 * 60));
            self.stage.live_by(Duration::from_mins(10), pause).await;
            self.change(number);
            self.stage.live_by(MINUTE, HEARD).await;
            self.check(&format!("after change {number}")).await;
            let rest = Duration::from_hours(24 / CHANGES).saturating_sub(pause + HEARD);
            self.stage.live_by(Duration::from_mins(10), rest).await;
        }
    }
}

/// Lives through a month with a calendar whose clock is `skew` seconds ahead of ours.
async fn check(seed: u64, skew: i64) {
    let mut month = Month::new(seed, skew).await;
    month.pass().await;
    let requests = month.stage.control().requests();
    let count =
        |wanted: Operation| requests.iter().filter(|request| request.operation == wanted).count();
    let (opened, stopped) = (count(Operation::WatchEvents), count(Operation::StopChannel));
    assert_eq!((opened, stopped), (9, 8), "every three and a half days, seed {seed}");
    let calls = month.stage.control().calls();
    assert!(calls.iter().any(|call| call.forgery.is_some()), "no call was forged, seed {seed}");
}

#[tokio::test]
async fn no_change_of_a_month_is_missed_when_our_clock_is_behind() {
    check(1, SKEW).await;
}

#[tokio::test]
async fn no_change_of_a_month_is_missed_when_our_clock_is_ahead() {
    check(2, -SKEW).await;
}
