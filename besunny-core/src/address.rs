//! Usernames and virtual addresses: `ai+USERNAME@DOMAIN` (USER-2, USER-3).
//!
//! There is one parser, [`VirtualAddresses::recognise`], for mail headers, calendar attendees and
//! everything else (G-12). The rule is data: prefix, domains and older forms are settings (G-11).
use std::{borrow::Cow, collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::mail::Mailbox;

pub(crate) mod domain;
mod shared;

pub use shared::is_shared;

use self::domain::Domain;

/// Shortest username (USER-2).
pub const USERNAME_MIN_LETTERS: usize = 3;

/// Longest username (USER-2).
pub const USERNAME_MAX_LETTERS: usize = 30;

/// Longest local part of an address (RFC 5321 4.5.3.1.1).
const LOCAL_PART_BYTES: usize = 64;

/// Prefix of virtual addresses unless another is set (USER-3).
pub const DEFAULT_PREFIX: &str = "ai";

/// Names that nobody may take (USER-2): people expect an operator behind them (RFC 2142).
const RESERVED: &[&str] = &["admin", "postmaster", "abuse", "support", "noreply"];

/// Names a user inside virtual addresses; always lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Username(String);

/// Says why a text is no username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UsernameError {
    /// Fewer letters than [`USERNAME_MIN_LETTERS`].
    #[error("username is shorter than {USERNAME_MIN_LETTERS} characters")]
    TooShort,
    /// More letters than [`USERNAME_MAX_LETTERS`].
    #[error("username is longer than {USERNAME_MAX_LETTERS} characters")]
    TooLong,
    /// The first character is a digit.
    #[error("username starts with a digit")]
    StartsWithDigit,
    /// Something else than ASCII letters and digits.
    #[error("username has a character other than ASCII letters and digits")]
    WrongCharacter,
    /// The name is kept for the operator.
    #[error("username is reserved")]
    Reserved,
}

impl Username {
    /// Parses a username in any case: `^[A-Za-z][A-Za-z0-9]{2,29}$`, and not reserved.
    ///
    /// # Errors
    ///
    /// [`UsernameError`] with the first rule that is broken.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(UsernameError::WrongCharacter);
        }
        if text.len() < USERNAME_MIN_LETTERS {
            return Err(UsernameError::TooShort);
        }
        if text.len() > USERNAME_MAX_LETTERS {
            return Err(UsernameError::TooLong);
        }
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(UsernameError::StartsWithDigit);
        }
        let name = text.to_ascii_lowercase();
        if RESERVED.contains(&name.as_str()) {
            return Err(UsernameError::Reserved);
        }
        Ok(Self(name))
    }

    /// Returns the name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Names the user of a virtual address, and the tag behind the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VirtualAddress {
    /// Whose address it is.
    pub username: Username,
    /// What stands behind a second plus sign, in lower case.
    pub tag: Option<String>,
}

/// Holds the rule by which virtual addresses are built and recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualAddresses {
    /// The form of new addresses first, then older ones.
    patterns: Vec<Pattern>,
}

/// Recognises `prefix+USERNAME@domain`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    prefix: String,
    domain: Domain,
}

/// Says why a rule for virtual addresses cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressRuleError {
    /// There is no domain to build addresses in.
    #[error("no domain is configured for virtual addresses")]
    NoDomain,
    /// A domain is no host name.
    #[error("configured domain {0:?} is not a domain name")]
    Domain(String),
    /// A prefix has something else than ASCII letters, digits, dots, hyphens and underscores.
    #[error("configured prefix {0:?} is not a local part without a plus sign")]
    Prefix(String),
    /// An alias is not of the form `prefix@domain`.
    #[error("configured alias {0:?} is not of the form prefix@domain")]
    Alias(String),
}

impl VirtualAddresses {
    /// Returns the rule by which no address is virtual.
    #[must_use]
    pub const fn none() -> Self {
        Self { patterns: Vec::new() }
    }

    /// Makes the rule `prefix+USERNAME@DOMAIN`; new addresses are in the first domain.
    ///
    /// # Errors
    ///
    /// [`AddressRuleError`] when the prefix or a domain cannot be part of an address.
    pub fn new<D: AsRef<str>>(
        prefix: &str,
        domains: impl IntoIterator<Item = D>,
    ) -> Result<Self, AddressRuleError> {
        let mut patterns = Vec::new();
        for domain in domains {
            patterns.push(Pattern::new(prefix, domain.as_ref())?);
        }
        if patterns.is_empty() { Err(AddressRuleError::NoDomain) } else { Ok(Self { patterns }) }
    }

    /// Accepts an older form too, given as `prefix@domain`, for example `inbound@sunny.ai`.
    ///
    /// # Errors
    ///
    /// [`AddressRuleError`] when the alias is not of that form.
    pub fn with_alias(mut self, alias: &str) -> Result<Self, AddressRuleError> {
        let (prefix, domain) =
            alias.split_once('@').ok_or_else(|| AddressRuleError::Alias(alias.to_owned()))?;
        self.patterns.push(Pattern::new(prefix, domain)?);
        Ok(self)
    }

