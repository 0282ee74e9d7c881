//! Mail intake: raw bytes in, typed and marked content out (MAIL-7 to MAIL-18).
//!
//! [`read`] is a pure function with caps that hold before expensive work: it never panics, never
//! recurses on input, and its time grows linearly with the size of the mail. What is cut or
//! repaired is a [`Flag`]; an error means that there is no mail at all.
//!
//! A mail goes through these steps, one module each:
//!
//! 1. `field` finds the header fields, `head` understands them (`mailbox`, `word`, `date`).
//! 2. `structure` finds the MIME parts in one pass, `parameter` reads their types.
//! 3. `body` chooses the text and the attachments; `transfer` and `charset` decode them, `html`
//!    makes HTML readable, `invisible` removes what no reader sees.
//! 4. `link`, `drive`, `invitation` and `segment` say what is in the text.
//!
//! All text from outside is [`Untrusted`]. To read one more header field, add it to [`Headers`];
//! to recognise one more content, add a module beside `invitation` and a variant to [`Kind`].
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::{
    attachment::Attachment,
    caps::{Caps, MailError},
    drive::{DriveId, DriveKind, DriveLink},
    flag::{Flag, Flags},
    head::{AutoSubmitted, Headers, Recipient, RecipientKind},
    html::{HtmlText, html_to_text},
    identity::content_hash,
    invitation::{CalendarTime, Invitation, InvitationSource, Method, read_invitation},
    mailbox::Mailbox,
    segment::{Segment, SegmentKind, segments},
};
use crate::untrusted::Untrusted;

mod attachment;
mod body;
pub mod caps;
mod charset;
mod date;
mod drive;
mod field;
mod flag;
mod head;
mod html;
mod identity;
mod invisible;
mod invitation;
mod link;
mod mailbox;
mod parameter;
mod segment;
mod structure;
mod transfer;
mod word;

/// Holds one mail: its headers, its text, and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// What the header says.
    pub headers: Headers,
    /// The text: plain text if there is any, otherwise made from HTML. Line ends are LF.
    pub text: Untrusted<String>,
    /// The raw HTML body.
    pub html: Option<Untrusted<String>>,
    /// Which bytes of `text` are the sender's own, quoted, or a signature.
    pub segments: Vec<Segment>,
    /// Every part that is no text, in order.
    pub attachments: Vec<Attachment>,
    /// Each http(s) link once: those of the text, then those of the HTML.
    pub links: Vec<Untrusted<String>>,
    /// The Google Drive files and folders that the links lead to.
    pub drive_links: Vec<DriveLink>,
    /// The calendar event that the mail is about.
    pub invitation: Option<Invitation>,
    /// What was cut, repaired or removed, in the header or the body.
    pub flags: Flags,
}

/// Reads a raw mail.
///
/// # Errors
///
/// [`MailError`] when it exceeds [`Caps::mail_bytes`] or has no header.
pub fn read(raw: &[u8], caps: &Caps) -> Result<Mail, MailError> {
    if raw.len() > caps.mail_bytes {
        return Err(MailError::TooLarge { bytes: raw.len(), limit: caps.mail_bytes });
    }
    let raw = with_line_feeds(raw);
    let block = header_block(&raw, caps)?;
    let headers = Headers::read(&block);
    let tree = structure::Tree::read(&raw, block, caps);
    Ok(Mail::new(headers, body::read(&tree, caps), caps))
}

/// Reads the headers of a raw mail of any size, for a mail that is kept without its body.
///
/// # Errors
///
/// [`MailError`] when there is no header.
pub fn headers(raw: &[u8], caps: &Caps) -> Result<Headers, MailError> {
    // Twice the cap leaves room to find the cut; what follows is never looked at.
    let start = &raw[..raw.len().min(caps.header_bytes.saturating_mul(2))];
    let start = with_line_feeds(start);
    Ok(Headers::read(&header_block(&start, caps)?))
}

fn header_block<'a>(raw: &'a [u8], caps: &Caps) -> Result<field::Block<'a>, MailError> {
    let text = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    let Some(start) = text.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'\t'))
    else {
        return Err(MailError::Empty);
    };
    let start = start + raw.len() - text.len();
    let block = field::block(raw, start, caps.header_bytes, |_| false);
    if block.fields.is_empty() { Err(MailError::NotMail) } else { Ok(block) }
}

/// Mail of old Macintosh programs ends its lines by CR alone.
fn with_line_feeds(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\n', raw).is_some() || memchr::memchr(b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

impl Mail {
    fn new(headers: Headers, body: body::Body, caps: &Caps) -> Self {
        let mut flags = headers.flags;
        flags.extend(body.flags);
        let (links, drive_links, link_flags) = body.links.into_parts();
        flags.extend(link_flags);
        let segments = segments(&body.text);
        let mut mail = Self {
            headers,
            text: body.text.into(),
            html: body.html.map(Untrusted::new),
            segments,
            attachments: body.attachments,
            links,
            drive_links,
            invitation: None,
            flags,
        };
        mail.invitation = mail.find_invitation(body.calendar_method.as_deref(), caps);
        mail
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

    /// Lists the segments with their text.
    pub fn parts_of_text(&self) -> impl Iterator<Item = (SegmentKind, Untrusted<&str>)> {
        self.segments.iter().map(|segment| {
            let text = self.text.expose().get(segment.range.clone()).unwrap_or_default();
            (segment.kind, Untrusted::new(text))
        })
    }

    /// Returns the text without quoted history and signatures.
    #[must_use]
    pub fn own_text(&self) -> Untrusted<String> {
        let own = self.parts_of_text().filter(|(kind, _)| *kind == SegmentKind::Own);
        Untrusted::new(own.map(|(_, text)| text.into_exposed()).collect())
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

    /// Tells why the mail must be ignored, if it must (DESIGN.md section 8, MAIL-18).
    ///
    /// Only automatic replies and bounces are, and not those that bring a calendar or a Drive
    /// link: a calendar program answers automatically too.
    #[must_use]
    pub fn ignored(&self) -> Option<Ignored> {
        if !self.drive_links.is_empty() || self.attachments.iter().any(Attachment::is_calendar) {
            return None;
        }
        if self.headers.auto_submitted == Some(AutoSubmitted::Replied) {
            return Some(Ignored::AutomaticReply);
        }
        self.headers.null_return_path.then_some(Ignored::NullReturnPath)
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
    /// Returns how certain the kind is, from 0 to 1 (MAIL-12; the fallback is half as certain).
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
pub enum Ignored {
    /// `Auto-Submitted: auto-replied`.
    AutomaticReply,
    /// An empty `Return-Path`: a bounce.
    NullReturnPath,
}

#[cfg(test)]
mod tests;
