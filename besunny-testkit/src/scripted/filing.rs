//! Marking mail of a scripted mailbox.
use async_trait::async_trait;
use besunny_core::{
    message::{Filing, MailFiling},
    source::{ItemId, SourceError, StreamRef},
};

use super::{Mailbox, ScriptedMail};
use crate::conformance::filing::Marks;

#[async_trait]
impl MailFiling for ScriptedMail {
    async fn file(
        &self,
        stream: &StreamRef,
        item: &ItemId,
        filing: &Filing,
    ) -> Result<(), SourceError> {
        self.answer("scripted.file", stream, |mailbox| {
            mailbox.file(item, filing);
            Ok(())
        })
        .await
    }
}

impl Mailbox {
    /// Returns what is on a mail, if it is there.
    #[must_use]
    pub fn marks(&self, id: &ItemId) -> Option<Marks> {
        self.mails.get(id).map(|mail| mail.marks.clone())
    }

    fn file(&mut self, id: &ItemId, filing: &Filing) {
        let Some(mail) = self.mails.get_mut(id) else { return };
        let (label, is_read) = match filing {
            Filing::None => return,
            Filing::ReadAndLabel(label) => (label, true),
            Filing::Label(label) => (label, false),
        };
        mail.marks.labels.insert(label.clone());
        mail.marks.is_read |= is_read;
    }
}
