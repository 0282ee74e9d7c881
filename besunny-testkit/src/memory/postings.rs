//! Bots: rooms as they were planned, postings, and what was heard.
use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use besunny_core::{
    account::Provider,
    bot::{BotRef, Segment},
    commit::{Commit, Effect},
    event::Event,
    ids::{MeetingId, PostingId, UserId},
    job::{Job, Task},
    meeting::{Meeting, MeetingKey},
    posting::{BotPolicy, Posting, PostingChange},
    repository::{Postings, RepositoryError, Room},
    tenant::TenantScope,
};
use chrono::{DateTime, Utc};

use super::{MemoryRepository, Rows};

#[async_trait]
impl Postings for MemoryRepository {
    async fn room(
        &self,
        scope: &TenantScope,
        room: &MeetingKey,
        since: DateTime<Utc>,
    ) -> Result<Room, RepositoryError> {
        self.read(scope, |rows| {
            let is_in = |meeting: &&Meeting| {
                meeting.link.as_ref().is_some_and(|link| link.key == *room)
                    && meeting.ends_at > since
            };
            let is_of = |posting: &&Posting| {
                posting.room == *room && (posting.ends_at > since || !posting.is_over())
            };
            Ok(Room {
                version: rows.rooms.get(room).copied().unwrap_or_default(),
                meetings: rows.meetings.values().filter(is_in).cloned().collect(),
                postings: rows.postings.values().filter(is_of).cloned().collect(),
            })
        })
    }

    async fn posting(
        &self,
        scope: &TenantScope,
        id: PostingId,
    ) -> Result<Option<Posting>, RepositoryError> {
        self.read(scope, |rows| Ok(rows.postings.get(&id).cloned()))
    }

    async fn postings_for(
        &self,
        scope: &TenantScope,
        meetings: &[MeetingId],
    ) -> Result<Vec<Posting>, RepositoryError> {
        self.read(scope, |rows| {
            let is_for = |posting: &&Posting| {
                posting.serves.iter().any(|served| meetings.contains(&served.meeting))
            };
            Ok(rows.postings.values().filter(is_for).cloned().collect())
        })
    }

    async fn said(
        &self,
        scope: &TenantScope,
        postings: &[PostingId],
    ) -> Result<Vec<Segment>, RepositoryError> {
        self.read(scope, |rows| {
            let of = rows.segments.iter().filter(|((posting, _), _)| postings.contains(posting));
            let mut said: Vec<_> = of.collect();
            said.sort_by_key(|((posting, key), segment)| (segment.starts_at, key, *posting));
            Ok(said.into_iter().map(|(_, segment)| segment.clone()).collect())
        })
    }

    async fn bot_policies(
        &self,
        scope: &TenantScope,
        owners: &[UserId],
    ) -> Result<HashMap<UserId, BotPolicy>, RepositoryError> {
        self.read(scope, |rows| {
            let said = rows.policies.iter().filter(|(owner, _)| owners.contains(owner));
            Ok(said.map(|(owner, policy)| (*owner, *policy)).collect())
        })
    }
}

fn changes(commit: &Commit) -> impl Iterator<Item = &PostingChange> {
    commit.effects.iter().filter_map(|effect| {
        let Effect::Post(change) = effect else { return None };
        Some(&**change)
    })
}

impl Rows {
    /// Says whether rooms, postings and transcripts are as a commit read them.
    pub(super) fn finds_postings(&self, commit: &Commit) -> bool {
        let is_as_read = commit.effects.iter().all(|effect| {
            if let Effect::Staff { room, expected } = effect {
                return self.rooms.get(room).copied().unwrap_or_default() == *expected;
            }
            let Effect::Transcribe(new) = effect else { return true };
            let stored = self.documents.get(&new.document.id);
            stored.map_or(0, |row| row.document.version) == new.expected
        });
        let is_at = |change: &PostingChange| {
            let stored = self.postings.get(&change.posting.id);
            stored.map_or(0, |posting| posting.version) == change.expected
        };
        is_as_read && changes(commit).all(is_at) && self.has_one_live(commit)
    }

    /// Says whether each room has one live posting for each start at most after a commit.
    fn has_one_live(&self, commit: &Commit) -> bool {
        let touched: BTreeSet<PostingId> =
            changes(commit).map(|change| change.posting.id).collect();
        let others = self.postings.values().filter(|posting| !touched.contains(&posting.id));
        let after = others.chain(changes(commit).map(|change| &change.posting));
        let mut starts = BTreeSet::new();
        after
            .filter(|posting| posting.is_live())
            .all(|posting| starts.insert((&posting.room, posting.starts_at)))
    }

    pub(super) fn post(&mut self, change: &PostingChange, events: &mut Vec<Event>) {
        let id = change.posting.id;
        events.extend(change.told.iter().cloned());
        self.postings.insert(id, change.posting.clone());
        let Some(said) = &change.said else { return };
        if said.is_whole {
            self.segments.retain(|(posting, _), _| *posting != id);
        }
        for segment in &said.segments {
            self.segments.insert((id, segment.key.clone()), segment.clone());
        }
    }

    /// Makes the postings of a bot be tended now; returns how many there are.
    pub(super) fn notice_bot(
        &mut self,
        provider: &Provider,
        bot: &BotRef,
        now: DateTime<Utc>,
    ) -> usize {
        let tenant = self.tenant.id;
        let is_of = |posting: &&Posting| {
            posting.provider == *provider && posting.bot() == Some(bot) && !posting.is_over()
        };
        let named = self.postings.values().filter(is_of).map(|posting| {
            let (posting, version) = (posting.id, posting.version);
            Job::new(tenant, Task::Tend { posting, version, noticed: true })
        });
        let jobs: Vec<Job> = named.collect();
        for job in &jobs {
            self.enqueue(job, now);
        }
        jobs.len()
    }
}
