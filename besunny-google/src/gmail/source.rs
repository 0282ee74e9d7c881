//! Gmail as a [`Source`]: the head, the history, the listing, the mails.
use std::time::Duration;

use async_trait::async_trait;
use besunny_core::{
    message::Message,
    source::{
        AccountRef, Cursor, Fetched, ItemId, Limits, Next, OfferedStream, Page, PageToken, Read,
        Relist, Scope, Source, SourceError, SourceErrorKind, StreamKey, StreamRef,
    },
};
use serde_json::Value;

use super::{
    AnotherMailbox, Gmail, account, history, listing,
    message::{self, Found},
};
use crate::{
    quota::Operation,
    transport::{Call, Reply, Segment},
    wire::{self, Unusable},
};

/// The one stream of a mailbox.
const STREAM: &str = "mailbox";
/// A look costs 2 of 6,000 units a minute, and a notice acts at once anyway (seen at Gmail).
const POLL_FLOOR: Duration = Duration::from_secs(30);
/// What is listed: everything but spam and trash, which Gmail leaves out by itself, and drafts.
const IN_SCOPE: &str = "-in:drafts";
/// Room for the fields beside a mail's content, and for white space in it.
const BESIDE_BYTES: usize = 256 << 10;

impl<P: Sync> Gmail<P> {
    /// Asks whose mailbox it is and where its history stands.
    pub(crate) async fn profile(&self, account: &AccountRef) -> Result<Value, SourceError> {
        let operation = Operation::GetProfile;
        let call = Call::get(operation, account, "profile");
        let profile = wire::answered(self.transport.answer(&call).await?, operation)?;
        let address = wire::text(&profile, "emailAddress");
        if address.is_some_and(|address| !address.eq_ignore_ascii_case(account.subject.as_str())) {
            return Err(call.failed(SourceErrorKind::Misconfigured).because(AnotherMailbox));
        }
        Ok(profile)
    }

    /// Asks how many mails there are, for the progress of a listing that has several pages.
    ///
    /// The number counts spam and trash too, which are not listed, but `resultSizeEstimate` stays at
    /// some 200 however many there are. It is for people only, so the listing goes on without it.
    async fn promised(&self, account: &AccountRef) -> Option<u64> {
        let profile = self.profile(account).await.ok()?;
        u64::try_from(wire::number(profile.get("messagesTotal")?)?).ok()
    }

    async fn find(
        &self,
        account: &AccountRef,
        id: &ItemId,
    ) -> Result<Fetched<Message>, SourceError> {
        let Some(segment) = Segment::new(id.as_str()) else {
            return Ok(Fetched::Gone(id.clone()));
        };
        let path = format!("messages/{segment}");
        let most = self.transport.http.config().max_mail_bytes;
        let call = Call::get(Operation::GetMessage, account, &path)
            .with("format", "raw")
            .with("fields", "id,labelIds,internalDate,raw")
            .capped_at(most / 3 * 4 + BESIDE_BYTES);
        let reply = self.transport.send(&call).await?;
        if !matches!(reply, Reply::TooLarge) {
            return found(&call, reply, id, |bytes| message::whole(bytes, id.as_str(), most));
        }
        let call = Call::get(Operation::GetMessage, account, &path)
            .with("format", "metadata")
            .with("fields", "id,labelIds,internalDate,sizeEstimate,payload(headers)");
        let reply = self.transport.send(&call).await?;
        found(&call, reply, id, |bytes| message::headers(bytes, id.as_str()))
    }
}

/// Writes a history id as a cursor; it is stored, so its form is for ever.
fn cursor_at(history: u128) -> Cursor {
    Cursor::from_source(history.to_string())
}

/// Turns the answer about one mail into what the engine hears of it.
fn found(
    call: &Call<'_>,
    reply: Reply,
    id: &ItemId,
    read: impl FnOnce(&[u8]) -> Result<Found, Unusable>,
) -> Result<Fetched<Message>, SourceError> {
    let malformed = |unusable| call.failed(SourceErrorKind::Malformed).because(unusable);
    match reply {
        Reply::Absent | Reply::Invalid => Ok(Fetched::Gone(id.clone())),
        Reply::TooLarge | Reply::Exists => Err(malformed(Unusable("makes no sense here"))),
        Reply::Good(answer) => {
            Ok(match answer.body.decode(|bytes| read(&bytes)).map_err(malformed)? {
                Found::Mail(message) => Fetched::Present(listing::revised(id), message),
                Found::Hidden => Fetched::Gone(id.clone()),
                Found::Unreadable(why) => Fetched::Unreadable { id: id.clone(), why },
            })
        }
    }
}

