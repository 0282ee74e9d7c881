//! The fields of a project as a form: one box a field, one entry a line.
use std::collections::{BTreeMap, HashMap};

use besunny::core::profile::{Edits, Field};
use serde::Deserialize;

use super::Refusal;
use crate::web::problem::{Kind, Problem};

/// A field as it stands in a form.
#[derive(Debug)]
pub(super) struct FieldLines {
    pub(super) field: Field,
    pub(super) text: String,
}

/// What a form of fields sends.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct FieldsForm(HashMap<String, String>);

impl FieldLines {
    /// Returns all fields in the order in which people care for them.
    pub(super) fn all(fields: &BTreeMap<String, Vec<String>>) -> Vec<Self> {
        let line = |field: &Field| {
            let lines = fields.get(field.as_str());
            Self { field: *field, text: lines.map(|lines| lines.join("\n")).unwrap_or_default() }
        };
        Field::ALL.iter().map(line).collect()
    }

    /// Says what the field is called.
    pub(super) fn label(&self) -> &'static str {
        label(self.field)
    }

    /// Says how the field is written.
    pub(super) fn hint(&self) -> &'static str {
        match self.field {
            Field::Name | Field::Description | Field::Notes => "",
            Field::Status => "in_progress, active, completed or archived",
            Field::ProjectCodes => {
                "One a line, such as RVF-12. A code names this project and nothing else."
            }
            Field::People => {
                "One a line, such as Cy Moss <cy@weir.example> (client_lead). An internal_lead routes nothing."
            }
            Field::Domains => "One a line, such as weir.example",
            Field::ReferenceKeywords => "One word or phrase a line",
            Field::ActivePeriod => "Such as 2026-06-14 to 2026-06-16, or June 2026",
            Field::NormalizedTags => "One a line, words joined by _",
            Field::Categories | Field::Locations => "One a line",
            Field::ContentTypes => {
                "One a line: email, document, spreadsheet, presentation, image, meeting_transcript"
            }
            Field::ConfidenceThresholds => "A name and a number from 0 to 1 a line",
        }
    }

    /// Returns how many lines the box shows.
    pub(super) fn rows(&self) -> usize {
        let lines = self.text.lines().count();
        if self.field.is_single() { 1 } else { lines.clamp(LEAST_ROWS, MOST_ROWS) }
    }

    /// Says whether the field is one that routes or names; the others are folded.
    pub(super) fn is_main(&self) -> bool {
        self.field <= Field::ActivePeriod && !matches!(self.field, Field::Status | Field::Notes)
    }
}

const LEAST_ROWS: usize = 2;
const MOST_ROWS: usize = 8;

/// Says what a field is called; the name itself when there is no such field.
pub(super) fn named(name: &str) -> &str {
    match Field::parse(name) {
        Some(field) => label(field),
        None => name,
    }
}

const fn label(field: Field) -> &'static str {
    match field {
        Field::Name => "Name",
        Field::Description => "What it is about",
        Field::Status => "Status",
        Field::Notes => "Notes",
        Field::ProjectCodes => "Codes",
        Field::People => "People",
        Field::Domains => "Domains",
        Field::ReferenceKeywords => "Keywords",
        Field::ActivePeriod => "Active",
        Field::NormalizedTags => "Tags",
        Field::Categories => "Categories",
        Field::Locations => "Places",
        Field::ContentTypes => "Kinds of documents",
        Field::ConfidenceThresholds => "Thresholds",
    }
}

impl FieldsForm {
    pub(super) fn form_token(&self) -> &str {
        self.text("form_token")
    }

    pub(super) fn seen(&self) -> &str {
        self.text("seen")
    }

    /// Returns which version the form was made of.
    pub(super) fn version(&self) -> Result<u64, Refusal> {
        let unreadable = || {
            Problem::new(
                Kind::BadRequest,
                "The form cannot be read.",
                "Load the page again and repeat what you did.",
            )
        };
        self.text("version").parse().map_err(|_no_number| Refusal::from(unreadable()))
    }

    /// Returns the fields that the form has, each by its lines.
    pub(super) fn edits(&self) -> Edits {
        let sent = Field::ALL.iter().filter_map(|field| {
            let text = self.0.get(field.as_str())?;
            Some((*field, text.lines().map(str::to_owned).collect()))
        });
        sent.collect()
    }

    /// Returns the form as it was sent, to show it again.
    pub(super) fn lines(&self) -> Vec<FieldLines> {
        let line = |field: &Field| FieldLines {
            field: *field,
            text: self.text(field.as_str()).replace("\r\n", "\n"),
        };
        Field::ALL.iter().map(line).collect()
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}
