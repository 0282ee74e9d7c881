//! What a refusal means. Nearly all have status 400, so its first words decide; none of them is kept.
use besunny_core::{bot::BotPhase, source::SourceErrorKind};
use reqwest::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use crate::word;

/// A refusal, without a word of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {}: {}{}", .status.as_u16(), .sense.as_str(), shown(*.error_id))]
pub(crate) struct Refusal {
    status: StatusCode,
    pub(crate) sense: Sense,
    /// The phase that stands in the way, where the refusal names one that we know.
    pub(crate) phase: Option<BotPhase>,
    /// What the operators of the server can find it by.
    error_id: Option<Uuid>,
}

/// What the first words of a refusal mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    /// A bot that is not over has the key.
    KeyInUse,
    TooManyBots,
    NoCredits,
    /// The bot is in a phase in which this is not possible.
    WrongPhase,
    /// The bot did not react in time.
    NoReaction,
    NoSuchBot,
    NoRecording,
    DeadPage,
    /// The server failed, whatever its status says.
    Broken,
    Conflict,
    /// Something is to be set in the dashboard.
    Setup,
    /// A field of the request is not as the server wants it.
    Invalid,
    /// Words that we do not know.
    Other,
}

/// Beginnings of texts, as Attendee 1.64 writes them.
const BEGINNINGS: [(&str, Sense); 19] = [
    ("Deduplication key already in use", Sense::KeyInUse),
    ("You have exceeded the maximum number of concurrent bots", Sense::TooManyBots),
    ("Organization has run out of credits", Sense::NoCredits),
    ("Bot is in state ", Sense::WrongPhase),
    ("Event leave_requested not allowed when bot is in state ", Sense::WrongPhase),
    ("Bot is not in a state where the data deleted event", Sense::WrongPhase),
    ("Unable to pause recording", Sense::NoReaction),
    ("Unable to resume recording", Sense::NoReaction),
    ("Bot not found", Sense::NoSuchBot),
    ("No recording file found for bot", Sense::NoRecording),
    ("Invalid cursor", Sense::DeadPage),
    ("Version conflict. Please try again", Sense::Conflict),
    ("Could not connect to the endpoint URL", Sense::Broken),
    ("An error occurred while", Sense::Broken),
    ("Zoom App credentials are required", Sense::Setup),
    ("External media storage credentials", Sense::Setup),
    ("Request was throttled", Sense::Other),
    ("Invalid updated_after format", Sense::Invalid),
    ("No participant found with uuid", Sense::Invalid),
];

/// What stands before the id under which the server logs an error.
const ERROR_ID: &str = "Error ID: ";
/// What stands before the state that is in the way.
const IN_STATE: &str = "in state ";

/// The two shapes of a refusal that say why in one text; any other names fields.
#[derive(Deserialize)]
struct Said {
    error: Option<String>,
    detail: Option<String>,
}

impl Refusal {
    /// Reads an answer that is no success.
    pub(crate) fn read(status: StatusCode, body: &[u8]) -> Self {
        let said: Option<Said> = serde_json::from_slice(body).ok();
        let is_object = said.is_some();
        let said = said.and_then(|said| said.error.or(said.detail));
        let text = said.as_deref().unwrap_or_default();
        let known = BEGINNINGS.into_iter().find(|(begin, _)| text.starts_with(begin));
        let error_id = after(text, ERROR_ID).and_then(|id| id.parse().ok());
        let is_validation = text.is_empty() && is_object && status == StatusCode::BAD_REQUEST;
        let sense = match known {
            Some((_, sense)) => sense,
            None if error_id.is_some() => Sense::Broken,
            None if is_validation => Sense::Invalid,
            None => Sense::Other,
        };
        let phase = after(text, IN_STATE).and_then(word::phase);
        Self { status, sense, phase, error_id }
    }

    /// Returns the kind of a failure that means the same for every call.
    pub(crate) fn failure(&self) -> Option<SourceErrorKind> {
        let by_status = match self.status.as_u16() {
            401 => SourceErrorKind::Unauthorized,
            402 => SourceErrorKind::LimitReached,
            403 => SourceErrorKind::Forbidden,
            429 => SourceErrorKind::RateLimited,
            408 | 425 | 500..=599 => SourceErrorKind::Unavailable,
            // A redirect: the base URL is not the server's.
            300..=399 | 405 | 415 => SourceErrorKind::Misconfigured,
            404 if self.sense == Sense::Other => SourceErrorKind::Misconfigured,
            _ => return self.by_sense(),
        };
        Some(by_status)
    }

    /// Says whether a new bot was refused for what it asks for or for how many there are.
    pub(crate) const fn is_of_bot(&self) -> bool {
        matches!(self.sense, Sense::Invalid | Sense::TooManyBots | Sense::NoCredits)
    }

