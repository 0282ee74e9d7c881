//! Whether whoever refers to a thread took part in it.
//!
//! Anybody can name a mail that he has heard of. A thread counts as evidence only for who wrote or
//! got one of its mails, or who is known to the project that it is in (security notes, C7).
use super::Worker;
use crate::{
    classify::{took_part, vouches},
    mail::Mail,
    project::Project,
    repository::{RepositoryError, ThreadMember},
    tenant::TenantScope,
};

/// So many earlier mails are looked at, the latest first; the one that is answered is the first.
const LOOKED_AT: usize = 4;

impl Worker {
    /// Says whether a mail names a thread that is in a project, and its sender has no part in it.
    pub(super) async fn is_stranger(
        &self,
        scope: &TenantScope,
        mail: &Mail,
        thread: &[ThreadMember],
        candidates: &[Project],
    ) -> Result<bool, RepositoryError> {
        let is_vouched = |member: &ThreadMember| {
            let home = candidates.iter().find(|project| Some(project.id) == member.project);
            home.is_some_and(|project| vouches(project, mail))
        };
        let routed = || thread.iter().filter(|member| member.project.is_some());
        if routed().next().is_none() || routed().any(is_vouched) {
            return Ok(false);
        }
        let mut named: Vec<&str> = mail.thread_ids().collect();
        named.reverse();
        let latest = named
            .into_iter()
            .filter_map(|id| routed().find(|member| member.message_id.expose() == id));
        for member in latest.take(LOOKED_AT) {
            let earlier = self.repository.content(scope, member.document).await?;
            if earlier.is_some_and(|earlier| took_part(mail, &earlier.mail)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
