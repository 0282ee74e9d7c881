//! What a commit writes, and the writing of it.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use besunny_core::{
    commit::Detection,
    document::{DocumentState, NewDocument},
    event::Event,
    history::Entry,
    ids::{DocumentId, TenantId, UserId},
    item::ItemState,
    job::Job,
    label::Answer,
    push::Watch,
    repository::RepositoryError,
    source::{ItemId, Revision},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json as object};

use super::{Place, facts::Held, packing::Packing};
use crate::{
    blobs,
    column::{Id, hex, integer, json, micros, micros_after, text_list},
    learning, newcomers,
    rows::{self, Insert, Script, checked, insert},
};

/// Everything a commit changes.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) tenant: TenantId,
    pub(super) place: Option<Place>,
    pub(super) at: DateTime<Utc>,
    /// The scan that met what was met.
    pub(super) mark: u64,
    pub(super) met: BTreeSet<&'a ItemId>,
    pub(super) left: Vec<&'a ItemId>,
    pub(super) items: BTreeMap<&'a ItemId, ItemRow<'a>>,
    /// All documents the commit touches, as they are after it.
    pub(super) documents: HashMap<DocumentId, Held>,
    pub(super) born: Vec<Born<'a>>,
    /// Documents that changed, with the state that was decided, if any was.
    pub(super) changed: BTreeMap<DocumentId, Option<&'a DocumentState>>,
    links: BTreeSet<(DocumentId, ItemId)>,
    unlinks: BTreeSet<(DocumentId, ItemId)>,
    pub(super) history: Vec<Entry>,
    pub(super) events: Vec<Event>,
    pub(super) detections: Vec<&'a Detection>,
    /// Jobs, and after which time each is due.
    pub(super) jobs: Vec<(&'a Job, Duration)>,
    /// Answers, and whose log they go into.
    pub(super) labels: Vec<(UserId, &'a Answer)>,
    pub(super) watch: Option<&'a Option<Watch>>,
}

/// An item after the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ItemRow<'a> {
    pub(super) revision: Option<&'a Revision>,
    pub(super) state: ItemState,
    pub(super) policy: u32,
}

/// A document that the commit makes, or writes anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Born<'a> {
    pub(super) new: &'a NewDocument,
    /// Its place among all documents of the commit, which finds its packed content.
    pub(super) nth: usize,
    /// Whether it was not there before.
    pub(super) is_new: bool,
}

