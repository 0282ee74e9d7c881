//! Bots: made once, found, listed, moved, stopped (BOT-4, BOT-6).
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    account::Provider,
    bot::{
        Amend, Bot, BotAbilities, BotFilter, BotPhase, BotProvider, BotRef, Bots, Changed, Created,
        NewBot, Schedules,
    },
    clock::Clock,
    source::{PageToken, SourceError, SourceErrorKind},
};
use reqwest::{Method, Url};
use secrecy::SecretString;
use serde::Serialize;

use crate::{
    config::{AttendeeConfig, ConfigError},
    refusal::{Refusal, Sense},
    transport::{Call, Good, Reply, Transport},
    wire::{BotAnswer, Create, MAX_METADATA_BYTES, Page, Patch, Version},
    word,
};

/// Bots of one Attendee project; cheap to clone.
#[derive(Clone, Debug)]
pub struct Attendee {
    pub(crate) transport: Transport,
}

/// Attendee asks for two minutes (docs.attendee.dev, "Scheduling bots").
const MIN_LEAD: Duration = Duration::from_mins(2);
/// The scheduler stages bots that join within five minutes, and looks once a minute; it can be set to
/// add jitter.
const FROZEN: Duration = Duration::from_mins(5);
/// Later bots are refused.
const MAX_AHEAD: Duration = Duration::from_hours(24 * 365 * 3);
/// A person who waits for words notices a few seconds; Attendee does not limit reading.
const POLL_FLOOR: Duration = Duration::from_secs(5);
/// What this crate was written against; another major version may speak otherwise.
const MAJOR: &str = "1";
/// What the ids of bots are made of; nothing else is put into a path.
const ID_MARKS: [char; 2] = ['_', '-'];

/// A server of another kind than this crate was written against.
#[derive(Debug, thiserror::Error)]
#[error("the server is of another major version than {MAJOR}")]
struct OtherVersion;

/// The bot of a key that was in use is not there any more.
#[derive(Debug, thiserror::Error)]
#[error("the bot of the key ended meanwhile")]
struct Ended;

/// A page that says that there is another one, and not where.
#[derive(Debug, thiserror::Error)]
#[error("the page after this one has no cursor")]
struct NoCursor;

impl Attendee {
    /// Returns the name under which its bots are kept, and it calls.
    #[must_use]
    pub fn provider() -> Provider {
        Provider::new("attendee")
    }

    /// Prepares the way; connects when there is something to ask.
    ///
    /// The `key` belongs to one project of the server, and so do all bots that are seen.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that cannot be used.
    pub fn new(
        config: AttendeeConfig,
        key: &SecretString,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        Ok(Self { transport: Transport::new(config, key, clock)? })
    }

    /// Asks about one bot; what only it can be refused for is the second answer.
    pub(crate) async fn ask(&self, call: Call<'_>) -> Result<Result<Good, Refusal>, SourceError> {
        Ok(match self.transport.send(call).await? {
            Reply::Good(good) => Ok(good),
            Reply::Refused(refusal) => Err(refusal),
        })
    }

    /// Looks for the bot that is not over and has a key.
    async fn open(&self, operation: &'static str, key: &str) -> Result<Option<Bot>, SourceError> {
        let filter = BotFilter { open_only: false, dedup_key: Some(key.to_owned()) };
        let mut page = None;
        loop {
            let bots = self.page(operation, &filter, page.as_ref()).await?;
            let is_it = |bot: &Bot| !bot.is_over() && bot.dedup_key.as_deref() == Some(key);
            if let Some(open) = bots.bots.into_iter().find(is_it) {
                return Ok(Some(open));
            }
            page = bots.next;
            if page.is_none() {
                return Ok(None);
            }
        }
    }

