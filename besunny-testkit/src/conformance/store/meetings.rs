//! Events are kept as items say them, and meetings as they are planned.
use besunny_core::{
    calendar::{Attendance, CalendarEvent, EventTime, EventUid},
    commit::{Basis, Commit, Effect, Holding},
    ids::{CommitId, MeetingId, UserId},
    meeting::{Meeting, MeetingChange, MeetingLink, MeetingStatus, meeting_id},
    repository::{AgendaFilter, HeldEvent, RepositoryError},
    untrusted::Untrusted,
};
use chrono::{Days, TimeDelta};

use super::{
    World,
    bench::{Bench, item, item_id, noon},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.event.held", held),
        clause("store.event.gone", gone),
        clause("store.event.moved", moved),
        clause("store.event.beside", beside),
        clause("store.meeting.conflict", conflict),
        clause("store.meeting.stale", stale),
        clause("store.meeting.agenda", agenda),
        clause("store.tenant.meetings", tenants),
    ]
}

fn uid(name: &str) -> EventUid {
    EventUid::from_source(name)
}

fn event(name: &str, title: &str) -> CalendarEvent {
    let starts = EventTime::At { at: noon().fixed_offset(), zone: Some("UTC".to_owned()) };
    CalendarEvent {
        starts: Some(starts),
        title: Some(Untrusted::new(title.to_owned())),
        ..CalendarEvent::new(uid(name))
    }
}

fn hold(owner: UserId, id: &str, events: &[CalendarEvent]) -> Effect {
    let events = events.iter().map(|event| (owner, event.clone())).collect();
    Effect::Hold { item: item(id), by: Holding::Calendar, events }
}

async fn found(bench: &Bench, id: &str) -> Result<Vec<HeldEvent>, Broken> {
    Ok(bench.store.events_beside(&bench.scope, &[(bench.account.id, item_id(id))]).await?)
}

fn titles(found: &[HeldEvent]) -> Vec<&str> {
    let titles = found.iter().filter_map(|held| held.event.title.as_ref());
    titles.map(|title| title.expose().as_str()).collect()
}

async fn held(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let both = [event("one", "first"), event("one", "second")];
    bench.apply(&lease, vec![hold(bench.user, "a", &both)]).await?;
    let want = |event: &CalendarEvent, change| HeldEvent {
        account: bench.account.id,
        item: item_id("a"),
        owner: bench.user,
        by: Holding::Calendar,
        is_gone: false,
        change,
        event: event.clone(),
    };
    let first = found(&bench, "a").await?;
    let change = first[0].change;
    check_equal(&first, &both.iter().map(|event| want(event, change)).collect(), "events")?;
    let other = event("one", "third");
    bench.apply(&lease, vec![hold(bench.user, "a", std::slice::from_ref(&other))]).await?;
    let store = world.reopened().await;
    let again = store.events_beside(&bench.scope, &[(bench.account.id, item_id("a"))]).await?;
    let change = again[0].change;
    let what = "events after the item said something else";
    check_equal(&again, &vec![want(&other, change)], what)
}

async fn moved(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (lease, eve) = (bench.lease().await?, bench.add_person("eve").await?);
    for owner in [bench.user, eve] {
        bench.apply(&lease, vec![hold(owner, "a", &[event("one", "it")])]).await?;
    }
    let whose = async || -> Result<Vec<(UserId, bool)>, Broken> {
        let mut held: Vec<_> =
            found(&bench, "a").await?.into_iter().map(|held| (held.owner, held.is_gone)).collect();
        held.sort_unstable_by_key(|(owner, _)| *owner != bench.user);
        Ok(held)
    };
    let want = vec![(bench.user, true), (eve, false)];
    check_equal(&whose().await?, &want, "an event that moved to another owner")?;
    bench.apply(&lease, vec![hold(bench.user, "a", &[event("one", "it")])]).await?;
    let want = vec![(bench.user, false), (eve, true)];
    check_equal(&whose().await?, &want, "an event that moved back")
}

