//! The port of learners, over this model.
use besunny_core::{
    classify::{Alternative, Making, Question, Verdict},
    ids::{DocumentId, ProjectId},
    label::Truth,
    learner::{Example, Guess, LearnError, Learner, Model},
    project::Project,
};

use super::{Class, FORM, Features, Learned, Lesson, ModelError};

/// So many other projects are named beside the choice.
const ALTERNATIVES: usize = 5;

/// The learner that needs no service: it learns each answer at once.
#[derive(Clone, Debug)]
pub struct Incremental {
    name: String,
}

impl Default for Incremental {
    fn default() -> Self {
        Self { name: format!("learned/{FORM}") }
    }
}

impl Learner for Incremental {
    fn name(&self) -> &str {
        &self.name
    }

    fn fresh(&self) -> Box<dyn Model> {
        Box::new(Learned::default())
    }

    fn import(&self, bytes: &[u8]) -> Result<Box<dyn Model>, LearnError> {
        match Learned::import(bytes) {
            Ok(model) => Ok(Box::new(model)),
            Err(error) => Err(unusable(error)),
        }
    }
}

fn unusable(error: ModelError) -> LearnError {
    LearnError { learner: format!("learned/{FORM}"), source: Box::new(error) }
}

impl Model for Learned {
    fn predict(&self, question: &Question<'_>, candidates: &[Project]) -> Option<Verdict> {
        let item = Features::read(question.mail, question.document.received_at);
        let may_be =
            |class: Class| class.is_none_or(|id| candidates.iter().any(|project| project.id == id));
        let said = self.predict_among(&item, may_be)?;
        let others = said.alternatives.iter().filter_map(|(class, confidence)| {
            class.map(|project| Alternative { project, confidence: *confidence })
        });
        Some(Verdict {
            classifier: format!("learned/{FORM}"),
            choice: said.choice,
            confidence: said.confidence,
            evidence: self.explain(question.mail, &item, &said),
            alternatives: others.take(ALTERNATIVES).collect(),
            made: Making::default(),
        })
    }

    fn known(&self, project: ProjectId) -> u32 {
        let class = self.classes.iter().position(|class| *class == Some(project));
        class.map_or(0, |class| self.shares.mails(class).0)
    }

    fn has_learned(&self, document: DocumentId) -> bool {
        self.documents.contains_key(&document)
    }

    fn learn(&mut self, example: &Example<'_>) -> Option<Guess> {
        let (document, item) =
            (example.document.id, Features::read(example.mail, example.document.received_at));
        let is_first = !self.has_learned(document);
        let said = is_first.then(|| Self::predict(self, &item)).flatten();
        let lesson = match example.truth {
            Truth::To(project) => Lesson::Is(self.class(Some(project))),
            Truth::Nowhere => Lesson::Is(self.class(None)),
            Truth::NotTo(project) => Lesson::Not(self.class(Some(project))),
            Truth::Unsaid(_) => return None,
        };
        match &said {
            Some(said) => self.judge_of(Some(document), said, example.truth),
            None if is_first => {}
            None => self.judge_again(document, example.truth),
        }
        self.learn_of(document, item, lesson);
        said.map(|said| Guess { choice: said.choice, confidence: said.confidence })
    }

    fn export(&self) -> Result<Vec<u8>, LearnError> {
        Self::export(self).map_err(unusable)
    }
}
