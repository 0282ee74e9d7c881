//! Mail intake: raw bytes in, typed and marked content out (MAIL-7 to MAIL-18).
//!
//! [`read`] is a pure function with caps that hold before expensive work: it never panics, never
//! recurses on input, and its time grows linearly with the size of the mail. What is cut or
//! repaired is a [`Flag`]; an error means that there is no mail at all.
//!
//! A mail goes through these steps, one module each:
//!
//! 1. `field` and `structure` cut it into header fields and MIME parts in one linear pass, so that
//!    the caps hold before anything is parsed.
//! 2. `mail-parser` reads each piece: types and parameters (`parameter`), dates (`date`), base64
//!    (`transfer`), older charsets (`charset`). What it gives up on is repaired there.
//! 3. `head` understands the fields (`mailbox`, `word`); `body` chooses the text and the
//!    attachments; `html` makes HTML readable, `invisible` removes what no reader sees.
//! 4. `link`, `drive`, `invitation` and `segment` say what is in the text.
//!
//! `mail-parser` does not see a whole mail, because three things were measured of version 0.11.9:
//! 100,000 nested messages (3 MB) overflow the stack when its result is dropped, 1,000 multiparts
//! without their boundary in 25 MiB take 17 s, and a soft line break before a boundary underflows.
//!
//! All text from outside is [`Untrusted`]. To read one more header field, add it to [`Mail`] and `head`;
//! to recognise one more content, add a module beside `invitation` and a variant to [`Kind`].
use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

pub use self::{
    attachment::Attachment,
    caps::{Caps, MailError},
    drive::{DriveId, DriveKind, DriveLink},
    flag::{Flag, Flags},
    head::{AutoSubmitted, Recipient, RecipientKind},
    html::{HtmlText, html_to_text},
    identity::{ContentHash, content_hash},
    invitation::{CalendarTime, Invitation, InvitationSource, Method, read_invitation},
    lookalike::imitates,
    mailbox::Mailbox,
    segment::{Segment, SegmentKind, Span, spans},
};
pub(crate) use self::{
    link::{LINK_BYTES, links_of},
    transfer::hex_pair,
};
use crate::{calendar::EventUid, transcript, untrusted::Untrusted};

mod attachment;
mod authentication;
mod body;
pub mod caps;
pub(crate) mod charset;
mod date;
mod drive;
mod field;
mod flag;
mod head;
mod html;
mod identity;
pub(crate) mod invisible;
mod invitation;
mod link;
mod lookalike;
mod mailbox;
mod parameter;
mod segment;
mod structure;
mod transfer;
mod word;

/// Holds one mail: its headers, its text, and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// `Message-ID` without brackets.
    pub message_id: Option<Untrusted<String>>,
    /// Ids of `In-Reply-To`, without brackets.
    pub in_reply_to: Vec<Untrusted<String>>,
    /// Ids of `References`, oldest first, each once.
    pub references: Vec<Untrusted<String>>,
    /// `Subject` on one line, decoded; empty when there is none.
    pub subject: Untrusted<String>,
    /// Authors.
    pub from: Vec<Mailbox>,
    /// Who sent it, if not the author.
    pub sender: Vec<Mailbox>,
    /// Where answers go.
    pub reply_to: Vec<Mailbox>,
    /// First receivers.
    pub to: Vec<Mailbox>,
    /// Further receivers.
    pub cc: Vec<Mailbox>,
    /// Every address the mail went to, each once, in order (MAIL-7).
    pub recipients: Vec<Recipient>,
    /// Addresses of `Delivered-To`.
    pub delivered_to: Vec<Untrusted<String>>,
    /// `Date` with its offset.
    pub date: Option<DateTime<FixedOffset>>,
    /// `List-Id` without brackets.
    pub list_id: Option<Untrusted<String>>,
    /// `Auto-Submitted` (RFC 3834).
    pub auto_submitted: Option<AutoSubmitted>,
    /// Whether `Return-Path` is empty, as it is for bounces.
    pub null_return_path: bool,
    /// `Authentication-Results` as they stand, the newest first.
    pub authentication_results: Vec<Untrusted<String>>,
    /// The text: plain text if there is any, otherwise made from HTML. Line ends are LF.
    pub text: Untrusted<String>,
    /// The raw HTML body.
    pub html: Option<Untrusted<String>>,
    /// Which bytes of `text` are the sender's own, quoted, or a signature.
    pub spans: Vec<Span>,
    /// Every part that is no text, in order.
    pub attachments: Vec<Attachment>,
    /// Each http(s) link once: those of the text, then those of the HTML.
    pub links: Vec<Untrusted<String>>,
    /// The Google Drive files and folders that the links lead to.
    pub drive_links: Vec<DriveLink>,
    /// The calendar event that the mail is about.
    pub invitation: Option<Invitation>,
    /// The thread of the meetings that it invites to, which their transcripts are in too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meetings: Option<Untrusted<String>>,
    /// What was cut, repaired or removed, in the header or the body.
    pub flags: Flags,
}

