//! A calendar becomes meetings: on the one road, whatever is rescheduled, cancelled or lost.
use std::{sync::Arc, time::Duration};

use besunny_core::{
    adapter::{Adapter, AnyAdapter},
    calendar::{CalendarEvent, EventStatus, EventTime, EventUid},
    clock::Clock,
    ids::UserId,
    meeting::{Meeting, MeetingStatus},
    repository::{AgendaFilter, Store},
    source::ItemId,
    untrusted::Untrusted,
    worker::Worker,
};
use besunny_testkit::{
    crash::CrashPoint,
    interposed::Interposed,
    scripted::{Fair, Mailbox, ScriptedCalendar},
};
use chrono::{DateTime, Days, TimeDelta, Utc};

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

    /// Returns all meetings of the next hundred days: title, hours from `noon`, whether they take place.
    async fn agenda(&self, from: DateTime<Utc>) -> Vec<Meeting> {
        let to = from + Days::new(100);
        let filter = AgendaFilter { from, to, after: None, limit: 200 };
        let owner = UserId::derived(&[b"ann"]);
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

/// An invitation as a calendar sends it, and what came of it at the end.
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
        ];
        for (n, (from, method, sequence, starts, want, status)) in steps.into_iter().enumerate() {
            scene.change(|mailbox, at| {
                let id = ItemId::from_source(format!("mail {n}"));
                mailbox.deliver(&id, invitation(from, method, sequence, starts), at);
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
