//! What the world knows: every mail, for whom it is, and what must become of it.
//!
//! It is written down when the mail is made and never read out of the mail again, so that a mistake
//! of the product's parser cannot hide here.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use besunny_core::{
    account::Intake,
    ids::{AccountId, TenantId, UserId},
    source::{ItemId, Subject},
    tenant::TenantScope,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Violation;

/// Guards the truth; it is shared by the world and the check.
#[derive(Debug, Default)]
pub(super) struct Truth(Mutex<Known>);

/// Everything the world knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// People by tenant and username.
    pub(super) people: BTreeMap<(TenantId, &'static str), UserId>,
    /// The mailboxes.
    pub(super) mailboxes: Vec<MailboxTruth>,
    /// Every mail that was ever delivered, by its subject line.
    pub(super) mails: BTreeMap<String, MailTruth>,
    /// The calendars.
    pub(super) calendars: Vec<CalendarTruth>,
    /// What was said while a bot was in a call, by bot, with the tenant that sent it.
    pub(super) said: BTreeMap<String, (TenantId, Vec<String>)>,
    /// What was seen on the way that must not be.
    pub(super) seen: Vec<Violation>,
}

/// A calendar of one person.
#[derive(Clone, Debug)]
pub(super) struct CalendarTruth {
    pub(super) scope: TenantScope,
    pub(super) account: AccountId,
    pub(super) subject: Subject,
    pub(super) owner: UserId,
    pub(super) username: &'static str,
    /// The events that were ever in it.
    pub(super) events: BTreeMap<ItemId, EventTruth>,
}

/// An event, as the calendar has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EventTruth {
    /// Its name, the same in the calendars of all guests.
    pub(super) uid: String,
    /// The address of its room.
    pub(super) room: String,
    pub(super) starts_at: DateTime<Utc>,
    pub(super) ends_at: DateTime<Utc>,
    /// Whether it takes place; it does not when it was cancelled or deleted.
    pub(super) is_on: bool,
}

/// A mailbox and how it is taken in.
#[derive(Clone, Debug)]
pub(super) struct MailboxTruth {
    pub(super) scope: TenantScope,
    pub(super) account: AccountId,
    pub(super) subject: Subject,
    pub(super) owner: UserId,
    pub(super) intake: Intake,
    /// The items in it, with the subject line of their mail; removed ones too.
    pub(super) items: BTreeMap<ItemId, String>,
}

/// A mail, as its sender meant it.
#[derive(Clone, Debug)]
pub(super) struct MailTruth {
    pub(super) raw: Bytes,
    /// The usernames in its virtual addresses.
    pub(super) names: BTreeSet<&'static str>,
    /// An automatic reply or a bounce.
    pub(super) is_loop: bool,
}

impl Truth {
    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Says whether the subject is that of a calendar.
    pub(super) fn is_calendar(&self, subject: &str) -> bool {
        self.calendars.iter().any(|calendar| calendar.subject.as_str() == subject)
    }

    /// Returns how many items there ever were: mails that were delivered, and events.
    pub(super) fn made(&self) -> u64 {
        let events: usize = self.calendars.iter().map(|calendar| calendar.events.len()).sum();
        self.delivered() + events as u64
    }

    /// Returns how many mails were delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.mailboxes.iter().map(|mailbox| mailbox.items.len() as u64).sum()
    }

    /// Returns whose documents a mail in this mailbox must become; none says it is ignored.
    pub(super) fn owners(&self, mailbox: &MailboxTruth, mail: &MailTruth) -> BTreeSet<UserId> {
        if mail.is_loop {
            return BTreeSet::new();
        }
        let tenant = mailbox.scope.tenant();
        let named = mail.names.iter().filter_map(|name| self.people.get(&(tenant, *name)).copied());
        match mailbox.intake {
            Intake::Master => named.collect(),
            Intake::Addressed => named.filter(|user| *user == mailbox.owner).collect(),
            Intake::Whole => [mailbox.owner].into(),
        }
    }
}
