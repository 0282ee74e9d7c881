//! What a mail means: for whom it is, and what is made of it (MAIL-7, 8, 10, 12).
use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    account::{Account, Intake},
    address::{Username, VirtualAddress, VirtualAddresses},
    calendar::{self, CalendarEvent},
    commit::{Detection, Effect},
    document::{DocumentKind, NewDocument, document_id},
    ids::UserId,
    item::{IgnoredReason, Oversized, QuarantineReason},
    job::{Job, Task},
    mail::{self, Caps, LoopReason, Mail, Recipient},
    message::{Filing, Message, RawMail},
    source::{ItemRef, Scope},
    sync::{Context, Facts, Plan},
    untrusted::Untrusted,
};

mod invitation;

/// The plan of every mail stream; pure.
#[derive(Clone, Debug)]
pub struct MailIntake {
    /// How virtual addresses look (USER-3).
    pub addresses: VirtualAddresses,
    /// How much of a mail is read.
    pub caps: Caps,
    /// What is done at the source to a mail of the master mailbox (MAIL-14).
    pub master_filing: Filing,
    /// The same for mail of a person's own mailbox that named the virtual address.
    pub addressed_filing: Filing,
}

/// A mail that was read.
#[derive(Debug)]
pub struct Reading {
    mail: Arc<Mail>,
    raw: Bytes,
    content_hash: [u8; 32],
    received_at: Option<chrono::DateTime<chrono::Utc>>,
    virtuals: Vec<Virtual>,
    /// What its calendar parts invite to, or cancel (MAIL-13).
    events: Vec<CalendarEvent>,
}

#[derive(Debug)]
struct Virtual {
    recipient: Recipient,
    address: VirtualAddress,
}

impl Plan<Message> for MailIntake {
    type Reading = Reading;

    fn scope(&self, account: &Account) -> Scope {
        let mut rules = vec![account.intake.as_str().to_owned(), account.owner.to_string()];
        match account.intake {
            Intake::Master | Intake::Addressed => rules.extend(self.addresses.forms()),
            Intake::Whole => {}
        }
        let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(rules.join("\n")).into();
        Scope { revision: u32::from_be_bytes([a, b, c, d]) }
    }

    fn read(&self, _: &ItemRef, message: Message) -> Result<Reading, QuarantineReason> {
        let raw = match message.raw {
            RawMail::Whole(raw) if raw.len() <= self.caps.bytes => raw,
            RawMail::Whole(raw) => {
                let size_bytes = u64::try_from(raw.len()).unwrap_or(u64::MAX);
                return Err(self.oversized(&raw, size_bytes));
            }
            RawMail::TooLarge { headers, size_bytes } => {
                return Err(self.oversized(&headers, size_bytes));
            }
        };
        let mail = mail::read(&raw, &self.caps)
            .map_err(|error| QuarantineReason::Refused(error.to_string()))?;
        let virtuals = self.virtuals(&mail);
        let content_hash = mail::content_hash(&raw);
        let received_at = message.received_at;
        let events = invitation::events(&mail, &self.caps);
        Ok(Reading { mail: Arc::new(mail), raw, content_hash, received_at, virtuals, events })
    }

    fn bytes(&self, reading: &Reading) -> usize {
        let events: usize = reading.events.iter().map(CalendarEvent::weight_bytes).sum();
        reading.raw.len() + reading.mail.weight_bytes() + events
    }

    fn names(&self, reading: &Reading) -> Vec<Username> {
        reading.virtuals.iter().map(|found| found.address.username.clone()).collect()
    }

    fn plan(&self, page: Facts<Reading>, context: &Context<'_>) -> Vec<Effect> {
        let mut effects = Vec::with_capacity(page.present.len() * 2 + page.gone.len());
        for (item, reading) in page.present {
            let is_known = page.held.contains(&item.id);
            self.plan_mail(item, &reading, (is_known, context), &mut effects);
        }
        let quarantined = page.unreadable.into_iter();
        effects.extend(quarantined.map(|(item, reason)| Effect::Quarantine { item, reason }));
        effects.extend(page.gone.into_iter().map(Effect::Leave));
        effects
    }
}

impl MailIntake {
    /// Keeps what the headers of a mail say that is too large to be read (MAIL-18).
    fn oversized(&self, headers: &[u8], size_bytes: u64) -> QuarantineReason {
        let mail = mail::headers(headers, &self.caps).unwrap_or_default();
        QuarantineReason::TooLarge(Box::new(Oversized {
            size_bytes,
            limit_bytes: u64::try_from(self.caps.bytes).unwrap_or(u64::MAX),
            subject: mail.subject.clone(),
            from: Untrusted::new(mail.author().to_owned()),
        }))
    }

