//! One meeting: its bot, what is said in it as it is heard, and what became of that.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use besunny::core::{
    bot::{BotPhase, Readiness},
    posting::{BotStatus, ChoiceKind},
    worker::Powers,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{Frame, Place, Refusal, document::Clock, mark, refuse, show, show_changed, tag};
use crate::web::{
    Site,
    access::Session,
    bot::{self, BotEntry, words},
    document::State as DocumentState,
    guard,
    meeting::{self, MeetingDetail},
    transcript::{Figures, Said, Transcript},
};

/// htmx asks no more once it gets this status.
const ASK_NO_MORE: u16 = 286;
/// So long after its end a meeting may still change by itself: a late bot is given up by then (BOT-11).
const SETTLED: TimeDelta = TimeDelta::hours(6);
/// So many turns are shown while they come; the document has all.
const SHOWN: usize = 200;
/// So many colours of speakers are in the style sheet.
const VOICES: usize = 8;

#[derive(Template)]
#[template(path = "meeting.html")]
struct Page {
    frame: Frame,
    now: Now,
    seen: String,
}

/// What changes while the meeting goes on, as a piece of the page.
#[derive(Template)]
#[template(path = "meeting_now.html")]
struct Piece<'a> {
    now: &'a Now,
}

/// A meeting as it is now.
struct Now {
    detail: MeetingDetail,
    turns: Vec<Turn>,
    /// How many turns came before those.
    earlier: usize,
    form_token: String,
    /// Whether anybody sends bots.
    has_bots: bool,
    /// What can be done in calls.
    powers: Powers,
    clock: Clock,
    at: DateTime<Utc>,
}

/// What somebody said until somebody else spoke.
pub(super) struct Turn {
    pub(super) speaker: String,
    /// The number of the speaker's colour.
    pub(super) colour: usize,
    /// How long after the first word, for people.
    pub(super) after: String,
    pub(super) lines: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Poll {
    #[serde(default)]
    seen: Option<String>,
}

/// What a person wants of a bot in this meeting.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    form_token: String,
    choice: Word,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Send,
    KeepOut,
    Policy,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let now = Now::read(&site, &session, &id).await?;
    let frame = Frame::of(&site, &session, Place::Agenda).await?;
    show(&Page { frame, seen: tag(&Piece { now: &now }.render()?), now })
}

/// Sends what has changed; a meeting that changes no more is asked about no more.
pub(super) async fn piece(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    seen: Result<Query<Poll>, QueryRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Query(Poll { seen }) = seen?;
        let now = Now::read(&site, &session, &id).await?;
        let is_over = !now.changes();
        let answer = show_changed(&Piece { now: &now }, seen.filter(|_| !is_over).as_deref())?;
        Ok(if is_over { for_ever(answer) } else { answer })
    };
    answer.await.map_err(refuse(&headers))
}

/// Lets the page ask no more, since the answer stays as it is.
pub(super) fn for_ever(mut answer: Response) -> Response {
    if let Ok(status) = StatusCode::from_u16(ASK_NO_MORE) {
        *answer.status_mut() = status;
    }
    answer
}

/// Sends a bot, keeps bots out, or leaves it to the policy.
pub(super) async fn choose(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<Choice>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Choice { form_token, choice }) = form?;
    guard::own_form(&session, &form_token)?;
    let meeting = meeting::own(&site, &id).await?;
    let kind = match choice {
        Word::Send => Some(ChoiceKind::Send),
        Word::KeepOut => Some(ChoiceKind::KeepOut),
        Word::Policy => None,
    };
    bot::choose(&site, &meeting, kind).await?;
    Ok(Redirect::to(&format!("/meetings/{}", meeting.id)).into_response())
}

