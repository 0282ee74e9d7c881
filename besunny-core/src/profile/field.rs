//! The fields of a profile by name, each as lines that a person can edit.
//!
//! One table for forms, for differences and for edits that outlive a new generation.
use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    Contact, ContentType, Fault, Person, Problem, Profile, Role, Status, contact, join, named,
};
use crate::{onboarding::dates, project::Period};

/// A field of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The project's name.
    Name,
    /// What it is about.
    Description,
    /// How far it is.
    Status,
    /// What else is worth knowing.
    Notes,
    /// Codes that name it and nothing else.
    ProjectCodes,
    /// Its people.
    People,
    /// The domains of its organisations.
    Domains,
    /// Words and phrases of its mails and files.
    ReferenceKeywords,
    /// When it is worked on.
    ActivePeriod,
    /// What it is about, in words joined by `_`.
    NormalizedTags,
    /// The kinds of work in it.
    Categories,
    /// Its places.
    Locations,
    /// In which kinds of documents it is to be found.
    ContentTypes,
    /// How sure a finding must be to count.
    ConfidenceThresholds,
}

named!(Field {
    Name = "name",
    Description = "description",
    Status = "status",
    Notes = "notes",
    ProjectCodes = "project_codes",
    People = "people",
    Domains = "domains",
    ReferenceKeywords = "reference_keywords",
    ActivePeriod = "active_period",
    NormalizedTags = "normalized_tags",
    Categories = "categories",
    Locations = "locations",
    ContentTypes = "content_types",
    ConfidenceThresholds = "confidence_thresholds",
});

/// Fields as a person wants them, each by its lines.
pub type Edits = BTreeMap<Field, Vec<String>>;

/// The names of the thresholds, in the order in which they are written.
const THRESHOLDS: [&str; 4] =
    ["email.subject_match", "email.content_match", "gdrive.filename_match", "gdrive.content_match"];

impl Field {
    /// Says whether the field has one line at most.
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Self::Name | Self::Description | Self::Status | Self::Notes | Self::ActivePeriod
        )
    }
}

impl Profile {
    /// Returns a field as lines; an empty field has none.
    #[must_use]
    pub fn lines(&self, field: Field) -> Vec<String> {
        let (patterns, signals) = (&self.entity_patterns, &self.classification_signals);
        match field {
            Field::Name => one(&self.name),
            Field::Description => one(&self.description),
            Field::Status => one(self.status.as_str()),
            Field::Notes => one(&self.notes),
            Field::ProjectCodes => patterns.project_codes.clone(),
            Field::People => patterns.people.iter().map(ToString::to_string).collect(),
            Field::Domains => patterns.domains.clone(),
            Field::ReferenceKeywords => self.reference_keywords.clone(),
            Field::ActivePeriod => {
                signals.temporal_relevance.active_period.iter().map(Period::to_string).collect()
            }
            Field::NormalizedTags => self.normalized_tags.clone(),
            Field::Categories => self.categories.clone(),
            Field::Locations => patterns.locations.clone(),
            Field::ContentTypes => signals.content_types.iter().map(ToString::to_string).collect(),
            Field::ConfidenceThresholds => {
                let values = self.thresholds();
                THRESHOLDS
                    .iter()
                    .zip(values)
                    .map(|(name, value)| format!("{name} {value}"))
                    .collect()
            }
        }
    }

    /// Replaces a field by what its lines say; space and empty lines are left out.
    ///
    /// # Errors
    /// [`Problem`] names the field and the fix when a line cannot be read. Whether the values are
    /// allowed is asked by [`check`](Self::check).
    pub fn with_lines(mut self, field: Field, lines: &[String]) -> Result<Self, Problem> {
        let texts = tidied(field, lines);
        let refused = |fault| Problem { field, fault };
        let (patterns, signals) = (&mut self.entity_patterns, &mut self.classification_signals);
        match field {
            Field::Name => self.name = texts.concat(),
            Field::Description => self.description = texts.concat(),
            Field::Notes => self.notes = texts.concat(),
            Field::Status => {
                let status = Status::parse(&texts.concat());
                self.status = status.ok_or_else(|| refused(Fault::NotOneOf(STATUSES)))?;
            }
            Field::ProjectCodes => patterns.project_codes = texts,
            Field::People => {
                let people: Option<_> = texts.iter().map(|line| Person::parse(line)).collect();
                patterns.people = people.ok_or_else(|| refused(Fault::NoPerson))?;
            }
            Field::Domains => {
                let domains: Option<Vec<_>> = texts.iter().map(|it| contact::domain(it)).collect();
                patterns.domains = domains.ok_or_else(|| refused(Fault::NoDomain))?;
            }
            Field::ReferenceKeywords => self.reference_keywords = texts,
            Field::ActivePeriod => {
                let period = texts.first().map(|text| dates::parse(text)).transpose();
                let period = period.map_err(|error| refused(Fault::NoPeriod(error)))?;
                signals.temporal_relevance.active_period = period;
            }
            Field::NormalizedTags => self.normalized_tags = texts,
            Field::Categories => self.categories = texts,
            Field::Locations => patterns.locations = texts,
            Field::ContentTypes => {
                let types: Option<_> = texts.iter().map(|it| ContentType::parse(it)).collect();
                signals.content_types = types.ok_or_else(|| refused(Fault::NotOneOf(TYPES)))?;
            }
            Field::ConfidenceThresholds => self.set_thresholds(&texts).map_err(refused)?,
        }
        Ok(self)
    }

