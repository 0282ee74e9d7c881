//! What became of an item at the source: exactly one state, with its reason.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    address::Username,
    source::{ItemId, Revision},
    untrusted::Untrusted,
};

/// The state of an item (ARCHITECTURE.md L12); its documents have states of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum ItemState {
    /// It became one document for each owner; they are routed or wait for review.
    Stored,
    /// It is none of our business, and remembered so that it is not fetched again.
    Ignored(IgnoredReason),
    /// It could not be taken in; visible, and tried again when somebody asks.
    Quarantined(QuarantineReason),
    /// It was there once and is gone at the source.
    Removed,
}

/// Why an item is none of our business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "detail")]
pub enum IgnoredReason {
    /// No virtual address among its recipients (MAIL-10).
    NotAddressed,
    /// Virtual addresses only of names nobody has (MAIL-10).
    UnknownUser(Vec<Username>),
    /// An automatic reply (`Auto-Submitted: auto-replied`, MAIL-18).
    AutoReply,
    /// A bounce: null return path, with neither an invitation nor a Drive link (MAIL-18).
    Bounce,
}

/// Why an item could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why", content = "detail")]
pub enum QuarantineReason {
    /// The source cannot decode it; its own words, without content.
    Unreadable(String),
    /// It breaks a limit of ours; the limit by name.
    Refused(String),
    /// It is larger than what is read; kept with what its headers say.
    TooLarge(Box<Oversized>),
    /// The source kept failing on it.
    KeepsFailing(String),
    /// The source did not answer for it.
    NotAnswered,
    /// Reading it panicked, which is a bug of ours.
    Panicked,
}

/// What is known of an item that is too large to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oversized {
    /// How large it is.
    pub size_bytes: u64,
    /// How much is read at most.
    pub limit_bytes: u64,
    /// What it is about, from its headers.
    pub subject: Untrusted<String>,
    /// Who sent it, from its headers.
    pub from: Untrusted<String>,
}

impl ItemState {
    /// Returns the stored name of the state.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Ignored(_) => "ignored",
            Self::Quarantined(_) => "quarantined",
            Self::Removed => "removed",
        }
    }
}

impl fmt::Display for IgnoredReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAddressed => f.write_str("no virtual address among its recipients"),
            Self::UnknownUser(names) => {
                let names: Vec<&str> = names.iter().map(Username::as_str).collect();
                write!(f, "nobody is called {}", names.join(", "))
            }
            Self::AutoReply => f.write_str("an automatic reply"),
            Self::Bounce => f.write_str("a bounce"),
        }
    }
}

impl fmt::Display for QuarantineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "unreadable at the source: {why}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::TooLarge(item) => write!(
                f,
                "{} bytes are more than the {} that are read",
                item.size_bytes, item.limit_bytes
            ),
            Self::KeepsFailing(why) => write!(f, "the source keeps failing on it: {why}"),
            Self::NotAnswered => f.write_str("the source did not answer for it"),
            Self::Panicked => f.write_str("reading it panicked, which is a bug"),
        }
    }
}

/// An item as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id in the account.
    pub id: ItemId,
    /// The revision we hold.
    pub revision: Option<Revision>,
    /// What became of it.
    pub state: ItemState,
}
