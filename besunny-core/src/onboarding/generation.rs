//! A profile with the help of a language model (ONB-4).
//!
//! The model adds words; it decides nothing. Name, people's roles, days and thresholds come of the
//! answers, ids and instants are ours. Whoever or whatever the model names and no answer does is
//! dropped and reported (ARCHITECTURE.md L8).
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Brief,
    fallback::{self, is_code, short_tag},
};
use crate::{
    address,
    cause::describe,
    language::{Ask, LanguageErrorKind, LanguageModel, Schema, Usage},
    profile::{Contact, ContentType, Field, Person, Profile, Role, join},
    untrusted::Untrusted,
};

/// The text that a model is given; a change of it is a new file and a new version.
const PROMPT: &str = include_str!("prompt-1.md");
/// The version of the text that a model is given.
pub const PROMPT_VERSION: u32 = 1;
/// ONB-4.
const TEMPERATURE: f32 = 0.1;
/// ONB-4.
const MAX_OUTPUT_TOKENS: u32 = 2_000;
/// ONB-4: so many projects are described at once.
pub const CONCURRENCY: usize = 3;
/// A list of the model's is not read beyond; the prompt asks for 20 at most.
const MAX_ENTRIES: usize = 30;
/// A phrase that is longer stands in no mail word by word.
const MAX_PHRASE: usize = 60;
/// A note is one sentence.
const MAX_NOTE: usize = 300;

/// A profile as it was generated, before a person's edits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// What was generated.
    pub profile: Profile,
    /// By what.
    pub source: Source,
    /// What the model named and no answer did.
    pub dropped: Vec<Dropped>,
}

/// By what a profile was generated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Source {
    /// The answers alone.
    Answers {
        /// Why no language model had a part in it, when one was asked.
        reason: Option<String>,
    },
    /// A language model.
    Model {
        /// The model that answered.
        model: String,
        /// The version of the prompt.
        prompt: u32,
        /// What it used.
        usage: Usage,
    },
}

/// Something that a model named and no answer does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// As what it was named.
    pub field: Field,
    /// What was named.
    pub text: Untrusted<String>,
}

/// What a model writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    normalized_tags: Vec<String>,
    categories: Vec<String>,
    reference_keywords: Vec<String>,
    people: Vec<String>,
    locations: Vec<String>,
    domains: Vec<String>,
    project_codes: Vec<String>,
    content_types: Vec<ContentType>,
    notes: String,
}

/// An answer of a model that cannot be used; its text says what the model is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unusable {
    #[error("it is not one JSON object of the given form")]
    Form,
    #[error("it has no tag")]
    NoTags,
    #[error("it is empty or ends early")]
    NoText,
}

/// Makes a profile of the answers alone.
#[must_use]
pub fn of_answers(brief: &Brief, reason: Option<String>) -> Generated {
    let source = Source::Answers { reason };
    Generated { profile: fallback::profile(brief), source, dropped: Vec::new() }
}

/// Asks `model` once, and once more when its answer cannot be used; then the answers alone must do.
///
/// # Cancellation
/// Dropping the future leaves no effect but the model's charge.
pub async fn by_model(model: &dyn LanguageModel, brief: &Brief) -> Generated {
    let Ok(input) = serde_json::to_string(brief) else { return of_answers(brief, None) };
    let (mut instructions, schema) = (PROMPT.to_owned(), schema());
    let mut used = Usage::default();
    let mut refused = Unusable::Form;
    for _attempt in 0..ATTEMPTS {
        let ask = Ask {
            instructions: &instructions,
            input: Untrusted::new(&input),
            schema: &schema,
            max_output_tokens: MAX_OUTPUT_TOKENS,
            temperature: TEMPERATURE,
        };
        refused = match model.generate(&ask).await {
            Ok(answer) => {
                used = used.plus(answer.usage);
                match read(&answer.text, brief) {
                    Ok((profile, dropped)) => {
                        let prompt = PROMPT_VERSION;
                        let source = Source::Model { model: answer.model, prompt, usage: used };
                        return Generated { profile, source, dropped };
                    }
                    Err(unusable) => unusable,
                }
            }
            Err(error) if error.kind == LanguageErrorKind::Malformed => Unusable::NoText,
            Err(error) => return of_answers(brief, Some(describe(&error))),
        };
        instructions = format!("{PROMPT}\nYour last answer could not be used: {refused}.\n");
    }
    of_answers(brief, Some(format!("the answer of the language model cannot be used: {refused}")))
}

/// One ask, and one repair (CLS-6).
const ATTEMPTS: usize = 2;

