//! What was said in a meeting, who said how much of it, and who took part (BOT-12).
use besunny::core::{
    bot::{Segment, Speaker},
    posting::Completeness,
    transcript::{self, Spoken, Statistics, Talk},
    untrusted::Untrusted,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was said in a meeting; names and words are untrusted text.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Transcript {
    /// Whether this is all that was said: `complete`, `short` where it covers less than half of the call,
    /// `partial` where the provider says that a part is missing; null while that is not known.
    #[schema(value_type = Option<String>)]
    pub completeness: Option<Completeness>,
    /// Who took part, once that is known.
    pub participants: Vec<PersonInCall>,
    /// What was said, counted.
    pub statistics: Figures,
    /// What was said, in the order of time.
    pub segments: Vec<Said>,
}

/// Somebody in a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonInCall {
    /// What the call shows as their name.
    pub name: Option<String>,
    /// Whether they host the call.
    pub is_host: bool,
}

/// What was said, counted.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Figures {
    /// Pieces of speech.
    pub segments: usize,
    /// Words.
    pub words: usize,
    /// Characters of the words.
    pub characters: usize,
    /// From the first word to the last, in seconds.
    pub seconds: u64,
    /// Who spoke, whoever spoke longest first.
    pub speakers: Vec<SpeakerFigures>,
}

/// How much somebody said.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SpeakerFigures {
    /// Their name in the call.
    pub name: String,
    /// How long they spoke, in seconds; where the provider does not say, by the number of words.
    pub seconds: f64,
    /// The share of that in what all spoke, from 0 to 1.
    pub share: f64,
    /// Words.
    pub words: usize,
    /// Pieces of speech.
    pub segments: usize,
}

/// What one person said without a break.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Said {
    /// Their name in the call.
    pub speaker: Option<String>,
    /// The same as it is shown, on one line.
    #[serde(skip)]
    pub(super) shown: String,
    /// When it began.
    pub starts_at: DateTime<Utc>,
    /// The same, in seconds after the first word.
    pub after_seconds: i64,
    /// How long it took, in seconds, where that is known.
    pub seconds: Option<f64>,
    /// The words.
    pub text: String,
    /// Whether the provider takes it for finished.
    pub is_final: bool,
}

/// The part of a stored transcript that is shown.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    completeness: Option<Completeness>,
    participants: Vec<Speaker>,
    segments: Vec<Segment>,
}

impl Transcript {
    /// Tells what was said, in order of time, and who took part.
    pub(super) fn of(spoken: Spoken<'_>) -> Self {
        let Spoken { segments, participants, completeness } = spoken;
        let begins = segments.iter().map(|segment| segment.starts_at).min();
        let begins = begins.unwrap_or_default();
        Self {
            completeness,
            participants: participants.iter().map(PersonInCall::of).collect(),
            statistics: Figures::of(Statistics::of(segments)),
            segments: segments.iter().map(|segment| Said::of(segment, begins)).collect(),
        }
    }

    /// Says whether this is all, and how that is shown; nothing while nobody knows.
    pub(super) const fn wholeness(&self) -> Option<(&'static str, &'static str)> {
        match self.completeness {
            None => None,
            Some(Completeness::Complete) => {
                Some(("muted", "Nothing says that a part of this is missing."))
            }
            Some(Completeness::Short) => Some((
                "notice",
                "What was heard covers less than half of the call: a part may be missing.",
            )),
            Some(Completeness::Partial) => Some((
                "notice",
                "A part is missing: not everything could be written down, or read.",
            )),
        }
    }

    /// Reads a stored transcript; none where it has another form.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let record: Record = serde_json::from_slice(raw).ok()?;
        let (segments, participants) = (&record.segments, &record.participants);
        Some(Self::of(Spoken { segments, participants, completeness: record.completeness }))
    }
}

impl PersonInCall {
    fn of(person: &Speaker) -> Self {
        let name = person.name.clone().map(Untrusted::into_exposed);
        Self { name, is_host: person.is_host }
    }
}

impl Figures {
    fn of(counted: Statistics) -> Self {
        let all: f64 = counted.speakers.iter().map(|talk| talk.seconds).sum();
        let speakers = counted.speakers.into_iter().map(|talk| SpeakerFigures::of(talk, all));
        Self {
            segments: counted.segments,
            words: counted.words,
            characters: counted.characters,
            seconds: counted.seconds,
            speakers: speakers.collect(),
        }
    }
}

impl SpeakerFigures {
    fn of(Talk { name, seconds, words, segments }: Talk, all: f64) -> Self {
        let share = if all > 0.0 { seconds / all } else { 0.0 };
        Self { name: name.into_exposed(), seconds, share, words, segments }
    }
}

impl Said {
    /// Names the speaker, as the figures do.
    pub(super) fn who(&self) -> &str {
        &self.shown
    }

    fn of(segment: &Segment, begins: DateTime<Utc>) -> Self {
        let speaker = segment.speaker.as_ref().and_then(|speaker| speaker.name.clone());
        Self {
            speaker: speaker.map(Untrusted::into_exposed),
            shown: transcript::speaker(segment),
            starts_at: segment.starts_at,
            after_seconds: (segment.starts_at - begins).num_seconds(),
            seconds: segment.duration.map(|spoken| spoken.as_secs_f64()),
            text: segment.text.expose().clone(),
            is_final: segment.is_final,
        }
    }
}
