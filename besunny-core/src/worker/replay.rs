//! Making decisions again with what was known then, without any effect (ML-5).
//!
//! Only questions are asked of the store. The model walks along the log of answers beside the
//! decisions, so that it knows of each what was known then, and never what was said later.
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{
    Worker,
    decisions::{Background, Weighed},
    lanes::Lanes,
    learning::{Counsel, Taught, Untaught},
};
use crate::{
    cause::describe,
    chronicle::{Chronicle, Decided, Moment},
    classify::cascade::Known,
    contender::Contender,
    document::{Document, DocumentState, Route},
    ids::{DocumentId, UserId},
    label::{Label, Unsaid},
    learner::Learner,
    project::Project,
    replay::{LeftOut, Order, Past, Replay, ReplayError, Would},
    repository::{
        BATCH, DocumentFilter, MadeBy, ModelRecord, Pending, RepositoryError, ThreadMember,
    },
    tenant::TenantScope,
};

/// The walk of a model along the log.
struct Walk<'a> {
    scope: &'a TenantScope,
    order: &'a Order,
    past: &'a Past,
    chronicle: &'a Chronicle,
    lanes: Lanes,
    /// The model, and what it is to know.
    memory: Option<(Known, Taught)>,
}

impl Worker {
    /// Makes decisions again with what was known then; nothing is written (ML-5).
    ///
    /// All histories of the owner are read, and the answers are learned from the nearest stored model
    /// on. A language model is asked, and paid, for what the others leave open.
    ///
    /// # Errors
    /// [`ReplayError`] when the model cannot be asked, or the store fails.
    ///
    /// # Cancellation
    /// Dropping the future leaves no effect.
    pub async fn replay(&self, scope: &TenantScope, order: &Order) -> Result<Replay, ReplayError> {
        let past = self.past(scope, order.owner).await?;
        self.check(scope, order.with, &past).await?;
        let (decisions, chronicle) = self.chronicle(scope, order.owner).await?.into_order();
        let is_meant = |decided: &Decided| {
            let at = decided.moment.at;
            at >= order.since && order.until.is_none_or(|until| at < until)
        };
        let mut decisions: Vec<Decided> = decisions.into_iter().filter(is_meant).collect();
        let rest = decisions.split_off(decisions.len().min(order.limit.unwrap_or(usize::MAX)));
        let mut replay = Replay::default();
        if !rest.is_empty() {
            replay.left_out.insert(LeftOut::Limit, rest.len());
        }
        let answers = past.answers();
        let lanes = Lanes::new(self.settings.language_at_once);
        let (past, chronicle) = (&past, &chronicle);
        let mut walk = Walk { scope, order, past, chronicle, lanes, memory: None };
        let mut left = decisions.as_slice();
        while !left.is_empty() {
            let ids: Vec<DocumentId> =
                left.iter().take(BATCH).map(|decided| decided.moment.document).collect();
            let read = self.readable(scope, &ids).await?;
            if read.is_empty() {
                return Err(RepositoryError::Missing("answer").into());
            }
            let (here, later) = left.split_at(read.len().min(left.len()));
            for (decided, pending) in here.iter().zip(read) {
                let known = past.known(decided);
                let answer = answers.since(decided.moment.document, known);
                let would_be = self.again(&mut walk, decided, pending.as_ref()).await?;
                let document = pending.as_ref().map(|pending| &pending.document);
                replay.add(document, decided.clone(), would_be, (answer, order.all));
            }
            left = later;
        }
        Ok(replay)
    }

    /// Makes sure that the model can be asked at all.
    async fn check(
        &self,
        scope: &TenantScope,
        with: Contender,
        past: &Past,
    ) -> Result<(), ReplayError> {
        let is_there = |version| past.models.iter().any(|model| model.version == version);
        match with {
            Contender::Learned | Contender::Pinned(_) if self.learner.is_none() => {
                Err(ReplayError::NoLearner)
            }
            Contender::Pinned(version) if !is_there(version) => {
                Err(ReplayError::NoVersion(version))
            }
            Contender::Rules | Contender::Learned | Contender::Pinned(_) => Ok(()),
            Contender::Language if self.language.is_none() => Err(ReplayError::NoLanguage),
            Contender::Language => {
                let allowed = self.repository.allowed(scope).await?.language_models;
                allowed.then_some(()).ok_or(ReplayError::NotAllowed)
            }
        }
    }

