//! What people want of meeting bots: a policy, a word on one meeting (BOT-5).
use std::sync::Arc;

use besunny_core::{
    account::Provider,
    commit::{Basis, Commit, Effect},
    ids::{CommitId, MeetingId, UserId},
    job::{Job, Task},
    meeting::{Meeting, MeetingChange},
    posting::{BotPolicy, Choice, ChoiceKind},
    push::{About, Delivery, Notice},
    repository::RepositoryError,
    scheduler::{Noted, Receipt},
    tenant::TenantScope,
};

use crate::{Besunny, Error, Refused};

/// A meeting that changes under our hands is read again so often.
pub(crate) const TRIES: usize = 4;

impl Besunny {
    /// Returns who sends bots, if anybody was set up.
    #[must_use]
    pub fn bot_provider(&self) -> Option<&Provider> {
        self.worker.bots.as_ref().map(|bots| &bots.provider)
    }

    /// Sets which meetings of a person get a bot by themselves, now and from now on.
    ///
    /// # Errors
    /// What the store says.
    ///
    /// # Cancellation
    /// A dropped call may have been taken; it is safe to repeat it.
    pub async fn prefer_bots(
        &self,
        scope: &TenantScope,
        user: UserId,
        policy: BotPolicy,
    ) -> Result<(), Error> {
        let id = CommitId::from_uuid(self.ids.next());
        let effects = vec![Effect::Prefer { user, policy }, staff_all(scope, user, id)];
        self.say(scope, id, effects).await
    }

    /// Sends a bot to a meeting, keeps bots out of it, or leaves it to the policy again.
    ///
    /// Keeping out goes before everything: a bot that is there leaves, also where others who are in the
    /// same room at the same time want one.
    ///
    /// # Errors
    /// [`Error::Missing`] for a meeting of nobody or of somebody else; otherwise what the store says.
    ///
    /// # Cancellation
    /// A dropped call may have been taken; it is safe to repeat it.
    pub async fn choose_bot(
        &self,
        scope: &TenantScope,
        owner: UserId,
        meeting: MeetingId,
        kind: Option<ChoiceKind>,
    ) -> Result<Meeting, Error> {
        let mut tries = 0;
        loop {
            let stored = self.store.meeting(scope, meeting).await?;
            let old = stored.filter(|stored| stored.owner == owner);
            let old = old.ok_or(Error::Missing("meeting"))?;
            let at = self.worker.clock.now();
            let choice = kind.map(|kind| Choice { kind, at });
            let new = Meeting { choice, version: old.version + 1, ..old.clone() };
            let id = CommitId::from_uuid(self.ids.next());
            let change = MeetingChange { expected: old.version, meeting: new.clone(), seen: None };
            let mut effects = vec![Effect::Meet(Box::new(change))];
            if let Some(link) = &new.link {
                let staff =
                    Task::Staff { room: link.key.clone(), meeting: Some(meeting), cause: id };
                effects.push(Effect::Enqueue(Job::new(scope.tenant(), staff)));
            }
            match self.say(scope, id, effects).await {
                Err(Error::Store(RepositoryError::Conflict)) if tries < TRIES => tries += 1,
                said => return said.map(|()| new),
            }
        }
    }

    /// Plans the bots of everybody's coming meetings; for when a provider of bots was set up.
    ///
    /// # Errors
    /// What the store says.
    pub async fn staff(&self, scope: &TenantScope) -> Result<(), Error> {
        let id = CommitId::from_uuid(self.ids.next());
        let users = self.store.users(scope).await?;
        let effects = users.iter().map(|user| staff_all(scope, user.id, id)).collect();
        self.say(scope, id, effects).await
    }

    /// Checks a call about bots and stores what it hints at; durable when it returns (BOT-9).
    ///
    /// # Errors
    /// [`Refused`] names the answer the provider gets.
    ///
    /// # Cancellation
    /// A dropped call may have been stored; the provider's second call is then a repetition.
    pub async fn receive_bot(
        &self,
        provider: &Provider,
        delivery: &Delivery<'_>,
    ) -> Result<Noted, Refused> {
        let bots = self.worker.bots.as_ref().filter(|bots| bots.provider == *provider);
        let receiver = bots.and_then(|bots| bots.adapter.receiver.as_ref());
        let (receiver, secrets) = receiver.ok_or(Refused::NotMounted)?;
        let notice = receiver.receive(delivery, secrets)?;
        let dedup = notice.dedup;
        let notices = notice.bot.map(|bot| Notice { about: About::Bot(bot), dedup });
        let notices = notices.into_iter().collect();
        Ok(self.store.note(&Receipt { provider: provider.clone(), notices }).await?)
    }

    pub(crate) async fn say(
        &self,
        scope: &TenantScope,
        id: CommitId,
        effects: Vec<Effect>,
    ) -> Result<(), Error> {
        let at = self.worker.clock.now();
        let commit = Arc::new(Commit { id, basis: Basis::Person, at, effects });
        match self.store.commit(scope, Arc::clone(&commit)).await {
            Err(RepositoryError::Store(_)) => self.store.commit(scope, commit).await?,
            said => said?,
        };
        Ok(())
    }
}

fn staff_all(scope: &TenantScope, owner: UserId, cause: CommitId) -> Effect {
    Effect::Enqueue(Job::new(scope.tenant(), Task::StaffAll { owner, cause }))
}
