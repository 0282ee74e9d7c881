//! What only a mail itself claims routes it nowhere (security notes, C7).
use super::{Evidence, Signal, Verdict, is_believable};
use crate::{
    document::{DocumentState, Review, ReviewReason},
    mail::{Flag, Mail},
};

/// What is known of a mail that speaks against it.
#[derive(Clone, Copy, Debug)]
pub struct Doubts<'a> {
    /// The mail.
    pub mail: &'a Mail,
    /// Whether it names a thread in which its sender took no part.
    pub is_stranger: bool,
}

/// Leaves a route to a person when no evidence is for it, or the strongest is worth nothing; pure.
///
/// What is routed can be explained: where the classifier that was followed names nothing that speaks
/// for its choice, what the others named counts, and without any of that a person decides.
///
/// Worth nothing are a sender that was not confirmed, a thread of others, and what a language model
/// quotes from a mail that hides something or without grounds. Nor is a mail routed whose sender's
/// domain imitates one of a candidate, whoever of the classifiers noticed. So whoever tells a model
/// where to put his mail gets no further than a person.
#[must_use]
pub fn caution(
    state: DocumentState,
    verdict: &Verdict,
    others: &[Verdict],
    doubts: Doubts<'_>,
) -> DocumentState {
    let Some(project) = state.project() else { return state };
    let all = others.iter().chain([verdict]).flat_map(|verdict| &verdict.evidence);
    let imitates = all.into_iter().any(|found| found.signal == Signal::Imitation);
    let is_for = |found: &&Evidence| found.project == project;
    let mut of_project: Vec<&Evidence> = verdict.evidence.iter().filter(is_for).collect();
    if of_project.is_empty() {
        let of_others = others.iter().flat_map(|verdict| &verdict.evidence);
        of_project.extend(of_others.filter(is_for));
    }
    let suggestion = Some(project);
    if of_project.is_empty() {
        return DocumentState::NeedsReview(Review { reason: ReviewReason::NoEvidence, suggestion });
    }
    let (mut worthless, mut rest) = (None, 0.0_f64);
    for found in of_project {
        if doubts.concern(found.signal) || (found.signal == Signal::Quote && found.weight <= 0.0) {
            worthless = Some(worthless.unwrap_or(0.0_f64).max(found.weight));
        } else {
            rest = rest.max(found.weight);
        }
    }
    if imitates || worthless.is_some_and(|worthless| worthless >= rest) {
        return DocumentState::NeedsReview(Review { reason: ReviewReason::Suspicious, suggestion });
    }
    state
}

impl Doubts<'_> {
    /// Says whether evidence of a kind is only what the mail claims.
    fn concern(&self, signal: Signal) -> bool {
        match signal {
            Signal::Person | Signal::Domain | Signal::Sender | Signal::Recipients => {
                !is_believable(self.mail)
            }
            Signal::Thread => self.is_stranger,
            Signal::Quote => self.mail.flags.iter().any(Flag::is_suspicious),
            Signal::Code
            | Signal::NameInSubject
            | Signal::NameInText
            | Signal::Keyword
            | Signal::Subject
            | Signal::Words
            | Signal::Similar
            | Signal::Imitation => false,
        }
    }
}
