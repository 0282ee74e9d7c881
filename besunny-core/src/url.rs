//! Web addresses, read strictly, and the redirects that are wrapped around them.
//!
//! Whoever wraps a link for safety or for counting hides where it leads. Everything that looks
//! for a certain kind of link goes through [`layers`], so that a wrapper is known in one place
//! (`url/redirect.rs`).
use std::borrow::Cow;

use crate::mail::hex_pair;

mod redirect;

/// The address and what up to three wrappers hide: filters of sender, receiver and chat.
const LAYERS: usize = 4;

/// How often entities are replaced: `&amp;amp;` is seen in calendars, and the last time finds none.
const ESCAPES: usize = 3;

/// Longer entities are none: `&#x0003a;` has nine bytes.
const ENTITY_BYTES: usize = 10;

/// The parts of an http(s) address; one that could be read in two ways is none.
///
/// User names, ports of other services, IP literals in brackets, backslashes, white space and
/// letters beyond ASCII in the host are refused: browsers and programs differ about them.
#[derive(Debug)]
pub(crate) struct WebUrl<'a> {
    /// In lower case, without the port.
    pub(crate) host: String,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) fragment: &'a str,
    /// All that follows the host.
    rest: &'a str,
}

impl<'a> WebUrl<'a> {
    pub(crate) fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
        if !is_web || url.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return None;
        }
        let (host, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let host = host.strip_suffix(":443").or(host.strip_suffix(":80")).unwrap_or(host);
        let (before, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = before.split_once('?').unwrap_or((before, ""));
        is_host(host).then(|| Self { host: host.to_ascii_lowercase(), path, query, fragment, rest })
    }

    /// Returns the segments of the path that are not empty.
    pub(crate) fn segments(&self) -> Vec<&'a str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// Returns a parameter of the query as it stands there.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'a str> {
        pair(self.query, name)
    }

    /// Says whether the host is `domain`, or one below it where `domain` begins with a dot.
    pub(crate) fn is_at(&self, domain: &str) -> bool {
        match domain.strip_prefix('.') {
            None => self.host == domain,
            Some(parent) => self.host == parent || self.host.ends_with(domain),
        }
    }
}

/// Returns the value of `name` among `name=value` pairs.
pub(crate) fn pair<'a>(pairs: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Returns an address, then what each known redirect around it leads to, from the outside in.
pub(crate) fn layers(url: &str) -> impl Iterator<Item = String> {
    let inner = |url: &String| unescaped(WebUrl::parse(url)?.wrapped()?);
    std::iter::successors(unescaped(url.to_owned()), inner).take(LAYERS)
}

fn is_host(host: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    host.contains('.') && host.split('.').all(|part| !part.is_empty() && part.bytes().all(letter))
}

/// Replaces the entities of HTML until there is none; `None` where they hide too deep.
fn unescaped(mut text: String) -> Option<String> {
    for _ in 0..ESCAPES {
        let once = unescaped_once(&text);
        if once == text {
            return Some(text);
        }
        text = once.into_owned();
    }
    None
}

/// Replaces the entities that stand for ASCII; others stay, as `&copy` may be a parameter.
fn unescaped_once(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.bytes().take(ENTITY_BYTES).position(|byte| byte == b';');
        let found = end.and_then(|end| Some((entity(after.get(..end)?)?, end + 1)));
        out.push(found.map_or('&', |(letter, _)| letter));
        rest = &after[found.map_or(0, |(_, taken)| taken)..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    let code = match name {
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        _ => name.strip_prefix('#')?,
    };
    let code = match code.strip_prefix(['x', 'X']) {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => code.parse(),
    };
    code.ok().filter(u8::is_ascii_graphic).map(char::from)
}

/// Decodes `%41`; a sign that begins no escape stays. `None` where the bytes are no text.
pub(crate) fn percent_decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = if byte == b'%' { hex_pair(tail) } else { None };
        bytes.push(escaped.unwrap_or(byte));
        rest = &tail[if escaped.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_could_be_read_in_two_ways_is_none() {
        for odd in [
            "https://me@a.org/x",
            "https://a.org:8443/x",
            "https://a.org\\@b.org/x",
            "https://b.org\\.a.org/x",
            "https://[::1]/x",
            "https://localhost/x",
            "https://a..org/x",
            "https:///a.org/x",
            "https://a.org /x",
            "https://a.org/\tx",
            "https://ａ.org/x",
            "https://a%2eorg/x",
            "ftp://a.org/x",
            "a.org/x",
        ] {
            assert!(WebUrl::parse(odd).is_none(), "{odd}");
        }
        let url = WebUrl::parse("HTTPS://A.org:443/b//c?d=1&e=#f").unwrap();
        assert_eq!((url.host.as_str(), url.segments()), ("a.org", vec!["b", "c"]));
        assert_eq!((url.parameter("d"), url.parameter("x"), url.fragment), (Some("1"), None, "f"));
        assert!(url.is_at("a.org") && url.is_at(".a.org") && !url.is_at(".b.a.org"));
    }

    #[test]
    fn only_entities_of_ascii_are_replaced() {
        for (text, want) in [
            ("a&amp;b&#38;c&#x26;d", "a&b&c&d"),
            ("https&#58;//a", "https://a"),
            ("a&copy=1&amp=2&lt", "a&copy=1&amp=2&lt"),
            ("&#10;&#x80;&;&#;&ampamp;", "&#10;&#x80;&;&#;&ampamp;"),
            ("é&é;&", "é&é;&"),
        ] {
            assert_eq!(unescaped(text.to_owned()).as_deref(), Some(want), "{text}");
        }
        assert_eq!(unescaped("&amp;amp;".to_owned()).as_deref(), Some("&"));
        assert_eq!(unescaped("&amp;amp;amp;".to_owned()), None);
    }
}
