//! Calendars: meetings are planned, moved and called off, in the copies of all guests.
use std::collections::BTreeMap;

use besunny_core::{
    account::{Account, Intake, NewAccount, Provider},
    calendar::{Attendance, Attendee, CalendarEvent, EventStatus, EventTime, EventUid},
    clock::Clock,
    mail::Mailbox,
    repository::Accounts,
    source::{ItemId, OfferedStream, StreamKey, Subject},
    tenant::TenantScope,
};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::{MANNERS, TELLINGS, World};
use crate::{
    scripted,
    simulation::{
        faults::Fault,
        nodes::CALENDARS,
        stage::{DOMAIN, now},
        truth::{CalendarTruth, EventTruth},
    },
};

/// So many rooms are there; people of all tenants meet in them, also at the same time.
const ROOMS: u64 = 7;
/// A meeting begins so many minutes from now at least: less than bots are frozen for.
const SOONEST: u64 = 4;
/// And so many at most.
const LATEST: u64 = 150;
/// The last meetings begin so long after the calm: whoever only polls has heard of them.
const LAST_IN: TimeDelta = TimeDelta::minutes(75);
/// Meetings begin at full ones of these, so that some begin together.
const GRID: TimeDelta = TimeDelta::minutes(5);

/// Counts what the diary names.
#[derive(Debug, Default)]
pub(super) struct Diary {
    events: u32,
    /// What the last meetings are called.
    pub(super) last: Vec<String>,
}

