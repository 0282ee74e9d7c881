//! Standing rules in the words of people and programs.
use besunny::core::{
    ids::ProjectId,
    preview::{Change, Preview, Turn},
    standing::{MatchKind, NewRule, Says, StandingRule},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::project::{ProjectName, Projects};

/// A standing rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleLine {
    /// Its id.
    pub id: Uuid,
    /// `never` or `always`.
    #[schema(value_type = String)]
    pub says: Says,
    /// What it looks at: `sender`, `domain`, `thread` or `subject`.
    #[schema(value_type = String)]
    pub kind: MatchKind,
    /// What must stand there; it may be somebody else's text.
    pub value: String,
    /// The project.
    pub project: ProjectName,
    /// Who accepted it.
    pub by: Uuid,
    /// When that was.
    pub at: DateTime<Utc>,
}

/// A rule as a program or a form asks for it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleAsked {
    /// `never` or `always`.
    #[schema(value_type = String)]
    pub says: Says,
    /// `sender`, `domain`, `thread` or `subject`.
    #[schema(value_type = String)]
    pub kind: MatchKind,
    /// What must stand there: an address, a domain, a message id, a subject.
    pub value: String,
    /// The project.
    pub project: Uuid,
}

/// What a rule would have done to the newest documents.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Foresight {
    /// How many documents were looked at; older ones were not.
    pub looked_at: usize,
    /// How many that match stay, since you decided on them.
    pub of_people: usize,
    /// Those that would end elsewhere, the newest first.
    pub changes: Vec<ChangeLine>,
}

/// A document that would end elsewhere.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangeLine {
    /// The document.
    pub document: Uuid,
    /// Its subject.
    pub title: String,
    /// The address of its author.
    pub author: String,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// `routed`, `held_back` or `moved`.
    #[schema(value_type = String)]
    pub turn: Turn,
    /// The project it is in.
    pub from: Option<ProjectName>,
    /// The project it would be in.
    pub to: Option<ProjectName>,
}

impl RuleLine {
    pub(crate) fn of(rule: &StandingRule, projects: &Projects) -> Self {
        Self {
            id: rule.id.as_uuid(),
            says: rule.says,
            kind: rule.of.kind(),
            value: rule.of.text().to_owned(),
            project: projects.name(rule.project),
            by: rule.by.as_uuid(),
            at: rule.at,
        }
    }

    /// Says the rule in words; value and project follow.
    #[must_use]
    pub const fn in_words(&self) -> &'static str {
        match (self.says, self.kind) {
            (Says::Never, MatchKind::Sender) => "Mail of this sender never goes into",
            (Says::Never, MatchKind::Domain) => "Mail of this domain never goes into",
            (Says::Never, MatchKind::Thread) => "This conversation never goes into",
            (Says::Never, MatchKind::Subject) => "Mail with this subject never goes into",
            (Says::Always, MatchKind::Sender) => "Mail of this sender always goes into",
            (Says::Always, MatchKind::Domain) => "Mail of this domain always goes into",
            (Says::Always, MatchKind::Thread) => "This conversation always goes into",
            (Says::Always, MatchKind::Subject) => "Mail with this subject always goes into",
        }
    }
}

impl RuleAsked {
    pub(super) fn wanted(&self) -> NewRule {
        NewRule {
            project: ProjectId::from_uuid(self.project),
            says: self.says,
            of: self.kind.of_text(&self.value),
        }
    }
}

impl Foresight {
    pub(crate) fn of(preview: &Preview, projects: &Projects) -> Self {
        let changes = preview.changes.iter().map(|change| ChangeLine::of(change, projects));
        Self {
            looked_at: preview.looked_at,
            of_people: preview.of_people,
            changes: changes.collect(),
        }
    }
}

impl ChangeLine {
    fn of(change: &Change, projects: &Projects) -> Self {
        let name = |project: Option<ProjectId>| project.map(|id| projects.name(id));
        Self {
            document: change.document.as_uuid(),
            title: change.title.expose().clone(),
            author: change.author.expose().clone(),
            received_at: change.received_at,
            turn: change.turn,
            from: name(change.before.project()),
            to: name(change.after.project()),
        }
    }

    /// Says what would become of it.
    #[must_use]
    pub const fn in_words(&self) -> &'static str {
        match self.turn {
            Turn::Routed => "would go into",
            Turn::HeldBack => "would wait for you instead of being in",
            Turn::Moved => "would move to",
        }
    }
}
