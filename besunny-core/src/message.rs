//! A mail as its source hands it over, and what a source may do to it afterwards.
use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::source::{ItemId, Source, SourceError, StreamRef};

/// A source of mail.
///
/// In scope is every mail but spam, trash and drafts; a mail that moves
/// there is [`Removed`](crate::source::Change::Removed), one that comes back is present again.
pub trait MailSource: Source<Message> {}

impl<S: Source<Message>> MailSource for S {}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its bytes.
    pub raw: RawMail,
    /// When the source received it, where the source knows.
    pub received_at: Option<DateTime<Utc>>,
}

/// The bytes of a mail.
#[derive(Clone)]
pub enum RawMail {
    /// All of it, as on the wire (RFC 5322).
    Whole(Bytes),
    /// More than the adapter reads; only its headers.
    TooLarge {
        /// The headers.
        headers: Bytes,
        /// How large it is, as far as the source says.
        size_bytes: u64,
    },
}

impl Debug for RawMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(raw) => write!(f, "Whole({} bytes)", raw.len()),
            Self::TooLarge { size_bytes, .. } => write!(f, "TooLarge({size_bytes} bytes)"),
        }
    }
}

/// What is done to a mail at its source once its documents are stored (MAIL-14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Filing {
    /// Nothing.
    #[default]
    None,
    /// Marked as read, and given a label.
    ReadAndLabel(String),
    /// Given a label.
    Label(String),
}

/// A mail source that can mark what was processed.
///
/// # Contract
/// - `file` MUST give the mail its label (`filing.mark.label`), MUST mark it as read where that is
///   asked for (`filing.mark.read`), and MUST do nothing for [`Filing::None`] (`filing.mark.none`).
/// - It MUST NOT change another mail (`filing.mark.neighbours`).
/// - A mail that is gone MUST be no error (`filing.mark.gone`).
///
/// # Errors
/// A failure MUST be an error of the call, and the adapter MUST NOT try again by itself
/// (`filing.errors.not-swallowed`).
///
/// # Cancellation
/// A dropped call may have marked the mail.
///
/// # Idempotence
/// A mail that is marked twice MUST be as one that is marked once (`filing.mark.repeatable`).
#[async_trait]
pub trait MailFiling: Debug + Send + Sync {
    /// Marks `item`.
    async fn file(
        &self,
        stream: &StreamRef,
        item: &ItemId,
        filing: &Filing,
    ) -> Result<(), SourceError>;
}
