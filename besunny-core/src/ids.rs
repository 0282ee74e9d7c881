//! Our own ids: bare UUIDs behind one type each, so that two kinds never meet.
//!
//! What a plan creates gets a *derived* id (UUIDv5 of its natural key), so that doing the same work
//! twice names the same thing (ARCHITECTURE.md L4). What a person creates gets an id from
//! [`Ids`](crate::clock::Ids).
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Namespace of every derived id; fixed for ever, since ids are stored.
const NAMESPACE: Uuid = Uuid::from_u128(0x6a6f_0f52_2b1d_5c0e_9d2c_8b1f_4d35_77a1);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes an id that a store or [`Ids`](crate::clock::Ids) gave.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// Returns the bare UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// Returns the bytes of the UUID.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Derives the id from its natural key; the same parts always give the same id.
            #[must_use]
            pub fn derived(parts: &[&[u8]]) -> Self {
                Self(derive($kind, parts))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self).map_err(|source| IdError { kind: $kind, source })
            }
        }
    )*};
}

ids! {
    /// A customer: the outermost wall of ownership.
    TenantId = "tenant",
    /// A person of a tenant.
    UserId = "user",
    /// One grant at one provider.
    AccountId = "account",
    /// One ordered thing to follow: mailbox, folder, calendar.
    StreamId = "stream",
    /// A routing target.
    ProjectId = "project",
    /// A standing rule of a person.
    RuleId = "rule",
    /// The stored record of an item for one owner.
    DocumentId = "document",
    /// One meeting of one person.
    MeetingId = "meeting",
    /// A bot of ours for one time that a room is used.
    PostingId = "posting",
    /// A conversation that makes or changes a project.
    OnboardingId = "onboarding",
    /// A piece of work to be done later.
    JobId = "job",
    /// A published fact; stable across deliveries.
    EventId = "event",
    /// One transaction of ours; repeating it changes nothing.
    CommitId = "commit",
    /// A push registration; part of the callback address.
    WatchId = "watch",
}

/// A text that is no id.
#[derive(Debug, thiserror::Error)]
#[error("not a {kind} id")]
pub struct IdError {
    kind: &'static str,
    source: uuid::Error,
}

/// Hashes kind and parts, each with its length, so that no two keys run together.
fn derive(kind: &str, parts: &[&[u8]]) -> Uuid {
    let mut key =
        Vec::with_capacity(kind.len() + parts.iter().map(|part| part.len() + 8).sum::<usize>());
    key.extend_from_slice(kind.as_bytes());
    for part in parts {
        key.extend_from_slice(&(part.len() as u64).to_be_bytes());
        key.extend_from_slice(part);
    }
    Uuid::new_v5(&NAMESPACE, &key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_depend_on_kind_parts_and_their_borders() {
        let id = |parts: &[&[u8]]| DocumentId::derived(parts);
        assert_eq!(id(&[b"ab", b"c"]), id(&[b"ab", b"c"]));
        assert_ne!(id(&[b"ab", b"c"]), id(&[b"a", b"bc"]));
        assert_ne!(id(&[b"a"]).as_uuid(), JobId::derived(&[b"a"]).as_uuid());
    }

    /// Derived ids are stored: this value never changes.
    #[test]
    fn the_derivation_is_frozen() {
        insta::assert_snapshot!(
            DocumentId::derived(&[b"tenant", b"owner", b"item"]),
            @"a5b2f33f-981d-52f2-99ca-d845f2588ad3"
        );
    }

    #[test]
    fn a_text_that_is_no_id_names_the_kind() {
        let error = "x".parse::<ProjectId>().unwrap_err();
        assert_eq!(error.to_string(), "not a project id");
    }
}
