//! What a person does with a bot that is in the call, and asks for when it has left (BOT-8).
//!
//! Nothing here is kept in the store: what is read is shown, and what is done is seen by the next look.
//! What must not be lost, such as the wish to erase, is a change of the posting instead.
use super::{Bots, Worker};
use crate::{
    bot::{BotRef, Changed, ChatMessage, ChatTo, Coming, Portion, RecordingLink},
    posting::Posting,
    source::{Cursor, SourceError},
};

/// Why a wish about a call came to nothing; no text of a provider is in it (ARCHITECTURE.md L7).
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No bot was sent.
    #[error("no bot was sent to this meeting")]
    NoBot,
    /// The provider has no such power, or is set up no more.
    #[error("the provider of this bot {0}")]
    NoPower(&'static str),
    /// The bot is not in the call yet.
    #[error("the bot is not in the call yet")]
    Early,
    /// The bot has left the call.
    #[error("the bot has left the call")]
    Over,
    /// The bot may still be in the call, or come into it.
    #[error("the bot is not over yet")]
    NotOver,
    /// There is no recording, or it is not ready.
    #[error("there is no recording")]
    NoRecording,
    /// The provider failed.
    #[error("the provider of the bot did not answer as it should: {0}")]
    Source(#[from] SourceError),
}

/// What can be done in the calls that bots are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// Whether the chat can be read and written to.
    pub chat: bool,
    /// Whether it is told who comes and goes.
    pub presence: bool,
    /// Whether the recording can be paused.
    pub pause: bool,
}

/// Whether the recording goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// Nothing is recorded until it is resumed.
    Pause,
    /// It goes on.
    Resume,
}

impl Worker {
    /// Returns what can be done in the calls that bots are in.
    #[must_use]
    pub fn powers(&self) -> Powers {
        self.bots.as_ref().map_or_else(Powers::default, |bots| Powers {
            chat: bots.adapter.chat.is_some(),
            presence: bots.adapter.presence.is_some(),
            pause: bots.adapter.control.is_some(),
        })
    }

    /// Reads what was written in the chat of a call, all of it or since `after`.
    ///
    /// # Errors
    /// [`CallError::NoPower`], or what the provider says.
    pub async fn chat(
        &self,
        posting: &Posting,
        after: Option<&Cursor>,
    ) -> Result<Portion<ChatMessage>, CallError> {
        let (bots, at) = self.bot_of(posting)?;
        let port = bots.adapter.chat.as_deref().ok_or(CallError::NoPower("reads no chat"))?;
        let ask = || port.messages(at, after);
        Ok(self.guarded(port).asked("chat.messages", ask).await?)
    }

    /// Lets the bot write in the chat of its call; taken is not sent, since providers queue.
    ///
    /// # Errors
    /// [`CallError::Early`] and [`CallError::Over`] where the bot is not in the call.
    ///
    /// # Cancellation
    /// A dropped call may have written.
    pub async fn write(&self, posting: &Posting, text: &str, to: &ChatTo) -> Result<(), CallError> {
        let (bots, at) = self.bot_of(posting)?;
        let port = bots.adapter.chat.as_deref().ok_or(CallError::NoPower("writes in no chat"))?;
        taken(self.guarded(port).asked("chat.send", || port.send(at, text, to)).await?)
    }

    /// Pauses what is recorded and written along, or lets it go on.
    ///
    /// # Errors
    /// [`CallError::Early`] and [`CallError::Over`] where the bot is not in the call.
    ///
    /// # Cancellation
    /// A dropped call may have been taken; it is safe to repeat it.
    pub async fn record(&self, posting: &Posting, to: Recording) -> Result<(), CallError> {
        let (bots, at) = self.bot_of(posting)?;
        let port = bots.adapter.control.as_deref();
        let port = port.ok_or(CallError::NoPower("cannot pause"))?;
        let guarded = self.guarded(port);
        taken(match to {
            Recording::Pause => guarded.asked("control.pause", || port.pause(at)).await?,
            Recording::Resume => guarded.asked("control.resume", || port.resume(at)).await?,
        })
    }

    /// Reads who came and went, all of it or since `after`.
    ///
    /// # Errors
    /// [`CallError::NoPower`], or what the provider says.
    pub async fn comings(
        &self,
        posting: &Posting,
        after: Option<&Cursor>,
    ) -> Result<Portion<Coming>, CallError> {
        let (bots, at) = self.bot_of(posting)?;
        let port = bots.adapter.presence.as_deref();
        let port = port.ok_or(CallError::NoPower("does not say who comes and goes"))?;
        let ask = || port.comings(at, after);
        Ok(self.guarded(port).asked("presence.comings", ask).await?)
    }

    /// Says where the recording of a call can be had.
    ///
    /// # Errors
    /// [`CallError::NoRecording`] while there is none; [`CallError::NoPower`] where it can be had with the key of
    /// the provider alone, which is nobody's but ours.
    pub async fn recording(&self, posting: &Posting) -> Result<RecordingLink, CallError> {
        let (bots, at) = self.bot_of(posting)?;
        let port = &*bots.adapter.records;
        let link = self.guarded(port).asked("records.recording", || port.recording(at)).await?;
        let link = link.ok_or(CallError::NoRecording)?;
        if link.headers.is_empty() {
            Ok(link)
        } else {
            Err(CallError::NoPower("gives recordings to whoever has its key alone"))
        }
    }

    fn bot_of<'a>(&'a self, posting: &'a Posting) -> Result<(&'a Bots, &'a BotRef), CallError> {
        let bots = self.bots.as_ref().filter(|bots| bots.provider == posting.provider);
        let bots = bots.ok_or(CallError::NoPower("is set up no more"))?;
        Ok((bots, posting.bot().ok_or(CallError::NoBot)?))
    }
}

const fn taken(changed: Changed) -> Result<(), CallError> {
    match changed {
        Changed::Applied => Ok(()),
        Changed::Frozen { .. } => Err(CallError::Early),
        Changed::Over | Changed::Gone => Err(CallError::Over),
    }
}