async fn gone(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    bench.apply(&lease, vec![hold(bench.user, "a", &[event("one", "first")])]).await?;
    bench.apply(&lease, vec![Effect::Leave(item_id("a"))]).await?;
    let left = found(&bench, "a").await?;
    check_equal(&titles(&left), &vec!["first"], "events of an item that left")?;
    check(left[0].is_gone, "an event of an item that left does not say so")?;
    bench.apply(&lease, vec![hold(bench.user, "a", &[event("one", "back")])]).await?;
    let back = found(&bench, "a").await?;
    check_equal(&titles(&back), &vec!["back"], "events of an item that came back")?;
    check(!back[0].is_gone, "an event that came back is still gone")
}

async fn beside(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (lease, eve) = (bench.lease().await?, bench.add_person("eve").await?);
    let effects = vec![
        hold(bench.user, "b", &[event("one", "exception")]),
        hold(bench.user, "a", &[event("one", "series"), event("two", "other")]),
        hold(bench.user, "c", &[event("three", "neither")]),
        hold(eve, "d", &[event("one", "of eve")]),
    ];
    bench.apply(&lease, effects).await?;
    let both = [(bench.user, event("four", "mine")), (eve, event("one", "too"))];
    let (item, by) = (item("e"), Holding::Mail);
    bench.apply(&lease, vec![Effect::Hold { item, by, events: both.to_vec() }]).await?;
    let beside = found(&bench, "b").await?;
    check_equal(&titles(&beside), &vec!["series", "exception"], "events beside an exception")?;
    let beside = found(&bench, "a").await?;
    check_equal(&titles(&beside), &vec!["series", "other", "exception"], "events beside two")?;
    let beside = found(&bench, "d").await?;
    check_equal(&titles(&beside), &vec!["of eve", "too"], "events of somebody else")
}

pub(super) fn meeting(bench: &Bench, name: &str, days: u64) -> Meeting {
    let starts_at = noon() + Days::new(days);
    Meeting {
        id: meeting_id(bench.scope.tenant(), bench.user, &uid(name), None),
        version: 1,
        owner: bench.user,
        uid: uid(name),
        original: None,
        starts_at,
        ends_at: starts_at + TimeDelta::hours(1),
        status: MeetingStatus::Planned,
        title: Some(Untrusted::new(name.to_owned())),
        link: MeetingLink::of_url("https://meet.google.com/abc-defg-hij"),
        organizer: None,
        attendees: Vec::new(),
        answer: Attendance::Accepted,
        is_own: Some(true),
        invited: Vec::new(),
        choice: None,
    }
}

async fn put(
    bench: &Bench,
    name: &str,
    expected: u64,
    meetings: &[Meeting],
) -> Result<(), RepositoryError> {
    let change = |meeting: &Meeting| {
        Effect::Meet(Box::new(MeetingChange { expected, seen: None, meeting: meeting.clone() }))
    };
    let effects = meetings.iter().map(change).collect();
    let id = CommitId::derived(&[name.as_bytes()]);
    bench.commit(Commit { id, basis: Basis::Person, at: noon(), effects }).await.map(drop)
}

async fn conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let first = meeting(&bench, "one", 1);
    put(&bench, "first", 0, std::slice::from_ref(&first)).await?;
    let second = Meeting { version: 2, status: MeetingStatus::Cancelled, ..first.clone() };
    let other = meeting(&bench, "two", 1);
    for expected in [0, 2] {
        let late = std::slice::from_ref(&second);
        let refused = put(&bench, &format!("late {expected}"), expected, late).await;
        check(
            matches!(refused, Err(RepositoryError::Conflict)),
            format_args!("a meeting at another version was changed: {refused:?}"),
        )?;
    }
    let refused = put(&bench, "both", 0, &[other.clone(), second.clone()]).await;
    check(refused.is_err(), "one of two meetings was at another version")?;
    check_equal(&bench.store.meeting(&bench.scope, other.id).await?, &None, "its neighbour")?;
    put(&bench, "second", 1, std::slice::from_ref(&second)).await?;
    let store = world.reopened().await;
    let stored = store.meeting(&bench.scope, first.id).await?;
    check_equal(&stored, &Some(second.clone()), "the meeting")?;
    let named = store.meetings_of(&bench.scope, bench.user, &[uid("one"), uid("none")]).await?;
    check_equal(&named, &vec![second], "meetings by name")
}

