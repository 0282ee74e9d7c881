//! What every mail source promises: what [every source](super::source) does, and the bytes of mails.
use besunny_core::{
    message::{Message, RawMail},
    source::{Fetched, ItemId},
};
use bytes::Bytes;

pub use super::source::SourceWorld as MailWorld;
use super::{
    Case, Outcome, check, check_equal, clause,
    source::{self, Reader, Sample},
};

/// A world of which each case gets a fresh one, with an empty mailbox.
pub type World = source::World<Message>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    let own = vec![
        clause("source.fetch.content", content),
        clause("source.items.same-content", same_content),
    ];
    source::cases().into_iter().chain(own).collect()
}

impl Sample for Message {
    fn written(name: &str) -> Bytes {
        Bytes::from(format!(
            "Message-ID: <{name}@conformance.example>\r\n\
             Date: Mon, 1 Jun 2026 09:30:00 +0200\r\n\
             From: bob@example.org\r\nTo: ann@example.com\r\nSubject: {name}\r\n\r\n\
             The body of {name}.\r\n"
        ))
    }

    fn name(&self) -> Option<String> {
        let raw = match &self.raw {
            RawMail::Whole(raw) => raw,
            RawMail::TooLarge { headers, .. } => headers,
        };
        let text = String::from_utf8_lossy(raw);
        let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
        line.map(|subject| subject.trim().to_owned())
    }
}

/// A mail comes with its own bytes, up to the form of line ends.
async fn content(world: World) -> Outcome {
    let raw = Message::written("exact");
    world.deliver(raw.clone()).await;
    let reader = Reader::new(&world);
    let ids: Vec<ItemId> = reader.sync().await?.ids.into_iter().collect();
    let answers = reader.fetch(&ids).await?;
    let Some(Fetched::Present(_, message)) = answers.first() else {
        return check(false, "the mail is not answered");
    };
    let RawMail::Whole(got) = &message.raw else { return check(false, "a small mail is cut") };
    let lines = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    check_equal(&lines(got), &lines(&raw), "the lines of the mail")
}

/// Two mails of the very same bytes are two items.
async fn same_content(world: World) -> Outcome {
    world.deliver(Message::written("twin")).await;
    world.deliver(Message::written("other")).await;
    world.deliver(Message::written("twin")).await;
    let reader = Reader::new(&world);
    check_equal(&reader.sync().await?.ids.len(), &3, "items, two of one content")
}
