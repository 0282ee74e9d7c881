//! One tenant's model: learns each answer at once, and says a probability with every choice.
//!
//! 1. `features` turns a mail into terms and keys; `vocabulary` weighs terms by how rare they are.
//! 2. Four things speak for each project: a linear margin (`margins`), where earlier mails of the
//!    same people, subject and thread went (`histories`), the mails most like this one
//!    (`neighbours`), and the words the project is made of (`words`).
//! 3. `blend` learns how much each of them is worth; `judge` learns how often such a choice was right.
//!
//! Steps 2 and 3 learn from different mails: a prediction is made before its answer is known, and
//! only such predictions teach the blend and the judge. That is why the confidence can be believed.
//! What was predicted of a mail is judged by the last answer about it: a correction takes the place of
//! the silence before it.
//!
//! A model is bounded: when its mails take more than `MAILS_BYTES`, those that it learned first are
//! forgotten, with what they brought into histories, margins and vocabulary.
//!
//! The same history gives the same model, bit by bit, on the same machine; so does a model that was
//! written down and read back, since what is not written follows exactly from what is.
use std::collections::BTreeMap;

use besunny_core::{
    ids::{DocumentId, ProjectId},
    label::Truth,
};
use serde::{Deserialize, Serialize};

mod blend;
mod explanation;
mod features;
mod fit;
mod histories;
mod judge;
mod margins;
mod model;
mod neighbours;
mod view;
mod vocabulary;
mod words;

pub use features::Features;

pub use model::Incremental;

use self::{
    blend::{Blend, Evidence},
    features::pair,
    histories::{Histories, Tally},
    judge::{Judge, Row, Signs},
    margins::{Lesson, Margins},
    neighbours::Neighbours,
    view::View,
    vocabulary::{Vector, Vocabulary},
    words::Words,
};

/// Changes whenever a stored model would be misread.
const FORM: u32 = 4;
/// With each new mail so many old ones are looked at again.
const REPLAYED: usize = 30;
/// After the mails have grown by a quarter, terms are weighed again and the margins brought up to it.
const REBUILD_SHARE: usize = 4;
const FIRST_REBUILD: usize = 20;
/// The mails of a stored model take so many bytes at most. What else it has is bounded by numbers of
/// rows and terms and stays below 4 MiB, so that all of it stays below [`MODEL_BYTES`].
const MAILS_BYTES: usize = 12 << 20;
/// A stored model is never larger. Mails of usual length take about 1 KiB each at 25 projects, so
/// that far more than 4,000 are remembered.
pub const MODEL_BYTES: usize = 16 << 20;
/// So much of the room is made at once, since the others are then looked at again.
const ROOM_SHARE: usize = 8;
/// Passes over all mails after a rebuild.
const PASSES: usize = 3;
/// The blend and the judge are fitted again after so many judged predictions.
const REFIT: u32 = 100;

/// A project, or none: the mail belongs to no project.
pub type Class = Option<ProjectId>;

/// What a tenant's corrections and choices have taught.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Learned {
    classes: Vec<Class>,
    mails: Vec<(Features, Lesson)>,
    /// Which mail each document is, so that a later answer takes the place of an earlier one.
    documents: BTreeMap<DocumentId, usize>,
    vocabulary: Vocabulary,
    margins: Margins,
    #[serde(skip, default = "Neighbours::new")]
    neighbours: Neighbours,
    senders: Histories,
    recipients: Histories,
    subjects: Histories,
    shapes: Histories,
    groups: Histories,
    domains: Histories,
    #[serde(skip)]
    words: Words,
    threads: BTreeMap<u64, usize>,
    shares: Tally,
    blend: Blend,
    judge: Judge,
    judged: u32,
    rebuild_at: usize,
    /// What the mails take in a stored model, without their duals; follows from them.
    #[serde(skip)]
    taken_bytes: usize,
    #[serde(skip, default = "mails_bytes")]
    most_bytes: usize,
}

const fn mails_bytes() -> usize {
    MAILS_BYTES
}

