//! A bot adapter to copy: the smallest one that passes the conformance suite.
//!
//! Its provider is [`Roster`], a list in memory, so that everything can be read on one page. It sends bots
//! at once and keeps none for later, has no key against doubles, and gives the transcript as one piece
//! when the call is over. Replace `Roster` by your HTTP client and keep the shape:
//!
//! 1. read the provider's words into a [`BotPhase`] in one function, and leave unknown ones out,
//! 2. let `create` find an earlier try before it makes a bot,
//! 3. turn each status into a [`SourceErrorKind`] in one function, and keep no word of an answer,
//! 4. run `besunny_testkit::conformance::bot::cases()` over it (see `tests/conformance.rs`).
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    bot::{
        Amend, Bot, BotAbilities, BotFilter, BotPhase, BotProvider, BotRecords, BotRef, Bots,
        Capture, Changed, Created, EndReason, Ending, NewBot, Readiness, RecordingLink, Segment,
        SegmentKey, Speaker, Transcript,
    },
    source::{Cursor, PageToken, SourceError, SourceErrorKind},
};
use chrono::{DateTime, Utc};

/// The provider: what would be at the other end of an HTTP client.
#[derive(Debug, Default)]
pub struct Roster(Mutex<Rows>);

/// What the provider holds.
#[derive(Debug, Default)]
pub struct Rows {
    /// Bots, by their number.
    pub bots: BTreeMap<u64, Row>,
    /// The status that the next call is answered with, and when to come again.
    pub fails: Option<(u16, Option<u64>)>,
    /// Whether the next call is done, and its answer lost.
    pub loses_reply: bool,
}

/// A bot as the provider keeps it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The provider's word for its state.
    pub state: &'static str,
    /// What it was made with; the provider gives it back as it was.
    pub extra: BTreeMap<String, String>,
    /// Who said what, and when.
    pub said: Vec<(DateTime<Utc>, String, String)>,
}

/// The adapter; cheap to clone.
#[derive(Clone, Debug)]
pub struct RosterBots {
    roster: Arc<Roster>,
    has_key: bool,
}

/// Our key stands under this name among what the provider gives back.
const OUR_KEY: &str = "dedup_key";
/// A page has so many bots.
const PAGE: usize = 20;

impl RosterBots {
    /// Makes the adapter; without a key every call is refused.
    #[must_use]
    pub const fn new(roster: Arc<Roster>, has_key: bool) -> Self {
        Self { roster, has_key }
    }

    /// One call of the provider: the only place where a status becomes an error.
    fn call<T>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut Rows) -> Result<T, u16>,
    ) -> Result<T, SourceError> {
        let mut rows = self.roster.rows();
        let fails = if self.has_key { rows.fails.take() } else { Some((401, None)) };
        let (answer, wait) = match fails {
            Some((status, wait)) => (Err(status), wait),
            None => (act(&mut rows), None),
        };
        let answer = if std::mem::take(&mut rows.loses_reply) { Err(503) } else { answer };
        answer.map_err(|status| {
            let error = SourceError::new(kind(status), operation);
            error.with_retry_after(wait.map(Duration::from_secs))
        })
    }
}

impl Roster {
    /// Returns what the provider holds, to look at it or to change it.
    pub fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn kind(status: u16) -> SourceErrorKind {
    match status {
        401 => SourceErrorKind::Unauthorized,
        404 => SourceErrorKind::StreamGone,
        429 => SourceErrorKind::RateLimited,
        500..=599 => SourceErrorKind::Unavailable,
        _ => SourceErrorKind::Malformed,
    }
}

/// The provider's words in ours; a word that is new is left out, and changes nothing.
fn phase(state: &str) -> Option<BotPhase> {
    Some(match state {
        "dialing" => BotPhase::Joining,
        "knocking" => BotPhase::Lobby,
        "listening" => BotPhase::InCall,
        "leaving" => BotPhase::Leaving,
        "writing" => BotPhase::Processing,
        "done" => BotPhase::Done,
        "turned_away" | "broken" => BotPhase::Failed,
        "wiped" => BotPhase::Erased,
        _ => return None,
    })
}

fn bot(number: u64, row: &Row) -> Bot {
    let phase = phase(row.state);
    let reason = match row.state {
        "turned_away" => Some(EndReason::NotAdmitted),
        "broken" => Some(EndReason::ProviderFault),
        _ => None,
    };
    let mut metadata = row.extra.clone();
    let dedup_key = metadata.remove(OUR_KEY);
    let is_done = phase == Some(BotPhase::Done);
    Bot {
        at: BotRef::from_source(number.to_string()),
        phase,
        word: row.state.to_owned().into(),
        capture: if row.state == "listening" { Capture::On } else { Capture::Off },
        ending: reason.map(|reason| Ending { reason, word: None }),
        join_at: None,
        dedup_key,
        metadata,
        transcript: if is_done { Readiness::Complete } else { Readiness::None },
        recording: Readiness::None,
        changed_at: None,
    }
}

/// A name that is no number of ours names no bot.
fn number(at: &BotRef) -> u64 {
    at.as_str().parse().unwrap_or(0)
}

#[async_trait]
impl BotProvider for RosterBots {
    fn abilities(&self) -> BotAbilities {
        BotAbilities {
            schedules: None,
            one_per_meeting: false,
            callback_per_bot: false,
            metadata_bytes: 1_000,
            poll_floor: Duration::from_secs(10),
        }
    }

