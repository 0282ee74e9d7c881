//! The order of the cascade, as a table.
use chrono::DateTime;

use super::*;
use crate::{
    classify::{Evidence, Making},
    document::{Document, DocumentKind},
    ids::{DocumentId, TenantId, UserId},
    mail::{self, Caps},
    repository::ThreadMember,
    untrusted::Untrusted,
};

fn project(name: &str) -> Project {
    let (tenant, owner) = (TenantId::derived(&[b"t"]), UserId::derived(&[b"u"]));
    Project::new(tenant, owner, name, DateTime::UNIX_EPOCH).unwrap()
}

fn id(name: &str) -> ProjectId {
    project(name).id
}

fn verdict(who: &str, choice: Option<&str>, confidence: f64) -> Verdict {
    Verdict {
        classifier: who.to_owned(),
        choice: choice.map(id),
        confidence,
        evidence: Vec::new(),
        alternatives: Vec::new(),
        made: Making::default(),
    }
}

fn rules(choice: Option<&str>, confidence: f64) -> Verdict {
    verdict("rules", choice, confidence)
}

/// A model that may be taken from `project` on.
fn learned(choice: Option<&str>, confidence: f64, project: f64) -> Opinion {
    let threshold = Threshold { none: project, project };
    let verdict = verdict("learned", choice, confidence);
    Opinion { verdict, promised: 0.95, threshold, known: FEW }
}

const NEVER: f64 = f64::INFINITY;

fn with_code(mut verdict: Verdict) -> Verdict {
    verdict.evidence.push(Evidence {
        project: verdict.choice.unwrap(),
        signal: Signal::Code,
        quote: Untrusted::new("HBR-1".to_owned()),
        weight: Signal::Code.weight(),
        earlier: None,
    });
    verdict
}

