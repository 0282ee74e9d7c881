//! How far a bot is, in the one order that all providers are read into (BOT-7).
use serde::{Deserialize, Serialize};

use crate::untrusted::Untrusted;

/// How far a bot is; in order, so that a late event never moves it back.
///
/// `Failed` stands before `Done`: a bot that failed may still bring a transcript, and is done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BotPhase {
    /// It joins later, and can be moved and cancelled.
    Planned,
    /// It is about to join, and can be neither moved nor stopped.
    Committed,
    /// It is on its way.
    Joining,
    /// It waits to be let in.
    Lobby,
    /// It is in the call, or moves between rooms of it.
    InCall,
    /// It is leaving.
    Leaving,
    /// It has left; what it recorded is being prepared.
    Processing,
    /// It did not join, or broke; there may be a transcript all the same.
    Failed,
    /// It was in the call, and everything is prepared.
    Done,
    /// What it recorded was deleted at the provider.
    Erased,
}

/// Whether a bot in the call records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// It does not, or the provider does not say.
    #[default]
    Off,
    /// It does.
    On,
    /// Somebody paused it.
    Paused,
    /// The host does not allow it (BOT-15).
    Denied,
}

/// Why a bot is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The reason, in our words.
    pub reason: EndReason,
    /// The reason in the provider's words, where it gives one.
    pub word: Option<Untrusted<String>>,
}

/// Why a bot is over, in words that all providers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The meeting ended.
    MeetingEnded,
    /// We stopped it.
    Requested,
    /// Somebody in the call removed it.
    Removed,
    /// Nobody let it in.
    NotAdmitted,
    /// The meeting never began.
    NotStarted,
    /// There is no such meeting.
    BadLink,
    /// The meeting wants a login.
    LoginRequired,
    /// The meeting wants proof of a person.
    Captcha,
    /// Nobody spoke.
    Silence,
    /// It was alone.
    Alone,
    /// It was in the call as long as it may.
    MaxTime,
    /// A limit at the provider was used up.
    LimitReached,
    /// The provider broke.
    ProviderFault,
    /// A word that the adapter does not know.
    Other,
}

impl BotPhase {
    /// Says whether a bot that was seen in `older` can be in `self` now.
    ///
    /// The same phase follows itself: what is told twice changes nothing.
    #[must_use]
    pub fn may_follow(self, older: Self) -> bool {
        self >= older
    }

    /// Returns the phase to keep after `seen` was told; an unknown word changes nothing (BOT-7).
    #[must_use]
    pub fn after(self, seen: Option<Self>) -> Self {
        seen.filter(|seen| seen.may_follow(self)).unwrap_or(self)
    }

    /// Says whether nothing more happens to the bot; late pieces of its transcript aside.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Failed | Self::Done | Self::Erased => true,
            Self::Planned
            | Self::Committed
            | Self::Joining
            | Self::Lobby
            | Self::InCall
            | Self::Leaving
            | Self::Processing => false,
        }
    }

    /// Says whether it is on its way into the call or in it, so that a stop makes it leave.
    #[must_use]
    pub const fn is_present(self) -> bool {
        match self {
            Self::Joining | Self::Lobby | Self::InCall => true,
            Self::Planned
            | Self::Committed
            | Self::Leaving
            | Self::Processing
            | Self::Failed
            | Self::Done
            | Self::Erased => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BotPhase::*, *};

    const ORDER: [BotPhase; 10] =
        [Planned, Committed, Joining, Lobby, InCall, Leaving, Processing, Failed, Done, Erased];

    #[test]
    fn bot_7_no_event_moves_a_bot_back() {
        for (place, older) in ORDER.into_iter().enumerate() {
            for (other, newer) in ORDER.into_iter().enumerate() {
                assert_eq!(newer.may_follow(older), other >= place, "{older:?} {newer:?}");
                let kept = older.after(Some(newer));
                assert_eq!(kept, ORDER[place.max(other)], "{older:?} {newer:?}");
            }
            assert_eq!(older.after(None), older);
            assert_eq!(older.is_over(), older >= Failed, "{older:?}");
        }
    }

    #[test]
    fn the_stored_words() {
        insta::assert_json_snapshot!(ORDER, @r#"
        [
          "planned",
          "committed",
          "joining",
          "lobby",
          "in_call",
          "leaving",
          "processing",
          "failed",
          "done",
          "erased"
        ]
        "#);
    }
}
