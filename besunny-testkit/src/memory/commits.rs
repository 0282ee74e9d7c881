//! Applying a commit: first everything that may refuse it, then everything it changes.
use std::sync::Arc;

use async_trait::async_trait;
use besunny_core::{
    account::Intake,
    commit::{
        Basis, Claimed, Commit, Decision, Effect, FIRST_VERSION, NewTranscript, PassBasis, Recorded,
    },
    document::{Document, DocumentState, NewDocument, Origin},
    event::Event,
    history::Fact,
    ids::{AccountId, DocumentId, StreamId, TenantId},
    item::ItemState,
    job::Job,
    label::{Answer, Label},
    repository::{BATCH, Known, Position, RepositoryError, Streams},
    scheduler::Work,
    source::{ItemId, ItemRef, Revision, Scope},
    tenant::TenantScope,
    track::{Missing, ScanId, Steer, Version},
    untrusted::Untrusted,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{DocumentRow, ItemRow, JobRow, JobState, MemoryRepository, Rows};

/// So many asked-for items make one page.
const ASKED: usize = 100;

#[async_trait]
impl Streams for MemoryRepository {
    async fn position(
        &self,
        scope: &TenantScope,
        stream: StreamId,
    ) -> Result<Position, RepositoryError> {
        self.read(scope, |rows| {
            let row = rows.stream(stream)?;
            let asked = rows.members_after(stream, None).map(|(id, _)| id).filter(|id| {
                rows.items.get(&(row.account, (*id).clone())).is_some_and(|item| item.asked)
            });
            let asked = asked.take(ASKED).cloned().collect();
            Ok(Position { version: row.version, track: row.track.clone(), asked })
        })
    }

    async fn known(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        ids: &[ItemId],
        rules: Scope,
    ) -> Result<Known, RepositoryError> {
        self.read(scope, |rows| {
            let account = rows.stream(stream)?.account;
            let held = |id: &ItemId| {
                let row = rows.items.get(&(account, id.clone()))?;
                let holds = match row.state {
                    ItemState::Stored => !rows.is_of_others(account, id),
                    ItemState::Ignored(_) => row.policy == rules.revision,
                    ItemState::Quarantined(_) | ItemState::Removed => false,
                };
                (holds && row.revision.is_some()).then(|| (id.clone(), row.revision.clone()))
            };
            Ok(ids.iter().filter_map(held).collect())
        })
    }

    async fn unseen(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        scan: ScanId,
        after: Option<&ItemId>,
    ) -> Result<Vec<ItemId>, RepositoryError> {
        self.read(scope, |rows| {
            let unseen = rows.members_after(stream, after).filter(|(_, mark)| *mark < scan);
            Ok(unseen.take(BATCH).map(|(id, _)| id.clone()).collect())
        })
    }

    async fn missing(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        scan: ScanId,
    ) -> Result<Missing, RepositoryError> {
        self.read(scope, |rows| {
            let mut missing = Missing { unseen: 0, members: 0 };
            for (_, mark) in rows.members_after(stream, None) {
                missing.members += 1;
                missing.unseen += u64::from(mark < scan);
            }
            Ok(missing)
        })
    }

    async fn commit(
        &self,
        scope: &TenantScope,
        commit: Arc<Commit>,
    ) -> Result<Version, RepositoryError> {
        let (mut events, now) = (Vec::new(), self.clock.now());
        let version = self.write(scope, |rows| rows.apply(&commit, now, &mut events))?;
        let mut state = self.lock();
        if commit.effects.iter().any(|effect| matches!(effect, Effect::Enqueue(_))) {
            state.wake(Work::Jobs);
        }
        if !events.is_empty() {
            state.outbox.extend(events);
            state.wake(Work::Events);
        }
        Ok(version)
    }

    async fn ask_again(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        items: &[ItemId],
    ) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        self.make(Work::Streams, scope, |rows| {
            let account = rows.stream(stream)?.account;
            for id in items {
                let row = rows.items.get_mut(&(account, id.clone()));
                row.ok_or(RepositoryError::Missing("item"))?.asked = true;
            }
            rows.stream_mut(stream)?.make_due(now);
            Ok(())
        })
    }

    async fn steer(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        steer: Steer,
    ) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        self.make(Work::Streams, scope, |rows| {
            let row = rows.stream_mut(stream)?;
            row.track = std::mem::take(&mut row.track).steered(steer);
            row.version.0 += 1;
            row.paused = None;
            row.make_due(now);
            Ok(())
        })
    }
}

/// What the effects of one commit share.
struct Applied<'a> {
    tenant: TenantId,
    /// The account of the pass, if it is one.
    account: Option<AccountId>,
    at: DateTime<Utc>,
    /// The store's own time.
    now: DateTime<Utc>,
    events: &'a mut Vec<Event>,
}