    fn by_sense(&self) -> Option<SourceErrorKind> {
        match self.sense {
            Sense::TooManyBots | Sense::NoCredits => Some(SourceErrorKind::LimitReached),
            Sense::NoReaction | Sense::Broken | Sense::Conflict => {
                Some(SourceErrorKind::Unavailable)
            }
            Sense::Setup => Some(SourceErrorKind::Misconfigured),
            Sense::Invalid | Sense::Other => Some(SourceErrorKind::Malformed),
            Sense::DeadPage => Some(SourceErrorKind::PageExpired),
            Sense::KeyInUse | Sense::WrongPhase | Sense::NoSuchBot | Sense::NoRecording => None,
        }
    }
}

/// Returns the word after `mark`.
fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let rest = text.split_once(mark)?.1;
    rest.split([' ', '.']).next()
}

fn shown(id: Option<Uuid>) -> String {
    id.map(|id| format!(" (error id {id})")).unwrap_or_default()
}

impl Sense {
    const fn as_str(self) -> &'static str {
        match self {
            Self::KeyInUse => "the deduplication key is in use",
            Self::TooManyBots => "too many bots at once",
            Self::NoCredits => "no credits are left",
            Self::WrongPhase => "not possible in the phase of the bot",
            Self::NoReaction => "the bot did not react",
            Self::NoSuchBot => "there is no such bot",
            Self::NoRecording => "there is no recording",
            Self::DeadPage => "the page token is dead",
            Self::Broken => "the server failed",
            Self::Conflict => "somebody else changed the bot",
            Self::Setup => "something must be set up in the dashboard",
            Self::Invalid => "a field of the request is not valid",
            Self::Other => "for a reason that is not known",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, sense: Sense, kind: Option<SourceErrorKind>) {
        let refusal = Refusal::read(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!((refusal.sense, refusal.failure()), (sense, kind), "{status} {body}");
        assert!(!refusal.to_string().contains("canary"), "{refusal}");
    }

    fn error(text: &str) -> String {
        serde_json::json!({ "error": text }).to_string()
    }

    #[test]
    fn most_have_status_400_and_are_known_by_their_words() {
        use SourceErrorKind as Kind;
        for (text, sense, kind) in [
            ("Deduplication key already in use. A bot canary", Sense::KeyInUse, None),
            ("Bot is in state staged but canary", Sense::WrongPhase, None),
            ("Unable to pause recording", Sense::NoReaction, Some(Kind::Unavailable)),
            ("Version conflict. Please try again.", Sense::Conflict, Some(Kind::Unavailable)),
            (
                "You have exceeded the maximum number of concurrent bots (0) canary",
                Sense::TooManyBots,
                Some(Kind::LimitReached),
            ),
            ("Organization has run out of credits", Sense::NoCredits, Some(Kind::LimitReached)),
            ("Zoom App credentials are required", Sense::Setup, Some(Kind::Misconfigured)),
            (
                "canary Error ID: 46ed0f8a-ee43-48f6-88c9-05ef4b8de729",
                Sense::Broken,
                Some(Kind::Unavailable),
            ),
            (
                "Could not connect to the endpoint URL: \"https://canary.example/\"",
                Sense::Broken,
                Some(Kind::Unavailable),
            ),
            ("canary", Sense::Other, Some(Kind::Malformed)),
        ] {
            check(400, &error(text), sense, kind);
        }
        check(400, r#"{"join_at":["canary"]}"#, Sense::Invalid, Some(Kind::Malformed));
        let nested = r#"{"recording_settings":{"format":"canary"}}"#;
        check(400, nested, Sense::Invalid, Some(Kind::Malformed));
    }

    #[test]
    fn other_statuses_mean_what_they_say() {
        use SourceErrorKind as Kind;
        let canary = error("canary");
        for (status, kind) in [
            (302, Kind::Misconfigured),
            (401, Kind::Unauthorized),
            (402, Kind::LimitReached),
            (403, Kind::Forbidden),
            (404, Kind::Misconfigured),
            (405, Kind::Misconfigured),
            (429, Kind::RateLimited),
            (500, Kind::Unavailable),
            (502, Kind::Unavailable),
        ] {
            for body in ["", "<html>canary</html>", &canary] {
                check(status, body, Sense::Other, Some(kind));
            }
        }
        check(404, &error("Bot not found"), Sense::NoSuchBot, None);
        check(404, &error("No recording file found for bot"), Sense::NoRecording, None);
        let cursor = r#"{"detail":"Invalid cursor"}"#;
        check(404, cursor, Sense::DeadPage, Some(Kind::PageExpired));
    }

    #[test]
    fn the_phase_in_the_way_and_the_error_id_are_kept() {
        let read = |text: &str| Refusal::read(StatusCode::BAD_REQUEST, error(text).as_bytes());
        let staged = read("Bot is in state staged but can only be deleted when in scheduled state");
        assert_eq!(staged.phase, Some(BotPhase::Committed));
        let ended =
            read("Event leave_requested not allowed when bot is in state ended. It is canary");
        assert_eq!(ended.phase, Some(BotPhase::Done));
        assert_eq!(read("Bot is in state canary and").phase, None);
        let id = "46ed0f8a-ee43-48f6-88c9-05ef4b8de729";
        let broken = read(&format!("An error occurred while creating the bot. Error ID: {id}"));
        assert_eq!(broken.to_string(), format!("HTTP 400: the server failed (error id {id})"));
    }
}
