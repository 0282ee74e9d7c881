//! What pages write besides text: colours, shares, lengths of bars, words for signals.
#![expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]

use besunny::core::{
    classify::Signal,
    mail::{Kind as MailKind, SegmentKind},
};
use uuid::Uuid;

use crate::web::{
    document::{DocumentSummary, State},
    explanation::{FactKind, HistoryLine, signal_name},
    fact, instant,
};

/// So many colours of chips are in the style sheet.
const COLOURS: u128 = 8;

/// Returns the number of a project's colour; the same project always has the same.
pub(super) fn colour(project: &Uuid) -> u128 {
    project.as_u128() % COLOURS
}

/// Says whether a document waits for a person.
pub(super) fn waits(document: &DocumentSummary) -> bool {
    document.state == State::NeedsReview
}

/// Says whether a person said that it belongs to no project.
pub(super) fn is_of_none(document: &DocumentSummary) -> bool {
    document.state == State::NoProject
}

/// Says who decided, and how sure that was.
pub(super) fn certainty(document: &DocumentSummary) -> String {
    match (document.state, document.by_person, document.confidence) {
        (State::Routed, true, _) => "by you".to_owned(),
        (State::Routed, false, _) if document.by_rule => "by a rule of yours".to_owned(),
        (State::Routed, false, Some(confidence)) => instant::percent(confidence),
        (State::Routed, false, None)
        | (State::Pending | State::NeedsReview | State::NoProject, _, _) => String::new(),
    }
}

pub(super) fn percent(share: &f64) -> String {
    instant::percent(*share)
}

/// Returns the length of a bar, in hundredths.
pub(super) fn bar(share: &f64) -> String {
    format!("{:.1}", share.clamp(0.0, 1.0) * 100.0)
}

/// Writes a time after the first word, as a clock that begins at zero.
pub(super) fn after(seconds: &i64) -> String {
    let seconds = (*seconds).max(0);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Writes how long somebody spoke.
pub(super) fn length(seconds: &f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a float that is no time is cut to one")]
    after(&(seconds.round() as i64))
}

pub(super) fn size(size_bytes: &usize) -> String {
    instant::bytes(*size_bytes)
}

pub(super) fn signal(signal: &Signal) -> &'static str {
    signal_name(*signal)
}

/// Names the part of a mail that is folded; the sender's own words are not.
pub(super) fn fold(kind: &SegmentKind) -> Option<&'static str> {
    match kind {
        SegmentKind::Own => None,
        SegmentKind::Quoted => Some("Quoted history"),
        SegmentKind::Signature => Some("Signature"),
    }
}

/// Names what a mail brings besides its words, if anything.
pub(super) fn brings(kind: &MailKind) -> Option<&'static str> {
    fact::kind_name(*kind)
}

/// Says what happened; the project follows where there is one.
pub(super) fn happened(line: &HistoryLine) -> &'static str {
    match (line.fact, line.from.is_some(), line.to.is_some()) {
        (FactKind::Stored, ..) => "Stored",
        (FactKind::Decided, _, true) => "Routed to",
        (FactKind::Decided, _, false) => "Left for a person to decide",
        (FactKind::ClassifierFailed, ..) => "The classifier failed",
        (FactKind::Ruled, _, true) => "A rule of yours put it into",
        (FactKind::Ruled, _, false) => "A rule of yours held it back",
        (FactKind::Confirmed, ..) => "You said it is right in",
        (FactKind::Declined, ..) => "You said it belongs to no project",
        (FactKind::Undone, _, true) => "You undid that, so it is back in",
        (FactKind::Undone, _, false) => "You undid that",
        (FactKind::Assigned, true, true) => "Moved by you to",
        (FactKind::Assigned, false, true) => "Put by you into",
        (FactKind::Assigned, _, false) => "Taken out by you",
        (FactKind::Removed, ..) => "Removed at the source",
        (FactKind::Restored, ..) => "Came back at the source",
        (FactKind::Transcribed, ..) => "Written from what was said",
        (FactKind::Amended, ..) => "Written anew, since more was heard",
    }
}