impl Rows {
    fn apply(
        &mut self,
        commit: &Commit,
        now: DateTime<Utc>,
        events: &mut Vec<Event>,
    ) -> Result<Version, RepositoryError> {
        if let Some(version) = self.applied_before(commit) {
            return Ok(version);
        }
        self.check(commit)?;
        let account = match &commit.basis {
            Basis::Pass(pass) => Some(self.stream(pass.stream)?.account),
            Basis::Jobs(_) | Basis::Person => None,
        };
        let mut applied = Applied { tenant: self.tenant.id, account, at: commit.at, now, events };
        if let Basis::Pass(pass) = &commit.basis {
            self.mark(pass);
        }
        for effect in &commit.effects {
            self.take_effect(effect, commit, &mut applied);
        }
        if let Some(account) = account {
            self.ask_for_newcomers(account, &commit.effects);
        }
        self.finish(commit, now)
    }

    /// Returns the answer to a commit that was applied before.
    fn applied_before(&self, commit: &Commit) -> Option<Version> {
        match &commit.basis {
            Basis::Pass(pass) => {
                let row = self.streams.get(&pass.stream)?;
                (row.last_commit == Some(commit.id)).then_some(row.version)
            }
            Basis::Jobs(done) => {
                let was_done = |job| {
                    let row = self.jobs.get(job);
                    row.is_some_and(
                        |row| matches!(row.state, JobState::Done(by, _) if by == commit.id),
                    )
                };
                let repeated = !done.is_empty() && done.iter().all(|done| was_done(&done.job));
                repeated.then_some(Version(0))
            }
            Basis::Person => self.commits.contains_key(&commit.id).then_some(Version(0)),
        }
    }

    fn check(&self, commit: &Commit) -> Result<(), RepositoryError> {
        match &commit.basis {
            Basis::Pass(pass) => {
                let row = self.stream(pass.stream)?;
                if row.epoch != pass.epoch {
                    return Err(RepositoryError::Fenced);
                }
                if row.version != pass.expected {
                    return Err(RepositoryError::Conflict);
                }
            }
            Basis::Jobs(done) => {
                let holds = |done: &Claimed| {
                    let row = self.jobs.get(&done.job);
                    row.is_some_and(|row| row.epoch == done.epoch && row.state == JobState::Waiting)
                };
                if done.is_empty() || !done.iter().all(holds) {
                    return Err(RepositoryError::Fenced);
                }
            }
            Basis::Person => {}
        }
        if !self.finds_meetings(commit) || !self.finds_postings(commit) {
            return Err(RepositoryError::Conflict);
        }
        for effect in &commit.effects {
            if let Effect::Prefer { user, .. } = effect
                && !self.users.contains_key(user)
            {
                return Err(RepositoryError::Missing("person"));
            }
            if let Effect::Act(act) = effect
                && !self.finds_rules(act)
            {
                return Err(RepositoryError::Conflict);
            }
            let Some((document, expected)) = effect.pinned() else { continue };
            let row = self.documents.get(&document);
            let row = row.ok_or(RepositoryError::Missing("document"))?;
            if row.document.version != expected {
                return Err(RepositoryError::Conflict);
            }
        }
        Ok(())
    }

    /// Makes everything met a member, marked with the scan under way.
    fn mark(&mut self, pass: &PassBasis) {
        let scan = pass.mark.unwrap_or(ScanId(0));
        for at in &pass.met {
            let mark = self.members.entry((pass.stream, at.id.clone())).or_default();
            *mark = scan.max(*mark);
        }
    }