/// Reads a raw mail.
///
/// # Errors
///
/// [`MailError`] when it exceeds [`Caps::bytes`] or has no header.
pub fn read(raw: &[u8], caps: &Caps) -> Result<Mail, MailError> {
    if raw.len() > caps.bytes {
        return Err(MailError::TooLarge { bytes: raw.len(), limit: caps.bytes });
    }
    let raw = readable(raw);
    let block = header_block(&raw, caps)?;
    let mut mail = head::read(&block);
    let tree = structure::Tree::read(&raw, block, caps);
    mail.take_body(body::read(&tree, caps), caps);
    Ok(mail)
}

/// Reads the headers of a raw mail of any size.
///
/// It is for a mail that is kept without its body.
///
/// # Errors
///
/// [`MailError`] when there is no header.
pub fn headers(raw: &[u8], caps: &Caps) -> Result<Mail, MailError> {
    // Twice the cap leaves room to find the cut; what follows is never looked at.
    let start = &raw[..raw.len().min(caps.header_bytes.saturating_mul(2))];
    let start = readable(start);
    let mut mail = head::read(&header_block(&start, caps)?);
    mail.flags.insert(Flag::HeadersOnly);
    Ok(mail)
}

fn header_block<'a>(raw: &'a [u8], caps: &Caps) -> Result<field::Block<'a>, MailError> {
    let mark = if raw.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let Some(first) = raw[mark..].iter().position(|byte| !byte.is_ascii_whitespace()) else {
        return Err(MailError::Empty);
    };
    let blank = &raw[mark..mark + first];
    let start = blank.iter().rposition(|byte| *byte == b'\n').map_or(mark, |at| mark + at + 1);
    let block = field::block(raw, start, caps.header_bytes, |_| false);
    if block.fields.is_empty() { Err(MailError::NotMail) } else { Ok(block) }
}

