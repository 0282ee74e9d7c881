//! A calendar becomes meetings: on the one road, whatever is rescheduled, cancelled or lost.
use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    adapter::{Adapter, AnyAdapter},
    calendar::{CalendarEvent, EventStatus, EventTime, EventUid},
    clock::Clock,
    commit::Commit,
    ids::UserId,
    meeting::{Meeting, MeetingStatus},
    repository::{AgendaFilter, RepositoryError, Store},
    source::ItemId,
    tenant::TenantScope,
    track::Version,
    untrusted::Untrusted,
    worker::Worker,
};
use besunny_testkit::{
    crash::CrashPoint,
    interposed::{Interposed, Interposer},
    scripted::{Fair, Mailbox, ScriptedCalendar},
};
use chrono::{DateTime, Days, TimeDelta, Utc};
use futures::{FutureExt, future::BoxFuture};

use crate::scene::{MakeStore, Scene, followed, in_a_file, in_memory};

/// A calendar that is followed.
struct Followed(Scene);

fn event(uid: &str, starts: DateTime<Utc>) -> CalendarEvent {
    let at = |at: DateTime<Utc>| EventTime::At { at: at.fixed_offset(), zone: None };
    CalendarEvent {
        starts: Some(at(starts)),
        ends: Some(at(starts + TimeDelta::minutes(30))),
        title: Some(Untrusted::new(format!("About {uid}"))),
        location: Some(Untrusted::new("https://meet.google.com/abc-defg-hij".to_owned())),
        ..CalendarEvent::new(EventUid::from_source(uid))
    }
}

fn put(calendar: &mut Mailbox, id: &str, event: &CalendarEvent, at: DateTime<Utc>) {
    calendar.deliver(&ItemId::from_source(id), serde_json::to_vec(event).unwrap(), at);
}

impl Followed {
    async fn new(make: MakeStore) -> Self {
        Self(Scene::new(make, Arc::new(Fair)).await)
    }

    fn worker(&self) -> Worker {
        self.engine(Arc::clone(&self.0.store))
    }

    fn engine(&self, store: Arc<dyn Store>) -> Worker {
        let source = ScriptedCalendar::of(self.0.mail.restarted());
        let adapters = followed(AnyAdapter::Calendar(Adapter::new(source).into()));
        Worker { adapters, ..self.0.engine(store) }
    }

    /// Changes the calendar, looks, and works until nothing is due.
    async fn change(&self, change: impl FnOnce(&mut Mailbox, DateTime<Utc>)) {
        let now = self.0.clock.now();
        self.0.mail.with(&self.0.subject, |calendar| change(calendar, now));
        self.0.clock.advance(Duration::from_hours(1));
        self.worker().run_until_idle().await;
    }

    /// Returns all meetings of Ann in the hundred days from an instant on.
    async fn agenda(&self, from: DateTime<Utc>) -> Vec<Meeting> {
        self.agenda_of("ann", from).await
    }

    async fn agenda_of(&self, name: &str, from: DateTime<Utc>) -> Vec<Meeting> {
        let to = from + Days::new(100);
        let filter = AgendaFilter { from, to, after: None, limit: 200 };
        let owner = UserId::derived(&[name.as_bytes()]);
        self.0.store.agenda(&self.0.scope, owner, &filter).await.unwrap()
    }
}

fn planned(meetings: &[Meeting]) -> usize {
    meetings.iter().filter(|meeting| meeting.status == MeetingStatus::Planned).count()
}

#[tokio::test]
async fn cal_6_an_event_with_a_link_becomes_one_meeting_that_a_reschedule_keeps() {
    for make in [in_memory as MakeStore, in_a_file] {
        let followed = Followed::new(make).await;
        let tomorrow = followed.0.clock.now() + Days::new(1);
        let one = event("one", tomorrow);
        let bare = CalendarEvent { location: None, ..event("bare", tomorrow) };
        followed
            .change(|calendar, at| {
                put(calendar, "1", &one, at);
                put(calendar, "2", &bare, at);
            })
            .await;
        let first = followed.agenda(tomorrow).await;
        assert_eq!((first.len(), first[0].starts_at, first[0].version), (1, tomorrow, 1));
        let later = tomorrow + TimeDelta::hours(2);
        let moved = CalendarEvent { starts: event("one", later).starts, ..one.clone() };
        let moved = CalendarEvent { ends: event("one", later).ends, ..moved };
        followed.change(|calendar, at| put(calendar, "1", &moved, at)).await;
        let second = followed.agenda(tomorrow).await;
        assert_eq!((second.len(), second[0].starts_at, second[0].version), (1, later, 2));
        assert_eq!(second[0].id, first[0].id);
    }
}

