//! Acts of the person as REST and console tell of them.
use besunny::{
    Outcome,
    core::{
        feedback::{Act, Deed},
        ids::{CommitId, ProjectId},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Site,
    document::DocumentSummary,
    problem::Problem,
    project::{ProjectName, Projects},
};

/// What an act came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Done {
    /// The act; undo it by its id.
    pub act: ActLine,
    /// The documents it moved, as they are now.
    pub documents: Vec<DocumentSummary>,
    /// Other documents of the same conversation that are elsewhere or wait; move them too, if you
    /// like. Replies are looked for among the newest documents only.
    pub related: Vec<DocumentSummary>,
}

/// An act in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActLine {
    /// Its id.
    pub id: Uuid,
    /// `assign`, `unassign`, `none`, `confirm`, `accept`, `withdraw` or `undo`.
    pub deed: &'static str,
    /// Who did it.
    pub by: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// How many documents it moved.
    pub moved: usize,
    /// The project documents were put into.
    pub project: Option<ProjectName>,
    /// The rule that was made or taken back.
    pub rule: Option<Uuid>,
    /// The act that was undone.
    pub undoes: Option<Uuid>,
}

/// A page of acts, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActPage {
    /// The acts.
    pub acts: Vec<ActLine>,
    /// The cursor of the next page; absent on the last one.
    pub next: Option<Uuid>,
}

impl Done {
    pub(crate) fn of(outcome: &Outcome, projects: &Projects) -> Self {
        let summary = |document| DocumentSummary::of(document, projects);
        Self {
            act: ActLine::of(&outcome.act, projects),
            documents: outcome.documents.iter().map(summary).collect(),
            related: outcome.related.iter().map(summary).collect(),
        }
    }
}

impl ActLine {
    pub(crate) fn all(acts: &[Act], projects: &Projects) -> Vec<Self> {
        acts.iter().map(|act| Self::of(act, projects)).collect()
    }

    fn of(act: &Act, projects: &Projects) -> Self {
        let name = |id: ProjectId| projects.name(id);
        let (project, rule, undoes) = match act.deed {
            Deed::Assign { to } => (Some(name(to)), None, None),
            Deed::Accept { rule } | Deed::Withdraw { rule } => (None, Some(rule.as_uuid()), None),
            Deed::Undo { act } => (None, None, Some(act.as_uuid())),
            Deed::Unassign | Deed::Decline | Deed::Confirm => (None, None, None),
        };
        Self {
            id: act.id.as_uuid(),
            deed: act.deed.as_str(),
            by: act.by.as_uuid(),
            at: act.at,
            moved: act.moves.len(),
            project,
            rule,
            undoes,
        }
    }
}

impl ActPage {
    /// Reads the acts before `before`, `limit` at most.
    pub(super) async fn read(
        site: &Site,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Self, Problem> {
        let (store, before) = (site.besunny().store(), before.map(CommitId::from_uuid));
        let mut acts = store.acts(site.scope(), site.user(), before, limit + 1).await?;
        let has_more = acts.len() > limit;
        acts.truncate(limit);
        let next = acts.last().filter(|_| has_more).map(|last| last.id.as_uuid());
        Ok(Self { acts: ActLine::all(&acts, &Projects::of(site).await?), next })
    }
}
