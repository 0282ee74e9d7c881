//! Invitations in mails become events of those whom the mail reaches (MAIL-13).
use super::{Reading, Virtual};
use crate::{
    calendar::{Attendance, Attendee, CalendarEvent, EventStatus, ics},
    commit::Holding,
    ids::UserId,
    mail::{Caps, Flag, Mail, Mailbox, Method},
    sync::Context,
};

/// A mail that brings more events than this is no invitation.
const EVENTS: usize = 20;

/// Reads what the calendar parts of a mail invite to, or cancel.
///
/// What cannot be read is left in the mail, where a person finds it.
pub(super) fn events(mail: &Mail, caps: &Caps) -> Vec<CalendarEvent> {
    let caps = ics::Caps { bytes: caps.calendar_bytes, events: EVENTS, ..ics::Caps::default() };
    let parts = mail.attachments.iter().filter(|attachment| attachment.is_calendar());
    let declared = mail.invitation.as_ref().and_then(|invitation| invitation.method);
    let files = parts.filter_map(|part| ics::read_as(&part.content, declared, &caps).ok());
    files.flat_map(|file| file.entries).filter_map(said).take(EVENTS).collect()
}

/// Returns what the organizer says of an event; none where a guest answers or asks (RFC 5546 3.2).
fn said(entry: ics::Entry) -> Option<CalendarEvent> {
    match entry.method {
        None | Some(Method::Publish | Method::Request) => Some(entry.event),
        Some(Method::Cancel) => {
            Some(CalendarEvent { status: EventStatus::Cancelled, ..entry.event })
        }
        // What is added has the name of its series, and would take its place.
        Some(
            Method::Add
            | Method::Reply
            | Method::Refresh
            | Method::Counter
            | Method::DeclineCounter,
        ) => None,
    }
}

/// Says whose word it is: only the organizer changes what an event is (RFC 5546 3.2.2, 3.2.5).
///
/// Anybody who has heard of an event can write its name into a mail.
pub(super) fn holding(reading: &Reading) -> Holding {
    let (mail, events) = (&reading.mail, &reading.events);
    let is_own = |event: &CalendarEvent| {
        let organizer = event.organizer.as_ref().map(|organizer| organizer.address.expose());
        organizer.is_some_and(|organizer| organizer.eq_ignore_ascii_case(mail.author()))
    };
    let is_genuine = !mail.flags.contains(Flag::AuthenticationFailed) && events.iter().all(is_own);
    if is_genuine { Holding::Mail } else { Holding::Forwarded }
}

/// Gives the events to those whom the mail reaches.
///
/// Whoever sends an invitation to a virtual address invites it, whether the event names it or not.
pub(super) fn of_owners(
    reading: &Reading,
    owners: impl Iterator<Item = UserId>,
    context: &Context<'_>,
) -> Vec<(UserId, CalendarEvent)> {
    let with_guest = |owner: UserId, event: &CalendarEvent| {
        let own = reading.virtuals.iter().filter(|found| is_of(found, owner, context));
        let is_named = |found: &&Virtual| {
            let address = found.recipient.address.expose();
            let guests = event.attendees.iter().map(|guest| guest.mailbox.address.expose());
            guests.into_iter().any(|guest| guest.eq_ignore_ascii_case(address))
        };
        let missing = own.filter(|found| !is_named(found)).map(guest);
        let attendees = event.attendees.iter().cloned().chain(missing).collect();
        (owner, CalendarEvent { attendees, ..event.clone() })
    };
    owners
        .flat_map(|owner| reading.events.iter().map(move |event| with_guest(owner, event)))
        .collect()
}

fn is_of(found: &Virtual, owner: UserId, context: &Context<'_>) -> bool {
    context.people.get(&found.address.username) == Some(&owner)
}

fn guest(found: &Virtual) -> Attendee {
    Attendee {
        mailbox: Mailbox { name: None, address: found.recipient.address.clone() },
        answer: Attendance::NeedsAction,
        is_self: false,
        is_resource: false,
    }
}
