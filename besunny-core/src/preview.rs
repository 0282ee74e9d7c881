//! What a change would do to documents that are there: a dry run, without any effect (CLS-9).
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    classify::{self, cascade::Conclusion},
    document::{Decider, Document, DocumentState, Review, ReviewReason, Route},
    ids::DocumentId,
    mail::Mail,
    project::Project,
    settings::Settings,
    standing::{Orders, StandingRule},
    untrusted::Untrusted,
};

/// A preview looks at so many documents, the newest first: some weeks of a person's mail, read in
/// well under a second.
pub const PREVIEW_DOCUMENTS: usize = 200;

/// What a change of rules or projects would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// How many documents were looked at; older ones were not, see [`PREVIEW_DOCUMENTS`].
    pub looked_at: usize,
    /// How many of them stay whatever happens, since a person decided on them.
    pub of_people: usize,
    /// Those that would end elsewhere, the newest first.
    pub changes: Vec<Change>,
}

/// A document that would end elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The document.
    pub document: DocumentId,
    /// The version that was looked at.
    pub version: u64,
    /// Its subject.
    pub title: Untrusted<String>,
    /// The address of its author.
    pub author: Untrusted<String>,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// Where it is.
    pub before: DocumentState,
    /// Where it would be.
    pub after: DocumentState,
    /// The same in one word.
    pub turn: Turn,
}

/// What would become of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It waits, and would go into a project.
    Routed,
    /// It is in a project, and would wait for a person.
    HeldBack,
    /// It would go from one project into another.
    Moved,
}

impl Turn {
    /// Compares two states; none when the document would stay where it is.
    #[must_use]
    pub fn of(before: &DocumentState, after: &DocumentState) -> Option<Self> {
        match (before.project(), after.project()) {
            (None, Some(_)) => Some(Self::Routed),
            (Some(_), None) => Some(Self::HeldBack),
            (Some(from), Some(to)) => (from != to).then_some(Self::Moved),
            (None, None) => None,
        }
    }
}

/// A document that a preview looks at.
#[derive(Clone, Debug)]
pub struct Case {
    /// The document.
    pub document: Document,
    /// What was read out of it.
    pub mail: Mail,
    /// What was last concluded of it from what classifiers said.
    pub concluded: Option<Conclusion>,
}

impl Preview {
    /// Foresees what would follow if `after` stood in place of the rules `before`.
    ///
    /// Each document is decided on by the verdict of then, so nothing but the rules makes the
    /// difference. One that nobody gave a verdict on changes only where a rule decides alone, and one
    /// that waits to be classified is left out.
    #[must_use]
    pub fn of_rules(
        cases: &[Case],
        (before, after): (&[StandingRule], &[StandingRule]),
        candidates: &[Project],
        settings: &Settings,
    ) -> Self {
        let decide = |rules: &[StandingRule], case: &Case| {
            let orders = Orders::on(rules, &case.mail, candidates);
            let by_verdict = || {
                let concluded = unheld(case.concluded.as_ref()?, candidates, settings);
                Some(orders.hold(concluded, candidates, settings).state)
            };
            orders.route().map(|(_, state)| state).or_else(by_verdict)
        };
        Self::of(cases, |case| {
            let new = decide(after, case)?;
            (decide(before, case).as_ref() != Some(&new)).then_some(new)
        })
    }

    /// Foresees what would follow if each document were decided on by `decide`; none leaves it.
    #[must_use]
    pub fn of(cases: &[Case], decide: impl Fn(&Case) -> Option<DocumentState>) -> Self {
        let mut preview = Self { looked_at: cases.len(), ..Self::default() };
        for case in cases {
            let document = &case.document;
            if document.state.is_of_person() {
                preview.of_people += 1;
                continue;
            }
            if document.state == DocumentState::Pending {
                continue;
            }
            let Some(after) = decide(case) else { continue };
            let Some(turn) = Turn::of(&document.state, &after) else { continue };
            preview.changes.push(Change {
                document: document.id,
                version: document.version,
                title: document.title.clone(),
                author: document.author.clone(),
                received_at: document.received_at,
                before: document.state.clone(),
                after,
                turn,
            });
        }
        preview
    }
}

/// Returns what would have been concluded if no rule had held.
fn unheld(concluded: &Conclusion, candidates: &[Project], settings: &Settings) -> Conclusion {
    let Conclusion { verdict, state, ruling } = concluded.clone();
    let reason = match &state {
        DocumentState::NeedsReview(Review { reason, .. }) => Some(*reason),
        DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => None,
    };
    let state = match (reason, ruling.promised, verdict.choice) {
        // A rule makes no mail more believable.
        (Some(ReviewReason::Suspicious), ..) => state,
        (_, None, _) => classify::decide(&verdict, candidates, settings),
        (Some(ReviewReason::Barred), Some(_), Some(project)) => {
            let by = Decider::Classifier(verdict.classifier.clone());
            DocumentState::Routed(Route { project, by, confidence: verdict.confidence })
        }
        (_, Some(_), _) => state,
    };
    Conclusion { verdict, state, ruling }
}