fn on_bench<T>(thread: &[ThreadMember], with: impl FnOnce(Bench<'_>) -> T) -> T {
    let document = Document {
        id: DocumentId::derived(&[b"d"]),
        version: 1,
        owner: UserId::derived(&[b"u"]),
        kind: DocumentKind::Email,
        title: Untrusted::new(String::new()),
        author: Untrusted::new(String::new()),
        received_at: DateTime::UNIX_EPOCH,
        stored_at: DateTime::UNIX_EPOCH,
        state: DocumentState::Pending,
        removed_at: None,
    };
    let mail = mail::read(b"Subject: x\n\nx", &Caps::default()).unwrap();
    let question = Question { document: &document, mail: &mail, thread };
    let (candidates, settings) = ([project("harbour"), project("library")], Settings::default());
    with(Bench { question: &question, candidates: &candidates, settings: &settings })
}

fn conclude(rules: Verdict, opinion: Option<Opinion>, thread: &[ThreadMember]) -> Conclusion {
    on_bench(thread, |bench| bench.conclude(rules, opinion))
}

fn shown(concluded: &Conclusion) -> String {
    let name = |id: ProjectId| {
        ["harbour", "library"].into_iter().find(|name| self::id(name) == id).unwrap_or("?")
    };
    let what = match &concluded.state {
        DocumentState::Pending | DocumentState::NoProject { .. } => "undecided".to_owned(),
        DocumentState::Routed(route) => name(route.project).to_owned(),
        DocumentState::NeedsReview(review) => {
            format!("{:?} {}", review.reason, review.suggestion.map_or("-", name))
        }
    };
    format!("{:?}: {what}", concluded.ruling.stage)
}

#[test]
fn cls_7_each_stage_in_its_turn() {
    let (harbour, library) = (Some("harbour"), Some("library"));
    let few = |opinion: Opinion| Opinion { known: FEW - 1, ..opinion };
    let rows = [
        // Without a model everything is as the rules say.
        (rules(harbour, 0.9), None, "Rules: harbour"),
        (rules(harbour, 0.7), None, "Abstained: BelowThreshold harbour"),
        (rules(None, 0.0), None, "Abstained: NoEvidence -"),
        // Hard evidence comes first, and a model that is sure comes before the rules.
        (
            with_code(rules(harbour, 0.97)),
            Some(learned(library, 0.99, 0.9)),
            "HardEvidence: harbour",
        ),
        (rules(harbour, 0.9), Some(learned(library, 0.95, 0.9)), "Learned: library"),
        (rules(harbour, 0.9), Some(learned(None, 0.95, 0.9)), "Learned: Nowhere -"),
        (rules(None, 0.0), Some(learned(Some("gone"), 0.95, 0.9)), "Learned: NoEvidence -"),
        // Against the rules the promised precision itself is needed, however low the threshold.
        (rules(harbour, 0.9), Some(learned(library, 0.94, 0.5)), "Abstained: Ambiguous library"),
        (rules(harbour, 0.9), Some(learned(library, 0.4, 0.3)), "Abstained: Ambiguous library"),
        (
            rules(harbour, 0.9),
            Some(few(learned(library, 0.4, 0.3))),
            "Abstained: Ambiguous library",
        ),
        (rules(harbour, 0.9), Some(learned(library, 0.95, 0.5)), "Learned: library"),
        (rules(harbour, 0.9), Some(learned(harbour, 0.6, 0.5)), "Learned: harbour"),
        (rules(harbour, 0.7), Some(learned(library, 0.6, 0.5)), "Learned: library"),
        (rules(harbour, 0.9), Some(learned(None, 0.6, 0.5)), "Learned: Nowhere -"),
        // A model that knows enough and is not sure is not overruled.
        (
            rules(harbour, 0.9),
            Some(learned(harbour, 0.8, 0.9)),
            "Abstained: BelowThreshold harbour",
        ),
        (rules(harbour, 0.9), Some(learned(library, 0.8, 0.9)), "Abstained: Ambiguous library"),
        (rules(harbour, 0.9), Some(few(learned(harbour, 0.8, 0.9))), "Rules: harbour"),
        (rules(harbour, 0.9), Some(few(learned(library, 0.4, 0.9))), "Rules: harbour"),
        (
            rules(harbour, 0.9),
            Some(few(learned(library, 0.6, 0.9))),
            "Abstained: Ambiguous library",
        ),
        // Nothing may be taken yet: the rules decide, unless what was learned contradicts them.
        (rules(harbour, 0.9), Some(learned(harbour, 1.0, NEVER)), "Rules: harbour"),
        (rules(harbour, 0.9), Some(learned(library, 0.5, NEVER)), "Rules: harbour"),
        (rules(harbour, 0.9), Some(learned(library, 0.6, NEVER)), "Abstained: Ambiguous library"),
        (rules(harbour, 0.9), Some(learned(None, 0.6, NEVER)), "Abstained: Ambiguous harbour"),
        // The better suggestion.
        (
            rules(harbour, 0.7),
            Some(learned(library, 0.6, NEVER)),
            "Abstained: BelowThreshold library",
        ),
        (
            rules(harbour, 0.7),
            Some(learned(library, 0.4, NEVER)),
            "Abstained: BelowThreshold harbour",
        ),
        (rules(None, 0.0), Some(learned(library, 0.4, NEVER)), "Abstained: BelowThreshold library"),
    ];
    for (rules, opinion, want) in rows {
        let concluded = conclude(rules.clone(), opinion.clone(), &[]);
        assert_eq!(shown(&concluded), want, "{rules:?} {opinion:?}");
        assert_eq!(concluded.ruling.others.len(), usize::from(opinion.is_some()));
    }
}

#[test]
fn cls_7_what_would_have_been_enough_is_said_of_a_model_that_contradicts_the_rules() {
    let (rules, model) = (rules(Some("harbour"), 0.9), learned(Some("library"), 0.8, 0.5));
    let concluded = conclude(rules, Some(model), &[]);
    assert_eq!((concluded.ruling.needed, concluded.ruling.promised), (Some(0.95), Some(0.95)));
}

#[test]
fn cls_7_a_thread_is_hard_evidence_when_it_went_there_surely() {
    let member = |n: u8, project: &str, confidence| ThreadMember {
        message_id: Untrusted::new(String::new()),
        document: DocumentId::derived(&[&[n]]),
        project: Some(id(project)),
        confidence: Some(confidence),
    };
    let rows = [
        (vec![member(1, "harbour", 1.0)], "HardEvidence: harbour"),
        (vec![member(1, "harbour", 0.95), member(2, "harbour", 0.8)], "HardEvidence: harbour"),
        (vec![member(1, "harbour", 0.9)], "Learned: library"),
        (vec![member(1, "harbour", 1.0), member(2, "library", 1.0)], "Learned: library"),
    ];
    for (thread, want) in rows {
        let concluded = conclude(
            rules(Some("harbour"), 0.97),
            Some(learned(Some("library"), 0.99, 0.9)),
            &thread,
        );
        assert_eq!(shown(&concluded), want, "{thread:?}");
    }
}

#[test]
fn cls_7_a_second_classifier_decides_only_by_its_own_promise() {
    let rows = [
        (Some("library"), 0.95, 0.9, "Language: library"),
        (Some("library"), 0.95, NEVER, "Abstained: BelowThreshold library"),
        // The rules were surer of theirs.
        (Some("library"), 0.6, NEVER, "Abstained: BelowThreshold harbour"),
        (None, 0.95, NEVER, "Abstained: BelowThreshold harbour"),
        (Some("gone"), 0.95, NEVER, "Abstained: BelowThreshold harbour"),
        (None, 0.95, 0.9, "Language: Nowhere -"),
    ];
    for (choice, confidence, at, want) in rows {
        let first = conclude(rules(Some("harbour"), 0.7), None, &[]);
        assert!(first.is_open());
        let second = learned(choice, confidence, at);
        let concluded = on_bench(&[], |bench| bench.reconsider(first, second));
        assert_eq!(shown(&concluded), want, "{choice:?} {confidence} {at}");
        assert_eq!(concluded.ruling.others.len(), 1);
    }
}
