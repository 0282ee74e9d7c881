//! Transcripts: what was said in a meeting, as one document of each of its owners (BOT-12).
use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    bot::{Segment, Speaker},
    calendar::EventUid,
    document::{DocumentKind, NewDocument, document_id},
    ids::{DocumentId, MeetingId, TenantId},
    mail::{Mail, Recipient, RecipientKind, SegmentKind, Span},
    meeting::Meeting,
    posting::{Completeness, Heard, Served},
    untrusted::Untrusted,
};

/// How somebody is called whom the provider does not name.
const NOBODY: &str = "Somebody";
/// So many letters of a name are shown; whoever joins a call chooses their own.
const NAME: usize = 200;
/// What a meeting without a title is called.
const UNTITLED: &str = "Meeting";

/// What was said in a meeting, counted (BOT-12).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Pieces of speech.
    pub segments: usize,
    /// Words, by white space.
    pub words: usize,
    /// Characters of the words.
    pub characters: usize,
    /// From the first word to the last, in seconds.
    pub seconds: u64,
    /// Who spoke, whoever spoke longest first.
    pub speakers: Vec<Talk>,
}

/// How much somebody said.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Talk {
    /// Their name in the call.
    pub name: Untrusted<String>,
    /// How long they spoke, in seconds; where the provider does not say, by the number of words.
    pub seconds: f64,
    /// Words.
    pub words: usize,
    /// Pieces of speech.
    pub segments: usize,
}

/// What a meeting's document is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spoken<'a> {
    /// What was said, in the order of time.
    pub segments: &'a [Segment],
    /// Who took part.
    pub participants: &'a [Speaker],
    /// Whether that is all, where it is known.
    pub completeness: Option<Completeness>,
}

/// People say so many words in a second (about 150 in a minute), where nobody measured.
const WORDS_PER_SECOND: f64 = 2.5;

/// The record of a meeting as it is stored, beside the text that is read.
#[derive(Serialize)]
struct Record<'a> {
    title: &'a Untrusted<String>,
    starts_at: DateTime<Utc>,
    participants: &'a [Speaker],
    completeness: Option<Completeness>,
    statistics: Statistics,
    segments: &'a [Segment],
}

impl Statistics {
    /// Counts what was said.
    #[must_use]
    pub fn of(segments: &[Segment]) -> Self {
        let mut talk = BTreeMap::<String, Talk>::new();
        let mut statistics = Self { segments: segments.len(), ..Self::default() };
        for segment in segments {
            let text = segment.text.expose();
            let words = text.split_whitespace().count();
            statistics.words += words;
            statistics.characters += text.chars().count();
            let of = talk.entry(speaker(segment)).or_default();
            of.words += words;
            of.segments += 1;
            #[expect(clippy::cast_precision_loss, reason = "words of a meeting are few")]
            let guessed = words as f64 / WORDS_PER_SECOND;
            of.seconds += segment.duration.map_or(guessed, |spoken| spoken.as_secs_f64());
        }
        statistics.seconds = duration(segments).as_secs();
        let named = talk.into_iter().map(|(name, of)| Talk { name: name.into(), ..of });
        statistics.speakers = named.collect();
        statistics.speakers.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
        statistics
    }
}

/// Returns the time from the first word to the last: max(end) - min(start) (BOT-12).
#[must_use]
pub fn duration(segments: &[Segment]) -> Duration {
    Heard::of(segments).map(|heard| heard.duration()).unwrap_or_default()
}

/// Names the thread of all meetings of one event, and of the mails that invite to it.
#[must_use]
pub fn thread_of(uid: &EventUid) -> String {
    format!("meetings:{}", uid.as_str())
}

/// Returns the id that the document of a meeting has, whether or not it is there.
#[must_use]
pub fn id_of(tenant: TenantId, meeting: &Meeting) -> DocumentId {
    id_for(tenant, Served { meeting: meeting.id, owner: meeting.owner })
}

