//! A meeting link: found in an event or a text, and compared by the room it leads to (CAL-11).
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{platform::Platform, rules};
use crate::{
    calendar::CalendarEvent,
    mail::{Caps, LINK_BYTES, links_of},
    untrusted::Untrusted,
    url::{WebUrl, layers, pair},
};

/// Schemes that programs register for themselves, and where the same link is on the web.
const PROGRAMS: [(&str, &str); 4] = [
    ("zoommtg://", "https://"),
    ("zoomus://", "https://"),
    ("msteams://", "https://"),
    ("msteams:/l/", "https://teams.microsoft.com/l/"),
];

/// The way into one room of a platform (CAL-11).
///
/// ```
/// use besunny_core::meeting::{MeetingLink, Platform};
///
/// let link = MeetingLink::of_url("https://us02web.zoom.us/j/123456789?pwd=x").unwrap();
/// assert_eq!(link.platform, Platform::Zoom);
/// assert_eq!(link.key.as_str(), "zoom:123456789");
/// assert!(link.is_bot_capable());
/// assert_eq!(MeetingLink::of_url("https://zoom.us.example.com/j/123456789"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetingLink {
    /// The address to join by: redirects are opened, the query with its password is kept.
    pub url: Untrusted<String>,
    /// Who runs the room.
    pub platform: Platform,
    /// Which room it is; two links to one room have the same key.
    pub key: MeetingKey,
}

/// Names a room across the forms of its links, as `zoom:123456789`.
///
/// Passwords, the host of a region or company, case that does not count and whatever else differs
/// between invitations to one room are no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MeetingKey(String);

impl MeetingKey {
    /// Returns the key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MeetingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl MeetingLink {
    /// Recognises one address, also without a scheme and inside known redirects.
    ///
    /// Only rooms of known hosts are meeting links, so an address in a private network, an IP
    /// literal, a host that only looks like a known one and an address with a user name are none.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let url = url.trim();
        if url.len() > LINK_BYTES {
            return None;
        }
        layers(url).find_map(|layer| {
            let url = on_the_web(&layer).filter(|url| url.len() <= LINK_BYTES)?;
            let (platform, room) = rules::recognise(&WebUrl::parse(&url)?)?;
            let key = MeetingKey(format!("{platform}:{room}"));
            Some(Self { url: url.into(), platform, key })
        })
    }

    /// Finds the best link in a text or HTML: by the order of [`Platform`], then the first.
    ///
    /// At most as much is read as of a mail ([`Caps`]); time grows with the length of the text.
    #[must_use]
    pub fn find_in(text: &str) -> Option<Self> {
        let caps = Caps::default();
        let links = links_of(text, &caps);
        let links = links.iter().map(|link| link.expose().as_str());
        let bare = bare_links(&text[..text.floor_char_boundary(caps.text_bytes)]);
        let found = links.chain(bare.take(caps.links)).filter_map(Self::of_url);
        found.min_by_key(|link| link.platform)
    }

    /// Finds the link of an event: its conference, else its location, else its description.
    #[must_use]
    pub fn of_event(event: &CalendarEvent) -> Option<Self> {
        let conference = event.conference.iter().find_map(|entry| Self::of_url(entry.expose()));
        let text = |text: &Option<Untrusted<String>>| Self::find_in(text.as_ref()?.expose());
        conference.or_else(|| text(&event.location)).or_else(|| text(&event.description))
    }

    /// Says whether a bot can join there.
    #[must_use]
    pub const fn is_bot_capable(&self) -> bool {
        self.platform.is_bot_capable()
    }
}

/// Returns the http(s) form of an address; one without any scheme is taken for https.
fn on_the_web(url: &str) -> Option<String> {
    let scheme = |(program, web): &(&str, &str)| {
        let start = url.get(..program.len())?;
        start.eq_ignore_ascii_case(program).then(|| format!("{web}{}", &url[program.len()..]))
    };
    match PROGRAMS.iter().find_map(scheme) {
        Some(url) => Some(zoom_on_the_web(&url).unwrap_or(url)),
        None if url.contains("://") => Some(url.to_owned()),
        None => is_bare(url).then(|| format!("https://{url}")),
    }
}

/// Zoom's program is told the number in the query, its web pages in the path.
fn zoom_on_the_web(url: &str) -> Option<String> {
    let parts = WebUrl::parse(url)?;
    let number = parts.parameter("confno")?;
    let password = pair(parts.query, "pwd").map_or(String::new(), |pwd| format!("?pwd={pwd}"));
    Some(format!("https://{}/j/{number}{password}", parts.host))
}

/// Says whether a word may be an address whose scheme was left out: `zoom.us/j/1`.
fn is_bare(word: &str) -> bool {
    let Some((host, _)) = word.split_once('/') else { return false };
    host.contains('.')
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

/// Finds the words of a text that may be links, although they do not begin with `http`.
fn bare_links(text: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || "<>\"'(),;[]{}|".contains(c);
    let words = text.split(between).map(|word| word.trim_end_matches(['.', ':', '!', '?', '*']));
    words.filter(|word| word.len() <= LINK_BYTES && word.contains('/')).filter(|word| {
        let starts = |(program, _): &(&str, &str)| {
            word.get(..program.len()).is_some_and(|start| start.eq_ignore_ascii_case(program))
        };
        is_bare(word) || PROGRAMS.iter().any(starts)
    })
}

#[cfg(test)]
mod tests;