impl Now {
    async fn read(site: &Site, session: &Session, id: &str) -> Result<Self, Refusal> {
        let meeting = meeting::own(site, id).await?;
        let detail = MeetingDetail::read(site, meeting).await?;
        let mut turns = turns(&detail.transcript);
        let at = site.clock().now();
        let mut now = Self {
            detail,
            turns: Vec::new(),
            earlier: 0,
            form_token: session.form_token().to_owned(),
            has_bots: site.besunny().bot_provider().is_some(),
            powers: site.besunny().bot_powers(),
            clock: Clock::of(site),
            at,
        };
        if now.is_heard_now() {
            now.earlier = turns.len().saturating_sub(SHOWN);
        }
        now.turns = turns.split_off(now.earlier);
        Ok(now)
    }

    fn bot(&self) -> Option<&BotEntry> {
        self.detail.bots.first()
    }

    /// Says whether what is said is being written now.
    fn is_heard_now(&self) -> bool {
        self.bot().is_some_and(|bot| bot.mark.status == BotStatus::Transcribing)
    }

    /// Says whether it may still change without its owner.
    fn changes(&self) -> bool {
        let is_open = self.detail.bots.iter().any(|bot| bot.outcome.is_none());
        let is_pending = self.document_state() == Some(DocumentState::Pending);
        is_open || is_pending || self.at < self.detail.meeting.ends_at + SETTLED
    }

    fn document_state(&self) -> Option<DocumentState> {
        self.detail.document.as_ref().map(|document| document.state)
    }

    /// Says whether a bot can be sent, and is not there.
    fn can_send(&self) -> bool {
        let meeting = &self.detail.meeting;
        let can_join = meeting.link.as_ref().is_some_and(|link| link.bot_capable);
        let is_coming = self.bot().is_some_and(|bot| bot.withdrawn.is_none() && bot.is_open());
        self.has_bots && can_join && !meeting.is_off() && self.at < meeting.ends_at && !is_coming
    }

    /// Says whether bots can be kept out, and are not.
    fn can_keep_out(&self) -> bool {
        let meeting = &self.detail.meeting;
        let is_there = self.bot().is_some_and(BotEntry::is_open);
        let may_come = self.at < meeting.ends_at && !meeting.is_off() && meeting.link.is_some();
        self.has_bots && meeting.choice != Some(ChoiceKind::KeepOut) && (is_there || may_come)
    }

    /// Says whether a bot may be in the call, or is to come, so that its chat is shown.
    fn has_call(&self) -> bool {
        let can_join = self.detail.meeting.link.as_ref().is_some_and(|link| link.bot_capable);
        let is_erased = self.bot().is_some_and(|bot| bot.erasure.is_some());
        self.powers.chat && can_join && !is_erased && (self.bot().is_some() || !self.is_past())
    }

    /// Says whether the bot may still write in the chat.
    fn can_write(&self) -> bool {
        self.bot().map_or(!self.is_past(), BotEntry::is_open)
    }

    fn is_past(&self) -> bool {
        self.at >= self.detail.meeting.ends_at
    }

    fn can_pause(&self) -> bool {
        self.powers.pause && self.is_heard_now()
    }

    fn can_resume(&self) -> bool {
        self.powers.pause && self.bot().is_some_and(|bot| bot.mark.status == BotStatus::Paused)
    }

    fn has_recording(&self) -> bool {
        let is_there = |bot: &BotEntry| match bot.recording {
            Readiness::Complete | Readiness::Partial => bot.erasure.is_none(),
            Readiness::None | Readiness::Running => false,
        };
        self.bot().is_some_and(is_there)
    }

    /// Says whether its provider keeps something of the call, and nobody has asked to erase it.
    fn can_erase(&self) -> bool {
        let can_be = |bot: &BotEntry| {
            bot.erasure.is_none() && bot.bot.is_some() && bot.phase.is_some_and(BotPhase::is_over)
        };
        self.has_bots && self.bot().is_some_and(can_be)
    }

