//! The learned mails most like a new one, found by the rare terms they share.
use super::{
    features::TERMS,
    margins::Lesson,
    vocabulary::{Vector, Vocabulary},
};

/// Terms in more than this share of the mails join too many to be worth following.
const COMMON: f32 = 0.2;
/// So many of the most similar mails vote.
const VOTERS: usize = 10;

/// For each term the mails that have it; those of common ones are not asked.
#[derive(Clone, Debug)]
pub(super) struct Neighbours {
    mails: Vec<Vec<(u32, f32)>>,
    lessons: Vec<Lesson>,
}

/// What the neighbours of one mail say, for each class.
#[derive(Clone, Debug)]
pub(super) struct Vote {
    /// How like the nearest mail of the class is, from 0 to 1.
    pub(super) nearest: Vec<f64>,
    /// The class's share among the most similar mails.
    pub(super) share: Vec<f64>,
    /// How many of the most similar mails are of the class.
    pub(super) voters: Vec<u32>,
}

impl Neighbours {
    pub(super) fn new() -> Self {
        Self { mails: vec![Vec::new(); TERMS], lessons: Vec::new() }
    }

    pub(super) fn add(&mut self, mail: &Vector, lesson: Lesson) {
        let Ok(index) = u32::try_from(self.lessons.len()) else { return };
        self.lessons.push(lesson);
        for (term, weight) in mail {
            self.mails[usize::from(*term)].push((index, *weight));
        }
    }

    pub(super) fn vote(&self, mail: &Vector, classes: usize, vocabulary: &Vocabulary) -> Vote {
        let mut likeness = vec![0.0_f32; self.lessons.len()];
        for (term, weight) in mail {
            if vocabulary.is_rarer(*term, COMMON) {
                for (index, other) in &self.mails[usize::from(*term)] {
                    likeness[*index as usize] += weight * other;
                }
            }
        }
        let mut nearest = vec![0.0_f64; classes];
        let mut best: Vec<(f32, usize)> = Vec::with_capacity(VOTERS + 1);
        for (index, like) in likeness.iter().enumerate().filter(|(_, like)| **like > 0.0) {
            // What a mail is not says little about where it is.
            let Lesson::Is(class) = self.lessons[index] else { continue };
            nearest[class] = nearest[class].max(f64::from(*like));
            // Of two that are as like, the newer one votes.
            if best.len() < VOTERS || best.last().is_some_and(|(least, _)| like >= least) {
                let at = best.partition_point(|(other, _)| other > like);
                best.insert(at, (*like, class));
                best.truncate(VOTERS);
            }
        }
        let mut share = vec![0.0; classes];
        let all: f64 = best.iter().map(|(like, _)| f64::from(like * like)).sum();
        let mut voters = vec![0; classes];
        for (like, class) in best {
            share[class] += f64::from(like * like) / all;
            voters[class] += 1;
        }
        Vote { nearest, share, voters }
    }
}