#[async_trait]
impl<P: std::fmt::Debug + Send + Sync> Source<Message> for Gmail<P> {
    fn limits(&self) -> Limits {
        let fetch_concurrency = self.transport.http.config().fetch_concurrency;
        Limits { fetch_batch: 1, fetch_concurrency, poll_floor: POLL_FLOOR, offers_for: None }
    }

    async fn streams(&self, account: &AccountRef) -> Result<Vec<OfferedStream>, SourceError> {
        self.profile(account).await?;
        let title = account.subject.as_str().to_owned();
        Ok(vec![OfferedStream { key: StreamKey::from_source(STREAM), title, proposed: true }])
    }

    async fn head(&self, stream: &StreamRef, _: &Scope) -> Result<Option<Cursor>, SourceError> {
        let profile = self.profile(&account(stream)).await?;
        let head = profile.get("historyId").and_then(wire::number);
        let missing = || Unusable("has no history id").during(Operation::GetProfile);
        Ok(Some(cursor_at(head.ok_or_else(missing)?)))
    }

    async fn changes_since(
        &self,
        stream: &StreamRef,
        cursor: &Cursor,
        page: Option<&PageToken>,
    ) -> Result<Read<Message>, SourceError> {
        let Ok(start) = cursor.as_str().parse::<u128>() else {
            return Ok(Read::Relist(Relist::default()));
        };
        let (operation, account) = (Operation::ListHistory, account(stream));
        let size = self.transport.http.config().page_size.to_string();
        let call = Call::get(operation, &account, "history")
            .with("startHistoryId", cursor.as_str())
            .with("maxResults", &size)
            .at_page(page.map(PageToken::as_str));
        let answer = match self.transport.send(&call).await? {
            Reply::Good(answer) => answer,
            Reply::Absent | Reply::Invalid => return Ok(Read::Relist(Relist::default())),
            Reply::Exists | Reply::TooLarge => {
                return Err(Unusable("makes no sense here").during(operation));
            }
        };
        let history = answer.body.decode(|bytes| history::read(&bytes));
        let history = history.map_err(|unusable| unusable.during(operation))?;
        // The answer's own id may be ahead of an index that lags behind it (seen at Gmail): only
        // what was shown is covered.
        let reached = history.newest.map_or(start, |newest| newest.max(start));
        let next = match history.next {
            Some(token) => Next::Page(PageToken::from_source(token)),
            None => Next::Cursor { cursor: cursor_at(reached), more: false },
        };
        Ok(Read::Page(Page { changes: history.changes, next, total: None }))
    }

    async fn list(
        &self,
        stream: &StreamRef,
        _: &Scope,
        page: Option<&PageToken>,
    ) -> Result<Page<Message>, SourceError> {
        let (operation, account) = (Operation::ListMessages, account(stream));
        let size = self.transport.http.config().page_size.to_string();
        let call = Call::get(operation, &account, "messages")
            .with("includeSpamTrash", "false")
            .with("q", IN_SCOPE)
            .with("maxResults", &size)
            .with("fields", "messages(id),nextPageToken")
            .at_page(page.map(PageToken::as_str));
        let answer = self.transport.answer(&call).await?;
        let listed = answer.body.decode(|bytes| listing::read(&bytes));
        let listed = listed.map_err(|unusable| unusable.during(operation))?;
        let is_long = page.is_none() && matches!(listed.next, Next::Page(_));
        let total = if is_long { self.promised(&account).await } else { None };
        Ok(Page { total, ..listed })
    }

    async fn fetch(
        &self,
        stream: &StreamRef,
        ids: &[ItemId],
    ) -> Result<Vec<Fetched<Message>>, SourceError> {
        let account = account(stream);
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.find(&account, id).await?);
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_cursors_are_as_they_were() {
        let cursors =
            [1, 9_876_543, u128::MAX].map(|history| cursor_at(history).as_str().to_owned());
        insta::assert_snapshot!(cursors.join("\n"), @r"
        1
        9876543
        340282366920938463463374607431768211455
        ");
    }
}
