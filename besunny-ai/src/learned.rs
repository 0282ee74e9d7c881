//! One tenant's model: learns each answer at once, and says a probability with every choice.
//!
//! 1. `features` turns a mail into terms and keys; `vocabulary` weighs terms by how rare they are.
//! 2. Five things speak for each project: a linear margin (`margins`), where earlier mails of the
//!    same people, subject and thread went (`histories`), the mails most like this one
//!    (`neighbours`), the words the project is made of (`words`), and what was thought of the
//!    thread's mails that wait for an answer (`pending`).
//! 3. `blend` learns how much each of them is worth; `judge` learns how often such a choice was right.
//!
//! Steps 2 and 3 learn from different mails: a prediction is made before its answer is known, and
//! only such predictions teach the blend and the judge. That is why the confidence can be believed.
//!
//! The same history gives the same model, bit by bit, on the same machine.
use std::collections::BTreeMap;

use besunny_core::ids::ProjectId;
use serde::{Deserialize, Serialize};

mod blend;
mod features;
mod fit;
mod histories;
mod judge;
mod margins;
mod neighbours;
mod pending;
mod vocabulary;
mod words;

pub use features::Features;

use self::{
    blend::{Blend, Evidence},
    features::pair,
    fit::{log_odds, softmax},
    histories::{Histories, Tally},
    judge::{Judge, Signs},
    margins::Margins,
    neighbours::{Neighbours, Vote},
    pending::Pending,
    vocabulary::{Vector, Vocabulary},
    words::Words,
};

/// Changes whenever a stored model would be misread.
const FORM: u32 = 2;
/// With each new mail so many old ones are looked at again.
const REPLAYED: usize = 30;
/// After the mails have grown by a quarter, terms are weighed again and the margins brought up to it.
const REBUILD_SHARE: usize = 4;
const FIRST_REBUILD: usize = 20;
/// Passes over all mails after a rebuild.
const PASSES: usize = 3;
/// The blend and the judge are fitted again after so many judged predictions.
const REFIT: u32 = 100;
/// Makes margins comparable with the other evidence: half a margin is a clear lead.
const SHARPNESS: f64 = 4.0;
/// No evidence is stronger than one in ten thousand.
const FAINT: f64 = 1e-4;
/// A sender or receiver files as usual until one mail says otherwise.
const DOUBT: f64 = 1.0;
/// The same subject says more than the same sender.
const SUBJECT_DOUBT: f64 = 0.5;

/// A project, or none: the mail belongs to no project.
pub type Class = Option<ProjectId>;

/// What a tenant's corrections and choices have taught.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Learned {
    classes: Vec<Class>,
    mails: Vec<(Features, usize)>,
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
    #[serde(skip)]
    pending: Pending,
    threads: BTreeMap<u64, usize>,
    shares: Tally,
    blend: Blend,
    judge: Judge,
    judged: u32,
    rebuild_at: usize,
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
    own: f64,
    ranked: Vec<(usize, Evidence)>,
    signs: Signs,
    records: Records,
}

/// The records that a choice belongs to: its project with its sender, with the next best, its sender, its project.
type Records = [u64; 4];