/// Makes a file of another system readable: mail is ASCII with LF or CRLF.
fn readable(raw: &[u8]) -> Cow<'_, [u8]> {
    if let Some(text) = charset::utf_16_file(raw) {
        return Cow::Owned(text.into_bytes());
    }
    // Old Macintosh programs end their lines by CR alone.
    if memchr::memchr(b'\n', raw).is_some() || memchr::memchr(b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

impl Mail {
    fn take_body(&mut self, body: body::Body, caps: &Caps) {
        let (links, drive_links, link_flags) = body.links.into_parts();
        self.flags.extend(body.flags);
        self.flags.extend(link_flags);
        self.spans = spans(&body.text);
        self.text = body.text.into();
        self.html = body.html.map(Untrusted::new);
        self.attachments = body.attachments;
        self.links = links;
        self.drive_links = drive_links;
        self.invitation = self.find_invitation(body.calendar_method.as_deref(), caps);
        let uid = self.invitation.as_ref().and_then(|invitation| invitation.uid.as_ref());
        let uid = uid.map(|uid| EventUid::from_source(uid.expose()));
        self.meetings = uid.map(|uid| transcript::thread_of(&uid).into());
    }

    fn find_invitation(&mut self, method: Option<&str>, caps: &Caps) -> Option<Invitation> {
        for attachment in self.attachments.iter().filter(|attachment| attachment.is_calendar()) {
            if attachment.size_bytes > caps.calendar_bytes {
                self.flags.insert(Flag::CalendarCut);
            }
            let text = body::calendar_text(attachment);
            if let Some(mut invitation) = read_invitation(&text, caps) {
                invitation.method = invitation.method.or(method.and_then(Method::parse));
                return Some(invitation);
            }
        }
        invitation::in_text(self.text.expose())
    }

    /// Lists the segments of the text, from start to end.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.spans.iter().map(|span| {
            let text = self.text.expose().get(span.range.clone()).unwrap_or_default();
            Segment { kind: span.kind, text }
        })
    }

    /// Returns the text without quoted history and signatures.
    #[must_use]
    pub fn own_text(&self) -> Untrusted<String> {
        let own = self.segments().filter(|segment| segment.kind == SegmentKind::Own);
        Untrusted::new(own.map(|segment| segment.text).collect())
    }

    /// Returns the subject; it comes from outside (L8).
    #[must_use]
    pub fn subject_text(&self) -> &str {
        self.subject.expose()
    }

    /// Returns the address of the first author, or nothing.
    #[must_use]
    pub fn author(&self) -> &str {
        self.from.first().map_or("", |author| author.address.expose())
    }

    /// Lists the ids of what is before it in its thread: `References`, `In-Reply-To`, then its meetings.
    pub fn thread_ids(&self) -> impl Iterator<Item = &str> {
        let new = |id: &&Untrusted<String>| !self.references.contains(id);
        let ids = self.references.iter().chain(self.in_reply_to.iter().filter(new));
        ids.chain(&self.meetings).map(|id| id.expose().as_str())
    }

    /// Lists the addresses of all who wrote or got the mail.
    pub fn correspondents(&self) -> impl Iterator<Item = &str> {
        let writers = self.from.iter().chain(&self.sender).chain(&self.reply_to);
        let writers = writers.map(|mailbox| &mailbox.address);
        let addresses = writers.chain(self.recipients.iter().map(|recipient| &recipient.address));
        addresses.map(|address| address.expose().as_str()).filter(|address| !address.is_empty())
    }

    /// Returns how many bytes the mail holds in memory, near enough for a budget.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        let contents: usize =
            self.attachments.iter().map(|attachment| attachment.content.len()).sum();
        let links: usize = self.links.iter().map(|link| link.expose().len()).sum();
        let html = self.html.as_ref().map_or(0, |html| html.expose().len());
        size_of::<Self>() + self.text.expose().len() + html + links + contents
    }

    /// Returns the mail without the bytes of its attachments.
    #[must_use]
    pub fn without_contents(&self) -> Self {
        let mut mail = self.clone();
        for attachment in &mut mail.attachments {
            attachment.content = Bytes::new();
        }
        mail
    }

    /// Says what kind of content the mail brings (MAIL-12).
    #[must_use]
    pub fn kind(&self) -> Kind {
        match (&self.drive_links[..], &self.invitation) {
            ([_, ..], _) => Kind::DriveShare,
            ([], Some(invitation)) => match invitation.source {
                InvitationSource::Calendar => Kind::Invitation,
                InvitationSource::TextLines => Kind::LikelyInvitation,
            },
            ([], None) => Kind::Plain,
        }
    }

    /// Tells why the mail must be ignored, if it must (MAIL-18).
    ///
    /// Only automatic replies and bounces are, and not those that bring a calendar or a Drive
    /// link: a calendar program answers automatically too.
    #[must_use]
    pub fn loop_reason(&self) -> Option<LoopReason> {
        if !self.drive_links.is_empty() || self.attachments.iter().any(Attachment::is_calendar) {
            return None;
        }
        if self.auto_submitted == Some(AutoSubmitted::Replied) {
            return Some(LoopReason::AutoReply);
        }
        self.null_return_path.then_some(LoopReason::Bounce)
    }
}

/// Says what kind of content a mail brings, by the order of MAIL-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It shares files of Google Drive.
    DriveShare,
    /// It invites to a calendar event.
    Invitation,
    /// Its text reads like an invitation, without a calendar part.
    LikelyInvitation,
    /// Anything else.
    Plain,
}

impl Kind {
    /// Returns how certain the kind is, from 0 to 1.
    ///
    /// The values are those of MAIL-12; its fallback is half as certain as a calendar part.
    #[must_use]
    pub const fn confidence(self) -> f32 {
        match self {
            Self::DriveShare => 0.9,
            Self::Invitation => 0.8,
            Self::LikelyInvitation => 0.4,
            Self::Plain => 1.0,
        }
    }
}

/// Says why a mail is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopReason {
    /// `Auto-Submitted: auto-replied`.
    AutoReply,
    /// An empty `Return-Path`.
    Bounce,
}

#[cfg(test)]
mod tests;
