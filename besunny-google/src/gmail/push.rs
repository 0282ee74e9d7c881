//! Watches of a mailbox, and what they deliver.
use async_trait::async_trait;
use besunny_core::{
    push::{Delivery, Notice, PublicKey, Push, Receiver, Rejected, Watch, WatchRequest},
    source::{SourceError, StreamRef},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Gmail, Pushed, account};
use crate::{
    quota::Operation,
    transport::{Call, Reply},
    wire::{self, Unusable},
};

impl Gmail<Pushed> {
    /// Asks Gmail to publish; a watch that runs is lengthened by the same call.
    ///
    /// The engine asks under the lease of the stream: concurrent calls for one mailbox have been
    /// seen to make two registrations (seen at Gmail).
    async fn watch(&self, stream: &StreamRef) -> Result<DateTime<Utc>, SourceError> {
        let (operation, account) = (Operation::Watch, account(stream));
        let call =
            Call::post(operation, &account, "watch", &json!({ "topicName": self.push.0.topic }));
        let watch = wire::answered(self.transport.answer(&call).await?, operation)?;
        let until = wire::instant(watch.get("expiration").unwrap_or(&Value::Null));
        until.ok_or_else(|| Unusable("has no end of the watch").during(operation))
    }
}

#[async_trait]
impl Push for Gmail<Pushed> {
    async fn start_watch(
        &self,
        request: &WatchRequest,
        now: DateTime<Utc>,
    ) -> Result<Watch, SourceError> {
        let until = Some(self.watch(&request.stream).await?);
        let handle = Some(self.push.0.topic.clone());
        Ok(Watch { id: request.id, handle, since: now, until, trouble: None })
    }

    async fn renew(
        &self,
        stream: &StreamRef,
        watch: &Watch,
        now: DateTime<Utc>,
    ) -> Result<Option<Watch>, SourceError> {
        let until = Some(self.watch(stream).await?);
        let handle = Some(self.push.0.topic.clone());
        Ok(Some(Watch { id: watch.id, handle, since: now, until, trouble: None }))
    }

    async fn stop_watch(&self, stream: &StreamRef, _: &Watch) -> Result<(), SourceError> {
        let (operation, account) = (Operation::StopWatch, account(stream));
        let call = Call::post(operation, &account, "stop", &json!({}));
        match self.transport.send(&call).await? {
            Reply::Good(_) | Reply::Absent => Ok(()),
            Reply::Invalid | Reply::Exists | Reply::TooLarge => {
                Err(Unusable("makes no sense here").during(operation))
            }
        }
    }
}

impl Receiver for Gmail<Pushed> {
    fn receive(
        &self,
        delivery: &Delivery<'_>,
        keys: &[PublicKey],
    ) -> Result<Vec<Notice>, Rejected> {
        self.push.0.receive(delivery, keys)
    }
}