    /// Replaces the fields that a person edited, and checks the whole.
    ///
    /// # Errors
    /// All problems, in the order of the fields.
    pub fn edited(self, edits: &Edits) -> Result<Self, Vec<Problem>> {
        let (mut profile, mut problems) = (self, Vec::new());
        for (field, lines) in edits {
            match profile.clone().with_lines(*field, lines) {
                Ok(edited) => profile = edited,
                Err(problem) => problems.push(problem),
            }
        }
        for problem in profile.check() {
            if !problems.iter().any(|known| known.field == problem.field) {
                problems.push(problem);
            }
        }
        problems.sort_by_key(|problem| problem.field);
        if problems.is_empty() { Ok(profile) } else { Err(problems) }
    }

    /// Returns the fields that are otherwise in `other`, as they are there.
    #[must_use]
    pub fn edits_to(&self, other: &Self) -> Edits {
        let lines =
            Field::ALL.iter().map(|field| (*field, self.lines(*field), other.lines(*field)));
        lines
            .filter(|(_, here, there)| here != there)
            .map(|(field, _, there)| (field, there))
            .collect()
    }

    pub(super) const fn thresholds(&self) -> [f64; 4] {
        let set = &self.classification_signals.confidence_thresholds;
        [
            set.email.subject_match,
            set.email.content_match,
            set.gdrive.filename_match,
            set.gdrive.content_match,
        ]
    }

    /// Reads thresholds; those that are not named become what they are by default.
    fn set_thresholds(&mut self, lines: &[String]) -> Result<(), Fault> {
        let mut set = super::ConfidenceThresholds::default();
        for line in lines {
            let (name, value) = line.rsplit_once([' ', '=', ':']).ok_or(Fault::NoThreshold)?;
            let value: f64 = value.trim().parse().map_err(|_no_number| Fault::NoThreshold)?;
            match name.trim_end_matches([' ', '=', ':']) {
                "email.subject_match" => set.email.subject_match = value,
                "email.content_match" => set.email.content_match = value,
                "gdrive.filename_match" => set.gdrive.filename_match = value,
                "gdrive.content_match" => set.gdrive.content_match = value,
                _ => return Err(Fault::NoThreshold),
            }
        }
        self.classification_signals.confidence_thresholds = set;
        Ok(())
    }
}

impl Person {
    /// Reads `Ann Miller <ann@studio.example> (client_lead)`; without a role somebody takes part.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let role = line.trim().strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
        let named = role.and_then(|(rest, name)| {
            let name = name.trim().to_lowercase().replace(' ', "_");
            Some((rest, Role::parse(&name)?))
        });
        let (rest, role) = named.unwrap_or((line, Role::Member));
        Some(Self { contact: Contact::parse(rest)?, role })
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.contact, self.role)
    }
}

const STATUSES: &str = "in_progress, active, completed, archived";
const TYPES: &str = "email, document, spreadsheet, presentation, image, meeting_transcript";

fn one(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { vec![text.to_owned()] }
}

/// Cleans lines: what is invisible, space around, empty lines, repetitions.
fn tidied(field: Field, lines: &[String]) -> Vec<String> {
    let clean = |line: &str| {
        let line = crate::mail::invisible::clean(line).text;
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let texts: Vec<String> = if field.is_single() {
        vec![clean(&lines.join(" "))]
    } else {
        lines.iter().flat_map(|lines| lines.lines()).map(clean).collect()
    };
    let mut tidied = Vec::new();
    let full: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    join(&mut tidied, &full);
    tidied
}
