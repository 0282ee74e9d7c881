//! What meetings follow, row by row.
use super::*;
use crate::{
    calendar::{Attendee, EventUid},
    ids::AccountId,
    mail::Mailbox,
    source::ItemId,
    untrusted::Untrusted,
};

fn now() -> DateTime<Utc> {
    "2026-06-01T08:00:00Z".parse().unwrap()
}

fn hours(count: i64) -> DateTime<Utc> {
    now() + Duration::hours(count)
}

fn time(at: DateTime<Utc>) -> EventTime {
    EventTime::At { at: at.fixed_offset(), zone: None }
}

fn event(starts: DateTime<Utc>) -> CalendarEvent {
    CalendarEvent {
        starts: Some(time(starts)),
        ends: Some(time(starts + Duration::minutes(30))),
        location: Some(Untrusted::new("https://zoom.us/j/123456789".to_owned())),
        ..CalendarEvent::new(EventUid::from_source("one"))
    }
}

fn held(by: Holding, is_gone: bool, event: CalendarEvent) -> HeldEvent {
    let (account, owner) = (AccountId::derived(&[b"a"]), UserId::derived(&[b"ann"]));
    HeldEvent { account, item: ItemId::from_source("1"), owner, by, is_gone, change: 3, event }
}

fn planned(held: &[HeldEvent], stored: &[Meeting]) -> Planned {
    let addresses = VirtualAddresses::new("ai", ["besunny.example"]).unwrap();
    let whose = (TenantId::derived(&[b"acme"]), UserId::derived(&[b"ann"]));
    plan(whose, held, stored, &addresses, now()).unwrap()
}

/// Returns hours from now and status of what changes.
fn changes(held: &[HeldEvent], stored: &[Meeting]) -> Vec<(i64, MeetingStatus)> {
    let changed = planned(held, stored).changes.into_iter().map(|change| change.meeting);
    changed.map(|meeting| ((meeting.starts_at - now()).num_hours(), meeting.status)).collect()
}

fn stored(held: &[HeldEvent]) -> Vec<Meeting> {
    planned(held, &[]).changes.into_iter().map(|change| change.meeting).collect()
}

#[test]
fn cal_6_what_becomes_a_meeting() {
    use MeetingStatus::{Planned, Tentative};

    let one = event(hours(5));
    let day = Some(EventTime::Day(now().date_naive()));
    let rows = [
        ("a link", one.clone(), vec![(5, Planned)]),
        ("no link", CalendarEvent { location: None, ..one.clone() }, vec![]),
        ("a whole day", CalendarEvent { starts: day, ends: None, ..one.clone() }, vec![]),
        ("no start", CalendarEvent { starts: None, ends: None, ..one.clone() }, vec![]),
        ("presence", CalendarEvent { kind: EventKind::Presence, ..one.clone() }, vec![]),
        ("cancelled", CalendarEvent { status: EventStatus::Cancelled, ..one.clone() }, vec![]),
        (
            "tentative",
            CalendarEvent { status: EventStatus::Tentative, ..one },
            vec![(5, Tentative)],
        ),
        ("over", event(hours(-30)), vec![]),
        ("under way", event(hours(-1)), vec![(-1, Planned)]),
        ("far away", event(hours(24 * 61)), vec![]),
    ];
    for (name, event, want) in rows {
        assert_eq!(changes(&[held(Holding::Calendar, false, event)], &[]), want, "{name}");
    }
}

#[test]
fn an_event_far_away_is_planned_in_time() {
    let far = [held(Holding::Calendar, false, event(hours(24 * 70)))];
    assert_eq!(planned(&far, &[]).again_at, Some(hours(24 * 70) - AHEAD));
    let near = [held(Holding::Calendar, false, event(hours(24)))];
    assert_eq!(planned(&near, &[]).again_at, None);
    let daily = vec![Untrusted::new("RRULE:FREQ=DAILY".to_owned())];
    let series = CalendarEvent { recurrence: daily, ..event(hours(24)) };
    let tomorrow = "2026-06-02T00:00:00Z".parse().unwrap();
    let series = [held(Holding::Calendar, false, series)];
    assert_eq!(planned(&series, &[]).again_at, Some(tomorrow));
    let few = vec![Untrusted::new("RRULE:FREQ=DAILY;COUNT=3".to_owned())];
    let few = CalendarEvent { recurrence: few, ..event(hours(24)) };
    assert_eq!(planned(&[held(Holding::Calendar, false, few)], &[]).again_at, None);
}