    async fn page(
        &self,
        operation: &'static str,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        let mut call = Call::get(operation, "/api/v1/bots".to_owned());
        if filter.open_only {
            call.query.extend(word::OPEN.map(|state| ("states", state)));
        }
        if let Some(key) = &filter.dedup_key {
            call = call.with("deduplication_key", key);
        }
        if let Some(page) = page {
            call = call.with("cursor", page.as_str());
        }
        let good = self.ask(call).await?.map_err(|refusal| unexpected(operation, refusal))?;
        let Page { next, results } = good.read::<Page<BotAnswer>>()?;
        let next = next.map(|next| cursor(operation, &next)).transpose()?;
        let bots = results.into_iter().map(BotAnswer::into_bot).collect();
        Ok(Bots { bots, next: next.map(PageToken::from_source) })
    }
}

/// Returns the path of something about a bot; none for what cannot be the id of one.
pub(crate) fn path(at: &BotRef, tail: &str) -> Option<String> {
    let id = at.as_str();
    let is_id = |letter: char| letter.is_ascii_alphanumeric() || ID_MARKS.contains(&letter);
    let is_bot = !id.is_empty() && id.chars().all(is_id);
    is_bot.then(|| format!("/api/v1/bots/{id}{tail}"))
}

/// Takes the cursor out of the address of a next page.
///
/// The rest of the address is the server's own idea of where it is, which a proxy makes wrong.
pub(crate) fn cursor(operation: &'static str, next: &str) -> Result<String, SourceError> {
    let url = Url::parse(next).ok();
    let cursor = url.and_then(|url| {
        let mut pairs = url.query_pairs();
        pairs.find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned())
    });
    let malformed = || SourceError::new(SourceErrorKind::Malformed, operation).because(NoCursor);
    cursor.ok_or_else(malformed)
}

/// A refusal that this call cannot have.
pub(crate) fn unexpected(operation: &'static str, refusal: Refusal) -> SourceError {
    SourceError::new(SourceErrorKind::Malformed, operation).because(refusal)
}

/// Writes a body; a structure of ours always can be.
pub(crate) fn json(
    operation: &'static str,
    body: &impl Serialize,
) -> Result<Option<Vec<u8>>, SourceError> {
    let written = serde_json::to_vec(body);
    let failed = |odd| SourceError::new(SourceErrorKind::Malformed, operation).because(odd);
    written.map(Some).map_err(failed)
}

/// Says what becomes of a wish that the phase of its bot stands in the way of.
pub(crate) fn hindered(refusal: Refusal) -> Changed {
    match (refusal.sense, refusal.phase) {
        (Sense::NoSuchBot, _) => Changed::Gone,
        (_, Some(phase)) if phase >= BotPhase::Leaving => Changed::Over,
        _ => Changed::Frozen { until: None },
    }
}

#[async_trait]
impl BotProvider for Attendee {
    fn abilities(&self) -> BotAbilities {
        BotAbilities {
            schedules: Some(Schedules {
                min_lead: MIN_LEAD,
                frozen_before_join: FROZEN,
                max_ahead: MAX_AHEAD,
            }),
            one_per_meeting: false,
            callback_per_bot: true,
            metadata_bytes: MAX_METADATA_BYTES,
            poll_floor: POLL_FLOOR,
        }
    }

    /// Asks for the version, which a hosted server may hide, and for one page of bots.
    async fn check(&self) -> Result<(), SourceError> {
        const OPERATION: &str = "attendee.check";
        let version = self.transport.send(Call::get(OPERATION, "/version/".to_owned())).await;
        let version = match version {
            Ok(Reply::Good(good)) => good.read::<Version>().ok(),
            Ok(Reply::Refused(_)) | Err(_) => None,
        };
        let major = version.as_ref().and_then(|version| version.version.split('.').next());
        if major.is_some_and(|major| major != MAJOR) {
            let other = SourceError::new(SourceErrorKind::Misconfigured, OPERATION);
            return Err(other.because(OtherVersion));
        }
        // Nothing is made, and a page of erased bots is short.
        let call = Call::get(OPERATION, "/api/v1/bots".to_owned()).with("states", "data_deleted");
        let good = self.ask(call).await?.map_err(|refusal| unexpected(OPERATION, refusal))?;
        good.read::<Page<BotAnswer>>().map(drop)
    }

