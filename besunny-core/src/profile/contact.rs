//! Somebody as a person writes them down: a name, mail addresses, or both.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::domain::Domain;

/// Longest address (RFC 5321 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS: usize = 254;
/// Somebody with more addresses than this is a list of people.
const MAX_ADDRESSES: usize = 5;
/// What stands around a name or an address.
const AROUND: [char; 7] = ['<', '>', '(', ')', '"', ',', ';'];

/// Somebody with a name, addresses, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The name; empty where only an address is known.
    pub name: String,
    /// Mail addresses, in lower case.
    pub addresses: Vec<String>,
}

impl Contact {
    /// Reads `Ann Miller <ann@studio.example>`, or a name or an address alone.
    ///
    /// None when there is neither, when an address is none, or when there are more than five.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (mut name, mut addresses) = (Vec::new(), Vec::new());
        for word in text.split_whitespace().flat_map(|word| word.split(AROUND)) {
            let word = word.trim();
            if word.contains('@') {
                addresses.push(address(word)?);
            } else if !word.is_empty() {
                name.push(word);
            }
        }
        addresses.dedup();
        let name = name.join(" ");
        let is_somebody = name.chars().any(char::is_alphanumeric) || !addresses.is_empty();
        (is_somebody && addresses.len() <= MAX_ADDRESSES).then_some(Self { name, addresses })
    }

    /// Says whether an address is theirs, whatever its case.
    #[must_use]
    pub fn has(&self, address: &str) -> bool {
        let address = address.trim().to_lowercase();
        self.addresses.contains(&address)
    }

    /// Returns the domains of the addresses that belong to an organisation.
    pub fn organisations(&self) -> impl Iterator<Item = &str> {
        let domains = self.addresses.iter().filter_map(|address| Some(address.split_once('@')?.1));
        domains.filter(|domain| !crate::address::is_shared(domain))
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.addresses.join(", ");
        match (self.name.as_str(), addresses.as_str()) {
            (name, "") => f.write_str(name),
            ("", addresses) => f.write_str(addresses),
            (name, addresses) => write!(f, "{name} <{addresses}>"),
        }
    }
}

/// Reads an address; in lower case, since that is how they are compared.
pub(super) fn address(text: &str) -> Option<String> {
    let (local, host) = text.rsplit_once('@')?;
    let allowed = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_local = !local.is_empty() && local.chars().all(allowed);
    let is_short = text.len() <= MAX_ADDRESS;
    let host = Domain::parse(host).filter(|_| is_local && is_short)?;
    Some(format!("{}@{host}", local.to_lowercase()))
}

/// Reads the name of a domain; an `@` before it is left out.
pub(super) fn domain(text: &str) -> Option<String> {
    Domain::parse(text.trim().trim_start_matches('@')).map(|domain| domain.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Option<&str>) {
        let got = Contact::parse(text).map(|contact| contact.to_string());
        assert_eq!(got.as_deref(), want, "{text:?}");
    }

    #[test]
    fn onb_1_somebody_has_a_name_or_an_address() {
        for (text, want) in [
            ("Ann Miller <Ann@Studio.example>", "Ann Miller <ann@studio.example>"),
            ("Ann Miller, ann@studio.example", "Ann Miller <ann@studio.example>"),
            ("Ann Miller (ann@studio.example)", "Ann Miller <ann@studio.example>"),
            ("ann@studio.example", "ann@studio.example"),
            ("Ann Miller", "Ann Miller"),
            ("Ann a@x.example b@x.example", "Ann <a@x.example, b@x.example>"),
            ("李小龍 <li@bücher.example>", "李小龍 <li@xn--bcher-kva.example>"),
        ] {
            check(text, Some(want));
            check(want, Some(want));
        }
        for text in ["", "  ", "-", "<>", "ann@", "@studio.example", "ann@studio", "a b@c d@e"] {
            check(text, None);
        }
        check(&"q@y.example ".repeat(9), Some("q@y.example"));
        check("a@y.example b@y.example c@y.example d@y.example e@y.example f@y.example", None);
    }

    #[test]
    fn shared_providers_are_no_organisations() {
        let contact = Contact::parse("Ann a@gmail.com a@studio.example").unwrap();
        assert_eq!(contact.organisations().collect::<Vec<_>>(), ["studio.example"]);
    }
}
