//! What only a mail itself claims routes it nowhere (security notes, C7).
use super::{Signal, Verdict, is_believable};
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

/// Leaves a route to a person when the strongest evidence for it is worth nothing; pure.
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
    let (mut worthless, mut rest) = (None, 0.0_f64);
    for found in verdict.evidence.iter().filter(|found| found.project == project) {
        if doubts.concern(found.signal) || (found.signal == Signal::Quote && found.weight <= 0.0) {
            worthless = Some(worthless.unwrap_or(0.0_f64).max(found.weight));
        } else {
            rest = rest.max(found.weight);
        }
    }
    if imitates || worthless.is_some_and(|worthless| worthless >= rest) {
        let suggestion = Some(project);
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
