//! What was cut, repaired or removed while a mail was read.
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names one thing that happened to a mail on the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum Flag {
    /// A header block was longer than the cap; fields after it are missing.
    HeadersCut,
    /// More parts than the cap; the rest of the mail was not read.
    PartsCut,
    /// A multipart lay deeper than the cap; it is kept as an attachment.
    DepthCut,
    /// The text was longer than the cap.
    TextCut,
    /// The HTML was longer than the cap, or one of its tags was cut short.
    HtmlCut,
    /// There were more links than the cap, or one was too long to keep.
    LinksCut,
    /// A calendar part was longer than the cap.
    CalendarCut,
    /// Text was decoded by another charset than the declared one.
    CharsetRepaired,
    /// The declared charset contradicted the bytes.
    LyingCharset,
    /// HTML text that no reader sees was removed.
    HiddenTextRemoved,
    /// Zero-width, bidi-control, tag or control characters were removed.
    InvisibleCharactersRemoved,
    /// The text was made from HTML because there was no plain text.
    HtmlOnly,
    /// There was no text at all.
    NoText,
    /// The MIME structure or the header was broken; it was read as well as possible.
    BrokenMime,
    /// A base64, quoted-printable or uuencoded body was damaged.
    BrokenEncoding,
    /// A date was given but could not be read.
    DateUnreadable,
    /// The content is encrypted (S/MIME or PGP).
    Encrypted,
    /// Only the header was read, because the mail is too large.
    HeadersOnly,
    /// The receiving server did not confirm the sender's domain (SPF, DKIM, DMARC).
    AuthenticationFailed,
    /// The sender's domain hides letters of another script.
    DeceptiveDomain,
}

impl Flag {
    const ALL: [Self; 20] = [
        Self::HeadersCut,
        Self::PartsCut,
        Self::DepthCut,
        Self::TextCut,
        Self::HtmlCut,
        Self::LinksCut,
        Self::CalendarCut,
        Self::CharsetRepaired,
        Self::LyingCharset,
        Self::HiddenTextRemoved,
        Self::InvisibleCharactersRemoved,
        Self::HtmlOnly,
        Self::NoText,
        Self::BrokenMime,
        Self::BrokenEncoding,
        Self::DateUnreadable,
        Self::Encrypted,
        Self::HeadersOnly,
        Self::AuthenticationFailed,
        Self::DeceptiveDomain,
    ];

    /// Says whether it shows that somebody hides something: text, characters, who he is.
    #[must_use]
    pub const fn is_suspicious(self) -> bool {
        matches!(
            self,
            Self::HiddenTextRemoved
                | Self::InvisibleCharactersRemoved
                | Self::AuthenticationFailed
                | Self::DeceptiveDomain
        )
    }

    /// Says what happened, in words for people.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::HeadersCut => "its header is too long and was cut",
            Self::PartsCut => "it has too many parts, and only the first were read",
            Self::DepthCut => "its parts are nested too deeply, and the deepest were not read",
            Self::TextCut => "its text is too long and was cut",
            Self::HtmlCut => "its page is too long and was cut",
            Self::LinksCut => "it has too many links, and only the first were kept",
            Self::CalendarCut => "its calendar entry is too long and was cut",
            Self::CharsetRepaired => "its letters were read by another charset than it names",
            Self::LyingCharset => "it names a charset that it is not written in",
            Self::HiddenTextRemoved => "it holds text that no reader sees, which was removed",
            Self::InvisibleCharactersRemoved => {
                "it holds characters that no reader sees, which were removed"
            }
            Self::HtmlOnly => "it has no plain text, so its page was read",
            Self::NoText => "it has no text",
            Self::BrokenMime => "its structure is broken and was read as well as possible",
            Self::BrokenEncoding => "a part of it is damaged",
            Self::DateUnreadable => "its date cannot be read",
            Self::Encrypted => "it is encrypted",
            Self::HeadersOnly => "it is too large, and only its header was read",
            Self::AuthenticationFailed => {
                "the receiving server did not confirm that the sender is who it says"
            }
            Self::DeceptiveDomain => {
                "the sender's domain has letters of another script that look like Latin ones"
            }
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// Holds a set of [`Flag`]s; serialised as a list of their names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u32);

impl Flags {
    /// Tells whether `flag` is set.
    #[must_use]
    pub const fn contains(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// Tells whether no flag is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Lists the flags that are set, in the order of their definition.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self.contains(*flag))
    }

    /// Sets `flag`.
    pub fn insert(&mut self, flag: Flag) {
        self.0 |= flag.bit();
    }

    /// Sets every flag of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl From<Flag> for Flags {
    fn from(flag: Flag) -> Self {
        Self(flag.bit())
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::default();
        for flag in flags {
            set.insert(flag);
        }
        set
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Flag>::deserialize(deserializer).map(|flags| flags.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_has_its_own_bit_and_survives_json() {
        let all: Flags = Flag::ALL.into_iter().collect();
        assert_eq!(all.iter().count(), Flag::ALL.len());
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Flags>(&json).unwrap(), all);
    }

    #[test]
    fn flags_are_named_in_json() {
        let flags: Flags = [Flag::TextCut, Flag::HiddenTextRemoved].into_iter().collect();
        insta::assert_json_snapshot!(flags, @r#"
        [
          "text_cut",
          "hidden_text_removed"
        ]
        "#);
    }
}
