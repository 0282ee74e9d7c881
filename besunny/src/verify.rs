//! The proof of coverage: what is at the source against what we hold (B9).
use std::collections::{BTreeSet, HashSet};

use besunny_core::{
    account::Account,
    adapter::{AnyAdapter, Wired},
    calendar::CalendarIntake,
    item::ItemState,
    repository::ItemFilter,
    source::{Change, Fetched, ItemId, Next, Scope, StreamRef},
    sync::Plan,
    tenant::TenantScope,
};

use crate::{Besunny, Error};

/// What is at the source of an account against what we hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Items that became documents or held events.
    pub stored: u64,
    /// Items that are none of our business.
    pub ignored: u64,
    /// Items that could not be taken in.
    pub quarantined: u64,
    /// Items at the source that we do not hold, or whose document or event is not there as a whole.
    pub missing: Vec<ItemId>,
    /// Items we hold that are not at the source.
    pub extra: Vec<ItemId>,
}

impl Verification {
    /// Says whether both sides hold the same.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }
}

impl Besunny {
    /// Lists an account at its source and compares; nothing is changed.
    ///
    /// Both sides may move meanwhile, so each difference is looked at again before it counts.
    ///
    /// # Errors
    /// [`Error::NoAdapter`]; what the source or the store says.
    pub async fn verify(
        &self,
        scope: &TenantScope,
        account: &Account,
    ) -> Result<Verification, Error> {
        match self.adapter(&account.provider)? {
            AnyAdapter::Mail(mail) => {
                let rules = self.worker.intake.scope(account);
                self.compare(scope, account, (mail, &rules), Kept::Documents).await
            }
            AnyAdapter::Calendar(calendar) => {
                let rules = CalendarIntake.scope(account);
                self.compare(scope, account, (calendar, &rules), Kept::Events).await
            }
        }
    }

    async fn compare<T: Send + Sync>(
        &self,
        scope: &TenantScope,
        account: &Account,
        (adapter, rules): (&Wired<T>, &Scope),
        kept: Kept,
    ) -> Result<Verification, Error> {
        let mut verification = Verification::default();
        for status in self.store.streams(scope).await? {
            if status.account != account.id || !status.is_followed {
                continue;
            }
            let stream = account.stream(status.key.clone());
            let there = listed(adapter, &stream, rules).await?;
            let mut held = BTreeSet::new();
            loop {
                let after = held.last();
                let page = self.store.items(scope, status.id, ItemFilter::All, after).await?;
                if page.is_empty() {
                    break;
                }
                let ids: Vec<ItemId> = page.iter().map(|item| item.id.clone()).collect();
                let whole = self.whole(scope, account, &ids, kept).await?;
                for item in page {
                    match item.state {
                        ItemState::Stored => {
                            verification.stored += 1;
                            if !whole.contains(&item.id) {
                                verification.missing.push(item.id.clone());
                            }
                        }
                        ItemState::Ignored(_) => verification.ignored += 1,
                        ItemState::Quarantined(_) => verification.quarantined += 1,
                        ItemState::Removed => {}
                    }
                    held.insert(item.id);
                }
            }
            for id in there.difference(&held) {
                if is_present(adapter, &stream, id).await? {
                    verification.missing.push(id.clone());
                }
            }
            for id in held.difference(&there) {
                if !is_present(adapter, &stream, id).await? {
                    verification.extra.push(id.clone());
                }
            }
        }
        Ok(verification)
    }

    /// Returns which items have all that was made of them.
    async fn whole(
        &self,
        scope: &TenantScope,
        account: &Account,
        ids: &[ItemId],
        kept: Kept,
    ) -> Result<HashSet<ItemId>, Error> {
        match kept {
            Kept::Documents => Ok(self.store.whole(scope, account.id, ids).await?),
            Kept::Events => {
                let items: Vec<_> = ids.iter().map(|id| (account.id, id.clone())).collect();
                let held = self.store.events_beside(scope, &items).await?;
                let own =
                    held.into_iter().filter(|held| held.account == account.id && !held.is_gone);
                Ok(own.map(|held| held.item).collect())
            }
        }
    }
}

/// What is made of an item.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Documents,
    Events,
}

async fn listed<T: Send + Sync>(
    adapter: &Wired<T>,
    stream: &StreamRef,
    rules: &Scope,
) -> Result<BTreeSet<ItemId>, Error> {
    let (mut ids, mut page) = (BTreeSet::new(), None);
    loop {
        let read = adapter.source.list(stream, rules, page.as_ref()).await?;
        ids.extend(read.changes.iter().map(Change::id).cloned());
        match read.next {
            Next::Page(token) => page = Some(token),
            Next::Cursor { .. } | Next::End => return Ok(ids),
        }
    }
}

/// Says whether an item is at the source now, readable or not.
async fn is_present<T: Send + Sync>(
    adapter: &Wired<T>,
    stream: &StreamRef,
    id: &ItemId,
) -> Result<bool, Error> {
    let answers = adapter.source.fetch(stream, std::slice::from_ref(id)).await?;
    Ok(answers.iter().any(|answer| !matches!(answer, Fetched::Gone(_))))
}
