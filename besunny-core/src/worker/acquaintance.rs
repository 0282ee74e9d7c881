//! Whether whoever refers to a thread took part in it.
//!
//! Anybody can name a mail that he has heard of. A thread counts as evidence only for who wrote or
//! got one of its mails, or who is known to the project that it is in (security notes, C7).
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Worker;
use crate::{
    classify::{took_part, vouches},
    document::DocumentKind,
    ids::DocumentId,
    mail::Mail,
    project::Project,
    repository::{Pending, RepositoryError, ThreadMember},
    tenant::TenantScope,
};

/// So many earlier mails are looked at, the latest first; the one that is answered is the first.
const LOOKED_AT: usize = 4;
/// Earlier mails that are looked at together hold about so much memory.
const IN_FLIGHT_BYTES: usize = 8 << 20;

impl Worker {
    /// Returns which mails name a thread that is in a project, in which their senders have no part.
    ///
    /// The earlier mails of all of them are read together.
    pub(super) async fn strangers(
        &self,
        scope: &TenantScope,
        cases: &[&Pending],
        threads: &[ThreadMember],
        candidates: &[Project],
    ) -> Result<BTreeSet<DocumentId>, RepositoryError> {
        let mut doubtful: BTreeMap<DocumentId, (&Mail, Vec<DocumentId>)> = BTreeMap::new();
        // Who belongs to the thread of a meeting is said by the calendar, not by the transcript.
        let claims = |case: &&&Pending| match case.document.kind {
            DocumentKind::Email => true,
            DocumentKind::MeetingTranscript => false,
        };
        for Pending { document, mail } in cases.iter().filter(claims) {
            let thread = thread_of(mail, threads);
            if let Some(earlier) = to_look_at(mail, &thread, candidates) {
                doubtful.insert(document.id, (mail, earlier));
            }
        }
        let earlier: BTreeSet<DocumentId> =
            doubtful.values().flat_map(|(_, earlier)| earlier).copied().collect();
        let earlier: Vec<DocumentId> = earlier.into_iter().collect();
        let mut left = earlier.as_slice();
        while !left.is_empty() {
            let read = self.repository.mails(scope, left, IN_FLIGHT_BYTES).await?;
            if read.is_empty() {
                return Err(RepositoryError::Missing("answer"));
            }
            left = left.get(read.len()..).unwrap_or_default();
            for found in read.iter().flatten() {
                doubtful.retain(|_, (mail, earlier)| {
                    !(earlier.contains(&found.document.id) && took_part(mail, &found.mail))
                });
            }
        }
        Ok(doubtful.into_keys().collect())
    }
}

/// Returns where earlier mails of a mail's thread went.
pub(super) fn thread_of<'a>(mail: &Mail, threads: &'a [ThreadMember]) -> Vec<&'a ThreadMember> {
    let named: HashSet<&str> = mail.thread_ids().collect();
    let is_named = |member: &&ThreadMember| named.contains(member.message_id.expose().as_str());
    threads.iter().filter(is_named).collect()
}

/// Returns which earlier mails show whether the sender had a part; none when that is not in question.
fn to_look_at(
    mail: &Mail,
    thread: &[&ThreadMember],
    candidates: &[Project],
) -> Option<Vec<DocumentId>> {
    let is_vouched = |member: &ThreadMember| {
        let home = candidates.iter().find(|project| Some(project.id) == member.project);
        home.is_some_and(|project| vouches(project, mail))
    };
    let routed = || thread.iter().copied().filter(|member| member.project.is_some());
    if routed().next().is_none() || routed().any(is_vouched) {
        return None;
    }
    let mut named: Vec<&str> = mail.thread_ids().collect();
    named.reverse();
    let latest =
        named.into_iter().filter_map(|id| routed().find(|member| member.message_id.expose() == id));
    Some(latest.take(LOOKED_AT).map(|member| member.document).collect())
}
