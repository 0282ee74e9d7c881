//! Reading an answer strictly (CLS-6): what is not of the schema is no answer.
use besunny_core::untrusted::Untrusted;
use serde::Deserialize;

use super::{lineup::Lineup, question::NONE};

/// More quotes or alternatives than these are not looked at.
const LISTED: usize = 8;

/// An answer that was read, in places of the lineup.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// Where the choice stands in the lineup.
    pub(super) choice: Option<usize>,
    /// From 0 to 1.
    pub(super) confidence: f64,
    /// Passages that are said to stand in the item.
    pub(super) quotes: Vec<Untrusted<String>>,
    /// Other projects, with their confidence.
    pub(super) others: Vec<(usize, f64)>,
}

/// Why an answer cannot be used, without a word of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd(pub(super) &'static str);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    choice: String,
    confidence: f64,
    quotes: Vec<String>,
    alternatives: Vec<Other>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    choice: String,
    confidence: f64,
}

/// Reads an answer; a choice that was not offered is none.
pub(super) fn read(text: &Untrusted<String>, lineup: &Lineup<'_>) -> Result<Reading, Odd> {
    let form: Form = serde_json::from_str(text.expose().trim()).map_err(|error| {
        Odd(if error.is_data() { "it has another form" } else { "it is no JSON" })
    })?;
    let Form { choice, confidence, quotes, alternatives } = form;
    let choice = if choice == NONE { None } else { lineup.place(&choice) };
    let others = alternatives
        .into_iter()
        .take(LISTED)
        .filter_map(|other| Some((lineup.place(&other.choice)?, sane(other.confidence))));
    Ok(Reading {
        choice,
        confidence: choice.map_or(0.0, |_| sane(confidence)),
        quotes: quotes.into_iter().take(LISTED).map(Untrusted::new).collect(),
        others: others.collect(),
    })
}

/// A confidence that is none is no confidence.
fn sane(confidence: f64) -> f64 {
    if (0.0..=1.0).contains(&confidence) { confidence } else { 0.0 }
}
