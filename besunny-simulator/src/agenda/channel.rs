//! Push channels: who is called when a calendar changes, and until when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::clock::http_date;

/// A channel that somebody opened.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) token: Option<String>,
    /// Where calls go.
    pub(crate) address: String,
    pub(crate) resource_id: String,
    pub(crate) resource_uri: String,
    /// The calendar that is watched; absent where it is the list of them.
    pub(crate) calendar: Option<String>,
    pub(crate) expires_at: DateTime<Utc>,
    /// The number of the last call.
    pub(crate) number: u64,
}

/// What a call says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The channel begins.
    Sync,
    /// Something changed.
    Exists,
    /// What was watched is gone.
    NotExists,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Exists => "exists",
            Self::NotExists => "not_exists",
        }
    }
}

impl Channel {
    /// The headers of a call; its body is empty.
    pub(crate) fn headers(&self, state: State) -> Vec<(&'static str, String)> {
        let token = self.token.iter().map(|token| ("X-Goog-Channel-Token", token.clone()));
        let rest = [
            ("X-Goog-Channel-ID", self.id.clone()),
            ("X-Goog-Channel-Expiration", http_date(self.expires_at)),
            ("X-Goog-Resource-ID", self.resource_id.clone()),
            ("X-Goog-Resource-URI", self.resource_uri.clone()),
            ("X-Goog-Resource-State", state.word().to_owned()),
            ("X-Goog-Message-Number", self.number.to_string()),
        ];
        rest.into_iter().chain(token).collect()
    }
}

/// The channels of an account, by id; ended ones keep their id taken.
#[derive(Debug, Default)]
pub(crate) struct Channels(BTreeMap<String, Channel>);

impl Channels {
    /// Opens a channel; tells whether its id is new.
    pub(crate) fn open(&mut self, channel: Channel) -> bool {
        let is_new = !self.0.contains_key(&channel.id);
        if is_new {
            self.0.insert(channel.id.clone(), channel);
        }
        is_new
    }

    /// Ends a channel; tells whether it was there.
    pub(crate) fn stop(&mut self, id: &str, resource_id: &str, now: DateTime<Utc>) -> bool {
        let found = self
            .0
            .get_mut(id)
            .filter(|channel| channel.resource_id == resource_id && now < channel.expires_at);
        found.map(|channel| channel.expires_at = now).is_some()
    }

    /// Takes the next call of every live channel on a calendar, or on the list where it is absent.
    ///
    /// Numbers grow, and not by one (developers.google.com/workspace/calendar/api/guides/push).
    pub(crate) fn calls(&mut self, calendar: Option<&str>, now: DateTime<Utc>) -> Vec<Channel> {
        let is_meant = |channel: &&mut Channel| {
            channel.calendar.as_deref() == calendar && now < channel.expires_at
        };
        let meant = self.0.values_mut().filter(is_meant);
        meant
            .map(|channel| {
                channel.number += 1 + channel.number % 3;
                channel.clone()
            })
            .collect()
    }

    pub(crate) fn live(&self, now: DateTime<Utc>) -> Vec<&Channel> {
        self.0.values().filter(|channel| now < channel.expires_at).collect()
    }
}
