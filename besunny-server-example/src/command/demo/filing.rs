//! What Sunny did before the visitor came: the mails of the weeks before are filed, by hand.
//!
//! The learned model has something to be measured by then, so that its promise has a threshold and one
//! correction of the visitor decides about the next mail.
use std::{collections::BTreeMap, time::Duration};

use besunny::{
    Besunny, Seen,
    core::{
        ids::{DocumentId, UserId},
        project::Project,
        repository::RepositoryError,
        tenant::TenantScope,
    },
};

use super::sample::Filed;
use crate::command::describe;

/// Whether the mails have come is looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whose mails are filed.
#[derive(Clone, Debug)]
pub(super) struct Filing {
    pub(super) besunny: Besunny,
    pub(super) scope: TenantScope,
    pub(super) owner: UserId,
    pub(super) earlier: Vec<Filed>,
}

impl Filing {
    /// Waits until all of them have come and were decided on, and files them, oldest first.
    pub(super) async fn done(self) {
        if let Err(error) = self.file().await {
            tracing::warn!(error = describe(&error), "the mails of the weeks before are not filed");
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the outside world has a will of its own")]
    async fn file(&self) -> Result<(), besunny::Error> {
        let store = self.besunny.store();
        let projects = store.projects(&self.scope, self.owner).await?;
        let arrived = loop {
            let arrived = self.arrived().await?;
            let pending = store.tally(&self.scope, Some(self.owner)).await?.pending;
            if arrived.len() >= self.earlier.len() && pending == 0 {
                break arrived;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        for filed in &self.earlier {
            let Some(document) = arrived.get(&filed.id) else { continue };
            let seen = [Seen { document: *document, version: None }];
            let feedback = self.besunny.feedback(&self.scope, self.owner);
            let is_meant = |project: &&Project| Some(&project.name) == filed.project.as_ref();
            match projects.iter().find(is_meant) {
                Some(project) => feedback.assign(&seen, project.id).await?,
                None => feedback.decline(&seen).await?,
            };
        }
        Ok(())
    }

    /// Returns the mails of the weeks before that are there, by Message-ID.
    async fn arrived(&self) -> Result<BTreeMap<String, DocumentId>, RepositoryError> {
        let store = self.besunny.store();
        let ids: Vec<&str> = self.earlier.iter().map(|filed| filed.id.as_str()).collect();
        let members = store.thread(&self.scope, self.owner, &ids).await?;
        let arrived = members.into_iter().map(|it| (it.message_id.into_exposed(), it.document));
        Ok(arrived.collect())
    }
}
