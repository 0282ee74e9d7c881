//! Why a document is where it is, in sentences.
use besunny::core::classify::{Earlier, Evidence, Ruling, Signal, Stage, Unheard, Verdict};

use crate::web::instant::percent;

/// Above this a confidence is called high (CLS-4).
const HIGH: f64 = 0.8;
/// Above this it is called medium.
const MEDIUM: f64 = 0.6;

/// Names a confidence for people.
pub(super) const fn band(confidence: f64) -> &'static str {
    if confidence > HIGH {
        "high"
    } else if confidence > MEDIUM {
        "medium"
    } else {
        "low"
    }
}

/// Says who should have been asked too, and could not be.
pub(super) fn unheard(Unheard { why, is_out }: &Unheard) -> String {
    if *is_out {
        format!(
            "A classifier that is asked next was out of reach; it is asked again. The reason: {why}."
        )
    } else {
        format!("A classifier that is asked next gave no answer of use. The reason: {why}.")
    }
}

/// Says why a verdict was followed, or was not.
pub(super) fn decided(verdict: &Verdict, ruling: &Ruling) -> String {
    let sure = percent(verdict.confidence);
    let of_past = |needed, promised| {
        format!(
            "Sure to {sure}. From {} on, at least {} of past choices were right.",
            percent(needed),
            percent(promised)
        )
    };
    match (ruling.stage, ruling.needed, ruling.promised) {
        (Stage::HardEvidence, ..) => {
            "Its conversation is there already, or it names the project's code.".to_owned()
        }
        (Stage::Learned | Stage::Language, Some(needed), Some(promised)) => {
            of_past(needed, promised)
        }
        (Stage::Rules, Some(needed), _) => {
            format!("Sure to {sure} by fixed rules, which need {}.", percent(needed))
        }
        (Stage::Learned | Stage::Language | Stage::Rules, ..) => format!("Sure to {sure}."),
        (Stage::Abstained, Some(needed), _) => {
            format!("Sure to {sure}, and {} are needed.", percent(needed))
        }
        (Stage::Abstained, None, _) => {
            format!("Sure to {sure}; too few answers so far to say how much is enough.")
        }
    }
}

/// Says what spoke for a project.
pub(super) fn evidence(found: &Evidence, project: &str) -> String {
    let quote = found.quote.expose();
    let earlier = |what: &str| found.earlier.map(|earlier| went(earlier, what, project));
    let counted = match found.signal {
        Signal::Sender => earlier("mails of this sender"),
        Signal::Recipients => earlier(&format!("mails to {quote}")),
        Signal::Subject => earlier("mails with this subject"),
        Signal::Thread => earlier("mails of this conversation"),
        Signal::Similar => earlier("mails most like it"),
        Signal::Code
        | Signal::NameInSubject
        | Signal::NameInText
        | Signal::Person
        | Signal::Domain
        | Signal::Keyword
        | Signal::Words
        | Signal::Quote
        | Signal::Imitation => None,
    };
    counted.unwrap_or_else(|| match found.signal {
        Signal::Code => format!("It names the code {quote}."),
        Signal::NameInSubject => format!("Its subject names {quote}."),
        Signal::NameInText => format!("Its text names {quote}."),
        Signal::Person => format!("{quote} works on {project}."),
        Signal::Domain => format!("It went to or from {quote}, as mails of {project} do."),
        Signal::Keyword => format!("It says \u{201c}{quote}\u{201d}, a word of {project}."),
        Signal::Words => format!("It says \u{201c}{quote}\u{201d}, as mails of {project} do."),
        Signal::Quote => format!("A language model points at \u{201c}{quote}\u{201d}."),
        Signal::Imitation => {
            format!("{quote} looks like an address of {project}, and is of another domain.")
        }
        Signal::Sender
        | Signal::Recipients
        | Signal::Subject
        | Signal::Thread
        | Signal::Similar => quote.clone(),
    })
}

/// Says where earlier mails went, of those that a person, or the silence after a route, has answered.
fn went(Earlier { here, all }: Earlier, what: &str, project: &str) -> String {
    match (here, all) {
        (1, 1) => {
            let one = what.replacen("mails", "mail", 1);
            format!("The only {one} that was answered is in {project}.")
        }
        (here, all) if here == all => {
            format!("All {all} {what} that were answered are in {project}.")
        }
        (here, all) => format!("{here} of {all} {what} that were answered are in {project}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cls_7_counts_are_sentences() {
        let rows = [
            ((1, 1), "The only mail of this sender that was answered is in Harbour."),
            ((8, 8), "All 8 mails of this sender that were answered are in Harbour."),
            ((7, 8), "7 of 8 mails of this sender that were answered are in Harbour."),
        ];
        for ((here, all), want) in rows {
            let found = went(Earlier { here, all }, "mails of this sender", "Harbour");
            assert_eq!(found, want);
        }
    }

    #[test]
    fn cls_4_bands_are_labels() {
        assert_eq!([0.81, 0.8, 0.61, 0.6].map(band), ["high", "medium", "medium", "low"]);
    }
}
