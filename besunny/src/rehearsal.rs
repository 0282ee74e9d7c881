//! What would change: the rules over recent documents, with a project as it would be.
use besunny_core::{
    classify::{self, Classifier, Question, Rules},
    document::{Document, DocumentState},
    ids::{DocumentId, ProjectId, UserId},
    project::Project,
    repository::DocumentFilter,
    tenant::TenantScope,
};

use crate::{Besunny, Error};

/// So many documents are looked at: a person reads no longer list.
pub const RECENT: usize = 200;

/// What would become of recent documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsal {
    /// How many documents were weighed.
    pub weighed: usize,
    /// How many were left out, since a person has decided on them.
    pub decided: usize,
    /// Those that would be decided otherwise, newest first.
    pub shifts: Vec<Shift>,
}

/// A document that the rules would decide otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// The document as it is.
    pub document: Document,
    /// What the rules say with the projects as they are.
    pub before: Place,
    /// What they would say.
    pub after: Place,
}

/// Where the rules put a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into a project.
    Routed(ProjectId),
    /// Into the review queue, with a suggestion.
    Suggested(ProjectId),
    /// Into the review queue.
    Nowhere,
}

impl Besunny {
    /// Weighs the owner's last 200 documents with a project as it would be; nothing is changed.
    ///
    /// Documents on which a person has decided are left alone, as they would be. The rules are asked
    /// and nobody else, so that no language model is paid for it. Where threads lead stays as it is.
    ///
    /// # Errors
    /// What the store says.
    pub async fn rehearse(
        &self,
        scope: &TenantScope,
        owner: UserId,
        project: &Project,
    ) -> Result<Rehearsal, Error> {
        let now = self.store.projects(scope, owner).await?;
        let mut then: Vec<Project> = now.iter().filter(|it| it.id != project.id).cloned().collect();
        then.push(project.clone());
        let filter =
            DocumentFilter { owner: Some(owner), limit: RECENT, ..DocumentFilter::default() };
        let mut rehearsal = Rehearsal { weighed: 0, decided: 0, shifts: Vec::new() };
        for document in self.store.documents(scope, &filter).await? {
            if document.state.is_of_person() {
                rehearsal.decided += 1;
                continue;
            }
            let Some([before, after]) = self.weigh(scope, &document, [&now, &then]).await? else {
                continue;
            };
            rehearsal.weighed += 1;
            if before != after {
                rehearsal.shifts.push(Shift { document, before, after });
            }
        }
        Ok(rehearsal)
    }

    /// Asks the rules twice about a document; `None` when its mail is gone.
    async fn weigh(
        &self,
        scope: &TenantScope,
        document: &Document,
        candidates: [&[Project]; 2],
    ) -> Result<Option<[Place; 2]>, Error> {
        let Some(content) = self.store.content(scope, document.id).await? else { return Ok(None) };
        let named: Vec<&str> = content.mail.thread_ids().collect();
        let thread = match named.as_slice() {
            [] => Vec::new(),
            named => self.store.thread(scope, document.owner, named).await?,
        };
        let question = Question { document, mail: &content.mail, thread: &thread };
        let mut places = [Place::Nowhere; 2];
        for (place, candidates) in places.iter_mut().zip(candidates) {
            let verdict = Rules.classify(&question, candidates).await?;
            *place = Place::of(&classify::decide(&verdict, candidates, &self.worker.settings));
        }
        Ok(Some(places))
    }
}

impl Place {
    const fn of(state: &DocumentState) -> Self {
        match state {
            DocumentState::Pending | DocumentState::NoProject { .. } => Self::Nowhere,
            DocumentState::Routed(route) => Self::Routed(route.project),
            DocumentState::NeedsReview(review) => match review.suggestion {
                Some(project) => Self::Suggested(project),
                None => Self::Nowhere,
            },
        }
    }

    /// Returns the project that is named.
    #[must_use]
    pub const fn project(self) -> Option<ProjectId> {
        match self {
            Self::Routed(project) | Self::Suggested(project) => Some(project),
            Self::Nowhere => None,
        }
    }
}

impl Shift {
    /// Returns the id of the document.
    #[must_use]
    pub const fn id(&self) -> DocumentId {
        self.document.id
    }
}
