//! The learned router: which project a mail belongs to, how sure that is, and why.
//!
//! [`Learned`](learned::Learned) is one tenant's model. It learns each answer at once, says a
//! probability with every choice, and promises a precision: [`Promise`](besunny_core::promise::Promise) sets the
//! confidence from which a choice may be taken, from past predictions only.
//!
//! [`eval`] measures all that on a labelled mailbox, in the order of time.
//!
//! With the feature `language`, [`LanguageRouter`](language::LanguageRouter) asks a language model instead;
//! with `openai`, [`OpenAi`](openai::OpenAi) is one, wherever a server speaks that interface.
#![expect(
    clippy::cast_precision_loss,
    reason = "what is counted here, mails and words, is far below 2^23"
)]

pub mod eval;
#[cfg(feature = "language")]
pub mod language;
pub mod learned;
#[cfg(feature = "openai")]
pub mod openai;
