//! What a store answers about bots: rooms, postings, what was said, and what people want.
use std::{collections::HashMap, fmt::Debug};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::RepositoryError;
use crate::{
    bot::Segment,
    ids::{MeetingId, PostingId, UserId},
    meeting::{Meeting, MeetingKey},
    posting::{BotPolicy, Posting},
    tenant::TenantScope,
};

/// What is known of a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Room {
    /// Grows each time its bots are planned; 0 before the first time.
    pub version: u64,
    /// The meetings in it that end after the time asked for, of anybody, cancelled ones among them.
    pub meetings: Vec<Meeting>,
    /// The postings that end after the time asked for, and all that are not over.
    pub postings: Vec<Posting>,
}

/// Postings and what their bots heard; all is written by commits alone.
///
/// # Contract
/// - A posting MUST come back as it was committed (`store.posting.kept`), and a commit at another version
///   than was read MUST be refused as a conflict (`store.posting.conflict`).
/// - What a commit tells of a posting MUST be handed out to be published, once (`store.posting.told`).
/// - A room MUST have one live posting for each start at most; a commit that would make another MUST be
///   refused as a conflict (`store.posting.one-live`).
/// - A room MUST be planned by one commit after the other: one that read an older version MUST be refused
///   as a conflict (`store.room.conflict`).
/// - `room` MUST show the meetings of all people of the tenant that are in it now, and postings
///   that are not over whatever their time (`store.room.shows`).
/// - What was said MUST come back in order of time, each piece once; a later piece MUST take the place of the
///   one with its key, and what is whole the place of everything (`store.said.kept`).
/// - A transcript MUST become a document of its meeting, or change the one that is there and leave its
///   state alone (`store.transcript.stored`, `store.transcript.amended`); at another version than was
///   read it MUST be refused as a conflict (`store.transcript.conflict`).
/// - What a person wants MUST come back as it was said last (`store.policy.kept`).
/// - No call MUST read or change another tenant's rows (`store.tenant.postings`).
#[async_trait]
pub trait Postings: Debug + Send + Sync {
    /// Returns what is known of a room; its version is read before everything else.
    async fn room(
        &self,
        scope: &TenantScope,
        room: &MeetingKey,
        since: DateTime<Utc>,
    ) -> Result<Room, RepositoryError>;
    /// Returns a posting.
    async fn posting(
        &self,
        scope: &TenantScope,
        id: PostingId,
    ) -> Result<Option<Posting>, RepositoryError>;
    /// Returns the postings that are for any of `meetings`, over or not, by id.
    async fn postings_for(
        &self,
        scope: &TenantScope,
        meetings: &[MeetingId],
    ) -> Result<Vec<Posting>, RepositoryError>;
    /// Returns what the bots of `postings` heard, in order of time.
    async fn said(
        &self,
        scope: &TenantScope,
        postings: &[PostingId],
    ) -> Result<Vec<Segment>, RepositoryError>;
    /// Returns what people said of bots in their meetings; who said nothing is not in it.
    async fn bot_policies(
        &self,
        scope: &TenantScope,
        owners: &[UserId],
    ) -> Result<HashMap<UserId, BotPolicy>, RepositoryError>;
}
