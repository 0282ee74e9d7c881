//! What a choice of the model rests on: passages that stand in the item and speak for the project.
use std::collections::BTreeSet;

use besunny_core::{
    classify::{Evidence, Signal, vouches},
    ids::ProjectId,
    mail::Mail,
    project::Project,
    untrusted::Untrusted,
};

use super::{
    answer::Reading,
    lineup::{Lineup, about, telling},
};

/// A passage with fewer letters and digits stands in every text.
const SHORTEST: usize = 3;
/// A passage speaks for a project with which it shares so many words, its name apart. One word is
/// chance, and a name is what an order to the model would hold.
const SHARED_WORDS: usize = 2;
/// What rests on the word of a stranger alone is below every label but the lowest (CLS-4).
const SUGGESTED: f64 = 0.5;

/// A choice with what it rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Grounds {
    pub(super) choice: Option<ProjectId>,
    pub(super) confidence: f64,
    pub(super) evidence: Vec<Evidence>,
}

/// Checks what the model gave as reasons.
///
/// Passages that are not there lower the confidence by their share; without any that is there,
/// nothing is chosen. A passage weighs if it shares words with what the project is about, or if the
/// sender is one of its people; otherwise the choice is a suggestion.
pub(super) fn weigh(reading: &Reading, mail: &Mail, lineup: &Lineup<'_>) -> Grounds {
    let Some(project) = reading.choice.and_then(|place| lineup.project(place)) else {
        return Grounds::default();
    };
    let item = folded(mail);
    let is_there = |quote: &&Untrusted<String>| stands(quote.expose(), &item, lineup);
    let quotes: Vec<&Untrusted<String>> = reading.quotes.iter().filter(is_there).collect();
    if quotes.is_empty() {
        return Grounds::default();
    }
    let share = quotes.len() as f64 / reading.quotes.len() as f64;
    let confidence = reading.confidence * share;
    let is_grounded = vouches(project, mail) || shared(&quotes, project) >= SHARED_WORDS;
    let weight = if is_grounded { confidence } else { 0.0 };
    let evidence = quotes.into_iter().map(|quote| Evidence {
        project: project.id,
        signal: Signal::Quote,
        quote: quote.clone(),
        weight,
        earlier: None,
    });
    Grounds {
        choice: Some(project.id),
        confidence: if is_grounded { confidence } else { confidence.min(SUGGESTED) },
        evidence: evidence.collect(),
    }
}

/// Says whether a passage stands in the item and does not talk to the model.
fn stands(quote: &str, item: &str, lineup: &Lineup<'_>) -> bool {
    let quote = fold(quote.trim_matches(|c: char| c == '"' || c == '…' || c.is_whitespace()));
    let letters = quote.chars().filter(|c| c.is_alphanumeric()).count();
    let names_alias = || {
        let mut words = quote.split(|c: char| !c.is_alphanumeric());
        words.any(|word| lineup.place(&word.to_uppercase()).is_some())
    };
    letters >= SHORTEST && item.contains(&quote) && !names_alias()
}

/// Counts the words of passages that a project is known by, its name apart.
fn shared(quotes: &[&Untrusted<String>], project: &Project) -> usize {
    let name = telling([project.name.as_str()]);
    let known: BTreeSet<String> = &telling(about(project)) - &name;
    let said = telling(quotes.iter().map(|quote| quote.expose().as_str()));
    said.intersection(&known).count()
}

/// Returns everything of a mail that may be quoted, with its white space folded.
fn folded(mail: &Mail) -> String {
    let names = mail.attachments.iter().filter_map(|attachment| attachment.name.as_ref());
    let senders = mail
        .from
        .iter()
        .flat_map(|mailbox| mailbox.name.iter().chain(std::iter::once(&mailbox.address)));
    let mut texts = vec![mail.subject_text(), mail.text.expose().as_str()];
    texts.extend(names.chain(senders).map(|text| text.expose().as_str()));
    let texts: Vec<String> = texts.into_iter().map(fold).collect();
    // A line end stands in no folded passage, so none reaches from one text into the next.
    texts.join("\n")
}

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
