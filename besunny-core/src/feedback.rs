//! What a person says of decisions: acts, each one commit, each undone as a whole (CLS-9).
//!
//! An act names every document it moves, with the state before and after, so undoing it needs
//! nothing but the act. What it says of a document goes into the log of answers with it, and is taken
//! back there when it is undone. Undoing is an act too, and can be undone. A new act is planned here, from
//! the documents as they were read; a store applies it if they are still so.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    classify::cascade,
    commit::{Basis, Commit, Decision, Effect},
    document::{Document, DocumentState, Route},
    history::Fact,
    ids::{CommitId, DocumentId, ProjectId, RuleId, TenantId, UserId},
    job::Job,
    label::{Answer, Said, Teacher, Truth},
    preview::Change,
    standing::StandingRule,
};

/// An act moves at most so many documents: one page of a store, one transaction.
pub const MAX_MOVES: usize = crate::repository::BATCH;

/// Something that a person did, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// The id of its commit; repeating it changes nothing.
    pub id: CommitId,
    /// Whose documents and rules it is about.
    pub owner: UserId,
    /// Who did it.
    pub by: UserId,
    /// When.
    pub at: DateTime<Utc>,
    /// What was done.
    pub deed: Deed,
    /// Each document that was moved.
    pub moves: Vec<Move>,
    /// Each rule that was changed.
    pub rules: Vec<RuleChange>,
}

/// What a person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "deed")]
pub enum Deed {
    /// Put it into a project.
    Assign {
        /// The project.
        to: ProjectId,
    },
    /// "Not this one": take it out of its project.
    Unassign,
    /// "Belongs to no project".
    Decline,
    /// "This is right".
    Confirm,
    /// Make a standing rule, and apply it to what waits if that was asked for.
    Accept {
        /// The rule.
        rule: RuleId,
    },
    /// Take a standing rule back; what it did before stays.
    Withdraw {
        /// The rule.
        rule: RuleId,
    },
    /// Bring back what was before an act.
    Undo {
        /// The act.
        act: CommitId,
    },
}

/// A document that an act moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The document.
    pub document: DocumentId,
    /// Its version after the act.
    pub version: u64,
    /// Its state before.
    pub before: DocumentState,
    /// Its state after.
    pub after: DocumentState,
    /// What the log of answers is told; nothing by a rule, or of what was nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Truth>,
}

/// A rule that an act changed; at least one side is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleChange {
    /// The rule before; none when it is new.
    pub before: Option<StandingRule>,
    /// The rule after; none when it is gone.
    pub after: Option<StandingRule>,
}

/// Who asks for an act, and by which id it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// The id of the commit.
    pub id: CommitId,
    /// Whose documents and rules it is about.
    pub owner: UserId,
    /// Who asks.
    pub by: UserId,
    /// When.
    pub at: DateTime<Utc>,
}

/// An act makes no sense for what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is about no document.
    #[error("nothing was named to act on")]
    Nothing,
    /// It is about more than [`MAX_MOVES`] documents.
    #[error("one act moves at most {MAX_MOVES} documents")]
    TooMany,
    /// What is in no project cannot be confirmed.
    #[error("the document is in no project, so there is nothing to confirm")]
    NotRouted,
}

impl Deed {
    /// Returns its name, as the API says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assign { .. } => "assign",
            Self::Unassign => "unassign",
            Self::Decline => "none",
            Self::Confirm => "confirm",
            Self::Accept { .. } => "accept",
            Self::Withdraw { .. } => "withdraw",
            Self::Undo { .. } => "undo",
        }
    }

    /// Returns what becomes of a document in `state`; none when the deed does not fit it.
    const fn judged(self, state: &DocumentState, by: UserId) -> Option<DocumentState> {
        match self {
            Self::Assign { to } => Some(DocumentState::assigned(Some(to), by)),
            Self::Unassign => Some(DocumentState::assigned(None, by)),
            Self::Decline => Some(DocumentState::NoProject { by }),
            Self::Confirm => match state {
                DocumentState::Routed(Route { project, .. }) => {
                    Some(DocumentState::assigned(Some(*project), by))
                }
                DocumentState::Pending
                | DocumentState::NeedsReview(_)
                | DocumentState::NoProject { .. } => None,
            },
            Self::Accept { .. } | Self::Withdraw { .. } | Self::Undo { .. } => None,
        }
    }

    /// Returns where a document in `state` belongs by this.
    ///
    /// Taking it out says only that it does not belong there, or where it was thought to belong.
    fn truth(self, state: &DocumentState) -> Option<Truth> {
        match self {
            Self::Assign { to } => Some(Truth::To(to)),
            Self::Unassign => state.project().or(cascade::suggestion(state)).map(Truth::NotTo),
            Self::Decline => Some(Truth::Nowhere),
            Self::Confirm => state.project().map(Truth::To),
            Self::Accept { .. } | Self::Withdraw { .. } | Self::Undo { .. } => None,
        }
    }
}

impl Act {
    /// Plans what a person says of `documents`, as they were read.
    ///
    /// # Errors
    /// [`Unfit`] when there are none or too many, or when the deed does not fit one of them.
    pub fn judge(asking: Asking, deed: Deed, documents: &[Document]) -> Result<Self, Unfit> {
        let moves = documents.iter().map(|document| {
            let after = deed.judged(&document.state, asking.by).ok_or(Unfit::NotRouted)?;
            Ok(Move::of(document, after, deed.truth(&document.state)))
        });
        let moves = moves.collect::<Result<Vec<_>, Unfit>>()?;
        match moves.len() {
            0 => Err(Unfit::Nothing),
            1..=MAX_MOVES => Ok(Self::of(asking, deed, moves, Vec::new())),
            _ => Err(Unfit::TooMany),
        }
    }

