//! What a person says of decisions: acts, rules, previews, and the way back (CLS-9).
//!
//! Every act is one commit with one id. Give it the id of the request, and a repeated request is
//! answered with what was done the first time.
use std::{collections::BTreeMap, sync::Arc};

use besunny_core::{
    classify::cascade::Conclusion,
    document::Document,
    feedback::{Act, Asking, Deed, Move},
    history::{Entry, Fact, Weighed},
    ids::{CommitId, DocumentId, ProjectId, RuleId, UserId},
    label::Said,
    mail::Mail,
    preview::{Case, PREVIEW_DOCUMENTS, Preview, Turn},
    project::Project,
    repository::{BATCH, DocumentFilter, RepositoryError, StateFilter},
    standing::{MAX_RULES, NewRule, StandingRule},
    tenant::TenantScope,
};

use crate::{Besunny, Error};

mod related;

pub use related::RELATED;

/// One act of a person on documents and rules of their own.
///
/// # Errors
/// All acts: [`Error::Missing`] for what is not there or somebody else's; a conflict in the store
/// when a document or rule has moved on; [`Error::IdTaken`] when the id named another act before.
///
/// # Cancellation
/// Dropping an act may have done it; repeating it under the same id tells.
#[derive(Clone, Copy, Debug)]
pub struct Feedback<'a> {
    besunny: &'a Besunny,
    scope: &'a TenantScope,
    by: UserId,
    id: CommitId,
}

/// A document, and the version of it that the person saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The document.
    pub document: DocumentId,
    /// The version; none acts on whatever it is now.
    pub version: Option<u64>,
}

/// What an act came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The act, by whose id it is undone.
    pub act: Act,
    /// The documents it moved, as they are now.
    pub documents: Vec<Document>,
    /// Other documents of the thread that are elsewhere or wait, and could follow.
    ///
    /// They are named after one document was put into a project. Replies are looked for among the
    /// newest documents of the owner only.
    pub related: Vec<Document>,
}

impl Besunny {
    /// Begins an act of `by`, under an id of its own.
    #[must_use]
    pub fn feedback<'a>(&'a self, scope: &'a TenantScope, by: UserId) -> Feedback<'a> {
        Feedback { besunny: self, scope, by, id: CommitId::from_uuid(self.ids.next()) }
    }
}