    async fn create(&self, bot: &NewBot) -> Result<Created, SourceError> {
        const OPERATION: &str = "attendee.bots.create";
        let failed = |kind| SourceError::new(kind, OPERATION);
        let wanted = Create::of(bot);
        let wanted = wanted.map_err(|odd| failed(SourceErrorKind::Malformed).because(odd))?;
        let body = json(OPERATION, &wanted)?;
        let call = Call::send(OPERATION, Method::POST, "/api/v1/bots".to_owned(), body);
        match self.ask(call).await? {
            Ok(good) => Ok(Created::New(good.read::<BotAnswer>()?.into_bot())),
            Err(refusal) if refusal.sense == Sense::KeyInUse => {
                let open = self.open(OPERATION, &bot.dedup_key).await?;
                let ended = || failed(SourceErrorKind::Unavailable).because(Ended);
                open.map(Created::Adopted).ok_or_else(ended)
            }
            // The key is looked at last: whatever else is refused now, an earlier try may have made it.
            Err(refusal) if refusal.is_of_bot() => {
                let open = self.open(OPERATION, &bot.dedup_key).await?;
                open.map(Created::Adopted).ok_or_else(|| unexpected(OPERATION, refusal))
            }
            Err(refusal) => Err(unexpected(OPERATION, refusal)),
        }
    }

    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        const OPERATION: &str = "attendee.bots.get";
        let Some(path) = path(at, "") else { return Ok(None) };
        match self.ask(Call::get(OPERATION, path)).await? {
            Ok(good) => Ok(Some(good.read::<BotAnswer>()?.into_bot())),
            Err(refusal) if refusal.sense == Sense::NoSuchBot => Ok(None),
            Err(refusal) => Err(unexpected(OPERATION, refusal)),
        }
    }

    /// Lists bots; one in a state that is newer than this crate is not among the open ones.
    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        self.page("attendee.bots.list", filter, page).await
    }

    async fn reschedule(&self, at: &BotRef, to: &Amend) -> Result<Changed, SourceError> {
        const OPERATION: &str = "attendee.bots.patch";
        let Some(path) = path(at, "") else { return Ok(Changed::Gone) };
        let body = json(OPERATION, &Patch::of(to))?;
        Ok(match self.ask(Call::send(OPERATION, Method::PATCH, path, body)).await? {
            Ok(_) => Changed::Applied,
            Err(refusal) => hindered(refusal),
        })
    }

    /// Deletes a planned bot, lets one leave that is on its way or in the call.
    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        const OPERATION: &str = "attendee.bots.stop";
        let Some(bot) = self.find(at).await? else { return Ok(Changed::Gone) };
        let (method, tail, body) = match bot.phase {
            Some(BotPhase::Planned) => (Method::DELETE, "", None),
            Some(BotPhase::Committed) => return Ok(Changed::Frozen { until: bot.join_at }),
            Some(phase) if phase >= BotPhase::Leaving => return Ok(Changed::Over),
            // A state that is new is more likely in the call than not.
            Some(_) | None => (Method::POST, "/leave", Some(b"{}".to_vec())),
        };
        let Some(path) = path(at, tail) else { return Ok(Changed::Gone) };
        Ok(match self.ask(Call::send(OPERATION, method, path, body)).await? {
            Ok(_) => Changed::Applied,
            Err(refusal) => hindered(refusal),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_put_into_a_path() {
        let check = |id: &str| path(&BotRef::from_source(id), "/leave");
        assert_eq!(check("bot_mKLf-1"), Some("/api/v1/bots/bot_mKLf-1/leave".to_owned()));
        for odd in ["", ".", "..", "a/b", "a?b", "a%2e", "a b", "ä"] {
            assert_eq!(check(odd), None, "{odd}");
        }
    }

    #[test]
    fn of_a_next_page_only_the_cursor_is_believed() {
        let check = |next: &str| cursor("x", next).map_err(|error| error.kind);
        let next = "http://elsewhere.example/api/v1/bots?cursor=cD0yMDI2%3D&x=1";
        assert_eq!(check(next), Ok("cD0yMDI2=".to_owned()));
        for odd in ["", "/bots?cursor=1", "https://a.org/?page=2"] {
            assert_eq!(check(odd), Err(SourceErrorKind::Malformed), "{odd}");
        }
    }
}