    /// Plans that `rule` holds from now on, in place of `before`, and for what `waits` now.
    #[must_use]
    pub fn accept(
        asking: Asking,
        rule: StandingRule,
        before: Option<StandingRule>,
        waits: Vec<Change>,
    ) -> Self {
        let moves = waits.into_iter().take(MAX_MOVES).map(|change| Move {
            document: change.document,
            version: change.version + 1,
            before: change.before,
            after: change.after,
            truth: None,
        });
        let deed = Deed::Accept { rule: rule.id };
        let change = RuleChange { before, after: Some(rule) };
        Self::of(asking, deed, moves.collect(), vec![change])
    }

    /// Plans that `rule` holds no more.
    #[must_use]
    pub fn withdraw(asking: Asking, rule: StandingRule) -> Self {
        let deed = Deed::Withdraw { rule: rule.id };
        let change = RuleChange { before: Some(rule), after: None };
        Self::of(asking, deed, Vec::new(), vec![change])
    }

    /// Plans that everything is as it was before this act; `documents` are those it moved, in order.
    #[must_use]
    pub fn undo(&self, asking: Asking, documents: &[Document]) -> Self {
        let moved = documents.iter().filter_map(|document| {
            let made = self.moves.iter().find(|made| made.document == document.id)?;
            let truth = made.truth.map(|_| Truth::Unsaid(self.id));
            Some(Move::of(document, made.before.clone(), truth))
        });
        let back = |change: &RuleChange| RuleChange {
            before: change.after.clone(),
            after: change.before.clone(),
        };
        let deed = Deed::Undo { act: self.id };
        Self::of(asking, deed, moved.collect(), self.rules.iter().map(back).collect())
    }

    fn of(asking: Asking, deed: Deed, moves: Vec<Move>, rules: Vec<RuleChange>) -> Self {
        let Asking { id, owner, by, at } = asking;
        Self { id, owner, by, at, deed, moves, rules }
    }

    /// Says whether a repeated request means this very act.
    #[must_use]
    pub fn is_for(&self, owner: UserId, deed: Deed, documents: &[DocumentId]) -> bool {
        let moved = || self.moves.iter().map(|made| made.document);
        self.owner == owner
            && self.deed == deed
            && (documents.is_empty() || moved().eq(documents.iter().copied()))
    }

    /// Returns the commit that does it: decisions, history, events, answers and the act, or nothing.
    ///
    /// `said` is what classifiers had thought of the documents, as far as somebody learns from it.
    #[must_use]
    pub fn commit(self, tenant: TenantId, mut said: BTreeMap<DocumentId, Vec<Said>>) -> Commit {
        let mut effects = Vec::with_capacity(2 * self.moves.len() + 1);
        for made in &self.moves {
            effects.push(Effect::Decide(Decision {
                document: made.document,
                expected: made.version - 1,
                state: made.after.clone(),
                fact: self.fact(made),
            }));
            if let Some(truth) = made.truth {
                let (document, by) = (made.document, Teacher::Person(self.by));
                let said = said.remove(&document).unwrap_or_default();
                let answer = Answer { document, truth, by, said, act: Some(self.id) };
                effects.push(Effect::Label { expected: made.version - 1, answer });
            }
            if made.after == DocumentState::Pending {
                effects.push(Effect::Enqueue(Job::again(tenant, made.document, self.id)));
            }
        }
        let (id, at) = (self.id, self.at);
        effects.push(Effect::Act(Box::new(self)));
        Commit { id, basis: Basis::Person, at, effects }
    }

    /// Returns the line of history of a move.
    fn fact(&self, made: &Move) -> Fact {
        let (by, act) = (self.by, self.id);
        let (from, to, state) = (made.before.project(), made.after.project(), made.after.clone());
        match self.deed {
            Deed::Assign { .. } | Deed::Unassign => Fact::Assigned { by, from, to, act: Some(act) },
            Deed::Decline => Fact::Declined { by, from, act },
            Deed::Confirm => match to {
                Some(project) => Fact::Confirmed { by, project, act },
                None => Fact::Assigned { by, from, to, act: Some(act) },
            },
            Deed::Accept { .. } | Deed::Withdraw { .. } => match self.accepted() {
                Some(rule) => Fact::Ruled { rule: Box::new(rule.clone()), state, act: Some(act) },
                None => Fact::Assigned { by, from, to, act: Some(act) },
            },
            Deed::Undo { act: undoes } => Fact::Undone { by, undoes, state, act },
        }
    }

    fn accepted(&self) -> Option<&StandingRule> {
        self.rules.first()?.after.as_ref()
    }
}

impl Move {
    /// Says whether it tells where a document belongs.
    #[must_use]
    pub const fn teaches(&self) -> bool {
        match self.truth {
            Some(Truth::To(_) | Truth::NotTo(_) | Truth::Nowhere) => true,
            Some(Truth::Unsaid(_)) | None => false,
        }
    }

    fn of(document: &Document, after: DocumentState, truth: Option<Truth>) -> Self {
        Self {
            document: document.id,
            version: document.version + 1,
            before: document.state.clone(),
            after,
            truth,
        }
    }
}

impl RuleChange {
    /// Returns the id of the rule.
    #[must_use]
    pub fn rule(&self) -> Option<RuleId> {
        self.after.as_ref().or(self.before.as_ref()).map(|rule| rule.id)
    }
}

#[cfg(test)]
mod tests;
