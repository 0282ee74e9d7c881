//! The header fields of a mail that BeSunny uses (MAIL-7, MAIL-10, MAIL-18).
use std::collections::HashSet;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::{
    Mail, authentication, date,
    field::{self, Block},
    flag::{Flag, Flags},
    invisible, lookalike, mailbox,
    mailbox::Mailbox,
    word,
};
use crate::untrusted::Untrusted;

/// Limits the references that are kept; long threads repeat the same few hundred.
const REFERENCES: usize = 1_000;

/// Names one address that a mail went to, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recipient {
    /// The address.
    pub address: Untrusted<String>,
    /// The most visible field it stands in.
    pub kind: RecipientKind,
}

/// Says in which kind of field a recipient was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientKind {
    /// `To` or `Resent-To`.
    To,
    /// `Cc` or `Resent-Cc`.
    Cc,
    /// `Bcc` or `Resent-Bcc`.
    Bcc,
    /// A field that the delivering server added, such as `Delivered-To`.
    Envelope,
}

/// Fields with recipients; a blind copy shows only in those of the delivering server.
const RECIPIENT_FIELDS: &[(&str, RecipientKind)] = &[
    ("to", RecipientKind::To),
    ("cc", RecipientKind::Cc),
    ("bcc", RecipientKind::Bcc),
    ("resent-to", RecipientKind::To),
    ("resent-cc", RecipientKind::Cc),
    ("resent-bcc", RecipientKind::Bcc),
    ("delivered-to", RecipientKind::Envelope),
    ("x-original-to", RecipientKind::Envelope),
    ("x-forwarded-to", RecipientKind::Envelope),
    ("envelope-to", RecipientKind::Envelope),
    ("x-envelope-to", RecipientKind::Envelope),
];

/// Says whether a program sent the mail (RFC 3834 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoSubmitted {
    /// A person sent it.
    No,
    /// A program sent it on its own, for example a report.
    Generated,
    /// A program answered a mail, for example with an absence note.
    Replied,
    /// A program told of an event (RFC 5436).
    Notified,
    /// Another keyword.
    Other,
}

impl AutoSubmitted {
    fn parse(text: &str) -> Self {
        let keyword = text.split([';', ' ', '\t', '(']).next().unwrap_or_default();
        match keyword.to_ascii_lowercase().as_str() {
            "no" => Self::No,
            "auto-generated" => Self::Generated,
            "auto-replied" => Self::Replied,
            "auto-notified" => Self::Notified,
            _ => Self::Other,
        }
    }
}

/// Reads the header of the mail; its body stays empty.
pub(super) fn read(block: &Block<'_>) -> Mail {
    let mut reader = Reader { block, flags: Flags::default() };
    let mut mail = Mail {
        message_id: reader.ids("message-id").into_iter().next(),
        in_reply_to: reader.ids("in-reply-to"),
        references: reader.ids("references"),
        subject: reader.text("subject").unwrap_or_default(),
        from: reader.mailboxes("from"),
        sender: reader.mailboxes("sender"),
        reply_to: reader.mailboxes("reply-to"),
        to: reader.mailboxes("to"),
        cc: reader.mailboxes("cc"),
        date: reader.date(),
        list_id: reader.list_id(),
        auto_submitted: reader.first("auto-submitted").map(|text| AutoSubmitted::parse(&text)),
        null_return_path: reader.first("return-path").is_some_and(|path| path.trim() == "<>"),
        authentication_results: reader.raw_texts("authentication-results"),
        ..Mail::default()
    };
    read_recipients(&mut mail, &mut reader);
    mail.flags = reader.flags;
    doubt(&mut mail);
    if block.cut {
        mail.flags.insert(Flag::HeadersCut);
    }
    if block.broken {
        mail.flags.insert(Flag::BrokenMime);
    }
    mail
}

/// Flags a sender that may not be who it says.
fn doubt(mail: &mut Mail) {
    if authentication::is_doubted(&mail.authentication_results, &mail.from) {
        mail.flags.insert(Flag::AuthenticationFailed);
    }
    let senders = mail.from.iter().chain(&mail.sender).chain(&mail.reply_to);
    let mut domains = senders.filter_map(|mailbox| mailbox.address.expose().rsplit_once('@'));
    if domains.any(|(_, domain)| lookalike::deceives(&domain.to_lowercase())) {
        mail.flags.insert(Flag::DeceptiveDomain);
    }
}

