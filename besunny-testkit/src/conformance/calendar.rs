//! What every calendar source promises: what [every source](super::source) does, and which event wins.
use std::{collections::BTreeSet, fmt::Debug, sync::Arc};

use async_trait::async_trait;
use besunny_core::{
    calendar::{CalendarEvent, EventStatus},
    source::{Fetched, Source, StreamRef},
};
use bytes::Bytes;

use super::{
    Case, Outcome, check, check_equal, clause,
    source::{self, Reader, Sample},
};

/// A world of which each case gets a fresh one, with an empty calendar.
pub type World = source::World<CalendarEvent>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    let own = vec![
        clause("calendar.items.one-a-name", one_a_name),
        clause("calendar.items.exceptions", exceptions),
        clause("calendar.items.revision", revision),
    ];
    source::cases().into_iter().chain(own).collect()
}

/// Two calendars of one account.
#[async_trait]
pub trait TwoCalendars: Debug + Send + Sync {
    /// Returns the adapter under test.
    fn source(&self) -> Arc<dyn Source<CalendarEvent>>;
    /// Returns the two calendars.
    fn streams(&self) -> [StreamRef; 2];
    /// Puts the same event into both, as [`Sample::written`] gives it.
    async fn deliver(&self, raw: Bytes);
    /// Deletes the events of this name from the first one.
    async fn remove(&self, name: &str);
}

/// A world with two calendars, of which each case gets a fresh one.
pub type TwoWorld = Arc<dyn TwoCalendars>;

/// Returns the cases of sources that have several calendars for an account.
#[must_use]
pub fn cases_of_two() -> Vec<Case<TwoWorld>> {
    vec![clause("calendar.items.apart", apart)]
}

/// Returns the ids that a calendar lists, and those of them that are there.
async fn listed(
    world: &TwoWorld,
    stream: StreamRef,
) -> Result<[BTreeSet<String>; 2], super::Broken> {
    let reader = Reader::over(world.source(), stream);
    let ids = reader.sync().await?.ids;
    let mut there = BTreeSet::new();
    for id in &ids {
        for answer in reader.fetch(std::slice::from_ref(id)).await? {
            if let Fetched::Present(at, _) = answer {
                there.insert(at.id.to_string());
            }
        }
    }
    Ok([ids.into_iter().map(|id| id.to_string()).collect(), there])
}

/// The same event in two calendars is two items.
async fn apart(world: TwoWorld) -> Outcome {
    world.deliver(event("one", "")).await;
    let [first, second] = world.streams();
    let [ids, _] = listed(&world, first.clone()).await?;
    let [others, there] = listed(&world, second.clone()).await?;
    check_equal(&(ids.len(), others.len()), &(1, 1), "events of two calendars")?;
    check(ids.is_disjoint(&others), "an event of two calendars has one id, and clashes")?;
    check_equal(&there, &others, "events that are found by their ids")?;
    world.remove("one").await;
    check_equal(&listed(&world, first).await?[1].len(), &0, "events after one was deleted")?;
    check_equal(&listed(&world, second).await?[1], &others, "events of the other calendar")
}

impl Sample for CalendarEvent {
    fn written(name: &str) -> Bytes {
        event(name, "")
    }

    fn name(&self) -> Option<String> {
        self.title.as_ref().map(|title| title.expose().clone())
    }
}

/// Writes an event with some more lines.
fn event(name: &str, lines: &str) -> Bytes {
    Bytes::from(format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//conformance//EN\r\nBEGIN:VEVENT\r\n\
         UID:{name}@conformance.example\r\nDTSTAMP:20260501T120000Z\r\nDTSTART:20260601T093000Z\r\n\
         DTEND:20260601T103000Z\r\nSUMMARY:{name}\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    ))
}

/// Reads all events, each as its name and its status.
async fn events(world: &World) -> Result<Vec<(String, u32, EventStatus)>, super::Broken> {
    let reader = Reader::new(world);
    let mut found = Vec::new();
    for id in reader.sync().await?.ids {
        for answer in reader.fetch(&[id]).await? {
            if let Fetched::Present(_, event) = answer {
                found.push((event.name().unwrap_or_default(), event.sequence, event.status));
            }
        }
    }
    found.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    Ok(found)
}

/// An event that is told twice is one item, as its newest version says.
async fn one_a_name(world: World) -> Outcome {
    world.deliver(event("one", "SEQUENCE:2\r\nSTATUS:TENTATIVE\r\n")).await;
    world.deliver(event("one", "SEQUENCE:1\r\n")).await;
    let want = vec![("one".to_owned(), 2, EventStatus::Tentative)];
    check_equal(&events(&world).await?, &want, "an event with two versions")?;
    world.deliver(event("one", "SEQUENCE:3\r\nSTATUS:CANCELLED\r\n")).await;
    let want = vec![("one".to_owned(), 3, EventStatus::Cancelled)];
    check_equal(&events(&world).await?, &want, "an event that was cancelled")
}

/// An exception is an item of its own beside its series.
async fn exceptions(world: World) -> Outcome {
    world.deliver(event("one", "RRULE:FREQ=DAILY;COUNT=3\r\n")).await;
    world.deliver(event("one", "RECURRENCE-ID:20260602T093000Z\r\nSTATUS:CANCELLED\r\n")).await;
    let statuses: Vec<_> = events(&world).await?.into_iter().map(|(.., status)| status).collect();
    check_equal(&statuses.len(), &2, "a series and its exception")?;
    check_equal(
        &statuses.contains(&EventStatus::Cancelled),
        &true,
        "that one occurrence is cancelled",
    )
}

/// An event that changes keeps its id and gets another revision.
async fn revision(world: World) -> Outcome {
    world.deliver(event("one", "SEQUENCE:1\r\n")).await;
    let reader = Reader::new(&world);
    let id = reader.sync().await?.ids;
    let first = reader.revisions().await?;
    world.deliver(event("one", "SEQUENCE:2\r\nLOCATION:elsewhere\r\n")).await;
    check_equal(&reader.sync().await?.ids, &id, "the id of an event that changed")?;
    check_equal(&(reader.revisions().await? == first), &false, "that its revision is the old one")
}