#[tokio::test]
async fn cal_7_an_event_that_is_cancelled_or_deleted_is_a_cancelled_meeting() {
    for make in [in_memory as MakeStore, in_a_file] {
        let followed = Followed::new(make).await;
        let tomorrow = followed.0.clock.now() + Days::new(1);
        let (one, two) = (event("one", tomorrow), event("two", tomorrow));
        followed
            .change(|calendar, at| {
                put(calendar, "1", &one, at);
                put(calendar, "2", &two, at);
            })
            .await;
        assert_eq!(planned(&followed.agenda(tomorrow).await), 2);
        let cancelled = CalendarEvent { status: EventStatus::Cancelled, ..one.clone() };
        followed
            .change(|calendar, at| {
                put(calendar, "1", &cancelled, at);
                calendar.remove(&ItemId::from_source("2"));
            })
            .await;
        let agenda = followed.agenda(tomorrow).await;
        assert_eq!((agenda.len(), planned(&agenda)), (2, 0));
        followed.change(|calendar, at| put(calendar, "2", &two, at)).await;
        assert_eq!(planned(&followed.agenda(tomorrow).await), 1, "what comes back takes place");
    }
}

#[tokio::test]
async fn cal_6_a_series_is_planned_ahead_day_by_day_and_knows_its_exceptions() {
    for make in [in_memory as MakeStore, in_a_file] {
        let followed = Followed::new(make).await;
        let tomorrow = followed.0.clock.now() + Days::new(1);
        let weekly = "RRULE:FREQ=WEEKLY".to_owned();
        let series = CalendarEvent { recurrence: vec![weekly.into()], ..event("s", tomorrow) };
        let second = tomorrow + Days::new(7);
        let moved = CalendarEvent {
            replaces: series
                .starts
                .as_ref()
                .map(|_| EventTime::At { at: second.fixed_offset(), zone: None }),
            ..event("s", second + TimeDelta::hours(1))
        };
        followed
            .change(|calendar, at| {
                put(calendar, "s", &series, at);
                put(calendar, "s_2", &moved, at);
            })
            .await;
        let agenda = followed.agenda(tomorrow).await;
        assert_eq!(agenda.len(), 9, "weeks within sixty days");
        assert_eq!(agenda[1].starts_at, second + TimeDelta::hours(1));
        for _ in 0..7 {
            followed.0.clock.advance(Duration::from_hours(24));
            followed.worker().run_until_idle().await;
        }
        assert_eq!(followed.agenda(tomorrow).await.len(), 10, "one more after a week");
        followed.change(|calendar, _| calendar.remove(&ItemId::from_source("s"))).await;
        let left = followed.agenda(followed.0.clock.now()).await;
        assert_eq!(planned(&left), 0, "the one that was moved goes with its series");
    }
}

#[tokio::test]
async fn nothing_is_missed_when_the_log_of_a_calendar_is_lost() {
    for make in [in_memory as MakeStore, in_a_file] {
        let followed = Followed::new(make).await;
        let tomorrow = followed.0.clock.now() + Days::new(1);
        let events: Vec<_> = (0..9).map(|n| event(&format!("e{n}"), tomorrow)).collect();
        followed
            .change(|calendar, at| {
                for (n, event) in events.iter().enumerate() {
                    put(calendar, &format!("e{n}"), event, at);
                }
            })
            .await;
        assert_eq!(planned(&followed.agenda(tomorrow).await), 9);
        followed
            .change(|calendar, at| {
                calendar.remove(&ItemId::from_source("e3"));
                put(calendar, "new", &event("new", tomorrow), at);
                calendar.expire_log();
            })
            .await;
        let agenda = followed.agenda(tomorrow).await;
        assert_eq!((agenda.len(), planned(&agenda)), (10, 9));
    }
}

/// The same with the method in the type of the part alone (RFC 6047 2.4).
fn declared(from: &str, method: &str, sequence: u32, starts: DateTime<Utc>) -> Vec<u8> {
    let raw = String::from_utf8(invitation(from, method, sequence, starts)).unwrap();
    raw.replace(&format!("METHOD:{method}\r\n"), "").into_bytes()
}

