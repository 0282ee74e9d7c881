//! What was decided on documents, in order, and where each of them stood at any moment; pure.
//!
//! It is read from histories alone, so it says what was known then and nothing that came later.
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::{
    classify::{Stage, cascade::Known},
    document::{Document, DocumentState, Review, ReviewReason},
    experiment::Trial,
    history::{Entry, Fact},
    ids::DocumentId,
};

/// A place in the order in which the engine decides.
///
/// Of two decisions at one instant the mail that was received earlier was first, as in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// When the document was received.
    pub received_at: DateTime<Utc>,
    /// The document.
    pub document: DocumentId,
}

/// A decision as the engine made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// When, and on which document.
    pub moment: Moment,
    /// The document's version after it.
    pub version: u64,
    /// What became of the document.
    pub state: DocumentState,
    /// Who decided.
    pub by: DecidedBy,
    /// How sure the verdict was, from 0 to 1.
    pub confidence: f64,
    /// What the learned model knew, where that was recorded.
    pub known: Option<Known>,
    /// In which arm of an experiment it was made.
    pub trial: Option<Trial>,
    /// What all verdicts of it cost, in millionths of the unit that the price list is in.
    pub cost_micros: u64,
}

/// Who made a decision of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// The cascade, at this stage.
    Cascade(Stage),
    /// A standing rule of the owner; nobody else was asked.
    Rule,
    /// Nobody: classifiers failed.
    Nobody,
}

/// All that was decided on the documents of one owner.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    decisions: Vec<Decided>,
    trails: HashMap<DocumentId, Vec<Step>>,
}

/// A document came into a state.
#[derive(Clone, Debug)]
struct Step {
    at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    by: Mover,
    state: DocumentState,
}

/// Who brought a document into a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mover {
    Source,
    Engine,
    Person,
}

impl Chronicle {
    /// Reads the history of a document.
    pub fn add(&mut self, document: &Document, history: &[Entry]) {
        let mut trail = Vec::with_capacity(history.len());
        for Entry { version, at, fact, .. } in history {
            let Some(state) = state_after(fact) else { continue };
            let (at, received_at) = (*at, document.received_at);
            let decided = decided_by(fact);
            let by = match (decided, fact) {
                (Some(_), _) => Mover::Engine,
                (None, Fact::Stored { .. } | Fact::Transcribed { .. }) => Mover::Source,
                (None, _) => Mover::Person,
            };
            if let Some(by) = decided {
                let weighed = fact.weighed();
                let moment = Moment { at, received_at, document: document.id };
                self.decisions.push(Decided {
                    moment,
                    version: *version,
                    state: state.clone(),
                    by,
                    confidence: weighed.map_or(by.confidence(), |it| it.verdict.confidence),
                    known: weighed.and_then(|it| it.ruling.known),
                    trial: weighed.and_then(|it| it.ruling.trial.clone()),
                    cost_micros: weighed.map_or(0, |it| it.ruling.cost_micros(it.verdict)),
                });
            }
            trail.push(Step { at, received_at, by, state });
        }
        self.trails.insert(document.id, trail);
    }

    /// Returns the decisions of the engine in the order in which they were made.
    #[must_use]
    pub fn into_order(mut self) -> (Vec<Decided>, Self) {
        let mut decisions = std::mem::take(&mut self.decisions);
        decisions.sort_by_key(|decided| (decided.moment, decided.version));
        (decisions, self)
    }

    /// Returns where a document stood just before a decision; none before it was stored.
    ///
    /// What a person said at the very instant counts as said later.
    #[must_use]
    pub fn before(&self, moment: &Moment, document: DocumentId) -> Option<&DocumentState> {
        let trail = self.trails.get(&document)?;
        let was = |step: &&Step| match step.by {
            Mover::Source => step.at <= moment.at,
            Mover::Engine => {
                let place = (step.at, step.received_at, document);
                place < (moment.at, moment.received_at, moment.document)
            }
            Mover::Person => step.at < moment.at,
        };
        trail.iter().take_while(was).last().map(|step| &step.state)
    }
}

/// Reads who of the engine made a decision; none of what a person or the source did.
fn decided_by(fact: &Fact) -> Option<DecidedBy> {
    match fact {
        Fact::Decided { ruling, .. } => Some(DecidedBy::Cascade(ruling.stage)),
        Fact::Ruled { act: None, .. } => Some(DecidedBy::Rule),
        Fact::ClassifierFailed { .. } => Some(DecidedBy::Nobody),
        Fact::Ruled { act: Some(_), .. }
        | Fact::Stored { .. }
        | Fact::Transcribed { .. }
        | Fact::Amended { .. }
        | Fact::Assigned { .. }
        | Fact::Confirmed { .. }
        | Fact::Declined { .. }
        | Fact::Undone { .. }
        | Fact::Removed
        | Fact::Restored => None,
    }
}

impl DecidedBy {
    /// Returns how sure it is where no classifier says so.
    const fn confidence(self) -> f64 {
        match self {
            Self::Rule => 1.0,
            Self::Cascade(_) | Self::Nobody => 0.0,
        }
    }
}

/// Returns the state into which a fact brought its document; none where it moved nothing.
fn state_after(fact: &Fact) -> Option<DocumentState> {
    match fact {
        Fact::Stored { .. } | Fact::Transcribed { .. } => Some(DocumentState::Pending),
        Fact::Decided { state, .. } | Fact::Ruled { state, .. } | Fact::Undone { state, .. } => {
            Some(state.clone())
        }
        Fact::ClassifierFailed { .. } => {
            let reason = ReviewReason::ClassifierFailed;
            Some(DocumentState::NeedsReview(Review { reason, suggestion: None }))
        }
        Fact::Assigned { by, to, .. } => Some(DocumentState::assigned(*to, *by)),
        Fact::Confirmed { by, project, .. } => Some(DocumentState::assigned(Some(*project), *by)),
        Fact::Declined { by, .. } => Some(DocumentState::NoProject { by: *by }),
        Fact::Removed | Fact::Restored | Fact::Amended { .. } => None,
    }
}

#[cfg(test)]
mod tests;