#[test]
fn cal_7_what_is_said_no_more_is_cancelled_and_what_is_the_same_stays() {
    use MeetingStatus::{Cancelled, Planned};

    let one = held(Holding::Calendar, false, event(hours(5)));
    let before = stored(std::slice::from_ref(&one));
    assert_eq!(changes(std::slice::from_ref(&one), &before), []);
    let gone = HeldEvent { is_gone: true, ..one.clone() };
    assert_eq!(changes(std::slice::from_ref(&gone), &before), [(5, Cancelled)]);
    let moved = held(Holding::Calendar, false, event(hours(7)));
    assert_eq!(changes(&[moved], &before), [(7, Planned)]);
    let away = held(Holding::Calendar, false, event(hours(24 * 90)));
    assert_eq!(changes(&[away], &before), [(24 * 90, Planned)], "it takes place, if later");
    let past = held(Holding::Calendar, false, event(hours(-24 * 9)));
    assert_eq!(changes(&[past], &before), [(-24 * 9, Planned)], "it took place");
    let past = held(Holding::Calendar, false, event(hours(-30)));
    let over = vec![Meeting { starts_at: hours(-30), ends_at: hours(-29), ..before[0].clone() }];
    assert_eq!(changes(&[HeldEvent { is_gone: true, ..past }], &over), [], "it took place");
    let day = Some(EventTime::Day(now().date_naive()));
    let day = CalendarEvent { starts: day, ends: None, ..event(hours(5)) };
    assert_eq!(changes(&[held(Holding::Calendar, false, day)], &before), [(5, Cancelled)]);
    let lost = CalendarEvent { location: None, ..event(hours(5)) };
    let lost = planned(&[held(Holding::Calendar, false, lost)], &before).changes;
    assert_eq!((lost.len(), lost[0].meeting.link.clone()), (1, None));
}

#[test]
fn cal_7_a_series_that_is_gone_takes_its_exceptions_with_it() {
    let calendar = |is_gone, event| held(Holding::Calendar, is_gone, event);
    let weekly = vec![Untrusted::new("RRULE:FREQ=WEEKLY".to_owned())];
    let series = CalendarEvent { recurrence: weekly, ..event(hours(24)) };
    let replaces = Some(time(hours(24)));
    let moved = CalendarEvent { replaces, ..event(hours(26)) };
    let both = [calendar(false, series.clone()), calendar(false, moved.clone())];
    assert_eq!(changes(&both, &[])[0], (26, MeetingStatus::Planned));
    let alone = [calendar(false, moved.clone())];
    assert_eq!(changes(&alone, &[]), [(26, MeetingStatus::Planned)], "an invitation to one time");
    let left = [calendar(true, series), calendar(false, moved)];
    assert_eq!(changes(&left, &[]), []);
    let cancelled = changes(&left, &stored(&both));
    assert!(cancelled.iter().all(|(_, status)| *status == MeetingStatus::Cancelled));
    assert_eq!(cancelled.len(), 9);
}

#[test]
fn mail_13_a_calendar_is_above_an_invitation_that_is_not_newer() {
    use MeetingStatus::{Cancelled, Planned};

    let said = |by, is_gone, sequence, at| {
        let address = Untrusted::new("bob@example.org".to_owned());
        let organizer = Some(Mailbox { name: None, address });
        held(by, is_gone, CalendarEvent { sequence, organizer, ..event(hours(at)) })
    };
    let (calendar, mail) = (Holding::Calendar, Holding::Mail);
    let rows = [
        ("mail alone", vec![said(mail, false, 0, 3)], vec![(3, Planned)]),
        ("a mail that was deleted", vec![said(mail, true, 0, 3)], vec![(3, Planned)]),
        ("both", vec![said(calendar, false, 0, 4), said(mail, false, 0, 3)], vec![(4, Planned)]),
        (
            "an update",
            vec![said(calendar, false, 0, 4), said(mail, false, 1, 3)],
            vec![(3, Planned)],
        ),
        ("deleted", vec![said(calendar, true, 0, 4), said(mail, false, 0, 3)], vec![]),
    ];
    for (name, said, want) in rows {
        assert_eq!(changes(&said, &[]), want, "{name}");
    }
    let one = said(mail, false, 0, 3);
    let before = stored(std::slice::from_ref(&one));
    let mut cancel = said(mail, false, 1, 3);
    cancel.event.status = EventStatus::Cancelled;
    assert_eq!(changes(&[one, cancel], &before), [(3, Cancelled)]);
}

