//! Narrow questions, and the few writes that people make.
use std::{
    collections::{HashMap, HashSet, btree_map::Entry as Place},
    sync::Arc,
};

use async_trait::async_trait;
use besunny_core::{
    account::{Account, Intake, stream_id},
    address::Username,
    document::{Document, DocumentState},
    event::Event,
    history::Entry,
    ids::{AccountId, DocumentId, EventId, ProjectId, StreamId, UserId},
    item::{Item, ItemState},
    job::{Job, Task},
    label::Answer,
    repository::{
        Accounts, BATCH, Content, DeadJob, DeadJobFilter, DocumentFilter, Documents, ItemCounts,
        ItemFilter, Offer, Outbox, Pending, People, RepositoryError, StateFilter, StreamStatus,
        Tally, ThreadMember,
    },
    scheduler::Work,
    source::{ItemId, OfferedStream, StreamKey},
    tenant::{Allowed, Tenant, TenantScope, User},
    track::{Track, Version},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::{DocumentRow, JobRow, JobState, MemoryRepository, Rows, StreamRow};

#[async_trait]
impl Accounts for MemoryRepository {
    async fn connect(
        &self,
        scope: &TenantScope,
        account: &Account,
        streams: &[OfferedStream],
    ) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        self.make(Work::Streams, scope, |rows| {
            rows.accounts.insert(account.id, Arc::new(account.clone()));
            rows.take_offer(account.id, now);
            for stream in streams {
                let row = rows
                    .streams
                    .entry(stream_id(account.id, &stream.key))
                    .or_insert_with(|| StreamRow::new(account, stream));
                if stream.proposed {
                    row.follow(now);
                }
            }
            Ok(())
        })
    }

    async fn offer(
        &self,
        scope: &TenantScope,
        account: AccountId,
        offer: &Offer,
    ) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        self.make(Work::Streams, scope, |rows| {
            let found = rows.accounts.get(&account).cloned();
            let found = found.ok_or(RepositoryError::Missing("account"))?;
            if rows.offers.get(&account).map_or(0, |(count, _)| *count) != offer.expected {
                return Err(RepositoryError::Conflict);
            }
            rows.take_offer(account, now);
            for stream in &offer.streams {
                let id = stream_id(account, &stream.key);
                let row = rows.streams.entry(id).or_insert_with(|| {
                    StreamRow::new(&found, &OfferedStream { proposed: false, ..stream.clone() })
                });
                if stream.proposed && !row.is_followed {
                    row.follow(now);
                }
            }
            let is_offered = |key: &StreamKey| offer.streams.iter().any(|it| it.key == *key);
            let own = rows.streams.values_mut().filter(|row| row.account == account);
            for row in own.filter(|row| row.is_followed && !is_offered(&row.key)) {
                row.follow(now);
                row.is_followed = false;
            }
            Ok(())
        })
    }

    async fn accounts(&self, scope: &TenantScope) -> Result<Vec<Account>, RepositoryError> {
        self.read(scope, |rows| {
            Ok(rows.accounts.values().map(|account| Account::clone(account)).collect())
        })
    }

    async fn find_stream(
        &self,
        scope: &TenantScope,
        stream: StreamId,
    ) -> Result<Option<(Account, StreamKey)>, RepositoryError> {
        self.read(scope, |rows| {
            let place = rows.streams.get(&stream).and_then(|row| {
                let account = rows.accounts.get(&row.account)?;
                Some((Account::clone(account), row.key.clone()))
            });
            Ok(place)
        })
    }

    async fn streams(&self, scope: &TenantScope) -> Result<Vec<StreamStatus>, RepositoryError> {
        self.read(scope, |rows| {
            Ok(rows.streams.iter().map(|(id, row)| rows.status(*id, row)).collect())
        })
    }

    async fn items(
        &self,
        scope: &TenantScope,
        stream: StreamId,
        filter: ItemFilter,
        after: Option<&ItemId>,
    ) -> Result<Vec<Item>, RepositoryError> {
        self.read(scope, |rows| {
            let account = rows.stream(stream)?.account;
            let item = |(id, _): (&ItemId, _)| {
                let row = rows.items.get(&(account, id.clone()))?;
                let wanted = match filter {
                    ItemFilter::All => true,
                    ItemFilter::Quarantined => matches!(row.state, ItemState::Quarantined(_)),
                    ItemFilter::Ignored => matches!(row.state, ItemState::Ignored(_)),
                };
                wanted.then(|| Item {
                    id: id.clone(),
                    revision: row.revision.clone(),
                    state: row.state.clone(),
                })
            };
            Ok(rows.members_after(stream, after).filter_map(item).take(BATCH).collect())
        })
    }
}