/// The same, of a meeting that a bot is for.
#[must_use]
pub fn id_for(tenant: TenantId, Served { meeting, owner }: Served) -> DocumentId {
    document_id(tenant, owner, DocumentKind::MeetingTranscript, &hash_of(meeting))
}

fn hash_of(meeting: MeetingId) -> [u8; 32] {
    Sha256::digest(meeting.as_bytes()).into()
}

/// Makes the document of a meeting: what was said in it, in order, with who said it (BOT-12).
///
/// Its id follows from the meeting, so that a meeting has one. To the router it is a letter from whoever
/// called the meeting to those who were invited, in the thread of its series.
///
/// # Errors
/// What the writer of JSON says of the record.
pub fn document(
    tenant: TenantId,
    meeting: &Meeting,
    Spoken { segments, participants, completeness }: Spoken<'_>,
) -> Result<NewDocument, serde_json::Error> {
    let mail = mail(meeting, segments);
    let record = Record {
        title: &mail.subject,
        starts_at: meeting.starts_at,
        participants,
        completeness,
        statistics: Statistics::of(segments),
        segments,
    };
    Ok(NewDocument {
        id: id_of(tenant, meeting),
        owner: meeting.owner,
        kind: DocumentKind::MeetingTranscript,
        received_at: meeting.starts_at,
        raw: Bytes::from(serde_json::to_vec(&record)?),
        content_hash: hash_of(meeting.id),
        mail: std::sync::Arc::new(mail),
    })
}

fn mail(meeting: &Meeting, segments: &[Segment]) -> Mail {
    let text = text(segments);
    let thread = Untrusted::new(thread_of(&meeting.uid));
    let people = meeting.attendees.iter().filter(|attendee| !attendee.is_resource);
    let to: Vec<_> = people.map(|attendee| attendee.mailbox.clone()).collect();
    let recipients = to
        .iter()
        .map(|mailbox| Recipient { address: mailbox.address.clone(), kind: RecipientKind::To });
    Mail {
        message_id: Some(thread.clone()),
        references: vec![thread],
        subject: meeting.title.clone().unwrap_or_else(|| UNTITLED.to_owned().into()),
        from: meeting.organizer.iter().cloned().collect(),
        recipients: recipients.collect(),
        to,
        date: Some(meeting.starts_at.fixed_offset()),
        spans: vec![Span { kind: SegmentKind::Own, range: 0..text.len() }],
        text: text.into(),
        ..Mail::default()
    }
}

/// Writes what was said, a line for each piece: `[time] Speaker: words`.
fn text(segments: &[Segment]) -> String {
    let begins = segments.iter().map(|segment| segment.starts_at).min();
    let mut lines = Vec::with_capacity(segments.len());
    for segment in segments {
        let into =
            begins.map(|begins| (segment.starts_at - begins).num_seconds()).unwrap_or_default();
        let (hours, minutes, seconds) = (into / 3_600, into / 60 % 60, into % 60);
        let words = segment.text.expose().split_whitespace().collect::<Vec<_>>().join(" ");
        let speaker = speaker(segment);
        lines.push(format!("[{hours:02}:{minutes:02}:{seconds:02}] {speaker}: {words}\n"));
    }
    lines.concat()
}

/// Returns the name of who spoke, on one line and without what ends a name in the text.
#[must_use]
pub fn speaker(segment: &Segment) -> String {
    let named = segment.speaker.as_ref().and_then(|speaker| speaker.name.as_ref());
    let name = named.map(|name| name.expose().as_str()).unwrap_or_default();
    let is_border = |letter: char| letter.is_whitespace() || letter.is_control() || letter == ':';
    let words = name.split(is_border).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join(" ").chars().take(NAME).collect();
    if name.is_empty() { NOBODY.to_owned() } else { name }
}

#[cfg(test)]
mod tests;