fn schema() -> Schema {
    let list = || json!({ "type": "array", "items": { "type": "string" } });
    let types: Vec<&str> = ContentType::ALL.iter().map(|one| one.as_str()).collect();
    let properties = json!({
        "normalized_tags": list(),
        "categories": list(),
        "reference_keywords": list(),
        "people": list(),
        "locations": list(),
        "domains": list(),
        "project_codes": list(),
        "content_types": { "type": "array", "items": { "type": "string", "enum": types } },
        "notes": { "type": "string" },
    });
    let required: Vec<&String> =
        properties.as_object().into_iter().flat_map(|it| it.keys()).collect();
    let json = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    Schema { name: "project_profile".to_owned(), json }
}

/// Reads what a model wrote, and keeps of it what the answers bear out.
fn read(text: &Untrusted<String>, brief: &Brief) -> Result<(Profile, Vec<Dropped>), Unusable> {
    let written: Written =
        serde_json::from_str(text.expose().trim()).map_err(|_no_object| Unusable::Form)?;
    let tags: Vec<String> = entries(&written.normalized_tags)
        .map(|tag| short_tag(&tag))
        .filter(|tag| !tag.is_empty())
        .collect();
    if tags.is_empty() {
        return Err(Unusable::NoTags);
    }
    let mut sieve = Sieve { said: brief.said(), dropped: Vec::new() };
    let mut profile = fallback::profile(brief);
    join(&mut profile.normalized_tags, &tags);
    join(&mut profile.categories, &entries(&written.categories).collect::<Vec<_>>());
    let keywords =
        sieve.keep(Field::ReferenceKeywords, &written.reference_keywords, Sieve::is_word);
    join(&mut profile.reference_keywords, &keywords);
    let patterns = &mut profile.entity_patterns;
    join(&mut patterns.locations, &sieve.keep(Field::Locations, &written.locations, Sieve::says));
    join(&mut patterns.domains, &sieve.keep(Field::Domains, &written.domains, Sieve::says_domain));
    let codes = sieve.keep(Field::ProjectCodes, &written.project_codes, Sieve::says_code);
    join(&mut patterns.project_codes, &codes);
    for name in sieve.keep(Field::People, &written.people, Sieve::says) {
        let contact = Contact::parse(&name);
        let leads = |contact: &Contact| {
            let same =
                |known: &Person| known.contact.name.to_lowercase() == contact.name.to_lowercase();
            patterns.people.iter().any(same)
        };
        let person = contact.filter(|contact| !leads(contact));
        patterns.people.extend(person.map(|contact| Person { contact, role: Role::Member }));
    }
    if !written.content_types.is_empty() {
        let mut types = written.content_types;
        types.truncate(ContentType::ALL.len());
        types.dedup();
        profile.classification_signals.content_types = types;
    }
    let note: String = written.notes.split_whitespace().collect::<Vec<_>>().join(" ");
    if !note.is_empty() && note.chars().count() <= MAX_NOTE {
        let known = std::mem::take(&mut profile.notes);
        profile.notes = if known.is_empty() { note } else { format!("{note} {known}") };
    }
    for field in Field::ALL {
        let kept = profile.lines(*field).into_iter().take(crate::profile::MAX_ENTRIES);
        let kept: Vec<String> = kept.collect();
        profile = profile.clone().with_lines(*field, &kept).unwrap_or(profile);
    }
    Ok((profile, sieve.dropped))
}

/// Returns the entries of a list that are worth reading.
fn entries(list: &[String]) -> impl Iterator<Item = String> {
    let clean = |text: &String| {
        let text = super::answer::cleaned(text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let fits = |text: &String| !text.is_empty() && text.chars().count() <= MAX_PHRASE;
    list.iter().take(MAX_ENTRIES).map(clean).filter(fits)
}

/// Tells what the answers bear out.
#[derive(Debug)]
struct Sieve {
    said: String,
    dropped: Vec<Dropped>,
}

impl Sieve {
    /// Keeps the entries that pass, and reports the others.
    fn keep(
        &mut self,
        field: Field,
        list: &[String],
        passes: fn(&Self, &str) -> bool,
    ) -> Vec<String> {
        let (kept, dropped): (Vec<_>, Vec<_>) = entries(list).partition(|text| passes(self, text));
        let dropped = dropped.into_iter().map(|text| Dropped { field, text: text.into() });
        self.dropped.extend(dropped);
        kept
    }

    /// Says whether the answers contain a text, at the borders of words.
    fn says(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let is_inner = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        self.said.match_indices(&text).any(|(place, found)| {
            let before = self.said[..place].chars().next_back();
            let after = self.said[place + found.len()..].chars().next();
            !is_inner(before) && !is_inner(after)
        })
    }

    fn says_domain(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        text.contains('.') && !address::is_shared(&text) && self.says(&text)
    }

    fn says_code(&self, text: &str) -> bool {
        text.chars().count() >= crate::profile::MIN_CODE && self.says(text)
    }

    /// Words may be the model's own; an address, a domain or a code in their place may not.
    fn is_word(&self, text: &str) -> bool {
        let is_name = text.contains(['@', '.']) || text.split(' ').any(is_code);
        !is_name || self.says(text)
    }
}

#[cfg(test)]
mod tests;