#[async_trait]
impl People for MemoryRepository {
    async fn found(&self, tenant: &Tenant) -> Result<(), RepositoryError> {
        let mut state = self.lock();
        state.tenants.entry(tenant.id).or_insert_with(|| Rows::new(tenant.clone()));
        Ok(())
    }

    async fn add_user(&self, scope: &TenantScope, user: &User) -> Result<(), RepositoryError> {
        let now = self.clock.now();
        self.make(Work::Streams, scope, |rows| {
            let taken = |other: &User| other.username == user.username && other.id != user.id;
            if rows.users.values().any(taken) {
                return Err(RepositoryError::Taken("username"));
            }
            if let Place::Vacant(place) = rows.users.entry(user.id) {
                place.insert(user.clone());
                rows.welcome(user, now);
            }
            Ok(())
        })
    }

    async fn users(&self, scope: &TenantScope) -> Result<Vec<User>, RepositoryError> {
        self.read(scope, |rows| Ok(rows.users.values().cloned().collect()))
    }

    async fn named(
        &self,
        scope: &TenantScope,
        names: &[Username],
    ) -> Result<HashMap<Username, UserId>, RepositoryError> {
        self.read(scope, |rows| {
            let found = rows.users.values().filter(|user| names.contains(&user.username));
            Ok(found.map(|user| (user.username.clone(), user.id)).collect())
        })
    }

    async fn allowed(&self, scope: &TenantScope) -> Result<Allowed, RepositoryError> {
        self.read(scope, |rows| Ok(rows.allowed))
    }

    async fn allow(&self, scope: &TenantScope, allowed: Allowed) -> Result<(), RepositoryError> {
        self.write(scope, |rows| {
            rows.allowed = allowed;
            Ok(())
        })
    }
}

