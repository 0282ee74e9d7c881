//! Wiring: which adapter follows which provider, with the optional powers its type proves.
use std::{fmt::Debug, sync::Arc};

use secrecy::SecretString;

use crate::{
    bot::{BotChat, BotPresence, BotProvider, BotReceiver, BotRecords, RecordingControl},
    calendar::CalendarEvent,
    message::{MailFiling, Message},
    push::{PublicKeys, Push, Receiver},
    source::{AccountRef, OfferedStream, Source, SourceError},
};

/// A source with its optional powers; `with_push` compiles only where the source has them.
#[derive(Debug)]
pub struct Adapter<S> {
    source: Arc<S>,
    push: Option<Arc<dyn Push>>,
    receiver: Option<Arc<dyn Receiver>>,
    keys: Option<Arc<dyn PublicKeys>>,
    filing: Option<Arc<dyn MailFiling>>,
}

impl<S: Debug> Adapter<S> {
    /// Wires a source that is only polled.
    pub fn new(source: S) -> Self {
        Self { source: Arc::new(source), push: None, receiver: None, keys: None, filing: None }
    }

    /// Adds callbacks.
    #[must_use]
    pub fn with_push(mut self) -> Self
    where
        S: Push + Receiver + 'static,
    {
        self.push = Some(Arc::<S>::clone(&self.source));
        self.receiver = Some(Arc::<S>::clone(&self.source));
        self
    }

    /// Adds the provider's published keys, with which its calls are checked.
    #[must_use]
    pub fn with_keys(mut self, keys: impl PublicKeys + 'static) -> Self {
        self.keys = Some(Arc::new(keys));
        self
    }

    /// Adds marking of processed mail.
    #[must_use]
    pub fn with_filing(mut self) -> Self
    where
        S: MailFiling + 'static,
    {
        self.filing = Some(Arc::<S>::clone(&self.source));
        self
    }
}

/// A provider of bots with its optional powers, whatever its type (BOT-1).
#[derive(Clone, Debug)]
pub struct BotAdapter {
    /// Who sends bots.
    pub bots: Arc<dyn BotProvider>,
    /// Who brings what they recorded.
    pub records: Arc<dyn BotRecords>,
    /// Who says who took part.
    pub presence: Option<Arc<dyn BotPresence>>,
    /// Who reads and writes the chat of calls.
    pub chat: Option<Arc<dyn BotChat>>,
    /// Who pauses what is recorded.
    pub control: Option<Arc<dyn RecordingControl>>,
    /// How its calls are checked, and with which secrets.
    pub receiver: Option<(Arc<dyn BotReceiver>, Vec<SecretString>)>,
}

impl BotAdapter {
    /// Wires a provider that is only polled.
    pub fn new<B: BotProvider + BotRecords + 'static>(provider: B) -> Self {
        let provider = Arc::new(provider);
        Self {
            bots: Arc::<B>::clone(&provider),
            records: provider,
            presence: None,
            chat: None,
            control: None,
            receiver: None,
        }
    }

    /// Adds who took part.
    #[must_use]
    pub fn with_presence(mut self, presence: impl BotPresence + 'static) -> Self {
        self.presence = Some(Arc::new(presence));
        self
    }

    /// Adds the chat of calls.
    #[must_use]
    pub fn with_chat(mut self, chat: impl BotChat + 'static) -> Self {
        self.chat = Some(Arc::new(chat));
        self
    }

    /// Adds the pause of what is recorded.
    #[must_use]
    pub fn with_control(mut self, control: impl RecordingControl + 'static) -> Self {
        self.control = Some(Arc::new(control));
        self
    }

    /// Adds callbacks, checked with any of `secrets`.
    #[must_use]
    pub fn with_receiver(
        mut self,
        receiver: impl BotReceiver + 'static,
        secrets: Vec<SecretString>,
    ) -> Self {
        self.receiver = Some((Arc::new(receiver), secrets));
        self
    }
}

/// A wired mail source, whatever its type.
pub type MailAdapter = Wired<Message>;
/// A wired source of calendar events, whatever its type.
pub type CalendarAdapter = Wired<CalendarEvent>;

/// A wired source of items `T`, whatever its type.
#[derive(Clone, Debug)]
pub struct Wired<T> {
    /// Where items come from.
    pub source: Arc<dyn Source<T>>,
    /// How the provider is asked to call back.
    pub push: Option<Arc<dyn Push>>,
    /// How its calls are checked.
    pub receiver: Option<Arc<dyn Receiver>>,
    /// The keys its calls are checked with; none for a provider that shares a secret.
    pub keys: Option<Arc<dyn PublicKeys>>,
    /// How processed mails are marked.
    pub filing: Option<Arc<dyn MailFiling>>,
}

impl<T: Send + Sync, S: Source<T> + 'static> From<Adapter<S>> for Wired<T> {
    fn from(adapter: Adapter<S>) -> Self {
        let Adapter { source, push, receiver, keys, filing } = adapter;
        Self { source, push, receiver, keys, filing }
    }
}

/// What follows a provider, by the kind of its items.
#[derive(Clone, Debug)]
pub enum AnyAdapter {
    /// Mails.
    Mail(MailAdapter),
    /// Calendar events.
    Calendar(CalendarAdapter),
}

impl AnyAdapter {
    /// Returns the adapter of mails, if it is one.
    #[must_use]
    pub const fn mail(&self) -> Option<&MailAdapter> {
        match self {
            Self::Mail(adapter) => Some(adapter),
            Self::Calendar(_) => None,
        }
    }

    /// Lists what an account offers.
    ///
    /// # Errors
    /// What the source says.
    pub async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        match self {
            Self::Mail(adapter) => adapter.source.streams(account).await,
            Self::Calendar(adapter) => adapter.source.streams(account).await,
        }
    }

    /// Returns how calls of the provider are checked, if it calls.
    #[must_use]
    pub const fn receiver(&self) -> Option<&Arc<dyn Receiver>> {
        match self {
            Self::Mail(adapter) => adapter.receiver.as_ref(),
            Self::Calendar(adapter) => adapter.receiver.as_ref(),
        }
    }

    /// Returns the keys its calls are checked with, if it publishes any.
    #[must_use]
    pub const fn keys(&self) -> Option<&Arc<dyn PublicKeys>> {
        match self {
            Self::Mail(adapter) => adapter.keys.as_ref(),
            Self::Calendar(adapter) => adapter.keys.as_ref(),
        }
    }
}
