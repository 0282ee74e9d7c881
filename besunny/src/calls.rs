//! What a person does with the bot of a meeting of theirs, and with what is left of it (BOT-8, BOT-15).
use besunny_core::{
    bot::{ChatMessage, ChatTo, Coming, Portion, RecordingLink},
    commit::Effect,
    ids::{CommitId, MeetingId, UserId},
    job::{Job, Task},
    posting::{Posting, by_weight},
    repository::RepositoryError,
    source::Cursor,
    tenant::TenantScope,
    worker::{CallError, Powers, Recording},
};

use crate::{Besunny, Error, bots::TRIES};

/// A person's meeting; whoever it is somebody else's for finds none.
#[derive(Clone, Copy, Debug)]
pub struct OwnMeeting<'a> {
    /// Whose tenant it is.
    pub scope: &'a TenantScope,
    /// Whose it is.
    pub owner: UserId,
    /// The meeting.
    pub meeting: MeetingId,
}

impl Besunny {
    /// Returns what can be done in the calls that bots are in.
    #[must_use]
    pub fn bot_powers(&self) -> Powers {
        self.worker.powers()
    }

    /// Reads what was written in the chat of a call, all of it or since `after`.
    ///
    /// # Errors
    /// [`Error::Missing`] for a meeting of nobody or of somebody else, otherwise [`Error::Call`].
    pub async fn read_chat(
        &self,
        of: OwnMeeting<'_>,
        after: Option<&Cursor>,
    ) -> Result<Portion<ChatMessage>, Error> {
        Ok(self.worker.chat(&self.bot_of(of).await?, after).await?)
    }

    /// Lets the bot write in the chat of its call; a text that is sent twice stands there twice.
    ///
    /// # Errors
    /// As of [`read_chat`](Self::read_chat).
    ///
    /// # Cancellation
    /// A dropped call may have written.
    pub async fn write_in_chat(
        &self,
        of: OwnMeeting<'_>,
        text: &str,
        to: &ChatTo,
    ) -> Result<(), Error> {
        Ok(self.worker.write(&self.bot_of(of).await?, text, to).await?)
    }

    /// Pauses what the bot records, or lets it go on; the meeting shows it after the next look.
    ///
    /// # Errors
    /// As of [`read_chat`](Self::read_chat).
    ///
    /// # Cancellation
    /// A dropped call may have been taken; it is safe to repeat it.
    pub async fn record(&self, of: OwnMeeting<'_>, to: Recording) -> Result<(), Error> {
        let posting = self.bot_of(of).await?;
        self.worker.record(&posting, to).await?;
        let (posting, version) = (posting.id, posting.version);
        let look = Job::new(of.scope.tenant(), Task::Tend { posting, version, noticed: true });
        let id = CommitId::from_uuid(self.ids.next());
        self.say(of.scope, id, vec![Effect::Enqueue(look)]).await
    }

    /// Reads who came into the call and left it, all of it or since `after`.
    ///
    /// # Errors
    /// As of [`read_chat`](Self::read_chat).
    pub async fn comings(
        &self,
        of: OwnMeeting<'_>,
        after: Option<&Cursor>,
    ) -> Result<Portion<Coming>, Error> {
        Ok(self.worker.comings(&self.bot_of(of).await?, after).await?)
    }

    /// Says where the recording can be had; whoever has the address can often read it.
    ///
    /// # Errors
    /// As of [`read_chat`](Self::read_chat).
    pub async fn recording(&self, of: OwnMeeting<'_>) -> Result<RecordingLink, Error> {
        Ok(self.worker.recording(&self.bot_of(of).await?).await?)
    }

    /// Lets the provider delete for ever what the bots of a meeting recorded; ours is kept (BOT-15).
    ///
    /// The wish is stored, and uttered until it is taken; what is still collected is collected before. It
    /// goes for everybody whose meeting the bot was in, as keeping bots out does.
    ///
    /// # Errors
    /// [`CallError::NotOver`] while a bot may be in the call; otherwise as of [`read_chat`](Self::read_chat).
    ///
    /// # Cancellation
    /// A dropped call may have been taken; it is safe to repeat it.
    pub async fn erase_records(&self, of: OwnMeeting<'_>) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            let now = self.worker.clock.now();
            let mut effects = Vec::new();
            for posting in self.bots_of(of).await? {
                if !posting.is_recorded() {
                    return Err(CallError::NotOver.into());
                }
                let wished = posting.clone().erasing(Some(of.owner), now);
                if wished == posting {
                    continue;
                }
                let change = posting.changed(wished);
                let (posting, version) = (change.posting.id, change.posting.version);
                let tend = Task::Tend { posting, version, noticed: false };
                effects.push(Effect::Post(Box::new(change)));
                effects.push(Effect::Enqueue(Job::new(of.scope.tenant(), tend)));
            }
            if effects.is_empty() {
                return Ok(());
            }
            match self.say(of.scope, CommitId::from_uuid(self.ids.next()), effects).await {
                Err(Error::Store(RepositoryError::Conflict)) if tries < TRIES => tries += 1,
                said => return said,
            }
        }
    }

    /// Returns the bot of a meeting that counts.
    async fn bot_of(&self, of: OwnMeeting<'_>) -> Result<Posting, Error> {
        let first = self.bots_of(of).await?.into_iter().next();
        Ok(first.ok_or(CallError::NoBot)?)
    }

    /// Returns the bots of a meeting that a provider has, the one that counts first.
    async fn bots_of(&self, of: OwnMeeting<'_>) -> Result<Vec<Posting>, Error> {
        let stored = self.store.meeting(of.scope, of.meeting).await?;
        stored.filter(|stored| stored.owner == of.owner).ok_or(Error::Missing("meeting"))?;
        let mut postings = self.store.postings_for(of.scope, &[of.meeting]).await?;
        postings.retain(|posting| posting.bot().is_some());
        if postings.is_empty() {
            return Err(CallError::NoBot.into());
        }
        by_weight(&mut postings);
        Ok(postings)
    }
}
