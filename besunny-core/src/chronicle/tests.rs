//! Where documents stood, and what the engine decided in which order (ML-5).
use chrono::TimeDelta;

use super::*;
use crate::{
    classify::{Making, Ruling, Verdict},
    document::{Decider, DocumentKind, Origin, Route},
    ids::{AccountId, CommitId, ProjectId, UserId},
    source::ItemId,
    untrusted::Untrusted,
};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn project(name: &str) -> ProjectId {
    ProjectId::derived(&[name.as_bytes()])
}

fn document(name: &str, received_at: i64) -> Document {
    Document {
        id: DocumentId::derived(&[name.as_bytes()]),
        version: 1,
        owner: UserId::derived(&[b"ann"]),
        kind: DocumentKind::Email,
        title: Untrusted::default(),
        author: Untrusted::default(),
        received_at: at(received_at),
        stored_at: at(0),
        state: DocumentState::Pending,
        removed_at: None,
    }
}

fn decided(to: &str) -> Fact {
    let by = Decider::Classifier("rules/1".to_owned());
    let state = DocumentState::Routed(Route { project: project(to), by, confidence: 0.9 });
    let verdict = Verdict {
        classifier: "rules/1".to_owned(),
        choice: Some(project(to)),
        confidence: 0.9,
        evidence: Vec::new(),
        alternatives: Vec::new(),
        made: Making { cost_micros: 3, ..Making::default() },
    };
    let other = Verdict { made: Making { cost_micros: 4, ..Making::default() }, ..verdict.clone() };
    let ruling = Ruling { others: vec![other], ..Ruling::default() };
    let (verdict, ruling) = (Box::new(verdict), Box::new(ruling));
    Fact::Decided { verdict, state, ruling, barred: Vec::new() }
}

/// Reads `second fact` lines: `stored`, `decided PROJECT`, `assigned PROJECT`, `undone`, `removed`.
fn history(document: &Document, script: &str) -> Vec<Entry> {
    let by = UserId::derived(&[b"ann"]);
    let act = CommitId::derived(&[b"act"]);
    let entry = |(version, line): (u64, &str)| {
        let (second, fact) = line.trim().split_once(' ').unwrap();
        let (name, to) = fact.split_once(' ').unwrap_or((fact, ""));
        let fact = match name {
            "stored" => {
                let (account, item) = (AccountId::derived(&[b"a"]), ItemId::from_source("i"));
                Fact::Stored { origin: Origin { account, item } }
            }
            "decided" => decided(to),
            "assigned" => Fact::Assigned { by, from: None, to: Some(project(to)), act: None },
            "undone" => Fact::Undone { by, undoes: act, state: DocumentState::Pending, act },
            _ => Fact::Removed,
        };
        Entry { document: document.id, version, at: at(second.parse().unwrap()), fact }
    };
    (1..).zip(script.split(';')).map(entry).collect()
}

#[test]
fn ml_5_what_came_later_is_not_known_before() {
    let mate = document("mate", 5);
    let mut chronicle = Chronicle::default();
    let script = "10 stored; 20 decided a; 30 removed; 40 assigned b; 50 undone; 50 decided c";
    chronicle.add(&mate, &history(&mate, script));
    let place = |second, received_at| {
        let moment =
            Moment { at: at(second), received_at: at(received_at), document: document("x", 0).id };
        let state = chronicle.before(&moment, mate.id);
        state.map_or("unknown".to_owned(), |state| match state.project() {
            Some(id) => ["a", "b", "c"].into_iter().find(|it| project(it) == id).unwrap().into(),
            None => state.as_str().to_owned(),
        })
    };
    for (second, received_at, want) in [
        (9, 9, "unknown"),
        (10, 9, "pending"),
        (19, 9, "pending"),
        // At one instant the mail that was received earlier is decided first.
        (20, 4, "pending"),
        (20, 9, "a"),
        (39, 9, "a"),
        // What a person says at the very instant is said later.
        (40, 9, "a"),
        (41, 9, "b"),
        (50, 9, "b"),
        (51, 9, "c"),
    ] {
        assert_eq!(place(second, received_at), want, "{second} {received_at}");
    }
}

#[test]
fn ml_5_decisions_are_in_the_order_in_which_they_were_made() {
    let mut chronicle = Chronicle::default();
    for (name, received_at, script) in [
        ("late", 9, "1 stored; 20 decided a"),
        ("twice", 7, "1 stored; 10 decided a; 15 undone; 30 decided b"),
        ("early", 3, "1 stored; 20 decided c; 25 assigned a"),
        ("waiting", 1, "1 stored"),
    ] {
        let document = document(name, received_at);
        chronicle.add(&document, &history(&document, script));
    }
    let (decisions, _) = chronicle.into_order();
    let seen: Vec<_> = decisions
        .iter()
        .map(|decided| {
            let names = ["late", "twice", "early"];
            let is_it = |name: &&str| document(name, 0).id == decided.moment.document;
            let name = names.into_iter().find(is_it).unwrap();
            (name, decided.moment.at.timestamp(), decided.version, decided.cost_micros)
        })
        .collect();
    let want = [("twice", 10, 2, 7), ("early", 20, 2, 7), ("late", 20, 2, 7), ("twice", 30, 4, 7)];
    assert_eq!(seen, want);
}