/// Another worker has read the event again while this one planned.
async fn stale(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let say = async |title: &str| -> Result<u64, Broken> {
        bench.apply(&lease, vec![hold(bench.user, "a", &[event("one", title)])]).await?;
        Ok(found(&bench, "a").await?[0].change)
    };
    let plan = async |name: &str, seen: u64| {
        let (meeting, seen) = (meeting(&bench, "one", 1), Some(seen));
        let effects = vec![Effect::Meet(Box::new(MeetingChange { expected: 0, seen, meeting }))];
        let id = CommitId::derived(&[name.as_bytes()]);
        bench.commit(Commit { id, basis: Basis::Person, at: noon(), effects }).await
    };
    let first = say("first").await?;
    let second = say("second").await?;
    let refused = plan("of the first", first).await;
    check(
        matches!(refused, Err(RepositoryError::Conflict)),
        format_args!("a meeting was planned of what was read before: {refused:?}"),
    )?;
    bench.apply(&lease, vec![Effect::Leave(item_id("a"))]).await?;
    let refused = plan("of what left", second).await;
    check(
        matches!(refused, Err(RepositoryError::Conflict)),
        format_args!("a meeting was planned of what has left: {refused:?}"),
    )?;
    let third = say("third").await?;
    plan("of the third", third).await?;
    say("fourth").await?;
    let chosen = Meeting { version: 2, ..meeting(&bench, "one", 2) };
    put(&bench, "of no event", 1, std::slice::from_ref(&chosen)).await?;
    Ok(())
}

async fn agenda(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let mut all: Vec<Meeting> =
        (0..6).map(|n| meeting(&bench, &format!("m{n}"), [4, 2, 2, 1, 3, 9][n])).collect();
    put(&bench, "all", 0, &all).await?;
    all.sort_by_key(|meeting| (meeting.starts_at, meeting.id));
    let (from, to) = (noon() + Days::new(1) + TimeDelta::minutes(30), noon() + Days::new(9));
    let mut filter = AgendaFilter { from, to, after: None, limit: 2 };
    let mut seen: Vec<Meeting> = Vec::new();
    loop {
        let page = bench.store.agenda(&bench.scope, bench.user, &filter).await?;
        check(page.len() <= 2, "more meetings than were asked for")?;
        let Some(last) = page.last() else { break };
        filter.after = Some((last.starts_at, last.id));
        seen.extend(page);
    }
    check_equal(&seen, &all[..5].to_vec(), "meetings that are under way or begin in time")
}

async fn tenants(world: World) -> Outcome {
    let acme = Bench::acme(&world).await?;
    let lease = acme.lease().await?;
    acme.apply(&lease, vec![hold(acme.user, "a", &[event("one", "secret")])]).await?;
    let secret = meeting(&acme, "one", 1);
    put(&acme, "secret", 0, std::slice::from_ref(&secret)).await?;
    let evil = Bench::new(&world, "evil").await?;
    let stranger = acme.add_person("eve").await?;
    let filter = AgendaFilter { from: noon(), to: noon() + Days::new(9), after: None, limit: 10 };
    for (bench, who) in [(&evil, acme.user), (&acme, stranger)] {
        let seen = bench.store.agenda(&bench.scope, who, &filter).await?;
        check(seen.is_empty(), "a meeting of somebody else")?;
        let seen = bench.store.meetings_of(&bench.scope, who, &[uid("one")]).await?;
        check(seen.is_empty(), "a meeting of somebody else by its name")?;
    }
    let id: MeetingId = secret.id;
    check_equal(&evil.store.meeting(&evil.scope, id).await?, &None, "another tenant's meeting")?;
    let items = [(acme.account.id, item_id("a"))];
    let seen = evil.store.events_beside(&evil.scope, &items).await?;
    check(seen.is_empty(), "an event of another tenant")?;
    let stored = acme.store.meeting(&acme.scope, id).await?;
    check_equal(&stored, &Some(secret), "the meeting of the first tenant")
}