#[test]
fn mail_13_only_the_organizer_changes_what_an_event_is() {
    use MeetingStatus::Planned;

    let by_of = |by, sequence, at, organizer: &str| {
        let address = Untrusted::new(organizer.to_owned());
        let organizer = Some(Mailbox { name: None, address });
        held(by, false, CalendarEvent { sequence, organizer, ..event(hours(at)) })
    };
    let (bob, eve) = ("bob@example.org", "eve@evil.example");
    let (calendar, mail, passed) = (Holding::Calendar, Holding::Mail, Holding::Forwarded);
    let rows = [
        ("forwarded alone", vec![by_of(passed, 0, 3, bob)], 3),
        ("a stranger", vec![by_of(mail, 0, 3, bob), by_of(passed, 9, 5, bob)], 3),
        (
            "a stranger, after a calendar",
            vec![by_of(calendar, 0, 3, bob), by_of(passed, 9, 5, bob)],
            3,
        ),
        ("another organizer", vec![by_of(mail, 0, 3, bob), by_of(mail, 9, 5, eve)], 3),
        ("another, after a calendar", vec![by_of(calendar, 0, 3, bob), by_of(mail, 9, 5, eve)], 3),
        (
            "an event of one's own",
            vec![held(calendar, false, event(hours(3))), by_of(mail, 9, 5, eve)],
            3,
        ),
        ("passed on twice", vec![by_of(passed, 0, 3, bob), by_of(passed, 9, 5, bob)], 3),
        ("the organizer", vec![by_of(mail, 0, 3, bob), by_of(mail, 1, 5, "Bob@Example.org")], 5),
    ];
    for (name, said, at) in rows {
        assert_eq!(changes(&said, &[]), [(at, Planned)], "{name}");
    }
    let before = stored(&[by_of(mail, 1, 3, bob)]);
    let lower = [by_of(mail, 1, 3, bob), by_of(mail, 0, 5, eve)];
    assert_eq!(changes(&lower, &before), [], "who is known already is the organizer");
}

#[test]
fn one_original_start_is_one_meeting() {
    let midnight: DateTime<Utc> = "2026-06-03T00:00:00Z".parse().unwrap();
    let at = |replaces, hour| {
        let replaces = Some(replaces);
        held(Holding::Mail, false, CalendarEvent { replaces, ..event(hours(hour)) })
    };
    let both = [at(EventTime::Day(midnight.date_naive()), 50), at(time(midnight), 52)];
    let both = both.map(|one| HeldEvent { by: Holding::Calendar, ..one });
    assert_eq!(changes(&both, &[]).len(), 1);
    assert_eq!(changes(&both, &stored(&both)), []);
}

#[test]
fn what_has_no_end_and_took_place_stays_as_it_is() {
    let bare = |at| CalendarEvent { ends: None, ..event(hours(at)) };
    let soon = [held(Holding::Calendar, false, bare(1))];
    let before = stored(&soon);
    for ago in [-23, -24, -25, -26] {
        let starts_at = hours(ago);
        let old = Meeting { starts_at, ends_at: starts_at + LASTS, ..before[0].clone() };
        let said = [held(Holding::Calendar, false, bare(ago))];
        assert_eq!(changes(&said, &[old]), [], "{ago}");
    }
}

#[test]
fn cal_13_virtual_addresses_are_invited() {
    let guest = |address: &str| Attendee {
        mailbox: Mailbox { name: None, address: Untrusted::new(address.to_owned()) },
        answer: Attendance::NeedsAction,
        is_self: false,
        is_resource: false,
    };
    let attendees = ["bob@example.org", "AI+Ann@besunny.example", "ai+ann@besunny.example"];
    let event = CalendarEvent { attendees: attendees.map(guest).to_vec(), ..event(hours(1)) };
    let meetings = stored(&[held(Holding::Calendar, false, event)]);
    let names: Vec<&str> = meetings[0].invited.iter().map(Username::as_str).collect();
    assert_eq!(names, ["ann"]);
}
