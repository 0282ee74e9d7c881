//! What a client can ask for: names, prices and scopes.
//!
//! To add an operation, add a variant and its row in `ROWS`, in the same order.

use serde::{Deserialize, Serialize};

/// One operation of the simulated services, named as in the discovery documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// The mailbox's address and newest history id.
    #[serde(rename = "gmail.users.getProfile")]
    GetProfile,
    /// Ids of messages, newest first.
    #[serde(rename = "gmail.users.messages.list")]
    ListMessages,
    /// One message in one of four formats.
    #[serde(rename = "gmail.users.messages.get")]
    GetMessage,
    /// Labels put on or taken from one message.
    #[serde(rename = "gmail.users.messages.modify")]
    ModifyMessage,
    /// The bytes of one attachment.
    #[serde(rename = "gmail.users.messages.attachments.get")]
    GetAttachment,
    /// Changes after a history id.
    #[serde(rename = "gmail.users.history.list")]
    ListHistory,
    /// All labels of the mailbox.
    #[serde(rename = "gmail.users.labels.list")]
    ListLabels,
    /// A new label.
    #[serde(rename = "gmail.users.labels.create")]
    CreateLabel,
    /// Push notices switched on or renewed.
    #[serde(rename = "gmail.users.watch")]
    Watch,
    /// Push notices switched off.
    #[serde(rename = "gmail.users.stop")]
    Stop,
    /// Access tokens for a refresh token or a code.
    #[serde(rename = "oauth.token")]
    Token,
    /// The end of a grant.
    #[serde(rename = "oauth.revoke")]
    Revoke,
    /// What an access token may do.
    #[serde(rename = "oauth.tokeninfo")]
    TokenInfo,
    /// Who granted the access token.
    #[serde(rename = "oauth.userinfo")]
    UserInfo,
    /// The public keys of signed tokens.
    #[serde(rename = "oauth.certs")]
    Certs,
    /// One notice sent to a push endpoint.
    #[serde(rename = "push.deliver")]
    DeliverNotice,
    /// An answer of a model.
    #[serde(rename = "openai.chat.completions.create")]
    CreateChatCompletion,
    /// Vectors of texts.
    #[serde(rename = "openai.embeddings.create")]
    CreateEmbedding,
    /// The models that are there.
    #[serde(rename = "openai.models.list")]
    ListModels,
    /// The version of the bot server.
    #[serde(rename = "attendee.version")]
    AttendeeVersion,
    /// A new bot.
    #[serde(rename = "attendee.bots.create")]
    CreateBot,
    /// Bots, oldest first.
    #[serde(rename = "attendee.bots.list")]
    ListBots,
    /// One bot.
    #[serde(rename = "attendee.bots.get")]
    GetBot,
    /// A bot that is moved.
    #[serde(rename = "attendee.bots.patch")]
    PatchBot,
    /// A planned bot that is deleted.
    #[serde(rename = "attendee.bots.delete")]
    DeleteBot,
    /// A bot that is told to leave.
    #[serde(rename = "attendee.bots.leave")]
    LeaveBot,
    /// What was said.
    #[serde(rename = "attendee.transcript.get")]
    GetTranscript,
    /// Where the recording is.
    #[serde(rename = "attendee.recording.get")]
    GetRecording,
    /// The end of what a bot recorded.
    #[serde(rename = "attendee.data.delete")]
    DeleteBotData,
    /// What was written in the chat.
    #[serde(rename = "attendee.chat.list")]
    ListChat,
    /// A message that a bot writes.
    #[serde(rename = "attendee.chat.send")]
    SendChat,
    /// Who was in the call.
    #[serde(rename = "attendee.participants.list")]
    ListParticipants,
    /// Who came and went.
    #[serde(rename = "attendee.participant_events.list")]
    ListParticipantEvents,
    /// A recording that pauses.
    #[serde(rename = "attendee.recording.pause")]
    PauseRecording,
    /// A recording that goes on.
    #[serde(rename = "attendee.recording.resume")]
    ResumeRecording,
    /// One event sent to a webhook.
    #[serde(rename = "attendee.webhook.deliver")]
    DeliverBotEvent,
    /// The calendars of a user.
    #[serde(rename = "calendar.calendarList.list")]
    ListCalendars,
    /// Calls when a calendar comes or goes.
    #[serde(rename = "calendar.calendarList.watch")]
    WatchCalendars,
    /// Events of a calendar, all or what changed.
    #[serde(rename = "calendar.events.list")]
    ListEvents,
    /// One event.
    #[serde(rename = "calendar.events.get")]
    GetEvent,
    /// Calls when an event changes.
    #[serde(rename = "calendar.events.watch")]
    WatchEvents,
    /// The end of such calls.
    #[serde(rename = "calendar.channels.stop")]
    StopChannel,
    /// One call of a channel.
    #[serde(rename = "push.call")]
    CallChannel,
}