impl Prediction {
    /// Returns every class with the chance that the model itself sees.
    fn chances(&self) -> impl Iterator<Item = (Class, f64)> + '_ {
        std::iter::once((self.choice, self.own)).chain(self.alternatives.iter().copied())
    }
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            mails: Vec::new(),
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
            pending: Pending::default(),
            threads: BTreeMap::new(),
            shares: Tally::default(),
            blend: Blend::new(),
            judge: Judge::default(),
            judged: 0,
            rebuild_at: FIRST_REBUILD,
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
        if self.classes.len() < 2 {
            return None;
        }
        let view = View::new(self, item);
        let chances = self.blend.chances(&view.evidence);
        let mut order: Vec<usize> = (0..self.classes.len()).collect();
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
            own: chances[best],
            confidence: self.judge.chance(&signs, chances[best]),
            alternatives: order[1..].iter().map(other).collect(),
            ranked: order.into_iter().map(|class| (class, view.evidence[class])).collect(),
            signs,
            records,
        })
    }

    /// Remembers what was thought of a mail whose answer is not known yet.
    ///
    /// Later mails of its thread are judged together with it, until it is [learned](Self::learn).
    pub fn remember(&mut self, item: &Features, prediction: &Prediction) {
        let chances: Vec<(Class, f64)> = prediction.chances().collect();
        if let Some(message) = item.message {
            self.pending.put(message, chances.clone());
        }
        self.pending.put(pair(7, item.subject, 0), chances);
    }

    /// Learns where a mail belongs.
    pub fn learn(&mut self, item: Features, class: Class) {
        let class = self.class(class);
        self.vocabulary.add(&item);
        self.take_note(&item, class);
        let mail = self.vocabulary.vector(&item);
        self.neighbours.add(&mail, class, &self.vocabulary);
        self.words.add(&mail, class);
        self.margins.add();
        self.mails.push((item, class));
        let newest = self.mails.len() - 1;
        self.margins.step(newest, &mail, class);
        for turn in 0..REPLAYED.min(newest) {
            let old = pair(4, newest as u64, turn as u64) % self.mails.len() as u64;
            self.look_again(usize::try_from(old).unwrap_or(newest));
        }
        if self.mails.len() >= self.rebuild_at {
            self.rebuild();
        }
    }

    /// Learns whether a prediction was right.
    ///
    /// The prediction must have been made before its mail was learned; the confidence of later ones
    /// rests on that.
    pub fn judge(&mut self, prediction: &Prediction, truth: Class) {
        let is_right = prediction.choice == truth;
        self.judge.remember(prediction.signs, &prediction.records, is_right);
        if let Some(truth) = self.classes.iter().position(|class| *class == truth) {
            self.blend.remember(&prediction.ranked, truth);
        }
        self.judged += 1;
        if self.judged.is_multiple_of(REFIT) {
            self.blend.fit();
            self.judge.fit();
        }
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

    /// Returns the mean lift of the receivers that are known.
    fn of_recipients(&self, item: &Features, shares: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; shares.len()];
        let mut known = 0.0;
        for recipient in &item.recipients {
            let (lift, count) = self.recipients.lift(*recipient, shares, item.at, DOUBT);
            if count > 0.0 {
                known += 1.0;
                for (sum, lift) in sum.iter_mut().zip(lift) {
                    *sum += lift;
                }
            }
        }
        for sum in &mut sum {
            *sum /= f64::max(known, 1.0);
        }
        sum
    }

    /// Returns each class's share of the thread's earlier mails.
    fn of_thread(&self, item: &Features) -> Vec<f64> {
        let mut shares = vec![0.0; self.classes.len()];
        let known: Vec<usize> =
            item.earlier.iter().filter_map(|id| self.threads.get(id).copied()).collect();
        for class in &known {
            shares[*class] += 1.0 / known.len() as f64;
        }
        shares
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

    fn take_note(&mut self, item: &Features, class: usize) {
        self.shares.add(class, item.at);
        self.senders.add(item.sender, class, item.at);
        self.subjects.add(item.subject, class, item.at);
        self.shapes.add(item.shape, class, item.at);
        self.groups.add(item.group, class, item.at);
        self.domains.add(item.domain, class, item.at);
        self.pending.settle(pair(7, item.subject, 0));
        for recipient in &item.recipients {
            self.recipients.add(*recipient, class, item.at);
        }
        if let Some(message) = item.message {
            self.threads.insert(message, class);
            self.pending.settle(message);
        }
    }

    fn look_again(&mut self, index: usize) {
        let (item, class) = &self.mails[index];
        let mail = self.vocabulary.vector(item);
        self.margins.step(index, &mail, *class);
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
        let vectors: Vec<Vector> =
            self.mails.iter().map(|(item, _)| self.vocabulary.vector(item)).collect();
        let classes = self.mails.iter().map(|(_, class)| *class);
        self.margins.rebuild(vectors.iter().zip(classes.clone()));
        self.neighbours = Neighbours::new();
        self.words.clear(self.classes.len());
        for (vector, class) in vectors.iter().zip(classes) {
            self.words.add(vector, class);
            self.neighbours.add(vector, class, &self.vocabulary);
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

/// Everything that speaks for each class of one mail.
struct View {
    evidence: Vec<Evidence>,
    margins: Vec<f32>,
    known: f64,
    sender_count: f64,
    subject_count: f64,
}

impl View {
    fn new(model: &Learned, item: &Features) -> Self {
        let count = model.classes.len();
        let mail = model.vocabulary.vector(item);
        let margins = model.margins.of(&mail);
        let sharp: Vec<f64> = margins.iter().map(|m| f64::from(*m) * SHARPNESS).collect();
        let likely = softmax(&sharp);
        let shares = model.shares.shares(count, item.at);
        let lift = |of: &Histories, key, doubt| of.lift(key, &shares, item.at, doubt);
        let (sender, sender_count) = lift(&model.senders, item.sender, DOUBT);
        let (subject, subject_count) = lift(&model.subjects, item.subject, SUBJECT_DOUBT);
        let recipients = model.of_recipients(item, &shares);
        let thread = model.of_thread(item);
        let Vote { nearest, share } = model.neighbours.vote(&mail, count, &model.vocabulary);
        let pending_thread = model.pending.of(item.earlier.iter().copied(), &model.classes);
        let same = pair(7, item.subject, 0);
        let pending_subject = model.pending.of(std::iter::once(same), &model.classes);
        let words = model.words.likeness(&mail);
        let (shape, _) = lift(&model.shapes, item.shape, SUBJECT_DOUBT);
        let (group, _) = lift(&model.groups, item.group, SUBJECT_DOUBT);
        let (domain, _) = lift(&model.domains, item.domain, DOUBT);
        let evidence = |class: usize| {
            let days = model.shares.days_since(class, item.at);
            [
                f64::from(margins[class]),
                likely[class].max(FAINT).ln(),
                sender[class],
                subject[class],
                recipients[class],
                thread[class],
                shares[class].ln(),
                nearest[class],
                share[class],
                days.ln_1p(),
                pending_thread[class],
                pending_subject[class],
                words[class],
                shape[class],
                group[class],
                domain[class],
            ]
        };
        let evidence = (0..count).map(evidence).collect();
        let known = model.vocabulary.known(item);
        Self { evidence, margins, known, sender_count, subject_count }
    }

    /// Returns what the judge looks at.
    fn signs(
        &self,
        model: &Learned,
        chances: &[f64],
        (best, second): (usize, usize),
        records: Records,
    ) -> Signs {
        let mut margins: Vec<f64> = self.margins.iter().map(|margin| f64::from(*margin)).collect();
        let of_best = margins[best];
        margins.sort_by(|a, b| b.total_cmp(a));
        let agrees = of_best >= margins[0];
        let lead = (chances[best] / chances[second].max(1e-6)).ln();
        [
            1.0,
            log_odds(chances[best]),
            lead.min(8.0),
            margins[0] - margins[1],
            margins[0],
            f64::from(u8::from(agrees)),
            self.sender_count.ln_1p(),
            self.subject_count.ln_1p(),
            self.known,
            model.judge.record(records[3]),
            self.evidence[best][7],
            self.evidence[best][8],
            self.evidence[best][2].clamp(-3.0, 5.0),
            model.judge.record(records[0]),
            model.judge.record(records[1]),
            model.judge.record(records[2]),
        ]
    }
}

#[cfg(test)]
mod tests;
