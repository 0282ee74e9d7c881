//! What goes on in the call of a meeting, and what a person does there by the bot (BOT-8).
use besunny::{
    OwnMeeting,
    core::{
        bot::{ChatMessage, ChatTo, Coming, Movement, Portion},
        meeting::Meeting,
        source::{Cursor, SourceErrorKind},
        untrusted::Untrusted,
        worker::CallError,
    },
};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Site, meeting,
    problem::{Kind, Problem},
};

/// The longest message: Attendee's limit (attendee.md 2.1), which no other provider exceeds by much.
const TEXT: usize = 10_000;
/// No provider's place in a list is longer; ours are some 100 characters.
const CURSOR: usize = 1_000;

/// Where a list of the provider goes on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// Only what came after this: `next` of an earlier answer.
    #[serde(default)]
    after: Option<String>,
}

/// A part of the chat of a call; names and texts are untrusted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Chat {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Ask again with this for what comes later.
    pub next: String,
    /// Whether there is more at once.
    pub more: bool,
}

/// A message in the chat of a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// Names it within the call.
    pub id: String,
    /// Who wrote it, as the call shows them.
    pub sender: Option<String>,
    /// When.
    pub sent_at: DateTime<Utc>,
    /// Whether the bot alone was addressed.
    pub is_private: bool,
    /// The words.
    pub text: String,
}

/// What the bot is to write.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// The words; 10,000 characters at most.
    pub text: String,
    /// To one person alone, by their id in the call; to everybody without it.
    #[serde(default)]
    pub to: Option<String>,
}

/// Who came into a call and left it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Comings {
    /// The comings and goings, oldest first.
    pub comings: Vec<ComingEntry>,
    /// Ask again with this for what comes later.
    pub next: String,
    /// Whether there is more at once.
    pub more: bool,
}

/// Somebody came or went.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ComingEntry {
    /// Names the person within the call; `to` of a message takes it.
    pub person: String,
    /// What the call shows as their name.
    pub name: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// `joined` or `left`; null for what is not known.
    #[schema(value_type = Option<String>)]
    pub movement: Option<Movement>,
}

/// Where the recording of a call can be had.
#[expect(missing_debug_implementations, reason = "whoever has the address is let in")]
#[derive(Clone, Serialize, ToSchema)]
pub struct RecordingAddress {
    /// The address, which lets in whoever has it.
    pub url: String,
    /// Until when it is good, where the provider says so; ask again for another one.
    pub until: Option<DateTime<Utc>>,
    /// When the recording begins.
    pub starts_at: Option<DateTime<Utc>>,
}

/// Names a meeting of the person to the engine.
pub(super) fn of<'a>(site: &'a Site, meeting: &Meeting) -> OwnMeeting<'a> {
    OwnMeeting { scope: site.scope(), owner: site.user(), meeting: meeting.id }
}

impl Since {
    /// Wants what came after `next` of an earlier answer.
    pub(super) const fn behind(next: String) -> Self {
        Self { after: Some(next) }
    }

    /// Returns a meeting of the person, and where the list of its call goes on.
    async fn of(self, site: &Site, id: &str) -> Result<(Meeting, Option<Cursor>), Problem> {
        Ok((meeting::own(site, id).await?, self.cursor()?))
    }

    fn cursor(self) -> Result<Option<Cursor>, Problem> {
        if self.after.as_ref().is_some_and(|after| after.len() > CURSOR) {
            return Err(Problem::bad_request("`after` is no `next` of an earlier answer."));
        }
        Ok(self.after.map(Cursor::from_source))
    }
}

impl Chat {
    pub(super) async fn read(site: &Site, id: &str, since: Since) -> Result<Self, Problem> {
        let (meeting, after) = since.of(site, id).await?;
        let read = site.besunny().read_chat(of(site, &meeting), after.as_ref()).await?;
        let Portion { entries, next, more } = read;
        let messages = entries.into_iter().map(Message::of).collect();
        Ok(Self { messages, next: next.as_str().to_owned(), more })
    }
}

