//! What fakes in the shape of other providers share: statuses, files and lists.
use std::{collections::BTreeMap, sync::Arc};

use besunny_core::{
    bot::{Bot, BotFilter, BotPhase, Bots, Changed, RecordingLink, SegmentKey, Transcript},
    source::{Cursor, PageToken, SourceError, SourceErrorKind},
};
use besunny_testkit::bots::{Actor, BotStage, Cast};

/// What a server answers: something, or a status.
pub(crate) type Answer<T> = Result<T, u16>;

/// Whether the key of an adapter is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Good,
    Dead,
}

/// A server on a stage, asked with one key; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    stage: Arc<BotStage>,
    key: Key,
}

impl Server {
    pub(crate) fn new(stage: &Arc<BotStage>) -> Self {
        Self { stage: Arc::clone(stage), key: Key::Good }
    }

    /// The same server, asked with a dead key.
    pub(crate) fn locked_out(&self) -> Self {
        Self { key: Key::Dead, ..self.clone() }
    }

    /// One call that may change something.
    pub(crate) fn call<T>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut Cast<'_>) -> Answer<T>,
    ) -> Result<Answer<T>, SourceError> {
        self.stage.call(operation, |cast| self.admit().and_then(|()| act(cast)))
    }

    pub(crate) fn check(&self, operation: &'static str) -> Result<(), SourceError> {
        told(operation, self.call(operation, |_| Ok(())))
    }

    pub(crate) fn find(
        &self,
        operation: &'static str,
        id: &str,
        shown: fn(&Actor, BotPhase) -> Bot,
    ) -> Result<Option<Bot>, SourceError> {
        let answer = self
            .call(operation, |cast| Ok(cast.look(id).map(|(actor, phase)| shown(&actor, phase))));
        told(operation, answer)
    }

    pub(crate) fn list(
        &self,
        operation: &'static str,
        (filter, page): (&BotFilter, Option<&PageToken>),
        shown: fn(&Actor, BotPhase) -> Bot,
    ) -> Result<Bots, SourceError> {
        let answer = self
            .stage
            .ask(operation, |cast| self.admit().map(|()| listed(cast, filter, page, shown)));
        told(operation, answer)?
    }

    /// Returns an actor that is over and was not erased, for its files.
    pub(crate) fn over(
        &self,
        operation: &'static str,
        id: &str,
    ) -> Result<Option<Actor>, SourceError> {
        let answer = self.call(operation, |cast| {
            let (actor, phase) = cast.look(id).ok_or(404_u16)?;
            Ok((phase.is_over() && phase != BotPhase::Erased).then_some(actor))
        });
        told(operation, answer)
    }

    /// Deletes what an actor heard, by `delete`, once it is over.
    pub(crate) fn erase(
        &self,
        operation: &'static str,
        id: &str,
        delete: fn(&mut Cast<'_>, &str),
    ) -> Result<Changed, SourceError> {
        let answer = self.call(operation, |cast| {
            let Some((_, phase)) = cast.look(id) else { return Ok(Changed::Gone) };
            if !phase.is_over() {
                return Ok(Changed::Frozen { until: None });
            }
            delete(cast, id);
            Ok(Changed::Applied)
        });
        told(operation, answer)
    }

    fn admit(&self) -> Answer<()> {
        if self.key == Key::Dead { Err(401) } else { Ok(()) }
    }
}

/// Deletes what an actor heard, and keeps its row.
pub(crate) fn wipe(cast: &mut Cast<'_>, id: &str) {
    if let Some(actor) = cast.actor(id) {
        actor.erase();
    }
}

/// Turns a status into an error; a missing bot is a stream that is gone.
pub(crate) fn told<T>(
    operation: &'static str,
    answer: Result<Answer<T>, SourceError>,
) -> Result<T, SourceError> {
    answer?.map_err(|status| {
        let kind = match status {
            401 => SourceErrorKind::Unauthorized,
            404 => SourceErrorKind::StreamGone,
            409 => SourceErrorKind::RateLimited,
            _ => SourceErrorKind::Malformed,
        };
        SourceError::new(kind, operation)
    })
}

/// A transcript that is one file: everything or nothing. Times in it are seconds since the first word.
pub(crate) fn artifact(over: Option<&Actor>) -> Transcript {
    let said = over.map(|actor| actor.said.as_slice()).unwrap_or_default();
    let segments = said.iter().enumerate().map(|(place, (_, segment))| {
        let mut segment = segment.clone();
        segment.key = SegmentKey::from_source(place.to_string());
        segment
    });
    Transcript { segments: segments.collect(), is_whole: true, next: Cursor::from_source("file") }
}

/// A recording that is fetched with these headers.
pub(crate) fn link(actor: &Actor, headers: BTreeMap<&str, &str>) -> RecordingLink {
    let headers = headers.into_iter();
    RecordingLink {
        url: format!("https://files.example/{}?signature=x", actor.id).into(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned().into())).collect(),
        until: None,
        starts_at: None,
    }
}

/// A page has so many bots.
const PAGE: usize = 20;

/// Lists bots, filtered by the adapter where the server has no filter.
fn listed(
    cast: &Cast<'_>,
    filter: &BotFilter,
    page: Option<&PageToken>,
    shown: fn(&Actor, BotPhase) -> Bot,
) -> Result<Bots, SourceError> {
    let expired = || SourceError::new(SourceErrorKind::PageExpired, "bots.list");
    let after = cast.page_begin(page).ok_or_else(expired)?;
    let mut rows: Vec<&Actor> =
        cast.actors().filter(|actor| actor.id.as_str() > after).take(PAGE + 1).collect();
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|actor| cast.page_after(&actor.id));
    let bots = rows.into_iter().map(|actor| shown(actor, cast.phase(actor)));
    let bots = bots.filter(|bot| {
        let key = filter.dedup_key.as_ref();
        (!filter.open_only || !bot.is_over())
            && key.is_none_or(|key| bot.dedup_key.as_ref() == Some(key))
    });
    Ok(Bots { bots: bots.collect(), next })
}