fn read_recipients(mail: &mut Mail, reader: &mut Reader<'_, '_>) {
    let mut known = HashSet::new();
    for (field, kind) in RECIPIENT_FIELDS {
        let mailboxes = match *field {
            "to" => mail.to.clone(),
            "cc" => mail.cc.clone(),
            field => reader.mailboxes(field),
        };
        for Mailbox { address, .. } in mailboxes {
            if address.expose().is_empty() {
                continue;
            }
            if *field == "delivered-to" {
                mail.delivered_to.push(address.clone());
            }
            if known.insert(address.expose().to_ascii_lowercase()) {
                mail.recipients.push(Recipient { address, kind: *kind });
            }
        }
    }
}

struct Reader<'b, 'a> {
    block: &'b Block<'a>,
    flags: Flags,
}

impl Reader<'_, '_> {
    /// Returns a field on one line, encoded words undecoded.
    fn first(&mut self, name: &str) -> Option<String> {
        let decoded = field::unfold(self.block.first(name)?);
        self.flags.extend(decoded.flags);
        Some(decoded.text.into_owned())
    }

    fn text(&mut self, name: &str) -> Option<Untrusted<String>> {
        let text = self.first(name)?;
        let words = word::decode(&text);
        self.flags.extend(words.flags);
        let clean = invisible::clean(&words.text);
        self.flags.extend(clean.flags);
        Some(joined_words(&clean.text)).filter(|text| !text.is_empty()).map(Untrusted::new)
    }

    fn mailboxes(&mut self, name: &str) -> Vec<Mailbox> {
        let mut mailboxes = Vec::new();
        for value in self.block.all(name) {
            let list = mailbox::read_list(value);
            self.flags.extend(list.flags);
            mailboxes.extend(list.mailboxes);
        }
        mailboxes
    }

    fn ids(&mut self, name: &str) -> Vec<Untrusted<String>> {
        let mut ids: Vec<Untrusted<String>> = Vec::new();
        let mut known = HashSet::new();
        for value in self.block.all(name) {
            for id in message_ids(&field::unfold(value).text) {
                if ids.len() < REFERENCES && known.insert(id.clone()) {
                    ids.push(id.into());
                }
            }
        }
        ids
    }

    fn date(&mut self) -> Option<DateTime<FixedOffset>> {
        let text = self.first("date")?;
        let date = date::parse(&text);
        if date.is_none() {
            self.flags.insert(Flag::DateUnreadable);
        }
        date
    }

    fn list_id(&mut self) -> Option<Untrusted<String>> {
        let text = self.text("list-id")?.into_exposed();
        let bracketed = text.rsplit_once('<').map(|(_, id)| id.trim_end_matches('>'));
        let id = bracketed.unwrap_or(&text).trim();
        (!id.is_empty()).then(|| id.to_owned().into())
    }

    fn raw_texts(&mut self, name: &str) -> Vec<Untrusted<String>> {
        self.block.all(name).map(|value| joined_words(&field::unfold(value).text).into()).collect()
    }
}

/// Takes the ids out of `<a@b> <c@d>`.
///
/// Without brackets every word with an at sign is one.
fn message_ids(text: &str) -> Vec<String> {
    let bare = |id: &str| id.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let end = after.find(['>', '<']).unwrap_or(after.len());
        ids.push(bare(&after[..end]));
        rest = &after[end..];
    }
    if ids.is_empty() {
        let words = text.split_whitespace().filter(|word| word.contains('@'));
        ids.extend(words.map(|word| bare(word.trim_matches(['>', ',', ';']))));
    }
    if ids.is_empty() && !text.trim().is_empty() && !text.trim().contains(char::is_whitespace) {
        ids.push(text.trim().to_owned());
    }
    ids.retain(|id| !id.is_empty());
    ids
}

/// Folds each run of white space to one space.
fn joined_words(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    joined
}