/// The form of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Of Google's APIs.
    Google,
    Oauth,
    /// Of model servers.
    Model,
    /// Of the bot server.
    Attendee,
}

struct Row {
    operation: Operation,
    name: &'static str,
    units: u64,
    scopes: &'static [&'static str],
}

/// Full access to a mailbox.
const FULL: &str = "https://mail.google.com/";
const MODIFY: &str = "https://www.googleapis.com/auth/gmail.modify";
const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";
const METADATA: &str = "https://www.googleapis.com/auth/gmail.metadata";
const COMPOSE: &str = "https://www.googleapis.com/auth/gmail.compose";
const LABELS: &str = "https://www.googleapis.com/auth/gmail.labels";
const OPENID: &str = "openid";
const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";
const PROFILE: &str = "https://www.googleapis.com/auth/userinfo.profile";

/// The scope that hides contents wherever it is granted, whatever else is granted.
pub(crate) const METADATA_SCOPE: &str = METADATA;

const READ: &[&str] = &[FULL, METADATA, MODIFY, READONLY];

const CALENDAR: &str = "https://www.googleapis.com/auth/calendar";
const CALENDAR_ACLS: &str = "https://www.googleapis.com/auth/calendar.acls";
const CALENDAR_ACLS_READ: &str = "https://www.googleapis.com/auth/calendar.acls.readonly";
const CALENDAR_APP_CREATED: &str = "https://www.googleapis.com/auth/calendar.app.created";
const CALENDAR_CALENDARLIST: &str = "https://www.googleapis.com/auth/calendar.calendarlist";
const CALENDAR_CALENDARLIST_READ: &str =
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly";
const CALENDAR_EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";
const CALENDAR_EVENTS_FREEBUSY: &str = "https://www.googleapis.com/auth/calendar.events.freebusy";
const CALENDAR_EVENTS_OWNED: &str = "https://www.googleapis.com/auth/calendar.events.owned";
const CALENDAR_EVENTS_OWNED_READ: &str =
    "https://www.googleapis.com/auth/calendar.events.owned.readonly";
const CALENDAR_EVENTS_PUBLIC_READ: &str =
    "https://www.googleapis.com/auth/calendar.events.public.readonly";
const CALENDAR_EVENTS_READ: &str = "https://www.googleapis.com/auth/calendar.events.readonly";
const CALENDAR_READ: &str = "https://www.googleapis.com/auth/calendar.readonly";
const CALENDAR_SETTINGS: &str = "https://www.googleapis.com/auth/calendar.settings";
const CALENDAR_SETTINGS_READ: &str = "https://www.googleapis.com/auth/calendar.settings.readonly";

const LISTS: &[&str] =
    &[CALENDAR, CALENDAR_CALENDARLIST, CALENDAR_CALENDARLIST_READ, CALENDAR_READ];
const EVENTS: &[&str] = &[
    CALENDAR,
    CALENDAR_APP_CREATED,
    CALENDAR_EVENTS,
    CALENDAR_EVENTS_FREEBUSY,
    CALENDAR_EVENTS_OWNED,
    CALENDAR_EVENTS_OWNED_READ,
    CALENDAR_EVENTS_PUBLIC_READ,
    CALENDAR_EVENTS_READ,
    CALENDAR_READ,
];
const CHANNELS: &[&str] = &[
    CALENDAR,
    CALENDAR_ACLS,
    CALENDAR_ACLS_READ,
    CALENDAR_APP_CREATED,
    CALENDAR_CALENDARLIST,
    CALENDAR_CALENDARLIST_READ,
    CALENDAR_EVENTS,
    CALENDAR_EVENTS_FREEBUSY,
    CALENDAR_EVENTS_OWNED,
    CALENDAR_EVENTS_OWNED_READ,
    CALENDAR_EVENTS_PUBLIC_READ,
    CALENDAR_EVENTS_READ,
    CALENDAR_READ,
    CALENDAR_SETTINGS,
    CALENDAR_SETTINGS_READ,
];

