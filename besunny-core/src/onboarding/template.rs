//! Question sets as data: which questions, in which order, and what each answer is for.
use std::{borrow::Cow, collections::HashSet};

use serde::{Deserialize, Serialize};

use crate::profile::Role;

/// A set of questions; a change of its questions is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Grows with every change.
    pub version: u32,
    /// The questions, in order.
    pub questions: Cow<'static, [Question]>,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Names it in the API and in stored answers.
    pub key: Cow<'static, str>,
    /// What a person is asked.
    pub text: Cow<'static, str>,
    /// How an answer looks.
    pub example: Cow<'static, str>,
    /// What the answer is for, which decides how it is read.
    pub asks: Subject,
    /// Whether it must be answered.
    pub required: bool,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The name of the project.
    Name,
    /// What it is about.
    Overview,
    /// Words expected in its mails and files.
    Keywords,
    /// What is to be delivered.
    Deliverables,
    /// Who leads it on one side.
    Lead(Role),
    /// When the main work is done.
    Dates,
    /// Where.
    Location,
    /// Links to material.
    References,
}

/// A set of questions that cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No question asks for the name of the project.
    #[error("no required question asks for the name: add one with `asks = \"name\"`")]
    NoName,
    /// Two questions have one key, or ask for the same thing.
    #[error("the question `{0}` is asked twice: give each its own key and its own subject")]
    Twice(String),
    /// A question has no key or no text.
    #[error("question {0} has no key or no text")]
    Empty(usize),
}

impl Template {
    /// Makes sure that the questions can be asked.
    ///
    /// # Errors
    /// [`TemplateError`] names the question and the fix.
    pub fn check(&self) -> Result<(), TemplateError> {
        let (mut keys, mut subjects) = (HashSet::new(), HashSet::new());
        for (place, question) in self.questions.iter().enumerate() {
            if question.key.trim().is_empty() || question.text.trim().is_empty() {
                return Err(TemplateError::Empty(place + 1));
            }
            if !keys.insert(&question.key) || !subjects.insert(question.asks) {
                return Err(TemplateError::Twice(question.key.to_string()));
            }
        }
        let names = |question: &Question| question.asks == Subject::Name && question.required;
        if self.questions.iter().any(names) { Ok(()) } else { Err(TemplateError::NoName) }
    }

    /// Returns a question and its place by key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<(usize, &Question)> {
        self.questions.iter().enumerate().find(|(_, question)| question.key == key)
    }
}

macro_rules! question {
    ($key:literal, $asks:expr, $required:literal, $text:literal, $example:literal) => {
        Question {
            key: Cow::Borrowed($key),
            text: Cow::Borrowed($text),
            example: Cow::Borrowed($example),
            asks: $asks,
            required: $required,
        }
    };
}

/// The ten questions of ONB-1.
pub const PRODUCTION: Template =
    Template { name: Cow::Borrowed("production"), version: 1, questions: Cow::Borrowed(&TEN) };

const TEN: [Question; 10] = [
    question!(
        "project_name",
        Subject::Name,
        true,
        "What is the project called?",
        "Riverside flood works RVF-12"
    ),
    question!(
        "overview",
        Subject::Overview,
        true,
        "What is it about, in one sentence?",
        "A film about the new dykes between Aldbury and Weir."
    ),
    question!(
        "keywords",
        Subject::Keywords,
        true,
        "Which words will stand in its mails and files?",
        "dyke, pump station, flood map"
    ),
    question!(
        "deliverables",
        Subject::Deliverables,
        true,
        "What will be delivered?",
        "60 second film, photo series, press kit"
    ),
    question!(
        "internal_lead",
        Subject::Lead(Role::InternalLead),
        true,
        "Who leads it on your side?",
        "Ann Miller <ann@studio.example>, or: none"
    ),
    question!(
        "agency_lead",
        Subject::Lead(Role::AgencyLead),
        true,
        "Who leads it at the agency?",
        "Bo Lind <bo@agency.example>, or: none"
    ),
    question!(
        "client_lead",
        Subject::Lead(Role::ClientLead),
        true,
        "Who leads it at the client?",
        "Cy Moss <cy@weir.example>, or: none"
    ),
    question!(
        "shoot_date",
        Subject::Dates,
        true,
        "When is the shoot? A day, a range or a month.",
        "14-16 June 2026"
    ),
    question!("location", Subject::Location, true, "Where is it?", "Weir; Aldbury lock"),
    question!(
        "references",
        Subject::References,
        false,
        "Any links to material? You may leave this out.",
        "https://weir.example/brief.pdf"
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onb_1_ten_questions_all_but_the_last_required() {
        PRODUCTION.check().unwrap();
        let required: Vec<bool> =
            PRODUCTION.questions.iter().map(|question| question.required).collect();
        assert_eq!(required, [[true; 9].as_slice(), &[false]].concat());
    }

    #[test]
    fn a_set_that_cannot_be_asked_is_refused() {
        let with = |change: fn(&mut Vec<Question>)| {
            let mut questions = TEN.to_vec();
            change(&mut questions);
            Template { questions: questions.into(), ..PRODUCTION }.check()
        };
        assert_eq!(with(|all| drop(all.remove(0))), Err(TemplateError::NoName));
        assert_eq!(with(|all| all[0].required = false), Err(TemplateError::NoName));
        assert_eq!(with(|all| all[3].key = Cow::Borrowed(" ")), Err(TemplateError::Empty(4)));
        let twice = Err(TemplateError::Twice("overview".to_owned()));
        assert_eq!(with(|all| all[2].key = Cow::Borrowed("overview")), twice);
        assert_eq!(with(|all| all[1].asks = Subject::Name), twice);
    }

    /// The wire and stored form of a question set.
    #[test]
    fn a_set_is_data() {
        let json = serde_json::to_value(&PRODUCTION).unwrap();
        assert_eq!(serde_json::from_value::<Template>(json.clone()).unwrap(), PRODUCTION);
        insta::assert_json_snapshot!(json["questions"][6]);
    }
}