    /// Says what became of the wish to erase.
    fn erasure(&self) -> Option<&'static str> {
        let erasure = self.bot()?.erasure?;
        Some(match (erasure.done_at, erasure.is_by_settings) {
            (Some(_), _) => "Its provider has erased what it recorded.",
            (None, true) => "Its provider is told to erase what it recorded, as the settings say.",
            (None, false) => "Its provider is told to erase what it recorded.",
        })
    }

    fn is_refused(&self) -> bool {
        self.detail.meeting.choice == Some(ChoiceKind::KeepOut)
    }

    /// Says why there is nothing to read.
    fn silence(&self) -> &'static str {
        match self.bot().map(|bot| (bot.outcome, bot.withdrawn)) {
            None => "No bot listens in this meeting, so nothing is written down.",
            Some((Some(_), _)) => "Nothing was heard in this meeting.",
            Some((None, Some(_))) => "The bot is kept out, so nothing is written down.",
            Some((None, None)) => "What is said appears here while the bot listens.",
        }
    }

    /// Writes day and time.
    fn when(&self) -> String {
        let meeting = &self.detail.meeting;
        let (from, to) = (meeting.starts_at, meeting.ends_at);
        let end = if from.date_naive() == to.date_naive() { "%H:%M" } else { "%-d %B, %H:%M" };
        format!("{} to {} UTC", from.format("%A, %-d %B %Y, %H:%M"), to.format(end))
    }
}

impl BotEntry {
    /// Says whether it may be in the call, or come into it.
    fn is_open(&self) -> bool {
        match self.mark.status {
            BotStatus::Pending
            | BotStatus::BotScheduled
            | BotStatus::BotJoining
            | BotStatus::BotJoined
            | BotStatus::Transcribing
            | BotStatus::Paused => true,
            BotStatus::PostProcessing
            | BotStatus::Completed
            | BotStatus::Failed
            | BotStatus::Cancelled => false,
        }
    }

    fn name(&self) -> &'static str {
        if self.mark.is_denied {
            return "Recording denied";
        }
        words::status_name(self.mark.status)
    }

    fn class(&self) -> &'static str {
        if self.mark.is_denied {
            return "bad";
        }
        words::status_class(self.mark.status)
    }
}

/// Puts together what one person said in a row.
pub(super) fn turns(transcript: &Transcript) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for piece in &transcript.segments {
        let text = piece.text.clone();
        match turns.last_mut().filter(|turn| turn.speaker == piece.who()) {
            Some(turn) => turn.lines.push(text),
            None => turns.push(Turn {
                speaker: piece.who().to_owned(),
                colour: transcript.voice(piece.who()),
                after: mark::after(&piece.after_seconds),
                lines: vec![text],
            }),
        }
    }
    turns
}

impl Figures {
    /// Writes the time from the first word to the last.
    pub(super) fn lasted(&self) -> String {
        mark::after(&i64::try_from(self.seconds).unwrap_or(i64::MAX))
    }
}

impl Transcript {
    /// Returns the number of a speaker's colour, which stays the same while others begin to speak.
    pub(super) fn voice(&self, name: &str) -> usize {
        let mut heard: Vec<&str> = Vec::new();
        for who in self.segments.iter().map(Said::who) {
            if who == name {
                break;
            }
            if !heard.contains(&who) {
                heard.push(who);
            }
        }
        heard.len() % VOICES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(speaker: &str, after_seconds: i64, text: &str) -> Said {
        Said {
            speaker: None,
            shown: speaker.to_owned(),
            starts_at: DateTime::UNIX_EPOCH,
            after_seconds,
            seconds: None,
            text: text.to_owned(),
            is_final: true,
        }
    }

    #[test]
    fn bot_12_what_one_person_says_in_a_row_is_one_turn() {
        let all = [
            said("Ada", 0, "One."),
            said("Ada", 4, "Two."),
            said("Somebody", 65, "Three."),
            said("Somebody", 70, "Four."),
            said("Ada", 3_671, "Five."),
        ];
        let transcript = Transcript { segments: all.into(), ..Transcript::default() };
        let turns = turns(&transcript);
        let shown: Vec<_> =
            turns.iter().map(|turn| (&*turn.speaker, &*turn.after, turn.lines.len())).collect();
        assert_eq!(shown, [("Ada", "0:00", 2), ("Somebody", "1:05", 2), ("Ada", "1:01:11", 1)]);
        assert_eq!([turns[0].colour, turns[1].colour, turns[2].colour], [0, 1, 0]);
    }
}
