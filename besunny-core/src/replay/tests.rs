//! What is known of the past, and how decisions stand up to answers (ML-5).
use chrono::TimeDelta;

use super::*;
use crate::{
    document::{Decider, Review, Route},
    feedback::{Asking, RuleChange},
    ids::{CommitId, ProjectId, TenantId},
    label::Answer,
    promise::Promises,
    repository::{Learned, MadeBy},
    standing::{Match, NewRule, Says},
};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn user() -> UserId {
    UserId::derived(&[b"ann"])
}

fn rule(sender: &str, says: Says) -> StandingRule {
    let of = Match::Sender(format!("{sender}@example.org"));
    let wanted = NewRule { project: ProjectId::derived(&[b"p"]), says, of };
    StandingRule::new(TenantId::derived(&[b"t"]), wanted, (user(), user()), at(0)).unwrap()
}

fn past() -> Past {
    Past {
        projects: Vec::new(),
        rules: Vec::new(),
        acts: Vec::new(),
        labels: Vec::new(),
        models: Vec::new(),
    }
}

fn act(name: &str, second: i64, before: Option<StandingRule>, after: Option<StandingRule>) -> Act {
    let id = CommitId::derived(&[name.as_bytes()]);
    let asking = Asking { id, owner: user(), by: user(), at: at(second) };
    let mut act = Act::withdraw(asking, rule("x", Says::Never));
    act.rules = vec![RuleChange { before, after }];
    act
}

#[test]
fn ml_5_rules_are_those_that_held_then() {
    let (bob, eve) = (rule("bob", Says::Never), rule("eve", Says::Never));
    let always = rule("bob", Says::Always);
    assert_eq!(bob.id, always.id);
    let past = Past {
        rules: vec![eve.clone()],
        acts: vec![
            act("4", 40, Some(always.clone()), None),
            act("3", 30, None, Some(eve.clone())),
            act("2", 20, Some(bob.clone()), Some(always.clone())),
            act("1", 10, None, Some(bob.clone())),
        ],
        ..past()
    };
    for (second, mut want) in [
        (5, vec![]),
        (10, vec![]),
        (11, vec![bob]),
        (21, vec![always.clone()]),
        (31, vec![always, eve.clone()]),
        (41, vec![eve]),
    ] {
        want.sort_by_key(|rule| rule.id);
        assert_eq!(past.rules(at(second)), want, "{second}");
    }
}

fn decided(second: i64, known: Option<Known>) -> Decided {
    let document = DocumentId::derived(&[b"one"]);
    Decided {
        moment: crate::chronicle::Moment { at: at(second), received_at: at(0), document },
        version: 2,
        state: DocumentState::Pending,
        by: DecidedBy::Nobody,
        confidence: 0.0,
        known,
        trial: None,
        cost_micros: 0,
    }
}

fn label(seq: u64, second: i64, truth: Truth, by: Teacher) -> Label {
    let act = Some(CommitId::derived(&[&seq.to_be_bytes()]));
    let document = DocumentId::derived(&[b"one"]);
    Label { seq, at: at(second), answer: Answer { document, truth, by, said: Vec::new(), act } }
}

fn model(version: u32, made_by: MadeBy, parent: Option<u32>, seq: u64) -> ModelRecord {
    // Version n is made after n answers; one that goes back has learned what its parent had.
    let learned = match made_by {
        MadeBy::Learning => seq,
        MadeBy::RollingBack => parent.map_or(0, u64::from),
    };
    ModelRecord {
        version,
        parent,
        made_by,
        learner: "test/1".to_owned(),
        seq,
        learned: Learned::default().then(0, learned),
        promises: Promises::default(),
        sha256: [0; 32],
        size_bytes: 0,
        made_at: at(i64::from(version) * 10),
    }
}

#[test]
fn ml_5_what_was_known_is_what_was_recorded_or_was_said_before() {
    let person = Teacher::Person(user());
    let past = Past {
        labels: (1..4)
            .map(|n| label(n, 5 + 10 * n.cast_signed(), Truth::Nowhere, person))
            .collect(),
        models: vec![
            model(3, MadeBy::RollingBack, Some(1), 3),
            model(2, MadeBy::Learning, Some(1), 2),
            model(1, MadeBy::Learning, None, 1),
        ],
        ..past()
    };
    let recorded = Known { version: Some(1), answers: 2 };
    for (second, known, want) in [
        (40, Some(recorded), recorded),
        (10, None, Known { version: None, answers: 0 }),
        (15, None, Known { version: Some(1), answers: 0 }),
        (16, None, Known { version: Some(1), answers: 1 }),
        (99, None, Known { version: Some(3), answers: 3 }),
    ] {
        assert_eq!(past.known(&decided(second, known)), want, "{second}");
    }
    // Version 3 is as version 1 and stands at the end of the log: it was taught one answer.
    for (version, answers, want) in [(2, 1, true), (2, 2, false), (3, 1, false), (3, 0, true)] {
        let known = Known { version: None, answers };
        assert_eq!(past.knew_later(version, known), want, "{version} {answers}");
    }
}

#[test]
fn ml_5_an_answer_is_what_a_person_said_and_did_not_take_back() {
    let (here, there) = (ProjectId::derived(&[b"a"]), ProjectId::derived(&[b"b"]));
    let person = Teacher::Person(user());
    let first = CommitId::derived(&[&1_u64.to_be_bytes()]);
    let past = Past {
        labels: vec![
            label(1, 1, Truth::To(here), person),
            label(2, 2, Truth::To(there), Teacher::Consent),
            label(3, 3, Truth::Unsaid(first), person),
            label(4, 4, Truth::NotTo(there), person),
        ],
        ..past()
    };
    let answers = past.answers();
    for (known, want) in [(0, Some(Truth::NotTo(there))), (3, Some(Truth::NotTo(there))), (4, None)]
    {
        let known = Known { version: None, answers: known };
        let said = answers.since(DocumentId::derived(&[b"one"]), known);
        assert_eq!(said, want, "{known:?}");
    }
}

#[test]
fn ml_5_only_what_was_decided_is_right_or_wrong() {
    let (here, there) = (ProjectId::derived(&[b"a"]), ProjectId::derived(&[b"b"]));
    let routed = |project| {
        let by = Decider::Classifier("m".to_owned());
        DocumentState::Routed(Route { project, by, confidence: 0.9 })
    };
    let review = |reason| DocumentState::NeedsReview(Review { reason, suggestion: Some(here) });
    for (state, truth, want) in [
        (routed(here), Truth::To(here), Some(true)),
        (routed(there), Truth::To(here), Some(false)),
        (routed(here), Truth::Nowhere, Some(false)),
        (routed(there), Truth::NotTo(here), None),
        (review(ReviewReason::BelowThreshold), Truth::To(here), None),
        (review(ReviewReason::Nowhere), Truth::Nowhere, Some(true)),
        (review(ReviewReason::Nowhere), Truth::To(here), Some(false)),
    ] {
        assert_eq!(is_right(&state, truth), want, "{state:?} {truth:?}");
    }
}
