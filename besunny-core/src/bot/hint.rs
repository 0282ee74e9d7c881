//! What a provider calls back with: checked, and then only a hint (BOT-9, BOT-10).
use std::fmt::Debug;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;

use super::{BotPhase, BotRef};
use crate::{
    push::{Delivery, Rejected},
    untrusted::Untrusted,
};

/// What a genuine delivery says; the truth is read through `find` and `transcript`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BotNotice {
    /// Which bot it is about, where it says so; the store resolves it to an owner, never the delivery.
    pub bot: Option<BotRef>,
    /// The provider's id of the delivery; the same for each try, whatever the body is then.
    pub dedup: Option<String>,
    /// What to look at.
    pub hint: BotHint,
}

/// What a delivery hints at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum BotHint {
    /// The bot went on.
    Phase {
        /// Where to; none for a word that the adapter does not know.
        phase: Option<BotPhase>,
        /// The provider's word.
        word: Untrusted<String>,
        /// When, by the provider's clock.
        at: Option<DateTime<Utc>>,
    },
    /// Something was said.
    Transcript,
    /// Something was written in the chat.
    Chat,
    /// Somebody came, went, or spoke.
    Presence,
    /// Nothing that we look at.
    Other {
        /// The provider's word.
        word: Untrusted<String>,
    },
}

/// Turns a delivery about bots into what it hints at. Pure: no clock, no store, no network.
///
/// # Contract
/// - What carries no proof MUST be refused as [`Rejected::Unsigned`] (`delivery.proof.missing`), and
///   whatever differs from what was signed as [`Rejected::BadSignature`] (`delivery.proof.forged`).
/// - A delivery under any of the `secrets` MUST be taken, so that a secret can be replaced without a gap
///   (`delivery.secrets.several`); without a secret nothing MUST be taken (`delivery.secrets.none`).
/// - What is proven and makes no sense MUST be [`Rejected::Unreadable`] (`delivery.body.unreadable`).
/// - A genuine delivery MUST name its bot and what to look at (`delivery.hint.about`), and the same one
///   MUST always give the same (`delivery.hint.same`).
///
/// # Errors
/// [`Rejected`], without a word of the delivery.
///
/// # Cancellation
/// There is none: it is one computation.
///
/// # Idempotence
/// Reading a delivery changes nothing; who stores it keeps [`BotNotice::dedup`].
pub trait BotReceiver: Debug + Send + Sync {
    /// Checks and reads `delivery` with the secrets that are good now.
    fn receive(
        &self,
        delivery: &Delivery<'_>,
        secrets: &[SecretString],
    ) -> Result<BotNotice, Rejected>;
}