/// An invitation as a calendar sends it.
fn invitation(from: &str, method: &str, sequence: u32, starts: DateTime<Utc>) -> Vec<u8> {
    let start = starts.format("%Y%m%dT%H%M%SZ");
    format!(
        "Message-ID: <{method}{sequence}{from}>\r\nFrom: Somebody <{from}>\r\n\
         To: ann@example.com\r\nSubject: {method} {sequence}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/calendar; charset=utf-8; method={method}\r\n\r\n\
         BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{method}\r\nBEGIN:VEVENT\r\nUID:one\r\n\
         SEQUENCE:{sequence}\r\nDTSTART:{start}\r\nSUMMARY:Kick-off\r\n\
         ORGANIZER:mailto:bob@example.org\r\n\
         LOCATION:https://zoom.us/j/123456789?pwd=x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn mail_13_an_invitation_by_mail_is_a_meeting_until_it_is_cancelled() {
    for make in [in_memory as MakeStore, in_a_file] {
        let scene = Scene::new(make, Arc::new(Fair)).await;
        let tomorrow = scene.clock.now() + Days::new(1);
        let later = tomorrow + TimeDelta::hours(1);
        let bob = "bob@example.org";
        // A guest's answer, what is older than what is known, and a stranger's word change nothing.
        let steps = [
            (bob, "REQUEST", 0, tomorrow, tomorrow, MeetingStatus::Planned),
            (bob, "REQUEST", 1, later, later, MeetingStatus::Planned),
            (bob, "REQUEST", 0, tomorrow, later, MeetingStatus::Planned),
            (bob, "REPLY", 1, tomorrow, later, MeetingStatus::Planned),
            ("eve@evil.example", "CANCEL", 9, later, later, MeetingStatus::Planned),
            (bob, "CANCEL", 2, later, later, MeetingStatus::Cancelled),
            (bob, "REQUEST", 3, later, later, MeetingStatus::Planned),
            (bob, "declared REPLY", 4, tomorrow, later, MeetingStatus::Planned),
            (bob, "declared CANCEL", 4, later, later, MeetingStatus::Cancelled),
        ];
        for (n, (from, method, sequence, starts, want, status)) in steps.into_iter().enumerate() {
            scene.change(|mailbox, at| {
                let id = ItemId::from_source(format!("mail {n}"));
                let raw = match method.strip_prefix("declared ") {
                    Some(method) => declared(from, method, sequence, starts),
                    None => invitation(from, method, sequence, starts),
                };
                mailbox.deliver(&id, raw, at);
            });
            scene.clock.advance(Duration::from_hours(1));
            scene.work().await;
            let filter =
                AgendaFilter { from: tomorrow, to: later + Days::new(1), after: None, limit: 9 };
            let owner = UserId::derived(&[b"ann"]);
            let agenda = scene.store.agenda(&scene.scope, owner, &filter).await.unwrap();
            let seen: Vec<_> = agenda.iter().map(|one| (one.starts_at, one.status)).collect();
            assert_eq!(seen, [(want, status)], "{from} {method} {sequence}");
        }
    }
}

#[tokio::test]
async fn an_account_that_is_connected_anew_for_somebody_else_takes_its_meetings_along() {
    for make in [in_memory as MakeStore, in_a_file] {
        let followed = Followed::new(make).await;
        let tomorrow = followed.0.clock.now() + Days::new(1);
        let weekly = vec![Untrusted::new("RRULE:FREQ=WEEKLY;COUNT=3".to_owned())];
        let series = CalendarEvent { recurrence: weekly, ..event("s", tomorrow) };
        followed
            .change(|calendar, at| {
                put(calendar, "1", &event("one", tomorrow), at);
                put(calendar, "s", &series, at);
            })
            .await;
        assert_eq!(planned(&followed.agenda(tomorrow).await), 4);
        followed.0.add_person("eve").await;
        for (owner, other) in [("eve", "ann"), ("ann", "eve")] {
            followed.0.connect_for(owner).await;
            followed.change(|_, _| {}).await;
            let agenda = followed.agenda_of(owner, tomorrow).await;
            assert_eq!(planned(&agenda), 4, "{owner} has them");
            let agenda = followed.agenda_of(other, tomorrow).await;
            assert_eq!((agenda.len(), planned(&agenda)), (4, 0), "{other} has them no more");
        }
    }
}

/// Lets something else happen once, between what a worker reads and what it plans of that.
struct Between(Mutex<Option<BoxFuture<'static, ()>>>);

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Between")
    }
}

#[async_trait]
impl Interposer for Between {
    async fn before(&self, _: &'static str) -> Result<(), RepositoryError> {
        Ok(())
    }

    async fn after(&self, call: &'static str) -> Result<(), RepositoryError> {
        let other = self.0.lock().unwrap().take_if(|_| call == "events_beside");
        if let Some(other) = other {
            other.await;
        }
        Ok(())
    }

    fn committed(&self, _: &TenantScope, _: &Commit, _: &Result<Version, RepositoryError>) {}
}

