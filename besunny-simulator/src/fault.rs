//! What can go wrong on purpose.
//!
//! Rules are scripts ("the third `messages.get` of ann@ fails twice"); chances are drawn from a
//! seed, by the number of the request among those of its operation and account, so the same
//! sequence of requests meets the same faults. To add a kind: a variant in one of the five
//! groups, its name in `kind`, and the place that carries it out.

use serde::{Deserialize, Serialize};

use crate::config::{RateRefusal, RetryAfterForm};
use crate::operation::Operation;
use crate::pubsub::forgery::Forgery;

pub(crate) mod damage;
pub(crate) mod plan;
pub(crate) mod refusal;

/// One thing that goes wrong, in JSON `{"kind": "...", ...}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fault {
    /// The request is refused and has no effect.
    Refusal(RefusalFault),
    /// The answer's JSON is damaged; the request had its effect.
    Damage(Damage),
    /// The connection misbehaves.
    Wire(WireFault),
    /// A push notice goes astray.
    Push(PushFault),
    /// A model answers what it should not.
    Model(ModelFault),
}

/// The request is refused and has no effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RefusalFault {
    /// "Too fast", although the quota is not used up.
    RateLimited {
        /// 429 or 403.
        #[serde(default)]
        refusal: RateRefusal,
        /// When to come again.
        #[serde(default)]
        retry_after: RetryAfter,
    },
    /// A server error with a JSON body.
    ServerError {
        /// 500, 502, 503 or 504.
        status: u16,
        /// When to come again.
        #[serde(default)]
        retry_after: RetryAfter,
    },
    /// An error with the HTML page of Google's front end.
    HtmlError {
        /// Any status.
        status: u16,
    },
    /// An error without a body.
    EmptyError {
        /// Any status.
        status: u16,
    },
    /// The access token stops being valid before its time.
    ExpiredToken,
    /// The grant is revoked, for ever.
    RevokedGrant,
    /// The page token of this request is dead; only for requests that have one.
    DeadPageToken,
    /// The history id of this request is too old.
    ExpiredHistory,
    /// The sync token of this request is no longer valid.
    ExpiredSync {
        /// What Calendar says.
        #[serde(default)]
        lost: LostSync,
    },
}

/// Why Calendar gives up a sync token, both with 410.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostSync {
    /// The token is too old, or access has changed.
    #[default]
    FullSyncRequired,
    /// The time of the last change that is asked for is too long ago.
    UpdatedMinTooLongAgo,
}

/// The answer's JSON is damaged; the request had its effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Damage {
    /// The JSON ends too early, although the connection is fine.
    InvalidJson,
    /// `raw` and `data` lose their padding.
    UnpaddedBase64,
    /// A field is odd wherever it stands.
    OddField {
        /// The name of the field.
        field: String,
        /// What is odd about it.
        oddity: Oddity,
    },
    /// Fields of one item of a page have wrong types.
    MalformedItem {
        /// Whether its id is spoiled too.
        #[serde(default)]
        id: SpoiledId,
    },
    /// The page has no items, but a token for more.
    EmptyPage,
    /// The token for the next page reads the same page again.
    RepeatPageToken,
}

/// Whether the id of a malformed item can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpoiledId {
    /// It is as it was.
    #[default]
    Readable,
    /// It is not a string.
    Unreadable,
}

/// What is odd about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// It is not there.
    Missing,
    /// It is null.
    Null,
    /// A string of digits is a number, as in `"historyId": 5`.
    Number,
    /// A number or truth value is a string.
    Text,
}

/// The connection misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WireFault {
    /// The answer comes late.
    Latency {
        /// Virtual milliseconds.
        ms: u64,
    },
    /// The connection is cut before the request has an effect.
    DropRequest,
    /// The request has its effect, then the connection is cut without an answer.
    DropAnswer,
    /// The connection is cut in the middle of the body.
    CutBody,
    /// The body comes in pieces.
    SlowBody {
        /// Virtual milliseconds between two of the ten pieces.
        pause_ms: u64,
    },
    /// Half of the body comes, then nothing.
    StallBody,
    /// Nothing comes, and the connection stays open.
    Stall,
    /// The body is compressed, if the client accepts it.
    Gzip,
}

/// A push notice goes astray.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PushFault {
    /// The notice is lost.
    DropNotice,
    /// The notice comes several times.
    RepeatNotice {
        /// How often, in all.
        copies: u32,
    },
    /// The notice comes late.
    DelayNotice {
        /// Virtual milliseconds.
        ms: u64,
    },
    /// The notice comes after the next one of its subscription.
    ReorderNotice,
    /// A forged notice comes just before the genuine one.
    ForgeNotice {
        /// How it is forged.
        forgery: Forgery,
    },
}

/// A model answers what it should not; only for `openai.chat.completions.create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelFault {
    /// The answer is half of its JSON.
    MalformedAnswer,
    /// The answer is JSON of another form.
    WrongSchema,
    /// The choice is one that was not offered.
    UnknownAlias {
        /// Which one.
        alias: String,
    },
    /// The confidence is odd.
    OddConfidence {
        /// What stands there, which need not be JSON: `"false"`, `NaN`, `2.0`.
        value: String,
    },
    /// The answer is this text.
    Says {
        /// The text.
        content: String,
    },
    /// The model declines.
    Refuses,
    /// The answer has no choice.
    EmptyChoices,
    /// The message has no content.
    NoContent,
    /// The answer ends at the most tokens that were allowed.
    CutAnswer,
    /// A filter holds the answer back.
    Filtered,
    /// The credit is used up: 429 with `insufficient_quota`.
    NoCredit,
    /// The prompt is longer than the model reads: 400 with `context_length_exceeded`.
    PromptTooLong,
}