    async fn check(&self) -> Result<(), SourceError> {
        self.call("roster.check", |_| Ok(()))
    }

    async fn create(&self, wanted: &NewBot) -> Result<Created, SourceError> {
        self.call("roster.create", |rows| {
            let mut bots = rows.bots.iter().map(|(number, row)| bot(*number, row));
            let open = bots
                .find(|bot| !bot.is_over() && bot.dedup_key.as_ref() == Some(&wanted.dedup_key));
            if let Some(open) = open {
                return Ok(Created::Adopted(open));
            }
            let number = rows.bots.len() as u64 + 1;
            let mut extra = wanted.metadata.clone();
            extra.insert(OUR_KEY.to_owned(), wanted.dedup_key.clone());
            let row = Row { state: "dialing", extra, said: Vec::new() };
            let made = bot(number, &row);
            rows.bots.insert(number, row);
            Ok(Created::New(made))
        })
    }

    async fn find(&self, at: &BotRef) -> Result<Option<Bot>, SourceError> {
        let number = number(at);
        self.call("roster.find", |rows| Ok(rows.bots.get(&number).map(|row| bot(number, row))))
    }

    async fn list(
        &self,
        filter: &BotFilter,
        page: Option<&PageToken>,
    ) -> Result<Bots, SourceError> {
        let after: u64 = page.and_then(|page| page.as_str().parse().ok()).unwrap_or(0);
        self.call("roster.list", |rows| {
            let mut shown: Vec<Bot> =
                rows.bots.range(after + 1..).take(PAGE).map(|(at, row)| bot(*at, row)).collect();
            let last = shown.last().map(|bot| bot.at.as_str().to_owned());
            let next = last.filter(|_| shown.len() == PAGE).map(PageToken::from_source);
            shown.retain(|bot| {
                let key = filter.dedup_key.as_ref();
                (!filter.open_only || !bot.is_over())
                    && key.is_none_or(|key| bot.dedup_key.as_ref() == Some(key))
            });
            Ok(Bots { bots: shown, next })
        })
    }

    /// Nothing can be moved: bots join when they are made.
    async fn reschedule(&self, at: &BotRef, _to: &Amend) -> Result<Changed, SourceError> {
        Ok(match self.find(at).await? {
            None => Changed::Gone,
            Some(bot) if bot.phase >= Some(BotPhase::Leaving) => Changed::Over,
            Some(_) => Changed::Frozen { until: None },
        })
    }

    async fn stop(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.call("roster.hang_up", |rows| {
            let Some(row) = rows.bots.get_mut(&number(at)) else { return Ok(Changed::Gone) };
            if phase(row.state).is_some_and(|phase| phase >= BotPhase::Leaving) {
                return Ok(Changed::Over);
            }
            row.state = "leaving";
            Ok(Changed::Applied)
        })
    }
}

#[async_trait]
impl BotRecords for RosterBots {
    async fn transcript(
        &self,
        at: &BotRef,
        _after: Option<&Cursor>,
    ) -> Result<Transcript, SourceError> {
        self.call("roster.transcript", |rows| {
            let row = rows.bots.get(&number(at)).ok_or(404_u16)?;
            let is_over = phase(row.state).is_some_and(BotPhase::is_over);
            let said = if is_over { row.said.as_slice() } else { &[] };
            let segments = said.iter().enumerate().map(|(place, (at, name, text))| Segment {
                key: SegmentKey::from_source(place.to_string()),
                speaker: Some(Speaker {
                    id: name.clone().into(),
                    name: Some(name.clone().into()),
                    ..Speaker::default()
                }),
                starts_at: *at,
                duration: None,
                text: text.clone().into(),
                is_final: true,
            });
            let next = Cursor::from_source("whole");
            Ok(Transcript { segments: segments.collect(), is_whole: true, next })
        })
    }

    async fn recording(&self, at: &BotRef) -> Result<Option<RecordingLink>, SourceError> {
        self.call("roster.recording", |rows| rows.bots.get(&number(at)).map(|_| None).ok_or(404))
    }

    async fn erase(&self, at: &BotRef) -> Result<Changed, SourceError> {
        self.call("roster.wipe", |rows| {
            let Some(row) = rows.bots.get_mut(&number(at)) else { return Ok(Changed::Gone) };
            if !phase(row.state).is_some_and(BotPhase::is_over) {
                return Ok(Changed::Frozen { until: None });
            }
            row.state = "wiped";
            row.said.clear();
            Ok(Changed::Applied)
        })
    }
}