    /// Reads all that the engine had to go by.
    pub(super) async fn past(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Past, RepositoryError> {
        let projects = self.repository.projects(scope, owner).await?.to_vec();
        let rules = self.repository.rules(scope, owner).await?.to_vec();
        let models = self.repository.models(scope, owner).await?;
        let mut labels = Vec::new();
        loop {
            let after = labels.last().map_or(0, |label: &Label| label.seq);
            let page = self.repository.lessons(scope, owner, after, BATCH).await?.labels;
            if page.is_empty() {
                break;
            }
            labels.extend(page);
        }
        let mut acts = Vec::new();
        let mut before = None;
        loop {
            let page = self.repository.acts(scope, owner, before, BATCH).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            acts.extend(page.into_iter().filter(|act| !act.rules.is_empty()));
        }
        Ok(Past { projects, rules, acts, labels, models })
    }

    /// Reads the histories of all documents of an owner.
    pub async fn chronicle(
        &self,
        scope: &TenantScope,
        owner: UserId,
    ) -> Result<Chronicle, RepositoryError> {
        let mut chronicle = Chronicle::default();
        let mut filter =
            DocumentFilter { owner: Some(owner), limit: BATCH, ..DocumentFilter::default() };
        loop {
            let page = self.repository.documents(scope, &filter).await?;
            let Some(last) = page.last() else { return Ok(chronicle) };
            filter.before = Some(last.id);
            for document in &page {
                let history = self.repository.history(scope, document.id).await?;
                chronicle.add(document, &history);
            }
        }
    }

    /// Makes one decision again.
    async fn again(
        &self,
        walk: &mut Walk<'_>,
        decided: &Decided,
        pending: Option<&Pending>,
    ) -> Result<Result<Would, LeftOut>, ReplayError> {
        let known = walk.past.known(decided);
        if !decided.asked_models() {
            return Ok(Err(LeftOut::ByRule));
        }
        if let Contender::Pinned(version) = walk.order.with
            && walk.past.knew_later(version, known)
        {
            return Ok(Err(LeftOut::KnewLater));
        }
        let Some(pending) = pending else { return Ok(Err(LeftOut::Unreadable)) };
        let (version, state) = (decided.version - 1, DocumentState::Pending);
        let document = Document { version, state, ..pending.document.clone() };
        let pending = Pending { document, mail: pending.mail.clone() };
        let background = self.background_then(walk, decided, &pending, known).await?;
        Ok(match self.weigh_one(&pending, &background, &walk.lanes).await {
            Weighed::Ruled(_, state) => Ok(Would { state, conclusion: None }),
            Weighed::Concluded { silent: Some(error), .. } | Weighed::Failed(error)
                if error.outage.is_some() =>
            {
                return Err(ReplayError::Unreachable(error));
            }
            Weighed::Concluded { silent: Some(error), .. } | Weighed::Failed(error) => {
                tracing::warn!(error = describe(&error), "a decision is not made again");
                Err(LeftOut::Failed)
            }
            Weighed::Concluded { conclusion, .. } => {
                Ok(Would { state: conclusion.state.clone(), conclusion: Some(conclusion) })
            }
        })
    }

    /// Returns what a document was weighed against.
    async fn background_then(
        &self,
        walk: &mut Walk<'_>,
        decided: &Decided,
        pending: &Pending,
        known: Known,
    ) -> Result<Background, ReplayError> {
        let at: DateTime<Utc> = decided.moment.at;
        let (past, chronicle, order) = (walk.past, walk.chronicle, walk.order);
        let candidates: Arc<[Project]> = past.candidates(at).into();
        let named: Vec<&str> = pending.mail.thread_ids().collect();
        let members = self.members(walk.scope, order.owner, &named).await?;
        let threads = threads_then(chronicle, &decided.moment, members);
        let question = pending.unthreaded();
        let counsel = match &self.learner {
            Some(learner) if order.with.learns() => {
                let taught = self.taught_then(walk, learner, known).await?;
                Arc::new(self.ask(learner.as_ref(), taught, &[question], &candidates))
            }
            Some(_) | None => Arc::new(Counsel::default()),
        };
        let rules = past.rules(at).into();
        let may_ask = order.with == Contender::Language;
        let (is_allowed, trial) = (may_ask, None);
        let cases = [pending];
        let strangers = self.strangers(walk.scope, &cases, &threads, &candidates).await?;
        Ok(Background {
            candidates,
            threads,
            strangers,
            rules,
            counsel,
            is_allowed,
            may_ask,
            trial,
        })
    }

    /// Returns the model as it was, learned on from where the walk is.
    async fn taught_then<'w>(
        &self,
        walk: &'w mut Walk<'_>,
        learner: &Arc<dyn Learner>,
        known: Known,
    ) -> Result<&'w Taught, Untaught> {
        let known = match walk.order.with {
            Contender::Pinned(version) => {
                let line = walk.past.line(Some(version));
                Known { version: Some(version), answers: line.first().map_or(0, |it| it.seq) }
            }
            Contender::Rules | Contender::Learned | Contender::Language => known,
        };
        let line = walk.past.line(known.version);
        let (scope, owner) = (walk.scope, walk.order.owner);
        let mut taught = match walk.memory.take() {
            Some((before, taught)) if leads(before, known, line) => taught,
            Some(_) | None => {
                let from = line.iter().position(|model| model.seq <= known.answers);
                let from = from.map_or(&[] as &[ModelRecord], |from| &line[from..]);
                self.recall(scope, owner, learner, from).await?
            }
        };
        self.learn_until(scope, owner, learner, (&mut taught, line, known.answers)).await?;
        taught.version = known.version;
        let (_, taught) = walk.memory.insert((known, taught));
        Ok(taught)
    }

    /// Learns what was said up to a number; when something learned was taken back, the log again.
    async fn learn_until(
        &self,
        scope: &TenantScope,
        owner: UserId,
        learner: &Arc<dyn Learner>,
        (taught, line, until): (&mut Taught, &[ModelRecord], u64),
    ) -> Result<(), Untaught> {
        while taught.seq < until {
            let labels = self.labels(scope, owner, (taught.seq, until)).await?;
            if labels.is_empty() {
                return Ok(());
            }
            let unsaid = Unsaid::by(labels.iter().map(|label| &label.answer));
            if unsaid.reaches_beyond(&labels) {
                let newest = line.first();
                let mut ranges = newest.map_or_else(Vec::new, |it| it.learned.ranges().to_vec());
                ranges.push((newest.map_or(0, |newest| newest.seq), until));
                *taught = self.learn_again(scope, owner, learner, ranges).await?;
                return Ok(());
            }
            self.learn(scope, learner, taught, (&labels, &unsaid)).await?;
        }
        Ok(())
    }
}