    fn take_effect(&mut self, effect: &Effect, commit: &Commit, applied: &mut Applied<'_>) {
        match (effect, applied.account) {
            (Effect::Store { item, documents }, Some(account)) => {
                self.set_stored(account, item);
                let origin = Origin { account, item: item.id.clone() };
                self.store_all(documents, &origin, applied);
            }
            (Effect::Ignore { item, reason, policy }, Some(account)) => {
                let state = ItemState::Ignored(reason.clone());
                let row = ItemRow::new(item.revision.clone(), state);
                self.set_item(account, &item.id, ItemRow { policy: *policy, ..row });
                self.unlink(&Origin { account, item: item.id.clone() }, &[], applied);
            }
            (Effect::Hold { item, by, events }, Some(account)) => {
                self.set_stored(account, item);
                self.hold(account, &item.id, (*by, events));
            }
            (Effect::Meet(change), _) => {
                self.meetings.insert(change.meeting.id, change.meeting.clone());
            }
            (Effect::Post(change), _) => self.post(change, applied.events),
            (Effect::Staff { room, .. }, _) => *self.rooms.entry(room.clone()).or_default() += 1,
            (Effect::Transcribe(new), _) => self.transcribe(new, applied),
            (Effect::Prefer { user, policy }, _) => drop(self.policies.insert(*user, *policy)),
            (Effect::Quarantine { item, reason }, Some(account)) => {
                let state = ItemState::Quarantined(reason.clone());
                self.set_item(account, item, ItemRow::new(None, state));
            }
            (Effect::Leave(item), Some(account)) => {
                if let Basis::Pass(pass) = &commit.basis {
                    self.leave(pass.stream, account, item, applied);
                }
            }
            (Effect::Detect(found), Some(account)) => {
                let key = (account, found.item.clone(), found.address.clone());
                let kept = self.detections.entry(key).or_insert_with(|| found.clone());
                kept.user = kept.user.or(found.user);
            }
            (Effect::Decide(decision), _) => self.decide(decision, applied),
            (Effect::Enqueue(job), _) => self.enqueue(job, applied.now),
            (Effect::Act(act), _) => self.keep_act(act),
            (Effect::Defer { job, by }, _) => self.enqueue(job, applied.now + *by),
            (Effect::Label { answer, .. }, _) => self.label(answer, applied.at),
            (Effect::Watch(watch), _) => {
                if let Basis::Pass(pass) = &commit.basis
                    && let Some(row) = self.streams.get_mut(&pass.stream)
                {
                    row.watch.clone_from(watch);
                }
            }
            (
                Effect::Store { .. }
                | Effect::Hold { .. }
                | Effect::Ignore { .. }
                | Effect::Quarantine { .. }
                | Effect::Leave(_)
                | Effect::Detect(_),
                None,
            ) => {}
        }
    }

    /// Stores the documents of an item, and takes it from all others.
    fn store_all(&mut self, all: &[NewDocument], origin: &Origin, applied: &mut Applied<'_>) {
        for new in all {
            self.store(new, origin, applied);
        }
        let kept: Vec<DocumentId> = all.iter().map(|new| new.id).collect();
        self.unlink(origin, &kept, applied);
    }

