//! All bots of the simulated project, and what is to be told of them.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::life::State;
use crate::config::AttendeeWebhook;
use crate::dice;

#[derive(Debug, Default)]
pub(crate) struct Hall {
    /// By number, which is the order of creation.
    bots: BTreeMap<u64, Bot>,
    made: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Bot {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) meeting_url: String,
    pub(super) metadata: Option<Map<String, Value>>,
    pub(super) key: Option<String>,
    pub(super) join_at: Option<DateTime<Utc>>,
    pub(super) records: bool,
    pub(super) state: State,
    /// When it came into its state.
    pub(super) since: DateTime<Utc>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) events: Vec<Event>,
    pub(super) said: Vec<Utterance>,
    pub(super) chat: Vec<Message>,
    pub(super) comings: Vec<Coming>,
    /// Its own webhooks, which take the place of the project's.
    pub(super) hooks: Option<Vec<Hook>>,
    /// What happened and was not handed to the post yet.
    untold: Vec<Told>,
    parts: u64,
}

/// Where a bot's own events go.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) url: String,
    pub(super) triggers: Vec<String>,
}

/// An event that webhooks are to be told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) trigger: &'static str,
    pub(super) data: Value,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: &'static str,
    pub(super) sub_type: Option<&'static str>,
    pub(super) at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub(super) struct Utterance {
    pub(super) name: String,
    pub(super) timestamp_ms: i64,
    pub(super) duration_ms: u64,
    pub(super) text: String,
    pub(super) updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub(super) struct Coming {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) at: DateTime<Utc>,
}

/// What a new bot is made of.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) meeting_url: String,
    pub(super) metadata: Option<Map<String, Value>>,
    pub(super) key: Option<String>,
    pub(super) join_at: Option<DateTime<Utc>>,
    pub(super) records: bool,
    pub(super) hooks: Option<Vec<Hook>>,
}

/// Writes an instant as the server does: microseconds only where there are some.
pub(super) fn stamp(at: DateTime<Utc>, zone: &str) -> String {
    let form =
        if at.timestamp_subsec_micros() == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
    at.to_rfc3339_opts(form, true).replace('Z', zone)
}

/// An id with the prefix and length of the server's.
fn id(prefix: &str, parts: &[u64]) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut dice = dice::Dice::new(dice::mix(0, parts), prefix);
    let letter = |_| {
        let place = usize::try_from(dice.roll() % 62).unwrap_or_default();
        char::from(LETTERS[place])
    };
    format!("{prefix}_{}", (0..16).map(letter).collect::<String>())
}

impl Hall {
    /// Makes a bot; it joins at once without a time.
    pub(super) fn make(&mut self, wanted: Wanted, now: DateTime<Utc>) -> &mut Bot {
        self.made += 1;
        let number = self.made;
        let Wanted { meeting_url, metadata, key, join_at, records, hooks } = wanted;
        let mut bot = Bot {
            number,
            id: id("bot", &[number]),
            meeting_url,
            metadata,
            key,
            join_at,
            records,
            state: State::Scheduled,
            since: now,
            created_at: now,
            events: Vec::new(),
            said: Vec::new(),
            chat: Vec::new(),
            comings: Vec::new(),
            hooks,
            untold: Vec::new(),
            parts: 0,
        };
        if join_at.is_none() {
            bot.go("join_requested", None, State::Joining, now);
        }
        self.bots.entry(number).or_insert(bot)
    }

    /// Lets everything happen that the clock brings about until now.
    pub(super) fn pass(&mut self, now: DateTime<Utc>) {
        for bot in self.bots.values_mut() {
            while let Some(due) = bot.next_due().filter(|due| *due <= now) {
                bot.turn(due);
            }
        }
    }

