//! What goes on in the calls of the sample while the demo runs: people speak, and a bot listens.
use std::{collections::BTreeSet, sync::Arc, time::Duration};

use besunny::core::meeting::{MeetingKey, MeetingLink};
use besunny_simulator::{Act, BotControl};
use serde::Deserialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::command::describe;

const CALLS: &str = include_str!("../../../demo/calls.toml");
/// Whether a bot has come is looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A line takes the pause between two mails by so many for each of its words.
const WORDS_A_PAUSE: u32 = 20;
/// What a bot heard is prepared within so many pauses, unless Attendee is faster.
const PREPARING: u32 = 3;
/// Nobody lets a bot in for so many pauses where no call of the sample is.
const PATIENCE: u32 = 8;

#[derive(Deserialize)]
struct Calls {
    call: Vec<Written>,
}

#[derive(Deserialize)]
struct Written {
    room: String,
    lines: String,
}

/// A call of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    room: MeetingKey,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    text: String,
}

/// Returns the calls of the sample; what is no line of anybody is left out.
pub(super) fn calls() -> Result<Vec<Call>, toml::de::Error> {
    let Calls { call } = toml::from_str(CALLS)?;
    Ok(call.iter().filter_map(Call::of).collect())
}

impl Call {
    fn of(Written { room, lines }: &Written) -> Option<Self> {
        let lines = lines.lines().filter_map(|line| line.split_once(": "));
        let line = |(name, text): (&str, &str)| Line { name: name.into(), text: text.into() };
        Some(Self { room: MeetingLink::of_url(room)?.key, lines: lines.map(line).collect() })
    }

    /// Lists who speaks, each once, in the order in which they do.
    fn people(&self) -> Vec<&str> {
        let mut known = BTreeSet::new();
        let names = self.lines.iter().map(|line| line.name.as_str());
        names.filter(|name| known.insert(*name)).collect()
    }
}

/// Lets bots that come hear the calls of the sample, until it is dropped.
#[expect(clippy::disallowed_methods, reason = "the outside world has a will of its own")]
pub(super) async fn hold(bots: BotControl, calls: Vec<Call>, pause: Duration) {
    let calls = Arc::new(calls);
    let (mut known, mut under_way) = (BTreeSet::new(), JoinSet::new());
    loop {
        let all = bots.all();
        for bot in all.iter().filter(|bot| bot["state"] == "joining") {
            let Some(id) = bot["id"].as_str().map(str::to_owned) else { continue };
            if known.insert(id.clone()) {
                let call = room_of(bot)
                    .and_then(|room| calls.iter().find(|call| call.room == room).cloned());
                under_way.spawn(Guest { bots: bots.clone(), id, pause }.attend(call));
            }
        }
        while under_way.try_join_next().is_some() {}
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn room_of(bot: &Value) -> Option<MeetingKey> {
    Some(MeetingLink::of_url(bot["meeting_url"].as_str()?)?.key)
}

/// A bot that wants to take part.
struct Guest {
    bots: BotControl,
    id: String,
    pause: Duration,
}

impl Guest {
    async fn attend(self, call: Option<Call>) {
        match call {
            Some(call) => self.listen(&call).await,
            None => self.wait_in_vain().await,
        }
    }

    async fn listen(&self, call: &Call) {
        self.rest(self.pause).await;
        self.play(&Act::LetIn);
        for name in call.people() {
            self.play(&Act::Comes { name: name.to_owned() });
        }
        for Line { name, text } in &call.lines {
            self.play(&Act::Says { name: name.clone(), text: text.clone() });
            let words = u32::try_from(text.split_whitespace().count()).unwrap_or(WORDS_A_PAUSE);
            self.rest(self.pause * words / WORDS_A_PAUSE).await;
        }
        self.play(&Act::Ends);
        self.rest(self.pause * PREPARING).await;
        self.play(&Act::Prepared);
    }

    async fn wait_in_vain(&self) {
        self.play(&Act::Waits);
        self.rest(self.pause * PATIENCE).await;
        self.play(&Act::TurnedAway);
    }

    fn play(&self, act: &Act) {
        if let Err(error) = self.bots.play(&self.id, act) {
            tracing::debug!(error = describe(&error), "a bot is gone");
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the outside world has a will of its own")]
    async fn rest(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_of_the_sample_is_of_people_who_speak() {
        let calls = calls().unwrap();
        let shown: Vec<_> =
            calls.iter().map(|call| (call.lines.len(), call.people().len())).collect();
        assert_eq!(shown, [(23, 4), (18, 4), (17, 5)]);
        let events = super::super::sample::events(chrono::DateTime::UNIX_EPOCH).unwrap();
        let of_event = |event: &Value| MeetingLink::of_url(event["location"].as_str()?);
        let rooms: Vec<_> = events.iter().filter_map(of_event).map(|link| link.key).collect();
        for call in calls {
            assert!(rooms.contains(&call.room), "nobody meets in {}", call.room);
        }
    }
}
