//! Which candidates are shown, and under which aliases (CLS-2).
use std::collections::BTreeSet;

use besunny_core::{classify::Verdict, mail::Mail, project::Project};
use sha2::{Digest, Sha256};

/// Words with fewer letters say little about a project.
const TELLING: usize = 4;
/// A word of the description is worth less than anything the rules know.
const WORD_SCORE: f64 = 0.05;

/// The candidates that are shown, in an order that a sender cannot know.
#[derive(Debug)]
pub(super) struct Lineup<'a> {
    shown: Vec<&'a Project>,
}

impl<'a> Lineup<'a> {
    /// Takes at most `most` candidates, those first for which most speaks.
    ///
    /// Their order follows from mail and candidates, so that the same question is the same ask; what
    /// a mail says about an alias hits a project at random.
    pub(super) fn new(
        candidates: &'a [Project],
        mail: &Mail,
        rules: &Verdict,
        most: usize,
    ) -> Self {
        let mut shown: Vec<&Project> = candidates.iter().collect();
        if shown.len() > most {
            let words = telling([mail.subject_text(), mail.text.expose()]);
            let score = |project: &Project| {
                let known = telling(about(project));
                rated(rules, project) + known.intersection(&words).count() as f64 * WORD_SCORE
            };
            let mut scored: Vec<(f64, &Project)> =
                shown.into_iter().map(|project| (score(project), project)).collect();
            scored.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(one.id.cmp(&other.id)));
            shown = scored.into_iter().take(most).map(|(_, project)| project).collect();
        }
        shown.sort_by_cached_key(|project| place(project, mail));
        Self { shown }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    pub(super) fn projects(&self) -> impl Iterator<Item = &'a Project> {
        self.shown.iter().copied()
    }

    pub(super) fn project(&self, place: usize) -> Option<&'a Project> {
        self.shown.get(place).copied()
    }

    /// Lists the aliases, in order.
    pub(super) fn aliases(&self) -> impl Iterator<Item = String> {
        (1..=self.shown.len()).map(|number| format!("P{number}"))
    }

    /// Returns whom an alias stands for.
    pub(super) fn place(&self, alias: &str) -> Option<usize> {
        self.aliases().position(|known| known == alias)
    }
}

/// Returns what a project is known by, besides its name.
pub(super) fn about(project: &Project) -> impl Iterator<Item = &str> {
    let keywords = project.signals.keywords.iter().map(String::as_str);
    std::iter::once(project.description.as_str()).chain(keywords)
}

/// Returns the words that say something, in lower case.
pub(super) fn telling<'t>(texts: impl IntoIterator<Item = &'t str>) -> BTreeSet<String> {
    let words = texts.into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.filter(|word| word.chars().count() >= TELLING).map(str::to_lowercase).collect()
}

/// Returns how sure the rules are of a project.
fn rated(rules: &Verdict, project: &Project) -> f64 {
    let best = rules.choice.map(|id| (id, rules.confidence));
    let others = rules.alternatives.iter().map(|other| (other.project, other.confidence));
    best.into_iter()
        .chain(others)
        .find(|(id, _)| *id == project.id)
        .map_or(0.0, |(_, confidence)| confidence)
}

fn place(project: &Project, mail: &Mail) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(project.id.as_bytes());
    for text in [mail.subject_text(), mail.author(), mail.text.expose()] {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}
