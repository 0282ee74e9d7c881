//! Marking mail that was processed (MAIL-14).
use std::collections::HashMap;

use async_trait::async_trait;
use besunny_core::{
    message::{Filing, MailFiling},
    source::{AccountRef, ItemId, SourceError, SourceErrorKind, StreamRef},
};
use serde_json::json;

use super::{Gmail, account};
use crate::{
    quota::Operation,
    transport::{Call, Reply, Segment},
    wire::{self, Unusable},
};

/// What a request to change labels came to.
enum Marked {
    Done,
    /// The label that we remember is gone.
    UnknownLabel,
}

/// Ids of an account's labels, by [`key`].
pub(super) type Labels = HashMap<String, String>;

impl<P: Sync> Gmail<P> {
    /// Returns the id of a label, which is made unless it exists.
    async fn label(
        &self,
        account: &AccountRef,
        labels: &mut Labels,
        name: &str,
    ) -> Result<String, SourceError> {
        if !labels.contains_key(&key(name)) {
            *labels = self.list_labels(account).await?;
        }
        if let Some(id) = labels.get(&key(name)) {
            return Ok(id.clone());
        }
        let operation = Operation::CreateLabel;
        let body = json!({
            "name": name, "labelListVisibility": "labelShow", "messageListVisibility": "show",
        });
        let call = Call::post(operation, account, "labels", &body);
        match self.transport.send(&call).await? {
            Reply::Good(answer) => {
                let label = wire::answered(answer, operation)?;
                let id = wire::text(&label, "id");
                let id = id.ok_or_else(|| Unusable("has no id").during(operation))?.to_owned();
                labels.insert(key(name), id.clone());
                Ok(id)
            }
            // Somebody else made it meanwhile.
            Reply::Exists => {
                *labels = self.list_labels(account).await?;
                let missing = || call.failed(SourceErrorKind::Unavailable);
                labels.get(&key(name)).cloned().ok_or_else(missing)
            }
            Reply::Absent | Reply::Invalid | Reply::TooLarge => {
                Err(Unusable("makes no sense here").during(operation))
            }
        }
    }

    async fn list_labels(&self, account: &AccountRef) -> Result<Labels, SourceError> {
        let operation = Operation::ListLabels;
        let call = Call::get(operation, account, "labels");
        let answer = wire::answered(self.transport.answer(&call).await?, operation)?;
        let listed = wire::items(&answer, "labels").map_err(|odd| odd.during(operation))?;
        let listed = listed.iter().filter_map(|label| {
            Some((key(wire::text(label, "name")?), wire::text(label, "id")?.to_owned()))
        });
        Ok(listed.collect())
    }

    async fn mark(
        &self,
        account: &AccountRef,
        segment: Segment<'_>,
        label: &str,
        is_read: bool,
    ) -> Result<Marked, SourceError> {
        let operation = Operation::ModifyMessage;
        let removed: &[&str] = if is_read { &["UNREAD"] } else { &[] };
        let body = json!({ "addLabelIds": [label], "removeLabelIds": removed });
        let call = Call::post(operation, account, format_args!("messages/{segment}/modify"), &body);
        match self.transport.send(&call).await? {
            Reply::Good(_) | Reply::Absent => Ok(Marked::Done),
            Reply::Invalid => Ok(Marked::UnknownLabel),
            Reply::Exists | Reply::TooLarge => {
                Err(Unusable("makes no sense here").during(operation))
            }
        }
    }
}

/// Returns a name as Gmail compares it: two labels differ in more than their case.
fn key(name: &str) -> String {
    name.to_lowercase()
}

/// The label was found or made a moment ago, and cannot be put on the mail.
#[derive(Debug, thiserror::Error)]
#[error("Gmail takes neither the label nor the mail for valid")]
struct Refused;

#[async_trait]
impl<P: std::fmt::Debug + Send + Sync> MailFiling for Gmail<P> {
    async fn file(
        &self,
        stream: &StreamRef,
        item: &ItemId,
        filing: &Filing,
    ) -> Result<(), SourceError> {
        let (name, is_read) = match filing {
            Filing::None => return Ok(()),
            Filing::ReadAndLabel(name) => (name, true),
            Filing::Label(name) => (name, false),
        };
        let Some(segment) = Segment::new(item.as_str()) else { return Ok(()) };
        let account = account(stream);
        let known = self.labels.of(account.id);
        for _ in 0..2 {
            let label = self.label(&account, &mut *known.lock().await, name).await?;
            match self.mark(&account, segment, &label, is_read).await? {
                Marked::Done => return Ok(()),
                Marked::UnknownLabel => known.lock().await.clear(),
            }
        }
        let operation = Operation::ModifyMessage.name();
        Err(SourceError::new(SourceErrorKind::Misconfigured, operation).because(Refused))
    }
}