/// One worker has read an event; another one reads it again, later, and plans it first.
#[tokio::test]
async fn a_plan_of_older_events_never_comes_last() {
    for make in [in_memory as MakeStore, in_a_file] {
        let followed = Followed::new(make).await;
        let scene = &followed.0;
        let at = |hours: i64| scene.clock.now() + Days::new(2) + TimeDelta::hours(hours);
        let [first, second, third] = [0, 2, 5].map(at);
        followed.change(|calendar, now| put(calendar, "1", &event("one", first), now)).await;
        let now = scene.clock.now();
        let (mail, subject) = (scene.mail.restarted(), scene.subject.clone());
        let (clock, other) = (Arc::clone(&scene.clock), followed.worker());
        let later = async move {
            mail.with(&subject, |calendar| put(calendar, "1", &event("one", third), now));
            // The stream is due again, and the claim of the first worker has not ended.
            clock.advance(Duration::from_secs(45));
            other.run_until_idle().await;
        };
        let between = Arc::new(Between(Mutex::new(Some(later.boxed()))));
        let store = Interposed::new(Arc::clone(&scene.store), Arc::<Between>::clone(&between) as _);
        scene.change(|calendar, now| put(calendar, "1", &event("one", second), now));
        scene.clock.advance(Duration::from_mins(30));
        followed.engine(Arc::new(store)).run_until_idle().await;
        assert!(between.0.lock().unwrap().is_none(), "nobody read in between");
        let starts = async || followed.agenda(first).await.iter().map(|m| m.starts_at).collect();
        let starts: Vec<DateTime<Utc>> = starts().await;
        assert_eq!(starts, [third]);
        followed.change(|_, _| {}).await;
        assert_eq!(followed.agenda(first).await[0].starts_at, third, "nor when it is tried again");
    }
}

#[tokio::test]
async fn at_every_await_of_a_calendar_in_memory() {
    insta::assert_snapshot!(at_every_await(in_memory).await, @"205");
}

#[tokio::test]
async fn at_every_await_of_a_calendar_in_a_file() {
    insta::assert_snapshot!(at_every_await(in_a_file).await, @"205");
}

/// Lets the engine die at each place in turn; returns how many there are.
async fn at_every_await(make: MakeStore) -> u64 {
    let whole = Life::new(make, 0).await;
    let want = whole.play().await;
    assert_eq!(want.len(), 15, "{want:?}");
    let places = whole.point.count();
    for place in 1..=places {
        let life = Life::new(make, place).await;
        assert_eq!(life.play().await, want, "after a crash at place {place} of {places}");
        assert!(life.point.was_reached(), "place {place} of {places} was never reached");
    }
    places
}

/// A calendar whose engine dies once.
struct Life {
    followed: Followed,
    point: Arc<CrashPoint>,
}

impl Life {
    async fn new(make: MakeStore, place: u64) -> Self {
        let point = CrashPoint::at(place);
        let weather = Arc::<CrashPoint>::clone(&point);
        Self { followed: Followed(Scene::new(make, weather).await), point }
    }

    /// A first listing, then changes of every kind, then a lost log; returns all meetings.
    async fn play(&self) -> Vec<(String, DateTime<Utc>, MeetingStatus)> {
        let scene = &self.followed.0;
        let begun = scene.clock.now();
        let at = |days: u64| begun + Days::new(days);
        let weekly = vec![Untrusted::new("RRULE:FREQ=WEEKLY".to_owned())];
        let series = CalendarEvent { recurrence: weekly, ..event("series", at(2)) };
        scene.change(|calendar, now| {
            (0..5)
                .for_each(|n| put(calendar, &n.to_string(), &event(&format!("e{n}"), at(1)), now));
            put(calendar, "s", &series, now);
        });
        self.work().await;
        scene.change(|calendar, now| {
            put(calendar, "0", &event("e0", at(3)), now);
            let cancelled = EventStatus::Cancelled;
            put(calendar, "1", &CalendarEvent { status: cancelled, ..event("e1", at(1)) }, now);
            calendar.remove(&ItemId::from_source("2"));
        });
        self.work().await;
        scene.change(|calendar, now| {
            calendar.remove(&ItemId::from_source("3"));
            put(calendar, "5", &event("e5", at(4)), now);
            calendar.expire_log();
        });
        self.work().await;
        let all = self.followed.agenda(begun).await;
        let seen = |one: Meeting| (one.uid.as_str().to_owned(), one.starts_at, one.status);
        all.into_iter().map(seen).collect()
    }

    /// Works until nothing is due; an engine that dies is followed by another.
    async fn work(&self) {
        let scene = &self.followed.0;
        scene.clock.advance(Duration::from_hours(1));
        let point = Arc::<CrashPoint>::clone(&self.point);
        let mortal: Arc<dyn Store> = Arc::new(Interposed::new(Arc::clone(&scene.store), point));
        let died = self.point.was_reached()
            || self.point.run(self.followed.engine(mortal).run_until_idle()).await;
        if died {
            scene.clock.advance(Duration::from_mins(5));
            self.followed.worker().run_until_idle().await;
        }
    }
}