    /// Names every form as `prefix@domain`, in an order that says nothing.
    #[must_use]
    pub fn forms(&self) -> BTreeSet<String> {
        self.patterns.iter().map(|form| format!("{}@{}", form.prefix, form.domain)).collect()
    }

    /// Recognises a virtual address in one address as RFC 5322 writes it.
    ///
    /// A display name, comments and quotes around the local part are allowed; the address itself
    /// must be of the rule from its first to its last letter. Lists have more than one address and
    /// are none: [`find_all`](Self::find_all) takes them.
    #[must_use]
    pub fn recognise(&self, address: &str) -> Option<VirtualAddress> {
        let mailbox = Mailbox::parse(address)?;
        let (local, domain) = mailbox.address.expose().rsplit_once('@')?;
        if local.len() > LOCAL_PART_BYTES {
            return None;
        }
        let domain = Domain::parse(domain)?;
        self.patterns.iter().find_map(|pattern| pattern.recognise(local, &domain))
    }

    /// Recognises every virtual address in the value of a header field such as `To`.
    #[must_use]
    pub fn find_all(&self, list: &str) -> Vec<VirtualAddress> {
        let unfolded: String = list.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        Mailbox::parse_list(&unfolded)
            .iter()
            .filter_map(|mailbox| self.recognise(mailbox.address.expose()))
            .collect()
    }

    /// Returns the virtual address of a user.
    #[must_use]
    pub fn address_of(&self, username: &Username) -> String {
        match self.patterns.first() {
            Some(Pattern { prefix, domain }) => format!("{prefix}+{username}@{domain}"),
            None => String::new(),
        }
    }

    /// Parses a name that somebody wants to take; the mailbox itself is reserved too (USER-2).
    ///
    /// # Errors
    ///
    /// [`UsernameError`] with the first rule that is broken.
    pub fn claim(&self, text: &str) -> Result<Username, UsernameError> {
        let name = Username::parse(text)?;
        let is_mailbox = self.patterns.iter().any(|pattern| pattern.prefix == name.as_str());
        if is_mailbox { Err(UsernameError::Reserved) } else { Ok(name) }
    }
}

impl Pattern {
    fn new(prefix: &str, domain: &str) -> Result<Self, AddressRuleError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let dots = prefix.starts_with('.') || prefix.ends_with('.') || prefix.contains("..");
        if prefix.is_empty() || dots || !prefix.bytes().all(letter) {
            return Err(AddressRuleError::Prefix(prefix.to_owned()));
        }
        let domain =
            Domain::parse(domain).ok_or_else(|| AddressRuleError::Domain(domain.to_owned()))?;
        Ok(Self { prefix: prefix.to_ascii_lowercase(), domain })
    }

    fn recognise(&self, local: &str, domain: &Domain) -> Option<VirtualAddress> {
        if *domain != self.domain {
            return None;
        }
        let mut parts = local.splitn(3, '+');
        if !parts.next()?.eq_ignore_ascii_case(&self.prefix) {
            return None;
        }
        let username = Username::parse(parts.next()?).ok()?;
        let tag = match parts.next() {
            Some(tag) => Some(parse_tag(tag)?),
            None => None,
        };
        Some(VirtualAddress { username, tag })
    }
}

/// Parses what may follow in a local part without quotes (RFC 5322 3.2.3).
fn parse_tag(tag: &str) -> Option<String> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    let dots = tag.ends_with('.') || tag.contains("..");
    (!tag.is_empty() && !dots && tag.bytes().all(letter)).then(|| tag.to_ascii_lowercase())
}

/// The rule as settings write it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default = "default_prefix")]
    prefix: String,
    domains: Vec<String>,
    #[serde(default)]
    aliases: Vec<String>,
}

fn default_prefix() -> String {
    DEFAULT_PREFIX.to_owned()
}

impl<'de> Deserialize<'de> for VirtualAddresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = Settings::deserialize(deserializer)?;
        let mut rule =
            Self::new(&settings.prefix, &settings.domains).map_err(serde::de::Error::custom)?;
        for alias in &settings.aliases {
            rule = rule.with_alias(alias).map_err(serde::de::Error::custom)?;
        }
        Ok(rule)
    }
}

impl Serialize for VirtualAddresses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let prefix =
            self.patterns.first().map(|pattern| pattern.prefix.clone()).unwrap_or_default();
        let is_main = |pattern: &&Pattern| pattern.prefix == prefix;
        let domains = self.patterns.iter().take_while(is_main).map(|p| p.domain.to_string());
        let aliases = self.patterns.iter().skip_while(is_main);
        let aliases = aliases.map(|p| format!("{}@{}", p.prefix, p.domain)).collect();
        Settings { domains: domains.collect(), aliases, prefix: prefix.clone() }
            .serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
