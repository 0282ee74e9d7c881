//! The port of what learns where a person's documents belong (ML-2, ML-3).
//!
//! A learner keeps nothing: the engine owns the log of answers, decides when to learn, and stores
//! the state. A model is one owner's, since projects are.
use std::fmt::Debug;

use crate::{
    classify::{Question, Verdict},
    document::Document,
    ids::{DocumentId, ProjectId},
    label::Truth,
    mail::Mail,
    project::Project,
};

/// A model could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("the model of {learner} cannot be used")]
pub struct LearnError {
    /// Whose form it should have.
    pub learner: String,
    /// Why; never content of an item.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A document, and where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// The document.
    pub document: &'a Document,
    /// What was read out of it.
    pub mail: &'a Mail,
    /// Where it belongs.
    pub truth: Truth,
}

/// What a model would have said about an example before it learned the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// The likeliest project; none when the document belongs to no project.
    pub choice: Option<ProjectId>,
    /// How sure that was, from 0 to 1.
    pub confidence: f64,
}

/// Makes models.
///
/// # Contract
/// `import` of what a model exported MUST give a model that does the same from then on, bit by bit:
/// it says the same and learns the same (`learner.import.same`). Give a form that would misread stored
/// models a new name: the engine then learns the log again.
///
/// # Errors
/// Bytes that are no model of this form MUST be refused (`learner.import.refused`); the engine then
/// learns the log again.
pub trait Learner: Debug + Send + Sync {
    /// Names it, with the version of its form.
    fn name(&self) -> &str;
    /// Makes a model that knows nothing.
    fn fresh(&self) -> Box<dyn Model>;
    /// Reads a model that was exported.
    fn import(&self, bytes: &[u8]) -> Result<Box<dyn Model>, LearnError>;
}

/// What one owner's answers have taught.
///
/// # Contract
/// - The same examples in the same order MUST give the same model, bit by bit: no clock, no chance
///   (`model.learn.repeatable`).
/// - A choice MUST be one of the candidates or none (`model.choice.offered`).
/// - `learn` MUST predict before it learns (`model.learn.predicts-first`), and only such a prediction
///   may teach how sure the model is.
/// - An example of a document that was learned before MUST take the place of the earlier one, and
///   nothing is counted twice (`model.learn.again`): what was guessed of that document is judged by the
///   new answer instead. What was taken back is never an example: the engine makes a model again
///   without it.
///
/// A model may forget what it learned first, so that its state keeps a bound; it then says of such a
/// document that it has not learned it.
///
/// # Cancellation
/// Nothing here waits.
pub trait Model: Debug + Send {
    /// Says where a document belongs; none while too little is known to choose.
    fn predict(&self, question: &Question<'_>, candidates: &[Project]) -> Option<Verdict>;
    /// Returns how many documents of a project were learned.
    fn known(&self, project: ProjectId) -> u32;
    /// Says whether an answer about a document was learned, and is not forgotten.
    fn has_learned(&self, document: DocumentId) -> bool;
    /// Learns an answer; returns what it would have said before, if it is the first one about the
    /// document and there was enough to say something.
    fn learn(&mut self, example: &Example<'_>) -> Option<Guess>;
    /// Writes the model down.
    fn export(&self) -> Result<Vec<u8>, LearnError>;
}
