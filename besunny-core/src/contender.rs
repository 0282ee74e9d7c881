//! Which model is asked in the place of the one that decides: again, or beside it (ML-5).
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A cascade that ends with one model.
///
/// Rules of the person, hard evidence, caution and the promised precision hold for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Contender {
    /// The rules alone.
    Rules,
    /// The rules, and the learned model with all that it knows at the moment.
    Learned,
    /// The rules, and the learned model as it was stored under a version.
    Pinned(u32),
    /// Rules, learned model, and a language model where those are not sure.
    Language,
}

/// A text names no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no model: write rules, learned, learned@VERSION or language")]
pub struct NoContender(String);

impl Contender {
    /// Says whether what people said teaches it.
    #[must_use]
    pub const fn learns(self) -> bool {
        match self {
            Self::Rules => false,
            Self::Learned | Self::Pinned(_) | Self::Language => true,
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules => f.write_str("rules"),
            Self::Learned => f.write_str("learned"),
            Self::Pinned(version) => write!(f, "learned@{version}"),
            Self::Language => f.write_str("language"),
        }
    }
}

impl FromStr for Contender {
    type Err = NoContender;

    fn from_str(text: &str) -> Result<Self, NoContender> {
        let pinned = || text.strip_prefix("learned@")?.parse().ok().filter(|version| *version > 0);
        match text {
            "rules" => Ok(Self::Rules),
            "learned" => Ok(Self::Learned),
            "language" => Ok(Self::Language),
            _ => pinned().map(Self::Pinned).ok_or_else(|| NoContender(text.to_owned())),
        }
    }
}

impl From<Contender> for String {
    fn from(contender: Contender) -> Self {
        contender.to_string()
    }
}

impl TryFrom<String> for Contender {
    type Error = NoContender;

    fn try_from(text: String) -> Result<Self, NoContender> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ml_5_a_model_is_named_in_one_way() {
        for (text, want) in [
            ("rules", Some(Contender::Rules)),
            ("learned", Some(Contender::Learned)),
            ("learned@7", Some(Contender::Pinned(7))),
            ("language", Some(Contender::Language)),
            ("learned@0", None),
            ("learned@", None),
            ("learned@-1", None),
            ("Rules", None),
            ("", None),
        ] {
            let got = text.parse::<Contender>();
            assert_eq!(got.clone().ok(), want, "{text:?}");
            if let Ok(contender) = got {
                assert_eq!(contender.to_string(), text);
            }
        }
    }
}