impl Feedback<'_> {
    /// Gives the act the id of the request, so that repeating the request changes nothing.
    #[must_use]
    pub const fn named(mut self, id: CommitId) -> Self {
        self.id = id;
        self
    }

    /// Puts documents into a project of the person.
    ///
    /// # Errors
    /// See [`Feedback`].
    pub async fn assign(&self, seen: &[Seen], to: ProjectId) -> Result<Outcome, Error> {
        let outcome = self.judge(Deed::Assign { to }, seen).await?;
        let related = match outcome.documents.as_slice() {
            [document] => self.related(document).await?,
            _ => Vec::new(),
        };
        Ok(Outcome { related, ..outcome })
    }

    /// Takes documents out of their projects, into the review queue: "not this one".
    ///
    /// # Errors
    /// See [`Feedback`].
    pub async fn unassign(&self, seen: &[Seen]) -> Result<Outcome, Error> {
        self.judge(Deed::Unassign, seen).await
    }

    /// Says that documents belong to no project.
    ///
    /// # Errors
    /// See [`Feedback`].
    pub async fn decline(&self, seen: &[Seen]) -> Result<Outcome, Error> {
        self.judge(Deed::Decline, seen).await
    }

    /// Says that documents are in the right project.
    ///
    /// # Errors
    /// See [`Feedback`]; [`Error::Unfit`] when one is in no project.
    pub async fn confirm(&self, seen: &[Seen]) -> Result<Outcome, Error> {
        self.judge(Deed::Confirm, seen).await
    }

    /// Brings back everything as it was before `act`, if nobody has decided since.
    ///
    /// # Errors
    /// See [`Feedback`]; [`Error::Undone`] when it was undone before, and nobody has decided since.
    pub async fn undo(&self, act: CommitId) -> Result<Outcome, Error> {
        let deed = Deed::Undo { act };
        if let Some(done) = self.repeated(deed, &[]).await? {
            return Ok(done);
        }
        let found = self.besunny.store.act(self.scope, act).await?;
        let act = found.filter(|act| act.owner == self.by).ok_or(Error::Missing("act"))?;
        let mut documents = Vec::with_capacity(act.moves.len());
        for made in &act.moves {
            documents.push(self.unmoved(act.id, made).await?);
        }
        self.commit(act.undo(self.asking(), &documents)).await
    }

    /// Makes a standing rule; `apply` also routes what waits in review and matches.
    ///
    /// # Errors
    /// See [`Feedback`]; [`Error::Rule`] when it makes no sense; [`Error::TooManyRules`].
    pub async fn accept(&self, wanted: NewRule, apply: bool) -> Result<Outcome, Error> {
        let rule = self.rule(wanted)?;
        if let Some(done) = self.repeated(Deed::Accept { rule: rule.id }, &[]).await? {
            return Ok(done);
        }
        let rules = self.besunny.store.rules(self.scope, self.by).await?;
        let before = rules.iter().find(|known| known.id == rule.id).cloned();
        if before.is_none() && rules.len() >= MAX_RULES {
            return Err(Error::TooManyRules);
        }
        let projects = self.projects_with(rule.project).await?;
        let mut waits = Vec::new();
        if apply {
            let state = Some(StateFilter::NeedsReview);
            let filter = DocumentFilter { state, limit: BATCH, ..self.own() };
            waits = self.foresee(&filter, &rules, &rule, &projects).await?.changes;
            waits.retain(|change| change.turn == Turn::Routed);
        }
        self.commit(Act::accept(self.asking(), rule, before, waits)).await
    }

    /// Takes a standing rule back; documents stay where they are.
    ///
    /// # Errors
    /// See [`Feedback`].
    pub async fn withdraw(&self, rule: RuleId) -> Result<Outcome, Error> {
        if let Some(done) = self.repeated(Deed::Withdraw { rule }, &[]).await? {
            return Ok(done);
        }
        let rules = self.besunny.store.rules(self.scope, self.by).await?;
        let held = rules.iter().find(|known| known.id == rule).cloned();
        self.commit(Act::withdraw(self.asking(), held.ok_or(Error::Missing("rule"))?)).await
    }

    /// Foresees what a rule would have done to the newest [`PREVIEW_DOCUMENTS`]; changes nothing.
    ///
    /// # Errors
    /// [`Error::Missing`] for a project of somebody else, [`Error::Rule`] for a rule without sense.
    pub async fn preview(&self, wanted: NewRule) -> Result<Preview, Error> {
        let rule = self.rule(wanted)?;
        let projects = self.projects_with(rule.project).await?;
        let rules = self.besunny.store.rules(self.scope, self.by).await?;
        let filter = DocumentFilter { limit: PREVIEW_DOCUMENTS, ..self.own() };
        self.foresee(&filter, &rules, &rule, &projects).await
    }

    fn rule(&self, wanted: NewRule) -> Result<StandingRule, Error> {
        let people = (self.by, self.by);
        Ok(StandingRule::new(self.scope.tenant(), wanted, people, self.asking().at)?)
    }

    async fn foresee(
        &self,
        filter: &DocumentFilter,
        rules: &[StandingRule],
        rule: &StandingRule,
        projects: &[Project],
    ) -> Result<Preview, Error> {
        let documents = self.besunny.store.documents(self.scope, filter).await?;
        let (looked_at, mut cases) = (documents.len(), Vec::new());
        for document in documents {
            cases.extend(self.case(document, rule).await?);
        }
        let others = rules.iter().filter(|known| known.id != rule.id).cloned();
        let after: Vec<StandingRule> = others.chain([rule.clone()]).collect();
        let settings = &self.besunny.worker.settings;
        let preview = Preview::of_rules(&cases, (rules, &after), projects, settings);
        Ok(Preview { looked_at, ..preview })
    }

    /// Reads what a rule is applied to; nothing when it is not about the document.
    async fn case(&self, document: Document, rule: &StandingRule) -> Result<Option<Case>, Error> {
        let store = &self.besunny.store;
        let Some(content) = store.content(self.scope, document.id).await? else { return Ok(None) };
        if !rule.of.covers(&content.mail) {
            return Ok(None);
        }
        let history = store.history(self.scope, document.id).await?;
        let weighed = history.iter().rev().find_map(|entry| entry.fact.weighed());
        let concluded = weighed.map(|Weighed { verdict, state, ruling, .. }| Conclusion {
            verdict: verdict.clone(),
            state: state.clone(),
            ruling: ruling.clone(),
        });
        Ok(Some(Case { document, mail: without_text(content.mail), concluded }))
    }

    async fn judge(&self, deed: Deed, seen: &[Seen]) -> Result<Outcome, Error> {
        let ids: Vec<DocumentId> = seen.iter().map(|seen| seen.document).collect();
        if let Some(done) = self.repeated(deed, &ids).await? {
            return Ok(done);
        }
        if let Deed::Assign { to } = deed {
            self.projects_with(to).await?;
        }
        let mut documents: Vec<Document> = Vec::with_capacity(seen.len());
        for seen in seen {
            if !documents.iter().any(|known| known.id == seen.document) {
                documents.push(self.read(*seen).await?);
            }
        }
        self.commit(Act::judge(self.asking(), deed, &documents)?).await
    }

    /// Answers a request that came before.
    async fn repeated(
        &self,
        deed: Deed,
        documents: &[DocumentId],
    ) -> Result<Option<Outcome>, Error> {
        match self.besunny.store.act(self.scope, self.id).await? {
            None => Ok(None),
            Some(act) if act.is_for(self.by, deed, documents) => self.outcome(act).await.map(Some),
            Some(_) => Err(Error::IdTaken),
        }
    }

    /// Commits an act; what then stands under its id is the answer, also when a twin was faster.
    async fn commit(&self, act: Act) -> Result<Outcome, Error> {
        let (deed, store) = (act.deed, &self.besunny.store);
        let ids: Vec<DocumentId> = act.moves.iter().map(|made| made.document).collect();
        let mut said = BTreeMap::new();
        for made in act.moves.iter().filter(|made| made.teaches()) {
            let history = store.history(self.scope, made.document).await?;
            said.insert(made.document, Said::at_last(&history));
        }
        store.commit(self.scope, Arc::new(act.commit(self.scope.tenant(), said))).await?;
        let kept = self.repeated(deed, &ids).await?;
        kept.ok_or(Error::Store(RepositoryError::Missing("act")))
    }

    async fn outcome(&self, act: Act) -> Result<Outcome, Error> {
        let mut documents = Vec::with_capacity(act.moves.len());
        for made in &act.moves {
            documents.extend(self.besunny.store.document(self.scope, made.document).await?);
        }
        Ok(Outcome { act, documents, related: Vec::new() })
    }

    /// Reads a document of the person, at the version that was seen.
    async fn read(&self, seen: Seen) -> Result<Document, Error> {
        let found = self.besunny.store.document(self.scope, seen.document).await?;
        let own = found.filter(|document| document.owner == self.by);
        let document = own.ok_or(Error::Missing("document"))?;
        match seen.version {
            Some(version) if version != document.version => Err(RepositoryError::Conflict.into()),
            Some(_) | None => Ok(document),
        }
    }

    /// Reads a document that an act moved, if nobody has decided on it since.
    async fn unmoved(&self, act: CommitId, made: &Move) -> Result<Document, Error> {
        let document = self.read(Seen { document: made.document, version: None }).await?;
        if document.version != made.version {
            let history = self.besunny.store.history(self.scope, made.document).await?;
            let is_since = |entry: &&Entry| entry.version > made.version;
            let mut since = history.iter().filter(is_since).map(|entry| &entry.fact);
            let decided = |fact: &&Fact| !fact.is_of_source();
            let last = since.clone().rfind(decided);
            if matches!(last, Some(Fact::Undone { undoes, .. }) if *undoes == act) {
                return Err(Error::Undone);
            }
            if since.any(|fact| decided(&fact)) {
                return Err(RepositoryError::Conflict.into());
            }
        }
        Ok(document)
    }

    /// Returns the projects of the person, of which `wanted` must be one.
    async fn projects_with(&self, wanted: ProjectId) -> Result<Arc<[Project]>, Error> {
        let projects = self.besunny.store.projects(self.scope, self.by).await?;
        let is_there = projects.iter().any(|project| project.id == wanted);
        if is_there { Ok(projects) } else { Err(Error::Missing("project")) }
    }

    fn asking(&self) -> Asking {
        let at = self.besunny.worker.clock.now();
        Asking { id: self.id, owner: self.by, by: self.by, at }
    }

    fn own(&self) -> DocumentFilter {
        DocumentFilter { owner: Some(self.by), ..DocumentFilter::default() }
    }
}

/// Keeps what rules look at: a preview holds many mails at once.
fn without_text(mail: Mail) -> Mail {
    Mail {
        text: String::new().into(),
        html: None,
        spans: Vec::new(),
        attachments: Vec::new(),
        links: Vec::new(),
        ..mail
    }
}