/// When a refused client may come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// No header.
    #[default]
    Absent,
    /// That many seconds, as a number.
    Seconds(u64),
    /// That many seconds from now, as a date.
    HttpDate(u64),
}

impl RetryAfter {
    pub(crate) fn parts(self) -> (RetryAfterForm, u64) {
        match self {
            Self::Absent => (RetryAfterForm::Absent, 0),
            Self::Seconds(seconds) => (RetryAfterForm::Seconds, seconds),
            Self::HttpDate(seconds) => (RetryAfterForm::HttpDate, seconds),
        }
    }
}

/// What a fault must know of a request to tell whether it applies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) operation: Operation,
    pub(crate) account: Option<&'a str>,
    /// The message that the request names.
    pub(crate) message: Option<&'a str>,
    pub(crate) has_page_token: bool,
    pub(crate) has_sync_token: bool,
}

impl Fault {
    /// The name under which deliveries are counted.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refusal(fault) => fault.kind(),
            Self::Damage(fault) => fault.kind(),
            Self::Wire(fault) => fault.kind(),
            Self::Push(fault) => fault.kind(),
            Self::Model(fault) => fault.kind(),
        }
    }

    pub(crate) fn applies(&self, sight: Sight<'_>) -> bool {
        let is_push = sight.operation.is_push();
        match self {
            Self::Refusal(fault) => !is_push && fault.applies(sight),
            Self::Damage(fault) => fault.applies(sight.operation),
            Self::Wire(_) => !is_push,
            Self::Push(_) => is_push,
            Self::Model(_) => sight.operation == Operation::CreateChatCompletion,
        }
    }
}

impl RefusalFault {
    fn kind(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate_limited",
            Self::ServerError { .. } => "server_error",
            Self::HtmlError { .. } => "html_error",
            Self::EmptyError { .. } => "empty_error",
            Self::ExpiredToken => "expired_token",
            Self::RevokedGrant => "revoked_grant",
            Self::DeadPageToken => "dead_page_token",
            Self::ExpiredHistory => "expired_history",
            Self::ExpiredSync { .. } => "expired_sync",
        }
    }

    fn applies(&self, sight: Sight<'_>) -> bool {
        match self {
            Self::DeadPageToken => sight.operation.is_paged() && sight.has_page_token,
            Self::ExpiredHistory => sight.operation == Operation::ListHistory,
            Self::ExpiredSync { .. } => sight.has_sync_token,
            Self::ExpiredToken => !sight.operation.scopes().is_empty(),
            Self::RevokedGrant => sight.account.is_some(),
            Self::RateLimited { .. }
            | Self::ServerError { .. }
            | Self::HtmlError { .. }
            | Self::EmptyError { .. } => true,
        }
    }
}

impl Damage {
    fn kind(&self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::UnpaddedBase64 => "unpadded_base64",
            Self::OddField { .. } => "odd_field",
            Self::MalformedItem { .. } => "malformed_item",
            Self::EmptyPage => "empty_page",
            Self::RepeatPageToken => "repeat_page_token",
        }
    }

    fn applies(&self, operation: Operation) -> bool {
        match self {
            Self::InvalidJson | Self::OddField { .. } => {
                !operation.is_push()
                    && !matches!(operation, Operation::Stop | Operation::StopChannel)
            }
            Self::UnpaddedBase64 => {
                matches!(operation, Operation::GetMessage | Operation::GetAttachment)
            }
            Self::MalformedItem { .. } | Self::EmptyPage | Self::RepeatPageToken => {
                operation.is_paged()
            }
        }
    }
}

impl WireFault {
    fn kind(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::DropRequest => "drop_request",
            Self::DropAnswer => "drop_answer",
            Self::CutBody => "cut_body",
            Self::SlowBody { .. } => "slow_body",
            Self::StallBody => "stall_body",
            Self::Stall => "stall",
            Self::Gzip => "gzip",
        }
    }
}

impl PushFault {
    fn kind(&self) -> &'static str {
        match self {
            Self::DropNotice => "drop_notice",
            Self::RepeatNotice { .. } => "repeat_notice",
            Self::DelayNotice { .. } => "delay_notice",
            Self::ReorderNotice => "reorder_notice",
            Self::ForgeNotice { .. } => "forge_notice",
        }
    }
}

impl ModelFault {
    fn kind(&self) -> &'static str {
        match self {
            Self::MalformedAnswer => "malformed_answer",
            Self::WrongSchema => "wrong_schema",
            Self::UnknownAlias { .. } => "unknown_alias",
            Self::OddConfidence { .. } => "odd_confidence",
            Self::Says { .. } => "says",
            Self::Refuses => "refuses",
            Self::EmptyChoices => "empty_choices",
            Self::NoContent => "no_content",
            Self::CutAnswer => "cut_answer",
            Self::Filtered => "filtered",
            Self::NoCredit => "no_credit",
            Self::PromptTooLong => "prompt_too_long",
        }
    }
}