impl Sheet<'_> {
    pub(super) fn new(tenant: TenantId, place: Option<Place>, at: DateTime<Utc>) -> Self {
        Self {
            tenant,
            place,
            at,
            mark: 0,
            met: BTreeSet::new(),
            left: Vec::new(),
            items: BTreeMap::new(),
            documents: HashMap::new(),
            born: Vec::new(),
            changed: BTreeMap::new(),
            links: BTreeSet::new(),
            unlinks: BTreeSet::new(),
            history: Vec::new(),
            events: Vec::new(),
            detections: Vec::new(),
            jobs: Vec::new(),
            labels: Vec::new(),
            watch: None,
        }
    }

    /// A document came from an item.
    pub(super) fn linked(&mut self, document: DocumentId, item: &ItemId) {
        let link = (document, item.clone());
        if !self.unlinks.remove(&link) {
            self.links.insert(link);
        }
    }

    /// A document no longer comes from an item.
    pub(super) fn unlinked(&mut self, document: DocumentId, item: &ItemId) {
        let link = (document, item.clone());
        if !self.links.remove(&link) {
            self.unlinks.insert(link);
        }
    }

    /// Writes all of it; parents before children, and what refers to no document first, since
    /// documents are packed meanwhile. Returns how many statements, the first, write jobs.
    pub(super) async fn write(
        mut self,
        script: &mut Script<'_>,
        now: DateTime<Utc>,
        packing: Packing,
    ) -> Result<usize, RepositoryError> {
        let tenant = self.tenant.bytes();
        self.write_jobs(script, &tenant, now).await?;
        let of_jobs = script.len();
        self.write_events(script, &tenant).await?;
        if let Some(place) = self.place {
            let account = place.account.bytes();
            self.write_items(script, &tenant, &account).await?;
            self.write_members(script, &tenant, place).await?;
            self.write_born(script, &tenant, packing).await?;
            self.write_changed(script, &tenant).await?;
            self.write_links(script, &tenant, &account).await?;
            self.write_detections(script, &tenant, &account).await?;
            self.write_watch(script, &tenant, place).await?;
        } else {
            self.write_born(script, &tenant, packing).await?;
            self.write_changed(script, &tenant).await?;
        }
        self.write_history(script, &tenant).await?;
        let labels = std::mem::take(&mut self.labels);
        if !labels.is_empty() {
            let (connection, at) = (script.plain().await?, micros(self.at));
            learning::write_labels(connection, &tenant, at, labels.into_iter()).await?;
        }
        Ok(of_jobs)
    }

    async fn write_items(
        &mut self,
        script: &mut Script<'_>,
        tenant: &[u8],
        account: &[u8],
    ) -> Result<(), RepositoryError> {
        let mut items = Vec::with_capacity(self.items.len());
        for (id, row) in std::mem::take(&mut self.items) {
            let reason = match &row.state {
                ItemState::Ignored(reason) => Some(json(reason)?),
                ItemState::Quarantined(reason) => Some(json(reason)?),
                ItemState::Stored | ItemState::Removed => None,
            };
            items.push((id, row, reason));
        }
        script
            .insert(ITEMS, items, |row, (id, item, reason)| {
                row.add(tenant).add(account).add(id.as_str());
                row.add(item.revision.map(Revision::as_str)).add(item.state.as_str());
                row.add(reason).add(i64::from(item.policy));
            })
            .await
    }

    async fn write_members(
        &self,
        script: &mut Script<'_>,
        tenant: &[u8],
        place: Place,
    ) -> Result<(), RepositoryError> {
        let (stream, mark) = (place.stream.bytes(), integer(self.mark));
        let met = self.met.iter().collect();
        script
            .insert(MEMBERS, met, |row, item| {
                row.add(tenant).add(stream.as_slice()).add(item.as_str()).add(mark);
            })
            .await?;
        if self.left.is_empty() {
            return Ok(());
        }
        let left = text_list(self.left.iter().map(|id| id.as_str()));
        checked!(
            script,
            None,
            "DELETE FROM members WHERE tenant = ? AND stream = ?
            AND item IN (SELECT value FROM json_each(?))",
            tenant,
            stream,
            left,
        )
    }

    /// Writes new documents part by part, as their content is packed.
    async fn write_born(
        &self,
        script: &mut Script<'_>,
        tenant: &[u8],
        mut packing: Packing,
    ) -> Result<(), RepositoryError> {
        let (mut born, mut first) = (self.born.as_slice(), 0);
        while !born.is_empty() {
            let part = packing.next().await?;
            if part.is_empty() {
                return Err(crate::failure::Failure::Closed.into());
            }
            let end = first + part.len();
            let (here, later) = born.split_at(born.partition_point(|born| born.nth < end));
            born = later;
            let mut blobs = Vec::with_capacity(part.len() * 2);
            let mut hashes = Vec::with_capacity(part.len());
            for packed in part {
                blobs.extend(packed.blobs);
                hashes.push((packed.raw, packed.content));
            }
            script
                .insert(blobs::INSERT, blobs, |row, blob| {
                    row.add(tenant).add(blob.sha256.as_slice()).add(blob.packing.as_str());
                    row.add(integer(blob.size_bytes)).add(blob.bytes);
                })
                .await?;
            let (new, amended): (Vec<Born<'_>>, _) = here.iter().partition(|born| born.is_new);
            script
                .insert(DOCUMENTS, new, |row, Born { new, nth, .. }| {
                    let (raw, content) = hashes[nth - first];
                    self.add_document(row, new);
                    row.add(raw.as_slice()).add(content.as_slice());
                })
                .await?;
            for born in amended {
                amend(script, tenant, born.new, hashes[born.nth - first]).await?;
            }
            first = end;
        }
        Ok(())
    }

    fn add_document(&self, row: &mut rows::Parameters, new: &NewDocument) {
        let held = self.documents.get(&new.id);
        let version = held.map_or(0, |held| integer(held.version));
        let removed_at = held.and_then(|held| held.removed_at).map(micros);
        row.add(self.tenant.bytes()).add(new.id.bytes()).add(version).add(new.owner.bytes());
        row.add(new.kind.as_str()).add(new.mail.subject.expose().as_str()).add(new.mail.author());
        row.add(micros(new.received_at)).add(micros(self.at));
        row.add(DocumentState::Pending.as_str()).add(PENDING).add(removed_at);
        row.add(new.mail.message_id.as_ref().map(|id| id.expose().as_str()));
    }

    /// Writes changed documents, all with one statement, which finds each by its id first: an
    /// update from a list would otherwise read all documents of the tenant.
    async fn write_changed(
        &mut self,
        script: &mut Script<'_>,
        tenant: &[u8],
    ) -> Result<(), RepositoryError> {
        for born in self.born.iter().filter(|born| born.is_new) {
            self.changed.remove(&born.new.id);
        }
        let mut changes = Vec::with_capacity(self.changed.len());
        for (id, state) in &self.changed {
            let Some(held) = self.documents.get(id) else { continue };
            changes.push(object!([
                hex(id),
                held.version,
                held.removed_at.map(micros),
                state.map(DocumentState::as_str),
                state.and_then(DocumentState::project).map(|id| hex(&id)),
                state.map(json).transpose()?,
            ]));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let changes = Value::Array(changes).to_string();
        checked!(
            script,
            None,
            "WITH new AS MATERIALIZED (
                SELECT d.rowid AS place, value ->> 1 AS version, value ->> 2 AS removed_at,
                    value ->> 3 AS state, value ->> 4 AS project, value ->> 5 AS decision
                FROM json_each(?)
                CROSS JOIN documents d ON d.tenant = ? AND d.id = unhex(value ->> 0)
            )
            UPDATE documents SET version = new.version, removed_at = new.removed_at,
                state = coalesce(new.state, documents.state),
                project = iif(new.state IS NULL, documents.project, unhex(new.project)),
                decision = coalesce(new.decision, documents.decision)
            FROM new WHERE documents.rowid = new.place",
            changes,
            tenant,
        )
    }

    async fn write_links(
        &mut self,
        script: &mut Script<'_>,
        tenant: &[u8],
        account: &[u8],
    ) -> Result<(), RepositoryError> {
        let links = std::mem::take(&mut self.links).into_iter().collect();
        script
            .insert(ORIGINS, links, |row, (document, item): (DocumentId, ItemId)| {
                row.add(tenant).add(document.bytes()).add(account).add(item.as_str());
            })
            .await?;
        if self.unlinks.is_empty() {
            return Ok(());
        }
        let unlinks = self.unlinks.iter().map(|(document, item)| object!([hex(document), item]));
        let unlinks = Value::Array(unlinks.collect()).to_string();
        checked!(
            script,
            None,
            "DELETE FROM origins WHERE tenant = ? AND account = ?
            AND (document, item) IN (
                SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?)
            )",
            tenant,
            account,
            unlinks,
        )
    }

    async fn write_detections(
        &mut self,
        script: &mut Script<'_>,
        tenant: &[u8],
        account: &[u8],
    ) -> Result<(), RepositoryError> {
        let mut detections = Vec::with_capacity(self.detections.len());
        let mut unknown = Vec::new();
        for found in std::mem::take(&mut self.detections) {
            if found.user.is_none() {
                unknown.push(object!([found.item, found.username]));
            }
            detections.push((found, json(&found.kind)?));
        }
        script
            .insert(DETECTIONS, detections, |row, (found, kind)| {
                row.add(tenant).add(account).add(found.item.as_str()).add(found.address.as_str());
                row.add(found.username.as_str()).add(found.user.map(|user| user.bytes())).add(kind);
            })
            .await?;
        if unknown.is_empty() {
            return Ok(());
        }
        newcomers::ask_for_late(script.plain().await?, tenant, account, unknown).await
    }

    async fn write_watch(
        &self,
        script: &mut Script<'_>,
        tenant: &[u8],
        place: Place,
    ) -> Result<(), RepositoryError> {
        let Some(watch) = self.watch else { return Ok(()) };
        let stream = place.stream.bytes();
        let id = watch.as_ref().map(|watch| watch.id.bytes());
        let watch = watch.as_ref().map(json).transpose()?;
        checked!(
            script,
            None,
            "UPDATE streams SET watch = ?, watch_id = ? WHERE tenant = ? AND id = ?",
            watch,
            id,
            tenant,
            stream,
        )
    }

    /// Writes what happened to documents, in order.
    async fn write_history(
        &mut self,
        script: &mut Script<'_>,
        tenant: &[u8],
    ) -> Result<(), RepositoryError> {
        let mut entries = Vec::with_capacity(self.history.len());
        for entry in std::mem::take(&mut self.history) {
            entries.push((json(&entry.fact)?, entry));
        }
        script
            .insert(HISTORY, entries, |row, (fact, entry)| {
                row.add(tenant).add(entry.document.bytes()).add(integer(entry.version));
                row.add(micros(entry.at)).add(fact);
            })
            .await
    }

    /// Writes what is to be published, in order.
    async fn write_events(
        &mut self,
        script: &mut Script<'_>,
        tenant: &[u8],
    ) -> Result<(), RepositoryError> {
        let mut events = Vec::with_capacity(self.events.len());
        for event in std::mem::take(&mut self.events) {
            events.push((json(&event.news)?, event));
        }
        script
            .insert(OUTBOX, events, |row, (news, event)| {
                row.add(tenant).add(event.id.bytes()).add(event.owner.bytes());
                row.add(event.document.bytes()).add(micros(event.at)).add(news);
            })
            .await
    }

    /// Writes jobs.
    async fn write_jobs(
        &mut self,
        script: &mut Script<'_>,
        tenant: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), RepositoryError> {
        let mut jobs = Vec::with_capacity(self.jobs.len());
        for (job, by) in std::mem::take(&mut self.jobs) {
            jobs.push((job.id, json(&job.task)?, micros_after(now, by)));
        }
        script
            .insert(JOBS, jobs, |row, (id, task, due_at)| {
                row.add(tenant).add(id.bytes()).add(task).add(due_at);
            })
            .await
    }
}