/// A model could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// It could not be written.
    #[error("the model cannot be written")]
    Unwritable(#[source] postcard::Error),
    /// It is no model, or a damaged one.
    #[error("the model cannot be read; train it again from its mails")]
    Unreadable(#[source] postcard::Error),
    /// It was written by another version.
    #[error("the model has the form {found}, and {FORM} is understood; train it again")]
    Form {
        /// Its form.
        found: u32,
    },
}

/// What the model thinks of one mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The likeliest project, or none.
    pub choice: Class,
    /// The chance that the choice is right, from 0 to 1.
    pub confidence: f64,
    /// What else it could be, the likeliest first.
    pub alternatives: Vec<(Class, f64)>,
    ranked: Vec<(usize, Evidence)>,
    signs: Signs,
    records: Records,
}

/// The records that a choice belongs to: its project with its sender, with the next best, its sender, its project.
type Records = [u64; 4];

impl Default for Learned {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            mails: Vec::new(),
            documents: BTreeMap::new(),
            vocabulary: Vocabulary::new(),
            margins: Margins::default(),
            neighbours: Neighbours::new(),
            senders: Histories::default(),
            recipients: Histories::default(),
            subjects: Histories::default(),
            shapes: Histories::default(),
            groups: Histories::default(),
            domains: Histories::default(),
            words: Words::default(),
            threads: BTreeMap::new(),
            shares: Tally::default(),
            blend: Blend::new(),
            judge: Judge::default(),
            judged: 0,
            rebuild_at: FIRST_REBUILD,
            taken_bytes: 0,
            most_bytes: MAILS_BYTES,
        }
    }
}