#[async_trait]
impl Documents for MemoryRepository {
    async fn document(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Option<Document>, RepositoryError> {
        self.read(scope, |rows| Ok(rows.documents.get(&id).map(|row| row.document.clone())))
    }

    async fn content(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Option<Content>, RepositoryError> {
        self.read(scope, |rows| {
            Ok(rows.documents.get(&id).map(|row| Content {
                mail: row.mail.clone(),
                raw: row.raw,
                origins: row.origins.clone(),
            }))
        })
    }

    async fn pending(
        &self,
        scope: &TenantScope,
        ids: &[DocumentId],
        max_bytes: usize,
    ) -> Result<Vec<Option<Pending>>, RepositoryError> {
        self.read(scope, |rows| {
            let is_pending = |row: &DocumentRow| row.document.state == DocumentState::Pending;
            Ok(rows.mails(ids, max_bytes, is_pending))
        })
    }

    async fn mails(
        &self,
        scope: &TenantScope,
        ids: &[DocumentId],
        max_bytes: usize,
    ) -> Result<Vec<Option<Pending>>, RepositoryError> {
        self.read(scope, |rows| Ok(rows.mails(ids, max_bytes, |_| true)))
    }

    async fn whole(
        &self,
        scope: &TenantScope,
        account: AccountId,
        items: &[ItemId],
    ) -> Result<HashSet<ItemId>, RepositoryError> {
        self.read(scope, |rows| {
            let is_whole = |row: &&DocumentRow| {
                row.document.removed_at.is_none() && rows.blobs.contains_key(&row.raw)
            };
            let origins = rows.documents.values().filter(is_whole).flat_map(|row| &row.origins);
            let held: HashSet<&ItemId> = origins
                .filter(|origin| origin.account == account)
                .map(|origin| &origin.item)
                .collect();
            Ok(items.iter().filter(|item| held.contains(item)).cloned().collect())
        })
    }

    async fn blob(
        &self,
        scope: &TenantScope,
        hash: &[u8; 32],
    ) -> Result<Option<Bytes>, RepositoryError> {
        self.read(scope, |rows| Ok(rows.blobs.get(hash).cloned()))
    }

    async fn history(
        &self,
        scope: &TenantScope,
        id: DocumentId,
    ) -> Result<Vec<Entry>, RepositoryError> {
        self.read(scope, |rows| {
            Ok(rows.documents.get(&id).map(|row| row.history.clone()).unwrap_or_default())
        })
    }

    async fn documents(
        &self,
        scope: &TenantScope,
        filter: &DocumentFilter,
    ) -> Result<Vec<Document>, RepositoryError> {
        self.read(scope, |rows| {
            let place = |document: &Document| (document.received_at, document.id);
            let before = match filter.before {
                None => None,
                Some(id) => {
                    let row = rows.documents.get(&id);
                    Some(place(&row.ok_or(RepositoryError::Missing("document"))?.document))
                }
            };
            let mut found: Vec<&Document> = rows
                .documents
                .values()
                .map(|row| &row.document)
                .filter(|document| matches(document, filter))
                .filter(|document| before.is_none_or(|before| place(document) < before))
                .collect();
            found.sort_by_key(|document| std::cmp::Reverse(place(document)));
            Ok(found.into_iter().take(filter.limit.min(BATCH)).cloned().collect())
        })
    }

    async fn tally(
        &self,
        scope: &TenantScope,
        owner: Option<UserId>,
    ) -> Result<Tally, RepositoryError> {
        self.read(scope, |rows| {
            let mut tally = Tally::default();
            let documents = rows.documents.values().map(|row| &row.document);
            for document in documents.filter(|it| owner.is_none_or(|owner| it.owner == owner)) {
                tally.removed += u64::from(document.removed_at.is_some());
                match &document.state {
                    DocumentState::Pending => tally.pending += 1,
                    DocumentState::NeedsReview(_) => tally.needs_review += 1,
                    DocumentState::NoProject { .. } => tally.no_project += 1,
                    DocumentState::Routed(route) => {
                        *tally.routed.entry(route.project).or_default() += 1;
                    }
                }
            }
            Ok(tally)
        })
    }

    async fn thread(
        &self,
        scope: &TenantScope,
        owner: UserId,
        message_ids: &[&str],
    ) -> Result<Vec<ThreadMember>, RepositoryError> {
        self.read(scope, |rows| {
            let member = |row: &DocumentRow| {
                let message_id = row.mail.message_id.clone()?;
                let is_named = message_ids.contains(&message_id.expose().as_str());
                (row.document.owner == owner && is_named).then(|| ThreadMember {
                    message_id,
                    document: row.document.id,
                    project: row.document.state.project(),
                    confidence: match &row.document.state {
                        DocumentState::Routed(route) => Some(route.confidence),
                        DocumentState::Pending
                        | DocumentState::NeedsReview(_)
                        | DocumentState::NoProject { .. } => None,
                    },
                })
            };
            Ok(rows.documents.values().filter_map(member).collect())
        })
    }
}

impl Rows {
    /// Returns the first of `ids` with their mails, as far as `max_bytes` reach.
    fn mails(
        &self,
        ids: &[DocumentId],
        max_bytes: usize,
        is_wanted: impl Fn(&DocumentRow) -> bool,
    ) -> Vec<Option<Pending>> {
        let (mut answers, mut bytes) = (Vec::new(), 0);
        for id in ids {
            let row = self.documents.get(id).filter(|row| is_wanted(row));
            bytes += row.map_or(0, |row| row.mail.weight_bytes());
            if bytes > max_bytes && !answers.is_empty() {
                break;
            }
            let pending =
                row.map(|row| Pending { document: row.document.clone(), mail: row.mail.clone() });
            answers.push(pending);
        }
        answers
    }
}

#[async_trait]
impl Outbox for MemoryRepository {
    async fn unpublished(&self, limit: usize) -> Result<Vec<Event>, RepositoryError> {
        Ok(self.lock().outbox.iter().take(limit).cloned().collect())
    }

    async fn published(&self, events: &[EventId]) -> Result<(), RepositoryError> {
        self.lock().outbox.retain(|event| !events.contains(&event.id));
        Ok(())
    }

    async fn dead_jobs(
        &self,
        scope: &TenantScope,
        filter: &DeadJobFilter,
    ) -> Result<Vec<DeadJob>, RepositoryError> {
        self.read(scope, |rows| {
            let wanted = |row: &&JobRow| {
                filter.after.is_none_or(|after| row.job.id > after)
                    && filter.job.is_none_or(|job| row.job.id == job)
                    && filter.owner.is_none_or(|owner| rows.owner_of(&row.job) == Some(owner))
            };
            let dead = rows.jobs.values().filter(wanted).filter_map(|row| match &row.state {
                JobState::Dead(error, waits_for) => Some(DeadJob {
                    job: row.job.clone(),
                    error: error.clone(),
                    waits_for: *waits_for,
                }),
                JobState::Waiting | JobState::Done(..) => None,
            });
            Ok(dead.take(filter.limit.min(BATCH)).collect())
        })
    }
}

impl StreamRow {
    fn new(account: &Account, stream: &OfferedStream) -> Self {
        Self {
            account: account.id,
            key: stream.key.clone(),
            title: stream.title.clone(),
            is_followed: stream.proposed,
            version: Version(0),
            track: Track::default(),
            last_commit: None,
            watch: None,
            epoch: besunny_core::commit::Epoch(0),
            lease_until: None,
            leased_at: None,
            next_due_at: None,
            noticed_at: None,
            dirty: false,
            attempt: 0,
            expired: 0,
            spared_until: None,
            quiet: 0,
            error: None,
            paused: None,
            caught_up_at: None,
        }
    }
}

impl Rows {
    /// Asks again for the items that named a person before anybody had the name.
    fn welcome(&mut self, user: &User, now: DateTime<Utc>) {
        let named = self.detections.iter().filter(|(_, found)| found.username == user.username);
        let named: Vec<_> = named.map(|((account, item, _), _)| (*account, item.clone())).collect();
        for (account, item) in named {
            self.ask_for(account, &item);
        }
        let masters = self.accounts.values().filter(|account| account.intake == Intake::Master);
        let masters: HashSet<AccountId> = masters.map(|account| account.id).collect();
        let followed = |row: &&mut StreamRow| row.next_due_at.is_some();
        let streams = self.streams.values_mut().filter(followed);
        for row in streams.filter(|row| masters.contains(&row.account)) {
            row.welcome(now);
        }
    }

    /// Returns whose business a job is.
    fn owner_of(&self, job: &Job) -> Option<UserId> {
        match &job.task {
            Task::Classify { document }
            | Task::AskAgain { document, .. }
            | Task::Consent { answer: Answer { document, .. }, .. } => {
                Some(self.documents.get(document)?.document.owner)
            }
            Task::Staff { room, meeting: None, .. } => {
                let is_in = |meeting: &&besunny_core::meeting::Meeting| {
                    meeting.link.as_ref().is_some_and(|link| link.key == *room)
                };
                Some(self.meetings.values().find(is_in)?.owner)
            }
            Task::StaffAll { owner, .. } => Some(*owner),
            Task::Tend { posting, .. } => Some(self.postings.get(posting)?.serves.first()?.owner),
            Task::Staff { meeting: Some(meeting), .. } | Task::Transcribe { meeting, .. } => {
                Some(self.meetings.get(meeting)?.owner)
            }
            Task::Meet { account, .. } => Some(self.accounts.get(account)?.owner),
            Task::File { stream, .. } => {
                Some(self.accounts.get(&self.streams.get(stream)?.account)?.owner)
            }
        }
    }

    fn status(&self, id: StreamId, row: &StreamRow) -> StreamStatus {
        let mut items = ItemCounts::default();
        for (item, _) in self.members_after(id, None) {
            match self.items.get(&(row.account, item.clone())).map(|row| &row.state) {
                Some(ItemState::Stored) => items.stored += 1,
                Some(ItemState::Ignored(_)) => items.ignored += 1,
                Some(ItemState::Quarantined(_)) => items.quarantined += 1,
                Some(ItemState::Removed) | None => {}
            }
        }
        StreamStatus {
            id,
            account: row.account,
            key: row.key.clone(),
            title: row.title.clone(),
            is_followed: row.is_followed,
            track: row.track.clone(),
            caught_up_at: row.caught_up_at,
            next_due_at: row.next_due_at.filter(|_| row.paused.is_none()),
            noticed_at: row.noticed_at,
            attempt: row.attempt,
            error: row.error.clone(),
            paused: row.paused,
            watch: row.watch.clone(),
            items,
        }
    }
}

fn matches(document: &Document, filter: &DocumentFilter) -> bool {
    let project: Option<ProjectId> = document.state.project();
    let state = match filter.state {
        None => true,
        Some(StateFilter::Pending) => document.state == DocumentState::Pending,
        Some(StateFilter::Routed) => project.is_some(),
        Some(StateFilter::NeedsReview) => matches!(document.state, DocumentState::NeedsReview(_)),
        Some(StateFilter::NoProject) => matches!(document.state, DocumentState::NoProject { .. }),
    };
    state
        && filter.owner.is_none_or(|owner| document.owner == owner)
        && filter.kind.is_none_or(|kind| document.kind == kind)
        && filter.project.is_none_or(|wanted| project == Some(wanted))
}
