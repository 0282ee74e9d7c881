//! What is known of a project beside its name: tags, people, places, codes, and when it is active.
//!
//! A [`Profile`] comes of an onboarding (ONB-3) or of a person's edits. Routing reads none of it:
//! [`Profile::signals`] says what of it speaks for the project (CLS-7), and a person has seen that
//! before it is saved.
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{ProjectId, UserId},
    project::{Period, Project, Signals},
};

mod check;
mod contact;
mod difference;
mod field;

pub use check::{Fault, MAX_ENTRIES, MIN_CODE, Problem};
pub use contact::Contact;
pub use difference::{Change, difference};
pub use field::{Edits, Field};

/// What is known of a project (ONB-3).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The project's name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// How far it is.
    pub status: Status,
    /// What else is worth knowing, for people.
    pub notes: String,
    /// What it is about, in words joined by `_`.
    pub normalized_tags: Vec<String>,
    /// The kinds of work in it.
    pub categories: Vec<String>,
    /// Words and phrases of its mails and files.
    pub reference_keywords: Vec<String>,
    /// What its people, places and codes are called.
    pub entity_patterns: EntityPatterns,
    /// When and in what it is to be found.
    pub classification_signals: ClassificationSignals,
}

/// How far a project is (PROJ-1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is worked on.
    #[default]
    InProgress,
    /// It exists, and is not worked on yet.
    Active,
    /// It is done.
    Completed,
    /// It is put away.
    Archived,
}

/// Names that stand in a project's documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EntityPatterns {
    /// Its people.
    pub people: Vec<Person>,
    /// Its places.
    pub locations: Vec<String>,
    /// The domains of its organisations.
    pub domains: Vec<String>,
    /// Codes that name it and nothing else.
    pub project_codes: Vec<String>,
}

/// Somebody of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Who.
    pub contact: Contact,
    /// As what.
    pub role: Role,
}

/// As what somebody takes part in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Leads it on the owner's side.
    InternalLead,
    /// Leads it at the agency.
    AgencyLead,
    /// Leads it at the client.
    ClientLead,
    /// Takes part.
    Member,
}

/// When and in what a project is to be found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClassificationSignals {
    /// When.
    pub temporal_relevance: TemporalRelevance,
    /// In which kinds of documents.
    pub content_types: Vec<ContentType>,
    /// How sure a finding must be to count.
    pub confidence_thresholds: ConfidenceThresholds,
}

/// When a project is worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemporalRelevance {
    /// From when to when; `None` says nothing.
    pub active_period: Option<Period>,
}

/// Kinds of documents (CLS-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// A mail.
    Email,
    /// A text.
    Document,
    /// A table.
    Spreadsheet,
    /// Slides.
    Presentation,
    /// A picture.
    Image,
    /// What was said in a meeting.
    MeetingTranscript,
}

/// How sure a finding must be to count, each from 0 to 1 (ONB-3, CLS-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfidenceThresholds {
    /// In mails.
    pub email: EmailThresholds,
    /// In files of Google Drive.
    pub gdrive: DriveThresholds,
}

/// How sure a finding in a mail must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailThresholds {
    /// One in the subject.
    pub subject_match: f64,
    /// One in the text.
    pub content_match: f64,
}

/// How sure a finding in a file must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriveThresholds {
    /// One in the name.
    pub filename_match: f64,
    /// One in the text.
    pub content_match: f64,
}

/// The figures of ONB-3.
impl Default for EmailThresholds {
    fn default() -> Self {
        Self { subject_match: 0.7, content_match: 0.6 }
    }
}

/// The figures of ONB-3.
impl Default for DriveThresholds {
    fn default() -> Self {
        Self { filename_match: 0.8, content_match: 0.6 }
    }
}

/// A profile as it is stored with its project; ids and instants are ours (ONB-4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The project.
    pub project: ProjectId,
    /// Who saved it first.
    pub created_by: UserId,
    /// When it was saved first.
    pub created_at: DateTime<Utc>,
    /// When it was saved last.
    pub updated_at: DateTime<Utc>,
    /// What is known.
    pub profile: Profile,
}

impl Profile {
    /// Returns the profile of a project of which nothing more is known.
    #[must_use]
    pub fn of(project: &Project) -> Self {
        let known = Self {
            name: project.name.clone(),
            description: project.description.clone(),
            ..Self::default()
        };
        known.joined_by(&project.signals)
    }

    /// Adds what speaks for the project already and is not in the profile.
    #[must_use]
    pub fn joined_by(mut self, signals: &Signals) -> Self {
        let patterns = &mut self.entity_patterns;
        join(&mut patterns.project_codes, &signals.codes);
        join(&mut patterns.domains, &signals.domains);
        join(&mut self.reference_keywords, &signals.keywords);
        for address in &signals.people {
            let is_known = patterns.people.iter().any(|person| person.contact.has(address));
            if !is_known {
                let contact = Contact { name: String::new(), addresses: vec![address.clone()] };
                patterns.people.push(Person { contact, role: Role::Member });
            }
        }
        let period = &mut self.classification_signals.temporal_relevance.active_period;
        *period = period.or(signals.active);
        self
    }

    /// Replaces what routes by what the project says, as after an import that wrote it anew.
    #[must_use]
    pub fn with_signals(mut self, signals: &Signals) -> Self {
        let patterns = &mut self.entity_patterns;
        patterns.project_codes.clear();
        patterns.domains.clear();
        patterns.people.retain(|person| {
            let is_listed = |address: &String| signals.people.iter().any(|it| it == address);
            person.role == Role::InternalLead || person.contact.addresses.iter().all(is_listed)
        });
        self.reference_keywords.clear();
        self.classification_signals.temporal_relevance.active_period = None;
        self.joined_by(signals)
    }

    /// Returns what of this speaks for the project (CLS-7).
    ///
    /// Whoever leads it on the owner's side writes to all their projects, so that their address
    /// speaks for none.
    #[must_use]
    pub fn signals(&self) -> Signals {
        let patterns = &self.entity_patterns;
        let outside = patterns.people.iter().filter(|person| person.role != Role::InternalLead);
        let mut people = Vec::new();
        for person in outside {
            join(&mut people, &person.contact.addresses);
        }
        Signals {
            codes: patterns.project_codes.clone(),
            people,
            domains: patterns.domains.clone(),
            keywords: self.reference_keywords.clone(),
            active: self.classification_signals.temporal_relevance.active_period,
        }
    }
}

/// Appends what is not there yet, whatever its case.
pub(crate) fn join(list: &mut Vec<String>, more: &[String]) {
    for text in more {
        if !list.iter().any(|known| known.to_lowercase() == text.to_lowercase()) {
            list.push(text.clone());
        }
    }
}

/// Gives the variants of an enumeration the names under which people and programs know them.
macro_rules! named {
    ($kind:ty { $($variant:ident = $name:literal),* $(,)? }) => {
        impl $kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            /// Finds one by its name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named!(Status {
    InProgress = "in_progress",
    Active = "active",
    Completed = "completed",
    Archived = "archived",
});

named!(Role {
    InternalLead = "internal_lead",
    AgencyLead = "agency_lead",
    ClientLead = "client_lead",
    Member = "member",
});

named!(ContentType {
    Email = "email",
    Document = "document",
    Spreadsheet = "spreadsheet",
    Presentation = "presentation",
    Image = "image",
    MeetingTranscript = "meeting_transcript",
});

use named;

#[cfg(test)]
mod tests;