impl Learned {
    /// Returns how many mails were learned.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.mails.len()
    }

    /// Says whether nothing was learned yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.mails.is_empty()
    }

    /// Returns the projects that have mails, and none if mails of no project were learned.
    #[must_use]
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Says where a mail belongs; `None` while fewer than two classes were learned.
    #[must_use]
    pub fn predict(&self, item: &Features) -> Option<Prediction> {
        self.predict_among(item, |_| true)
    }

    /// Says where a mail belongs, of the classes that may be chosen.
    #[must_use]
    pub fn predict_among(
        &self,
        item: &Features,
        may_be: impl Fn(Class) -> bool,
    ) -> Option<Prediction> {
        let mut order: Vec<usize> =
            (0..self.classes.len()).filter(|class| may_be(self.classes[*class])).collect();
        if order.len() < 2 {
            return None;
        }
        let view = View::new(self, item);
        let mut chances = self.blend.chances(&view.evidence);
        let all: f64 = order.iter().map(|class| chances[*class]).sum();
        for chance in &mut chances {
            *chance /= all;
        }
        order.sort_by(|a, b| chances[*b].total_cmp(&chances[*a]));
        let (best, second) = (order[0], order[1]);
        let records = [
            pair(1, best as u64, item.sender),
            pair(2, best as u64, second as u64),
            pair(3, item.sender, 0),
            pair(6, best as u64, 0),
        ];
        let signs = view.signs(self, &chances, (best, second), records);
        let other = |class: &usize| (self.classes[*class], chances[*class]);
        Some(Prediction {
            choice: self.classes[best],
            confidence: self.judge.chance(&signs, chances[best]),
            alternatives: order[1..].iter().map(other).collect(),
            ranked: order.into_iter().map(|class| (class, view.evidence[class])).collect(),
            signs,
            records,
        })
    }

    /// Learns where a mail belongs.
    pub fn learn(&mut self, item: Features, class: Class) {
        let class = self.class(class);
        self.add(item, Lesson::Is(class));
    }

    /// Learns something about a document, in the place of what was said of it before.
    fn learn_of(&mut self, document: DocumentId, item: Features, lesson: Lesson) {
        if let Some(index) = self.documents.get(&document).copied() {
            self.relearn(index, lesson);
        } else {
            self.documents.insert(document, self.mails.len());
            self.add(item, lesson);
        }
    }

    /// Learns another lesson of a mail that was learned.
    fn relearn(&mut self, index: usize, lesson: Lesson) {
        let (item, before) = self.mails[index].clone();
        self.forget(&item, before);
        self.take_note(&item, lesson);
        self.margins.forget(index);
        self.mails[index].1 = lesson;
        self.restore();
        self.look_again(index);
    }

    fn add(&mut self, item: Features, lesson: Lesson) {
        self.vocabulary.add(&item);
        self.take_note(&item, lesson);
        self.taken_bytes += item.stored_bytes();
        let mail = self.vocabulary.vector(&item);
        self.neighbours.add(&mail, lesson);
        if let Lesson::Is(class) = lesson {
            self.words.add(&mail, class);
        }
        self.margins.add();
        self.mails.push((item, lesson));
        let newest = self.mails.len() - 1;
        self.margins.step(newest, &mail, lesson);
        for turn in 0..REPLAYED.min(newest) {
            let old = pair(4, newest as u64, turn as u64) % self.mails.len() as u64;
            self.look_again(usize::try_from(old).unwrap_or(newest));
        }
        if self.mails_bytes() > self.most_bytes {
            self.make_room();
        } else if self.mails.len() >= self.rebuild_at {
            self.rebuild();
        }
    }

    /// Returns what the mails take in a stored model, with their duals.
    const fn mails_bytes(&self) -> usize {
        self.taken_bytes + self.mails.len() * self.classes.len() * size_of::<f32>()
    }

    /// Forgets the mails that were learned first.
    fn make_room(&mut self) {
        let most = self.most_bytes - self.most_bytes / ROOM_SHARE;
        let duals = self.classes.len() * size_of::<f32>();
        let mut left = self.mails_bytes();
        let too_much = self.mails.iter().take_while(|(item, _)| {
            let is_over = left > most;
            left = left.saturating_sub(item.stored_bytes() + duals);
            is_over
        });
        let count = too_much.count();
        let forgotten: Vec<(Features, Lesson)> = self.mails.drain(..count).collect();
        for (item, lesson) in &forgotten {
            self.forget(item, *lesson);
            self.vocabulary.take(item);
        }
        self.margins.forget_first(count);
        self.documents.retain(|_, index| *index >= count);
        for index in self.documents.values_mut() {
            *index -= count;
        }
        self.rebuild();
    }

    /// Learns whether a prediction was right.
    ///
    /// The prediction must have been made before its mail was learned; the confidence of later ones
    /// rests on that.
    pub fn judge(&mut self, prediction: &Prediction, truth: Class) {
        let truth = truth.map_or(Truth::Nowhere, Truth::To);
        self.judge_of(None, prediction, truth);
    }

    /// Learns whether what was predicted of a document was right, until another answer comes.
    fn judge_of(&mut self, document: Option<DocumentId>, prediction: &Prediction, truth: Truth) {
        let class = self.index_of(truth);
        self.blend.remember(&prediction.ranked, class, document);
        let chosen = prediction.ranked.first().map(|(class, _)| *class);
        let (signs, records) = (prediction.signs, prediction.records);
        let (is_right, choice) = (truth.judges(prediction.choice), document.zip(chosen));
        self.judge.remember(Row { signs, records, is_right, choice });
        self.judged += 1;
        if self.judged.is_multiple_of(REFIT) {
            self.blend.fit();
            self.judge.fit();
        }
    }

    /// Judges what was predicted of a document by another answer than before.
    fn judge_again(&mut self, document: DocumentId, truth: Truth) {
        let classes = &self.classes;
        self.judge.correct(document, |chosen| truth.judges(classes.get(chosen).copied().flatten()));
        let class = self.index_of(truth);
        self.blend.correct(document, class);
    }

    /// Returns which class an answer says, if it says one that is known.
    fn index_of(&self, truth: Truth) -> Option<usize> {
        let class = match truth {
            Truth::To(project) => Some(project),
            Truth::Nowhere => None,
            Truth::NotTo(_) | Truth::Unsaid(_) => return None,
        };
        self.classes.iter().position(|known| *known == class)
    }

    /// Writes the model down.
    ///
    /// # Errors
    ///
    /// [`ModelError`] when memory does not suffice.
    pub fn export(&self) -> Result<Vec<u8>, ModelError> {
        postcard::to_allocvec(&(FORM, self)).map_err(ModelError::Unwritable)
    }

    /// Reads a model that was written down.
    ///
    /// # Errors
    ///
    /// [`ModelError`] when it is none, or of another form.
    pub fn import(bytes: &[u8]) -> Result<Self, ModelError> {
        let (form, rest): (u32, _) =
            postcard::take_from_bytes(bytes).map_err(ModelError::Unreadable)?;
        if form != FORM {
            return Err(ModelError::Form { found: form });
        }
        let mut model: Self = postcard::from_bytes(rest).map_err(ModelError::Unreadable)?;
        model.restore();
        Ok(model)
    }

    /// Returns the number of a class, a new one if it is new.
    fn class(&mut self, class: Class) -> usize {
        if let Some(index) = self.classes.iter().position(|known| *known == class) {
            return index;
        }
        self.classes.push(class);
        self.margins.grow(self.classes.len());
        self.words.grow(self.classes.len());
        self.classes.len() - 1
    }

    /// Counts a mail into the histories; what it is not, they do not know.
    fn take_note(&mut self, item: &Features, lesson: Lesson) {
        let Lesson::Is(class) = lesson else { return };
        self.shares.add(class, item.at);
        self.senders.add(item.sender, class, item.at);
        self.subjects.add(item.subject, class, item.at);
        self.shapes.add(item.shape, class, item.at);
        self.groups.add(item.group, class, item.at);
        self.domains.add(item.domain, class, item.at);
        for recipient in &item.recipients {
            self.recipients.add(*recipient, class, item.at);
        }
        if let Some(message) = item.message {
            self.threads.insert(message, class);
        }
    }

    /// Takes a mail out of the histories.
    fn forget(&mut self, item: &Features, lesson: Lesson) {
        let Lesson::Is(class) = lesson else { return };
        self.shares.take(class, item.at);
        self.senders.take(item.sender, class, item.at);
        self.subjects.take(item.subject, class, item.at);
        self.shapes.take(item.shape, class, item.at);
        self.groups.take(item.group, class, item.at);
        self.domains.take(item.domain, class, item.at);
        for recipient in &item.recipients {
            self.recipients.take(*recipient, class, item.at);
        }
        if let Some(message) = item.message {
            self.threads.remove(&message);
        }
    }

    fn look_again(&mut self, index: usize) {
        let (item, lesson) = &self.mails[index];
        let mail = self.vocabulary.vector(item);
        self.margins.step(index, &mail, *lesson);
    }

    /// Weighs all terms again and passes over all mails.
    fn rebuild(&mut self) {
        self.rebuild_at = self.mails.len() + self.mails.len() / REBUILD_SHARE + FIRST_REBUILD;
        self.vocabulary.refresh();
        self.restore();
        for pass in 0..PASSES {
            // A walk by a step that shares no factor with the length meets every mail once.
            let length = self.mails.len();
            let stride = coprime(length, pair(5, length as u64, pass as u64));
            let mut index = 0;
            for _ in 0..length {
                self.look_again(index);
                index = (index + stride) % length;
            }
        }
    }

    /// Computes what follows from the mails and their duals.
    fn restore(&mut self) {
        self.taken_bytes = self.mails.iter().map(|(item, _)| item.stored_bytes()).sum();
        let vectors: Vec<Vector> =
            self.mails.iter().map(|(item, _)| self.vocabulary.vector(item)).collect();
        let lessons = self.mails.iter().map(|(_, lesson)| *lesson);
        self.margins.rebuild(vectors.iter().zip(lessons.clone()));
        self.neighbours = Neighbours::new();
        self.words.clear(self.classes.len());
        for (vector, lesson) in vectors.iter().zip(lessons) {
            self.neighbours.add(vector, lesson);
            if let Lesson::Is(class) = lesson {
                self.words.add(vector, class);
            }
        }
    }
}

/// Returns a step below `length` that shares no factor with it.
fn coprime(length: usize, seed: u64) -> usize {
    let start = usize::try_from(seed % length as u64).unwrap_or(0);
    (0..length).map(|by| (start + by) % length).find(|step| gcd(*step, length) == 1).unwrap_or(1)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
