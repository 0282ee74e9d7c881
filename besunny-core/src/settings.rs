//! Settings of the engine, each with its default and the reason for it.
use std::time::Duration;

use crate::document::DocumentKind;

/// How much the engine does at once, and for how long it holds work.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Streams worked on at once by one worker (MAIL-9).
    pub streams: usize,
    /// Jobs done at once by one worker.
    pub jobs: usize,
    /// How long a lease or claim lasts without a heartbeat; a dead worker's work waits so long.
    pub lease_for: Duration,
    /// A source, classifier or sink that does not answer one call within this time is taken for
    /// hung: the call is let go, and the retry table decides. Adapters give up a request after a
    /// minute or two, and a mailbox may wait some minutes for its share of a quota.
    pub hung_after: Duration,
    /// Pages read under one lease before others get their turn.
    pub passes: usize,
    /// Events published at once.
    pub events: usize,
    /// The longest time between two looks for due work, since other nodes may have made some.
    pub idle: Duration,
    /// So long it is remembered which jobs were done and which commits people made. Repetitions
    /// come within minutes; the rest is for whoever wants to know what happened last month.
    pub remember_for: Duration,
    /// How sure the rules must be for a document to be routed, from 0 to 1 (CLS-7).
    pub assign_at: f64,
    /// How much surer than of the next best project (CLS-3: ambiguous references).
    pub margin: f64,
    /// The precision that is promised of what is learned, by kind of document (CLS-4).
    pub promised: Promised,
    /// A route that nobody corrected for so long counts as a right answer. People look at their
    /// projects within a week; without it only errors would be seen, and nothing could be promised.
    pub consent_after: Duration,
    /// Models held in memory by one worker; one has up to some tens of MiB.
    pub models: usize,
    /// A model is stored whenever it has learned so many answers more (ML-6).
    pub store_model_every: u64,
    /// Documents that a language model is asked about at once, for each tenant; its provider
    /// limits how many requests it takes.
    pub language_at_once: usize,
}

/// How many of the documents that a model routes are to be right, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Promised {
    /// Of mails.
    pub email: f64,
    /// Of what was said in meetings, which is more private than most mails.
    pub meeting_transcript: f64,
}

impl Promised {
    /// Returns the precision promised of a kind of document.
    #[must_use]
    pub const fn of(&self, kind: DocumentKind) -> f64 {
        match kind {
            DocumentKind::Email => self.email,
            DocumentKind::MeetingTranscript => self.meeting_transcript,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            streams: 8,
            jobs: 256,
            lease_for: Duration::from_mins(1),
            hung_after: Duration::from_mins(15),
            passes: 64,
            events: 1024,
            idle: Duration::from_secs(30),
            remember_for: Duration::from_hours(30 * 24),
            assign_at: 0.8,
            margin: 0.2,
            promised: Promised { email: 0.95, meeting_transcript: 0.97 },
            consent_after: Duration::from_hours(7 * 24),
            models: 16,
            store_model_every: 50,
            language_at_once: 4,
        }
    }
}
