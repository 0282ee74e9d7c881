//! What the answers say together (ONB-2).
use serde::Serialize;

use super::{answer::Answer, template::Subject};
use crate::{
    profile::{Contact, Person},
    project::Period,
};

/// The answers of an onboarding, read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Brief {
    /// The name of the project.
    pub project_name: String,
    /// What it is about.
    pub overview: String,
    /// Words expected in its mails and files.
    pub keywords: Vec<String>,
    /// What is to be delivered.
    pub deliverables: Vec<String>,
    /// Who leads it, on each side.
    pub contacts: Vec<Person>,
    /// When the main work is done.
    pub shoot_date: Option<Period>,
    /// Where.
    pub location: Vec<String>,
    /// Links to material.
    pub references: Vec<String>,
}

impl Brief {
    /// Takes in what one answer says; a question reads only answers of its own kind.
    pub(super) fn take(&mut self, subject: Subject, answer: Answer) {
        match (subject, answer) {
            (Subject::Name, Answer::Text(text)) => self.project_name = text,
            (Subject::Overview, Answer::Text(text)) => self.overview = text,
            (Subject::Keywords, Answer::List(list)) => self.keywords = list,
            (Subject::Deliverables, Answer::List(list)) => self.deliverables = list,
            (Subject::Location, Answer::List(list)) => self.location = list,
            (Subject::References, Answer::List(list)) => self.references = list,
            (Subject::Dates, Answer::Period(period)) => self.shoot_date = Some(period),
            (Subject::Lead(role), Answer::Somebody(Some(contact))) => {
                self.contacts.push(Person { contact, role });
            }
            (
                _,
                Answer::Text(_)
                | Answer::List(_)
                | Answer::Period(_)
                | Answer::Somebody(_)
                | Answer::Nothing,
            ) => {}
        }
    }

    /// Returns everything that was said, in lower case, to look up what a model names.
    pub(super) fn said(&self) -> String {
        let mut said: Vec<&str> = vec![&self.project_name, &self.overview];
        for list in [&self.keywords, &self.deliverables, &self.location, &self.references] {
            said.extend(list.iter().map(String::as_str));
        }
        for Person { contact: Contact { name, addresses }, .. } in &self.contacts {
            said.push(name);
            said.extend(addresses.iter().map(String::as_str));
        }
        said.join("\n").to_lowercase()
    }
}