/// Calendar counts requests, a unit each. Units of mail are Gmail's of May 2026 (developers.google.com/workspace/gmail/api/reference/quota);
/// scopes are those of the discovery document.
const ROWS: [Row; 43] = [
    row(
        Operation::GetProfile,
        "gmail.users.getProfile",
        1,
        &[FULL, COMPOSE, METADATA, MODIFY, READONLY],
    ),
    row(Operation::ListMessages, "gmail.users.messages.list", 5, READ),
    row(Operation::GetMessage, "gmail.users.messages.get", 20, READ),
    row(Operation::ModifyMessage, "gmail.users.messages.modify", 5, &[FULL, MODIFY]),
    row(
        Operation::GetAttachment,
        "gmail.users.messages.attachments.get",
        20,
        &[FULL, MODIFY, READONLY],
    ),
    row(Operation::ListHistory, "gmail.users.history.list", 2, READ),
    row(
        Operation::ListLabels,
        "gmail.users.labels.list",
        1,
        &[FULL, LABELS, METADATA, MODIFY, READONLY],
    ),
    row(Operation::CreateLabel, "gmail.users.labels.create", 5, &[FULL, LABELS, MODIFY]),
    row(Operation::Watch, "gmail.users.watch", 100, READ),
    row(Operation::Stop, "gmail.users.stop", 50, READ),
    row(Operation::Token, "oauth.token", 0, &[]),
    row(Operation::Revoke, "oauth.revoke", 0, &[]),
    row(Operation::TokenInfo, "oauth.tokeninfo", 0, &[]),
    row(Operation::UserInfo, "oauth.userinfo", 0, &[OPENID, EMAIL, PROFILE]),
    row(Operation::Certs, "oauth.certs", 0, &[]),
    row(Operation::DeliverNotice, "push.deliver", 0, &[]),
    row(Operation::CreateChatCompletion, "openai.chat.completions.create", 0, &[]),
    row(Operation::CreateEmbedding, "openai.embeddings.create", 0, &[]),
    row(Operation::ListModels, "openai.models.list", 0, &[]),
    row(Operation::AttendeeVersion, "attendee.version", 0, &[]),
    row(Operation::CreateBot, "attendee.bots.create", 0, &[]),
    row(Operation::ListBots, "attendee.bots.list", 0, &[]),
    row(Operation::GetBot, "attendee.bots.get", 0, &[]),
    row(Operation::PatchBot, "attendee.bots.patch", 0, &[]),
    row(Operation::DeleteBot, "attendee.bots.delete", 0, &[]),
    row(Operation::LeaveBot, "attendee.bots.leave", 0, &[]),
    row(Operation::GetTranscript, "attendee.transcript.get", 0, &[]),
    row(Operation::GetRecording, "attendee.recording.get", 0, &[]),
    row(Operation::DeleteBotData, "attendee.data.delete", 0, &[]),
    row(Operation::ListChat, "attendee.chat.list", 0, &[]),
    row(Operation::SendChat, "attendee.chat.send", 0, &[]),
    row(Operation::ListParticipants, "attendee.participants.list", 0, &[]),
    row(Operation::ListParticipantEvents, "attendee.participant_events.list", 0, &[]),
    row(Operation::PauseRecording, "attendee.recording.pause", 0, &[]),
    row(Operation::ResumeRecording, "attendee.recording.resume", 0, &[]),
    row(Operation::DeliverBotEvent, "attendee.webhook.deliver", 0, &[]),
    row(Operation::ListCalendars, "calendar.calendarList.list", 1, LISTS),
    row(Operation::WatchCalendars, "calendar.calendarList.watch", 1, LISTS),
    row(Operation::ListEvents, "calendar.events.list", 1, EVENTS),
    row(Operation::GetEvent, "calendar.events.get", 1, EVENTS),
    row(Operation::WatchEvents, "calendar.events.watch", 1, EVENTS),
    row(Operation::StopChannel, "calendar.channels.stop", 1, CHANNELS),
    row(Operation::CallChannel, "push.call", 0, &[]),
];

const fn row(
    operation: Operation,
    name: &'static str,
    units: u64,
    scopes: &'static [&'static str],
) -> Row {
    Row { operation, name, units, scopes }
}

impl Operation {
    /// Every operation, in the order of the declaration.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.operation)
    }

    /// The name in the discovery document, or ours where there is none.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Quota units of one call, before any change of the settings.
    #[must_use]
    pub fn default_units(self) -> u64 {
        self.row().units
    }

    /// Scopes of which one is enough; none means that no access token is asked for.
    #[must_use]
    pub fn scopes(self) -> &'static [&'static str] {
        self.row().scopes
    }

    /// The form of its errors.
    pub(crate) fn dialect(self) -> Dialect {
        if matches!(self, Self::CreateChatCompletion | Self::CreateEmbedding | Self::ListModels) {
            Dialect::Model
        } else if self.name().starts_with("attendee.") {
            Dialect::Attendee
        } else if self.scopes().is_empty() {
            Dialect::Oauth
        } else {
            Dialect::Google
        }
    }

    /// Whether answers come in pages.
    pub(crate) fn is_paged(self) -> bool {
        matches!(
            self,
            Self::ListMessages | Self::ListHistory | Self::ListCalendars | Self::ListEvents
        )
    }

    /// Whether Calendar counts it, which does so apart from Gmail.
    pub(crate) fn is_of_calendar(self) -> bool {
        self.name().starts_with("calendar.")
    }

    /// Whether it is made by the simulator, at somebody else's endpoint.
    pub(crate) fn is_push(self) -> bool {
        matches!(self, Self::DeliverNotice | Self::CallChannel | Self::DeliverBotEvent)
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_variants() {
        for operation in Operation::all() {
            assert_eq!(operation.row().operation, operation);
            assert_eq!(
                serde_json::to_value(operation).unwrap(),
                serde_json::Value::from(operation.name())
            );
        }
    }
}