    /// When the clock brings about something next.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.bots.values().filter_map(Bot::next_due).min()
    }

    pub(super) fn bots(&self) -> impl Iterator<Item = &Bot> {
        self.bots.values()
    }

    pub(super) fn bot(&mut self, id: &str) -> Option<&mut Bot> {
        self.bots.values_mut().find(|bot| bot.id == id)
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.bots.remove(&number);
    }

    /// Takes what is to be told, with the id of its bot and its own webhooks.
    pub(super) fn take_untold(&mut self) -> Vec<(String, Option<Vec<Hook>>, Told)> {
        let all = self.bots.values_mut().flat_map(|bot| {
            let (id, hooks) = (bot.id.clone(), bot.hooks.clone());
            std::mem::take(&mut bot.untold)
                .into_iter()
                .map(move |told| (id.clone(), hooks.clone(), told))
        });
        all.collect()
    }
}

impl Bot {
    pub(super) fn tell(&mut self, trigger: &'static str, data: Value) {
        self.untold.push(Told { trigger, data });
    }

    /// An id for something of this bot.
    pub(super) fn fresh(&mut self, prefix: &str) -> String {
        self.parts += 1;
        id(prefix, &[self.number, self.parts])
    }

    pub(super) fn metadata(&self) -> Value {
        self.metadata.clone().map_or(Value::Null, Value::Object)
    }

    pub(super) fn to_json(&self) -> Value {
        let events: Vec<Value> = self.events.iter().map(Event::to_json).collect();
        let has_joined = self.events.iter().any(|event| event.kind == "joined_meeting");
        let progress = match self.state {
            _ if !has_joined => "not_started",
            State::Ended | State::DataDeleted => "complete",
            State::FatalError => "failed",
            State::Paused => "paused",
            State::Scheduled
            | State::Staged
            | State::Joining
            | State::WaitingRoom
            | State::NotRecording
            | State::Denied => "not_started",
            State::Recording | State::Leaving | State::PostProcessing => "in_progress",
        };
        let transcription = if progress == "paused" { "in_progress" } else { progress };
        json!({
            "id": self.id,
            "metadata": self.metadata(),
            "meeting_url": self.meeting_url,
            "state": self.state.as_str(),
            "events": events,
            "transcription_state": transcription,
            "recording_state": if self.records { progress } else { "not_started" },
            "join_at": self.join_at.map(|at| stamp(at, "Z")),
            "deduplication_key": self.key,
        })
    }
}

impl From<&AttendeeWebhook> for Hook {
    fn from(webhook: &AttendeeWebhook) -> Self {
        Self { url: webhook.url.clone(), triggers: webhook.triggers.clone() }
    }
}

impl Event {
    fn to_json(&self) -> Value {
        let mut json = json!({ "type": self.kind, "created_at": stamp(self.at, "Z") });
        if let Some(sub_type) = self.sub_type {
            json["sub_type"] = sub_type.into();
        }
        json
    }
}

/// The server's id of a person; the same for a name in every call.
pub(super) fn person(name: &str) -> String {
    format!("p-{}", name.to_lowercase())
}

/// In the simulated calls this person is the host.
pub(super) fn is_host(name: &str) -> bool {
    name.starts_with("Ada")
}

impl Utterance {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "speaker_name": self.name,
            "speaker_uuid": person(&self.name),
            "speaker_user_uuid": null,
            "speaker_is_host": is_host(&self.name),
            "timestamp_ms": self.timestamp_ms,
            "duration_ms": self.duration_ms,
            "transcription": { "transcript": self.text },
        })
    }
}

impl Message {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "text": self.text,
            "timestamp_ms": self.at.timestamp_millis(),
            "timestamp": self.at.timestamp(),
            "to": "everyone",
            "sender_name": self.name,
            "sender_uuid": person(&self.name),
            "sender_user_uuid": null,
            "additional_data": {},
        })
    }
}

impl Coming {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "participant_name": self.name,
            "participant_uuid": person(&self.name),
            "participant_user_uuid": null,
            "participant_is_host": is_host(&self.name),
            "event_type": self.kind,
            "event_data": {},
            "timestamp_ms": self.at.timestamp_millis(),
        })
    }
}