impl From<Untaught> for ReplayError {
    fn from(untaught: Untaught) -> Self {
        match untaught {
            Untaught::Repository(error) => Self::Store(error),
            Untaught::Endless(_) => Self::Broken,
        }
    }
}

/// Puts members of threads where they were just before a decision; those stored later were not there.
fn threads_then(
    chronicle: &Chronicle,
    moment: &Moment,
    members: Vec<ThreadMember>,
) -> Vec<ThreadMember> {
    let then = members.into_iter().filter_map(|member| {
        let state = chronicle.before(moment, member.document)?;
        let confidence = match state {
            DocumentState::Routed(Route { confidence, .. }) => Some(*confidence),
            DocumentState::Pending
            | DocumentState::NeedsReview(_)
            | DocumentState::NoProject { .. } => None,
        };
        Some(ThreadMember { project: state.project(), confidence, ..member })
    });
    then.collect()
}

/// Says whether a model that knows `before` only has to learn on to know what is `known`.
fn leads(before: Known, known: Known, line: &[ModelRecord]) -> bool {
    let is_new = |model: &&ModelRecord| Some(model.version) > before.version;
    let mut since = line.iter().take_while(is_new);
    before.answers <= known.answers
        && before.version <= known.version
        && since.all(|model| model.made_by == MadeBy::Learning)
}