impl World<'_> {
    pub(super) fn open_calendar(
        &mut self,
        scope: TenantScope,
        tenant: &str,
        username: &'static str,
    ) {
        let subject = Subject::from_source(format!("{username}.calendar@{tenant}.example"));
        let telling = *self.seed.pick(&TELLINGS);
        self.stage.mail.open(subject.clone(), telling);
        self.stage.watches.open(subject.clone(), *self.seed.pick(&MANNERS));
        let found = self.stage.truth.lock().people.get(&(scope.tenant(), username)).copied();
        let Some(owner) = found else { return };
        let (provider, intake) = (Provider::new(CALENDARS), Intake::Whole);
        let grant = NewAccount { owner, provider, subject: subject.clone(), intake };
        let account = Account::new(scope.tenant(), grant, self.stage.clock.now());
        let key = StreamKey::from_source("mailbox");
        let offered = OfferedStream { key, title: "Calendar".to_owned(), proposed: true };
        now(self.stage.store.connect(&scope, &account, &[offered]));
        let (account, events) = (account.id, BTreeMap::new());
        let calendar = CalendarTruth { scope, account, subject, owner, username, events };
        self.stage.truth.lock().calendars.push(calendar);
    }

    /// Lets one thing happen to a calendar, or to a bot.
    pub(super) fn turn_page(&mut self) {
        match self.seed.below(25) {
            0..=9 => self.plan_meeting(),
            10..=13 => self.move_meeting(),
            14..=16 => self.call_off(),
            17 => self.with_calendar(scripted::Mailbox::expire_log),
            18 => self.with_calendar(scripted::Mailbox::kill_page_tokens),
            19 => self.with_calendar(|calendar| calendar.revoke(true)),
            20 => self.take_out(),
            21..=22 => self.turn_away(),
            _ => self.call_about_bots(),
        }
    }

    /// After the calm each calendar has one more meeting, in a room of its own.
    pub(super) fn plan_last(&mut self) {
        let count = self.stage.truth.lock().calendars.len();
        let starts_at = self.stage.clock.now() + LAST_IN;
        for index in 0..count {
            let uid = self.name_event();
            let room = address(ROOMS + u64::from(self.diary.events));
            let ends_at = starts_at + TimeDelta::minutes(20);
            let event = EventTruth { uid: uid.clone(), room, starts_at, ends_at, is_on: true };
            self.put_event(index, event);
            self.diary.last.push(uid);
        }
    }

    fn name_event(&mut self) -> String {
        self.diary.events += 1;
        format!("e{}", self.diary.events)
    }

    fn any_time(&mut self) -> DateTime<Utc> {
        let minutes = SOONEST + self.seed.below(LATEST - SOONEST);
        let at = self.stage.clock.now() + TimeDelta::minutes(minutes.cast_signed());
        at.duration_trunc(GRID).unwrap_or(at) + GRID
    }

    /// Somebody plans a meeting, perhaps with a colleague.
    fn plan_meeting(&mut self) {
        let count = self.stage.truth.lock().calendars.len();
        let index = self.seed.index(count);
        let (uid, starts_at) = (self.name_event(), self.any_time());
        let ends_at = starts_at + GRID * (1 + i32::try_from(self.seed.below(7)).unwrap_or(0));
        let room = address(self.seed.below(ROOMS));
        let event = EventTruth { uid, room, starts_at, ends_at, is_on: true };
        self.put_event(index, event.clone());
        if self.seed.one_in(3) {
            let guest = {
                let truth = self.stage.truth.lock();
                let host = &truth.calendars[index];
                let is_guest =
                    |other: &&CalendarTruth| other.scope == host.scope && other.owner != host.owner;
                let guest = truth.calendars.iter().find(is_guest).map(|guest| guest.account);
                truth.calendars.iter().position(|other| Some(other.account) == guest)
            };
            if let Some(guest) = guest {
                self.put_event(guest, event);
            }
        }
    }

    /// Picks a meeting that has not begun: who has it, and under which item.
    fn any_meeting(&mut self) -> Option<Vec<(usize, ItemId, EventTruth)>> {
        let now = self.stage.clock.now();
        let truth = self.stage.truth.lock().calendars.clone();
        let all = truth.iter().enumerate().flat_map(|(index, calendar)| {
            let events = calendar.events.iter();
            events.map(move |(item, event)| (index, item.clone(), event.clone()))
        });
        let coming = all.filter(|(_, _, event)| event.is_on && event.starts_at > now);
        let coming: Vec<_> = coming.collect();
        if coming.is_empty() {
            return None;
        }
        let uid = self.seed.pick(&coming).2.uid.clone();
        Some(coming.into_iter().filter(|(_, _, event)| event.uid == uid).collect())
    }

    fn move_meeting(&mut self) {
        let Some(copies) = self.any_meeting() else { return };
        self.stage.faults.fire(Fault::MeetingMoved);
        let starts_at = self.any_time();
        for (index, _, event) in copies {
            let ends_at = starts_at + (event.ends_at - event.starts_at);
            self.put_event(index, EventTruth { starts_at, ends_at, ..event });
        }
    }

    /// Calls a meeting off: its source says so, or says nothing of it any more.
    fn call_off(&mut self) {
        let Some(copies) = self.any_meeting() else { return };
        self.stage.faults.fire(Fault::MeetingCalledOff);
        let is_deleted = self.seed.one_in(2);
        for (index, item, event) in copies {
            if !is_deleted {
                self.put_event(index, EventTruth { is_on: false, ..event });
                continue;
            }
            let subject = {
                let calendar = &mut self.stage.truth.lock().calendars[index];
                if let Some(event) = calendar.events.get_mut(&item) {
                    event.is_on = false;
                }
                calendar.subject.clone()
            };
            self.stage.mail.with(&subject, |calendar| calendar.remove(&item));
            self.stage.watches.tell(&subject);
        }
    }

    /// Writes an event into a calendar, over what it was there.
    fn put_event(&self, index: usize, event: EventTruth) {
        let item = ItemId::from_source(&event.uid);
        let (subject, names) = {
            let truth = self.stage.truth.lock();
            let calendar = &truth.calendars[index];
            let guests = truth.calendars.iter().filter(|other| {
                other.scope == calendar.scope
                    && (other.owner == calendar.owner || other.events.contains_key(&item))
            });
            (calendar.subject.clone(), guests.map(|guest| guest.username).collect::<Vec<_>>())
        };
        let raw = serde_json::to_vec(&written(&event, &names)).unwrap_or_default();
        let at = self.stage.clock.now();
        self.stage.truth.lock().calendars[index].events.insert(item.clone(), event);
        self.stage.mail.with(&subject, |calendar| calendar.deliver(&item, raw, at));
        self.stage.watches.tell(&subject);
    }

    fn with_calendar(&mut self, change: impl FnOnce(&mut scripted::Mailbox)) {
        let subject = {
            let truth = self.stage.truth.lock();
            self.seed.pick(&truth.calendars).subject.clone()
        };
        self.stage.mail.with(&subject, change);
    }
}

fn written(event: &EventTruth, names: &[&str]) -> CalendarEvent {
    let time = |at: DateTime<Utc>| Some(EventTime::At { at: at.fixed_offset(), zone: None });
    let guest = |name: &&str| {
        let address = format!("ai+{name}@{DOMAIN}").into();
        let mailbox = Mailbox { name: None, address };
        Attendee { mailbox, answer: Attendance::Accepted, is_self: false, is_resource: false }
    };
    CalendarEvent {
        status: if event.is_on { EventStatus::Confirmed } else { EventStatus::Cancelled },
        starts: time(event.starts_at),
        ends: time(event.ends_at),
        title: Some(event.uid.clone().into()),
        location: Some(event.room.clone().into()),
        attendees: names.iter().map(guest).collect(),
        ..CalendarEvent::new(EventUid::from_source(&event.uid))
    }
}

/// Returns the address of a room.
fn address(room: u64) -> String {
    let letter = |number: u64| char::from(b'a' + u8::try_from(number % 26).unwrap_or(0));
    let [first, second] = [letter(room / 26), letter(room)];
    format!("https://meet.google.com/sim-room-a{first}{second}")
}
