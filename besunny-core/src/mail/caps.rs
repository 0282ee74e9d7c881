//! What one mail may cost, and the errors of a mail that is refused (MAIL-11, MAIL-18).
use thiserror::Error;

/// Limits the bytes of a whole mail: Gmail accepts no larger ones (MAIL-18).
pub const MAIL_BYTES: usize = 25 * 1024 * 1024;

/// Limits one header block; the longest of the public test sets has 55 KiB.
pub const HEADER_BYTES: usize = 256 * 1024;

/// Limits how deep multiparts nest before they are kept unopened (MAIL-11).
pub const DEPTH: usize = 10;

/// Limits the MIME parts that are read.
pub const PARTS: usize = 1_000;

/// Limits the text that comes out of one mail.
pub const TEXT_BYTES: usize = 2 * 1024 * 1024;

/// Limits the HTML source that is read: as much as comes out.
pub const HTML_BYTES: usize = 2 * 1024 * 1024;

/// Limits the distinct links of one mail; only digests have more.
pub const LINKS: usize = 1_000;

/// Limits the calendar part that is read; 1 MiB holds thousands of events.
pub const CALENDAR_BYTES: usize = 1024 * 1024;

/// Bounds the cost of one mail; the default suits a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the raw mail; a larger one is refused.
    pub bytes: usize,
    /// Bytes of one header block; fields beyond are left out.
    pub header_bytes: usize,
    /// Nesting of multiparts; a deeper one is kept as an attachment.
    pub depth: usize,
    /// MIME parts; what follows them is left out.
    pub parts: usize,
    /// Bytes of text that come out.
    pub text_bytes: usize,
    /// Bytes of HTML source that are kept and converted.
    pub html_bytes: usize,
    /// Distinct links that are collected.
    pub links: usize,
    /// Bytes of a calendar part that are read.
    pub calendar_bytes: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            bytes: MAIL_BYTES,
            header_bytes: HEADER_BYTES,
            depth: DEPTH,
            parts: PARTS,
            text_bytes: TEXT_BYTES,
            html_bytes: HTML_BYTES,
            links: LINKS,
            calendar_bytes: CALENDAR_BYTES,
        }
    }
}

/// Says why a mail cannot be read at all.
///
/// It names the limit and never carries content. Everything that leaves the rest of a mail useful
/// (too many parts, too deep, too long a text) is a [`Flag`](super::Flag) of the result instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MailError {
    /// The raw mail exceeds [`Caps::bytes`]; its headers can still be read.
    #[error("mail of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Size of the mail.
        bytes: usize,
        /// The limit in force.
        limit: usize,
    },
    /// There are no bytes but white space.
    #[error("mail is empty")]
    Empty,
    /// No header field is recognisable at the start.
    #[error("no mail header found")]
    NotMail,
}
