//! A learner that is easily foretold: a mail goes where the last one of its sender went.
use std::collections::BTreeMap;

use besunny_core::{
    classify::{Evidence, Making, Question, Signal, Verdict},
    ids::{DocumentId, ProjectId},
    label::Truth,
    learner::{Example, Guess, LearnError, Learner, Model},
    project::Project,
    untrusted::Untrusted,
};
use serde::{Deserialize, Serialize};

const NAME: &str = "by-sender/1";
/// Nothing is ever surer.
const SURE: f64 = 0.9;

/// Makes models that know where the last mail of each sender went.
#[derive(Clone, Copy, Debug, Default)]
pub struct BySender;

/// What was learned: of each sender, the documents in order of learning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Senders {
    learned: BTreeMap<String, Vec<(DocumentId, Option<ProjectId>)>>,
}

impl Learner for BySender {
    fn name(&self) -> &str {
        NAME
    }

    fn fresh(&self) -> Box<dyn Model> {
        Box::new(Senders::default())
    }

    fn import(&self, bytes: &[u8]) -> Result<Box<dyn Model>, LearnError> {
        match serde_json::from_slice::<Senders>(bytes) {
            Ok(senders) => Ok(Box::new(senders)),
            Err(error) => Err(LearnError { learner: NAME.to_owned(), source: error.into() }),
        }
    }
}

impl Senders {
    fn guess(&self, sender: &str) -> Option<Guess> {
        let (_, choice) = self.learned.get(sender)?.last()?;
        Some(Guess { choice: *choice, confidence: SURE })
    }
}

fn of_sender(question: &Question<'_>, project: ProjectId) -> Evidence {
    let quote = Untrusted::new(question.mail.author().to_owned());
    Evidence { project, signal: Signal::Sender, quote, weight: SURE, earlier: None }
}

impl Model for Senders {
    fn predict(&self, question: &Question<'_>, candidates: &[Project]) -> Option<Verdict> {
        let guess = self.guess(question.mail.author())?;
        let choice = guess.choice.filter(|id| candidates.iter().any(|project| project.id == *id));
        Some(Verdict {
            classifier: NAME.to_owned(),
            choice,
            confidence: SURE,
            evidence: choice.map(|project| of_sender(question, project)).into_iter().collect(),
            alternatives: Vec::new(),
            made: Making::default(),
        })
    }

    fn known(&self, project: ProjectId) -> u32 {
        let learned = self.learned.values().flatten();
        u32::try_from(learned.filter(|(_, of)| *of == Some(project)).count()).unwrap_or(u32::MAX)
    }

    fn has_learned(&self, document: DocumentId) -> bool {
        self.learned.values().flatten().any(|(of, _)| *of == document)
    }

    fn learn(&mut self, example: &Example<'_>) -> Option<Guess> {
        let guess = self.guess(example.mail.author());
        let of = self.learned.entry(example.mail.author().to_owned()).or_default();
        let before = of.len();
        of.retain(|(document, _)| *document != example.document.id);
        let is_first = of.len() == before;
        match example.truth {
            Truth::To(project) => of.push((example.document.id, Some(project))),
            Truth::Nowhere => of.push((example.document.id, None)),
            Truth::NotTo(_) | Truth::Unsaid(_) => {}
        }
        guess.filter(|_| is_first)
    }

    fn export(&self) -> Result<Vec<u8>, LearnError> {
        serde_json::to_vec(self)
            .map_err(|error| LearnError { learner: NAME.to_owned(), source: error.into() })
    }
}