    fn virtuals(&self, mail: &Mail) -> Vec<Virtual> {
        let recognise = |recipient: &Recipient| {
            let address = self.addresses.recognise(recipient.address.expose())?;
            Some(Virtual { recipient: recipient.clone(), address })
        };
        mail.recipients.iter().filter_map(recognise).collect()
    }

    fn plan_mail(
        &self,
        item: ItemRef,
        reading: &Reading,
        (is_known, context): (bool, &Context<'_>),
        effects: &mut Vec<Effect>,
    ) {
        let owners = owners(reading, context);
        if !matches!(owners, Err(IgnoredReason::AutoReply | IgnoredReason::Bounce)) {
            effects.extend(detections(&item, reading, context).map(Effect::Detect));
        }
        let owners = match owners {
            Ok(owners) => owners,
            Err(reason) => {
                let policy = self.scope(context.account).revision;
                return effects.push(Effect::Ignore { item, reason, policy });
            }
        };
        let documents: Vec<NewDocument> =
            owners.into_iter().map(|owner| document(owner, reading, context)).collect();
        let classify = documents.iter().map(|document| Task::Classify { document: document.id });
        let mut tasks: Vec<Task> = classify.collect();
        if *self.filing(context.account.intake) != Filing::None {
            tasks.push(Task::File { stream: context.stream, item: item.id.clone() });
        }
        let events = invitation::of_owners(reading, documents.iter().map(|new| new.owner), context);
        effects.push(Effect::Store { item: item.clone(), documents });
        if !events.is_empty() {
            let by = invitation::holding(reading);
            calendar::hold(item, by, events, (is_known, context), effects);
        }
        let job = |task| Effect::Enqueue(Job::new(context.tenant, task));
        effects.extend(tasks.into_iter().map(job));
    }

    /// Returns what is done at the source to mail of such an account.
    ///
    /// A person's own mailbox that is taken in whole is left alone: marking every mail as read
    /// would take the mailbox from its owner.
    #[must_use]
    pub const fn filing(&self, intake: Intake) -> &Filing {
        match intake {
            Intake::Master => &self.master_filing,
            Intake::Addressed => &self.addressed_filing,
            Intake::Whole => &Filing::None,
        }
    }
}

/// Says whose document a mail becomes.
fn owners(reading: &Reading, context: &Context<'_>) -> Result<Vec<UserId>, IgnoredReason> {
    match reading.mail.loop_reason() {
        Some(LoopReason::AutoReply) => return Err(IgnoredReason::AutoReply),
        Some(LoopReason::Bounce) => return Err(IgnoredReason::Bounce),
        None => {}
    }
    let account = context.account;
    let mut named: Vec<UserId> = reading
        .virtuals
        .iter()
        .filter_map(|found| context.people.get(&found.address.username).copied())
        .collect();
    named.sort_unstable();
    named.dedup();
    match account.intake {
        Intake::Whole => Ok(vec![account.owner]),
        Intake::Addressed if named.contains(&account.owner) => Ok(vec![account.owner]),
        Intake::Master if !named.is_empty() => Ok(named),
        Intake::Addressed => Err(IgnoredReason::NotAddressed),
        Intake::Master if reading.virtuals.is_empty() => Err(IgnoredReason::NotAddressed),
        Intake::Master => Err(IgnoredReason::UnknownUser(
            reading.virtuals.iter().map(|found| found.address.username.clone()).collect(),
        )),
    }
}

fn document(owner: UserId, reading: &Reading, context: &Context<'_>) -> NewDocument {
    let kind = DocumentKind::Email;
    let written = reading.mail.date.map(|date| date.to_utc());
    NewDocument {
        id: document_id(context.tenant, owner, kind, &reading.content_hash),
        owner,
        kind,
        received_at: reading.received_at.or(written).unwrap_or(context.at),
        raw: reading.raw.clone(),
        content_hash: reading.content_hash,
        mail: Arc::clone(&reading.mail),
    }
}

/// Names each virtual address once, with the first place it stood in (MAIL-8).
fn detections(
    item: &ItemRef,
    reading: &Reading,
    context: &Context<'_>,
) -> impl Iterator<Item = Detection> {
    let mut found = BTreeMap::new();
    for Virtual { recipient, address } in &reading.virtuals {
        let user = context.people.get(&address.username).copied();
        let text = recipient.address.expose().to_ascii_lowercase();
        found.entry(text.clone()).or_insert_with(|| Detection {
            item: item.id.clone(),
            address: text,
            username: address.username.clone(),
            user,
            kind: recipient.kind,
        });
    }
    found.into_values()
}

#[cfg(test)]
mod tests;