/// Puts other content into a document that is there.
async fn amend(
    script: &mut Script<'_>,
    tenant: &[u8],
    new: &NewDocument,
    (raw, content): ([u8; 32], [u8; 32]),
) -> Result<(), RepositoryError> {
    let (id, title, author) = (new.id.bytes(), new.mail.subject.expose(), new.mail.author());
    let (raw, content) = (raw.as_slice(), content.as_slice());
    let received_at = micros(new.received_at);
    checked!(
        script,
        None,
        "UPDATE documents SET title = ?, author = ?, received_at = ?, raw = ?, content = ?
        WHERE tenant = ? AND id = ?",
        title,
        author,
        received_at,
        raw,
        content,
        tenant,
        id,
    )
}

/// The decision of a document that nobody has decided on.
const PENDING: &str = r#"{"state":"pending"}"#;

const ITEMS: Insert = insert!(
    "account",
    "INSERT INTO items (tenant, account, id, revision, state, reason, policy, asked)",
    "(?, ?, ?, ?, ?, ?, ?, 0)",
    " ON CONFLICT (tenant, account, id) DO UPDATE SET revision = excluded.revision,
    state = excluded.state, reason = excluded.reason, policy = excluded.policy, asked = 0"
);
const MEMBERS: Insert = insert!(
    "stream",
    "INSERT INTO members (tenant, stream, item, mark)",
    "(?, ?, ?, ?)",
    " ON CONFLICT (tenant, stream, item) DO UPDATE SET mark = excluded.mark
    WHERE excluded.mark > mark"
);
const DOCUMENTS: Insert = insert!(
    "owner",
    "INSERT INTO documents (tenant, id, version, owner, kind, title, author, received_at,
    stored_at, state, decision, removed_at, message_id, raw, content)",
    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ""
);
const ORIGINS: Insert = insert!(
    "document",
    "INSERT INTO origins (tenant, document, account, item)",
    "(?, ?, ?, ?)",
    ""
);
const HISTORY: Insert = insert!(
    "document",
    "INSERT INTO history (tenant, document, version, at, fact)",
    "(?, ?, ?, ?, ?)",
    ""
);
pub(crate) const OUTBOX: Insert = insert!(
    "tenant",
    "INSERT INTO outbox (tenant, id, owner, document, at, news)",
    "(?, ?, ?, ?, ?, ?)",
    ""
);
const DETECTIONS: Insert = insert!(
    "account",
    "INSERT INTO detections (tenant, account, item, address, username, user, kind)",
    "(?, ?, ?, ?, ?, ?, ?)",
    " ON CONFLICT (tenant, account, item, address) DO UPDATE SET user = excluded.user
    WHERE user IS NULL AND excluded.user IS NOT NULL"
);
const JOBS: Insert = insert!(
    "tenant",
    "INSERT INTO jobs (tenant, id, task, state, due_at, epoch, attempt)",
    "(?, ?, ?, 'waiting', ?, 0, 0)",
    " ON CONFLICT (tenant, id) DO NOTHING"
);