    /// Asks again for items that name somebody whom the pass did not know yet.
    fn ask_for_newcomers(&mut self, account: AccountId, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Detect(found) = effect
                && found.user.is_none()
                && self.users.values().any(|user| user.username == found.username)
            {
                self.ask_for(account, &found.item);
            }
        }
    }

    /// Asks again for an item of a master account.
    pub(super) fn ask_for(&mut self, account: AccountId, item: &ItemId) {
        let is_master =
            self.accounts.get(&account).is_some_and(|account| account.intake == Intake::Master);
        if let Some(row) = self.items.get_mut(&(account, item.clone())).filter(|_| is_master) {
            row.asked = true;
        }
    }

    fn finish(&mut self, commit: &Commit, now: DateTime<Utc>) -> Result<Version, RepositoryError> {
        match &commit.basis {
            Basis::Pass(pass) => {
                let row = self.stream_mut(pass.stream)?;
                row.version.0 += 1;
                row.track = pass.track.clone();
                row.last_commit = Some(commit.id);
                (row.attempt, row.expired) = (0, 0);
                Ok(row.version)
            }
            Basis::Jobs(done) => {
                for done in done {
                    if let Some(row) = self.jobs.get_mut(&done.job) {
                        row.state = JobState::Done(commit.id, now);
                        row.until = None;
                    }
                }
                Ok(Version(0))
            }
            Basis::Person => {
                self.commits.insert(commit.id, now);
                Ok(Version(0))
            }
        }
    }

    fn set_stored(&mut self, account: AccountId, item: &ItemRef) {
        let row = ItemRow::new(item.revision.clone(), ItemState::Stored);
        self.set_item(account, &item.id, row);
    }

    fn set_item(&mut self, account: AccountId, id: &ItemId, row: ItemRow) {
        self.items.insert((account, id.clone()), row);
    }

    /// Stores a document, or gives one that exists another origin.
    fn store(&mut self, new: &NewDocument, origin: &Origin, applied: &mut Applied<'_>) {
        if let Some(row) = self.documents.get_mut(&new.id) {
            if !row.origins.contains(origin) {
                row.origins.push(origin.clone());
            }
            if row.document.removed_at.take().is_some() {
                row.record(Fact::Restored, applied);
            }
            return;
        }
        let fact = Fact::Stored { origin: origin.clone() };
        self.bear(new, fact, vec![origin.clone()], applied);
    }

    /// Makes the document of a meeting, or writes it anew.
    fn transcribe(&mut self, new: &NewTranscript, applied: &mut Applied<'_>) {
        let (meeting, new) = (new.meeting, &new.document);
        if !self.documents.contains_key(&new.id) {
            return self.bear(new, Fact::Transcribed { meeting }, Vec::new(), applied);
        }
        let raw = self.keep(new.raw.clone());
        let Some(row) = self.documents.get_mut(&new.id) else { return };
        row.raw = raw;
        row.mail = new.mail.without_contents();
        let fresh = document(new, row.document.stored_at);
        row.document.title = fresh.title;
        row.document.author = fresh.author;
        row.document.received_at = fresh.received_at;
        row.record(Fact::Amended { meeting }, applied);
    }

    fn bear(
        &mut self,
        new: &NewDocument,
        fact: Fact,
        origins: Vec<Origin>,
        applied: &mut Applied<'_>,
    ) {
        let born = Recorded::birth(applied.tenant, new, fact, applied.at);
        applied.events.push(born.event);
        let raw = self.keep(new.raw.clone());
        for attachment in &new.mail.attachments {
            self.keep(attachment.content.clone());
        }
        let row = DocumentRow {
            document: document(new, applied.at),
            mail: new.mail.without_contents(),
            raw,
            origins,
            history: vec![born.entry],
        };
        self.documents.insert(new.id, row);
    }

    fn keep(&mut self, bytes: Bytes) -> [u8; 32] {
        let hash: [u8; 32] = Sha256::digest(&bytes).into();
        self.blobs.entry(hash).or_insert(bytes);
        hash
    }

    fn leave(
        &mut self,
        stream: StreamId,
        account: AccountId,
        item: &ItemId,
        applied: &mut Applied<'_>,
    ) {
        if self.members.remove(&(stream, item.clone())).is_none() {
            return;
        }
        let held_elsewhere = self.members.keys().any(|(other, id)| {
            id == item && self.streams.get(other).is_some_and(|row| row.account == account)
        });
        if held_elsewhere {
            return;
        }
        self.set_item(account, item, ItemRow::new(None, ItemState::Removed));
        self.note_change(account, item);
        self.unlink(&Origin { account, item: item.clone() }, &[], applied);
    }

    /// Takes an origin from all documents but `kept`; one without any origin left is removed.
    fn unlink(&mut self, origin: &Origin, kept: &[DocumentId], applied: &mut Applied<'_>) {
        for row in self.documents.values_mut().filter(|row| !kept.contains(&row.document.id)) {
            let before = row.origins.len();
            row.origins.retain(|other| other != origin);
            if row.origins.is_empty() && before > 0 {
                row.document.removed_at = Some(applied.at);
                row.record(Fact::Removed, applied);
            }
        }
    }

    fn decide(&mut self, decision: &Decision, applied: &mut Applied<'_>) {
        if let Some(row) = self.documents.get_mut(&decision.document) {
            row.document.state = decision.state.clone();
            row.record(decision.fact.clone(), applied);
        }
    }

    /// Writes an answer into the log of the document's owner.
    fn label(&mut self, answer: &Answer, at: DateTime<Utc>) {
        let Some(row) = self.documents.get(&answer.document) else { return };
        let labels = self.labels.entry(row.document.owner).or_default();
        let seq = labels.last().map_or(0, |label| label.seq) + 1;
        labels.push(Label { seq, at, answer: answer.clone() });
    }

    pub(super) fn enqueue(&mut self, job: &Job, due_at: DateTime<Utc>) {
        self.jobs.entry(job.id).or_insert_with(|| JobRow {
            job: job.clone(),
            state: JobState::Waiting,
            due_at,
            epoch: besunny_core::commit::Epoch(0),
            attempt: 0,
            strikes: 0,
            expired: 0,
            until: None,
        });
    }
}

impl ItemRow {
    const fn new(revision: Option<Revision>, state: ItemState) -> Self {
        Self { revision, state, policy: 0, asked: false }
    }
}

impl DocumentRow {
    /// Writes history and event of a change that was just made.
    fn record(&mut self, fact: Fact, applied: &mut Applied<'_>) {
        let document = &self.document;
        let made = Recorded::change(applied.tenant, document, &document.state, applied.at, fact);
        self.document.version += 1;
        self.history.push(made.entry);
        applied.events.push(made.event);
    }
}

fn document(new: &NewDocument, at: DateTime<Utc>) -> Document {
    Document {
        id: new.id,
        version: FIRST_VERSION,
        owner: new.owner,
        kind: new.kind,
        title: new.mail.subject.clone(),
        author: Untrusted::new(new.mail.author().to_owned()),
        received_at: new.received_at,
        stored_at: at,
        state: DocumentState::Pending,
        removed_at: None,
    }
}
