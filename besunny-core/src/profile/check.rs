//! What a profile may say (ONB-5): enumerations, what must be there, caps.
use super::{Field, Profile, contact};
use crate::{onboarding::dates::DateError, project::MAX_NAME};

/// One sentence, and a little more.
const MAX_DESCRIPTION: usize = 500;
/// A page of text.
const MAX_NOTES: usize = 4_000;
/// A list that is longer says nothing any more: each entry speaks for the project in its own right.
pub const MAX_ENTRIES: usize = 50;
/// The longest entry of a list, in characters: a phrase, a place, somebody with an address.
const MAX_ENTRY: usize = 400;
/// A shorter code stands in any text.
pub const MIN_CODE: usize = 3;
/// A longer one is a sentence.
const MAX_CODE: usize = 40;

/// A field that cannot stay as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct Problem {
    /// Which field.
    pub field: Field,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It must say something.
    #[error("is empty")]
    Empty,
    /// It is too long, in characters.
    #[error("has an entry of more than {0} characters")]
    TooLong(usize),
    /// It has too many entries.
    #[error("has more than {0} entries")]
    TooMany(usize),
    /// It is none of these.
    #[error("is none of: {0}")]
    NotOneOf(&'static str),
    /// A line names nobody.
    #[error("has a line that names nobody, or whose address is none")]
    NoPerson,
    /// A line is no domain.
    #[error("has a line that is no domain")]
    NoDomain,
    /// A line is no code.
    #[error("has a line that is no code")]
    NoCode,
    /// A line is no tag.
    #[error("has a line that is no tag")]
    NoTag,
    /// A line is no period.
    #[error("is no period: {0}")]
    NoPeriod(DateError),
    /// A line is no threshold.
    #[error("has a line that is no threshold from 0 to 1")]
    NoThreshold,
}

impl Problem {
    /// Says what to do about it.
    #[must_use]
    pub fn fix(&self) -> String {
        match &self.fault {
            Fault::Empty => format!("Write something into {}.", self.field),
            Fault::TooLong(most) => format!("Shorten it to {most} characters."),
            Fault::TooMany(most) => format!("Keep the {most} that say most."),
            Fault::NotOneOf(names) => format!("Use: {names}."),
            Fault::NoPerson => {
                "Write somebody a line, such as `Ann Miller <ann@studio.example> (client_lead)`."
                    .to_owned()
            }
            Fault::NoDomain => "Write one domain a line, such as `studio.example`.".to_owned(),
            Fault::NoCode => format!(
                "Write one code a line, such as `RVF-12`: {MIN_CODE} to {MAX_CODE} characters, \
                 one of them a letter or a digit."
            ),
            Fault::NoTag => {
                "Write one tag a line: letters and digits, words joined by `_`.".to_owned()
            }
            Fault::NoPeriod(_) => {
                "Write `2026-06-14 to 2026-06-16`, one day, or a month such as `June 2026`."
                    .to_owned()
            }
            Fault::NoThreshold => {
                "Write a name and a number a line, such as `email.subject_match 0.7`.".to_owned()
            }
        }
    }
}

impl Profile {
    /// Returns what is wrong, in the order of the fields; at most one problem a field.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let problem = |field: &Field| {
            let fault = self.fault(*field)?;
            Some(Problem { field: *field, fault })
        };
        Field::ALL.iter().filter_map(problem).collect()
    }

    fn fault(&self, field: Field) -> Option<Fault> {
        let lines = self.lines(field);
        let most = match field {
            Field::Name => MAX_NAME,
            Field::Description => MAX_DESCRIPTION,
            Field::Notes => MAX_NOTES,
            Field::ProjectCodes => MAX_CODE,
            Field::Status
            | Field::People
            | Field::Domains
            | Field::ReferenceKeywords
            | Field::ActivePeriod
            | Field::NormalizedTags
            | Field::Categories
            | Field::Locations
            | Field::ContentTypes
            | Field::ConfidenceThresholds => MAX_ENTRY,
        };
        let must_be = matches!(field, Field::Name | Field::NormalizedTags);
        if must_be && lines.iter().all(|line| line.trim().is_empty()) {
            return Some(Fault::Empty);
        }
        if lines.len() > MAX_ENTRIES {
            return Some(Fault::TooMany(MAX_ENTRIES));
        }
        if lines.iter().any(|line| line.chars().count() > most) {
            return Some(Fault::TooLong(most));
        }
        self.wrong(field, &lines)
    }

    /// Says what is wrong with the lines of fields that have a form of their own.
    fn wrong(&self, field: Field, lines: &[String]) -> Option<Fault> {
        let fails = |is_right: fn(&str) -> bool| lines.iter().any(|line| !is_right(line));
        match field {
            Field::ProjectCodes => fails(is_code).then_some(Fault::NoCode),
            Field::NormalizedTags => fails(is_tag).then_some(Fault::NoTag),
            Field::Domains => fails(|it| contact::domain(it).is_some()).then_some(Fault::NoDomain),
            Field::ConfidenceThresholds => {
                let is_share = |value: &f64| (0.0..=1.0).contains(value);
                (!self.thresholds().iter().all(is_share)).then_some(Fault::NoThreshold)
            }
            Field::Name
            | Field::Description
            | Field::Status
            | Field::Notes
            | Field::People
            | Field::ReferenceKeywords
            | Field::ActivePeriod
            | Field::Categories
            | Field::Locations
            | Field::ContentTypes => None,
        }
    }
}

fn is_code(text: &str) -> bool {
    text.chars().count() >= MIN_CODE && text.chars().any(char::is_alphanumeric)
}

/// Says whether a text is in the form that [`tag`](crate::onboarding::tag) makes.
fn is_tag(text: &str) -> bool {
    !text.is_empty() && text == crate::onboarding::tag(text)
}