impl Message {
    fn of(message: ChatMessage) -> Self {
        Self {
            id: message.id.into_exposed(),
            sender: message.sender.name.map(Untrusted::into_exposed),
            sent_at: message.sent_at,
            is_private: message.is_private,
            text: message.text.into_exposed(),
        }
    }
}

impl NewMessage {
    /// Lets the bot write it.
    pub(super) async fn send(self, site: &Site, id: &str) -> Result<(), Problem> {
        let meeting = meeting::own(site, id).await?;
        let text = self.text.trim();
        if text.is_empty() || text.chars().count() > TEXT {
            let message = format!("A message has 1 to {TEXT} characters.");
            return Err(Problem::new(Kind::BadRequest, message, "Write it in several parts."));
        }
        let to = self.to.map_or(ChatTo::Everyone, |person| ChatTo::One(person.into()));
        Ok(site.besunny().write_in_chat(of(site, &meeting), text, &to).await?)
    }
}

impl Comings {
    pub(super) async fn read(site: &Site, id: &str, since: Since) -> Result<Self, Problem> {
        let (meeting, after) = since.of(site, id).await?;
        let read = site.besunny().comings(of(site, &meeting), after.as_ref()).await?;
        let Portion { entries, next, more } = read;
        let comings = entries.into_iter().map(ComingEntry::of).collect();
        Ok(Self { comings, next: next.as_str().to_owned(), more })
    }
}

impl ComingEntry {
    fn of(coming: Coming) -> Self {
        Self {
            person: coming.who.id.into_exposed(),
            name: coming.who.name.map(Untrusted::into_exposed),
            at: coming.at,
            movement: coming.movement,
        }
    }
}

impl RecordingAddress {
    pub(super) async fn read(site: &Site, id: &str) -> Result<Self, Problem> {
        let meeting = meeting::own(site, id).await?;
        let link = site.besunny().recording(of(site, &meeting)).await?;
        let url = link.url.expose_secret().to_owned();
        // A browser is sent there.
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(CallError::NoRecording.into());
        }
        Ok(Self { url, until: link.until, starts_at: link.starts_at })
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let (kind, fix) = match &error {
            CallError::NoBot => (Kind::Conflict, "Send a bot to the meeting first."),
            CallError::NoPower(_) => {
                (Kind::NoPower, "Use the call itself, or the provider's own pages.")
            }
            CallError::Early => (Kind::Conflict, "Try again when the bot is in the call."),
            CallError::Over => (Kind::Conflict, "Use the call itself, while it goes on."),
            CallError::NotOver => {
                (Kind::Conflict, "Keep bots out, or wait until the meeting is over.")
            }
            CallError::NoRecording => (
                Kind::Missing,
                "See that `attendee.recording` asks for one, and wait until the bot is done.",
            ),
            CallError::Source(failure) => return provider_failed(failure.kind, &error),
            _ => (Kind::Provider, "Look at the log of the server."),
        };
        Self::new(kind, super::problem::sentence(&error), fix)
    }
}

/// Says what a provider did wrong, and nothing of what it said.
fn provider_failed(kind: SourceErrorKind, error: &CallError) -> Problem {
    tracing::warn!(error = error as &dyn std::error::Error, "a provider of bots failed");
    let message = format!("The provider of bots did not do as it was asked: {kind}.");
    let fix = match kind {
        SourceErrorKind::Unauthorized
        | SourceErrorKind::Forbidden
        | SourceErrorKind::Misconfigured => "`besunny doctor` says what to mend.",
        SourceErrorKind::StreamGone => "The bot is gone at its provider; nothing can be done.",
        SourceErrorKind::PageExpired | SourceErrorKind::Malformed => {
            "Leave `after` out, shorten the message and leave emoji out; then try again."
        }
        SourceErrorKind::Unavailable
        | SourceErrorKind::RateLimited
        | SourceErrorKind::LimitReached => "Try again in a minute.",
        _ => "Try again; if it stays so, look at the log of the server.",
    };
    Problem::new(Kind::Provider, message, fix)
}
