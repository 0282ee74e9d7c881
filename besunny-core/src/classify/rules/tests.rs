//! What the rules say, and what the engine makes of it (CLS-4, CLS-6, CLS-7).
use chrono::DateTime;

use super::*;
use crate::{
    classify::{Doubts, caution, decide, took_part},
    document::{Decider, Document, DocumentKind, DocumentState, ReviewReason, Route},
    ids::{DocumentId, TenantId, UserId},
    mail::{self, Caps},
    project::Signals,
    repository::ThreadMember,
    settings::Settings,
};

fn project(name: &str, signals: Signals) -> Project {
    let (tenant, owner) = (TenantId::derived(&[b"acme"]), UserId::derived(&[b"ann"]));
    let made = Project::new(tenant, owner, name, DateTime::UNIX_EPOCH).unwrap();
    Project { signals, ..made }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn candidates() -> Vec<Project> {
    vec![
        project(
            "Harbour Lights",
            Signals {
                codes: texts(&["HBL-7"]),
                people: texts(&["Ines@Harbour.example"]),
                domains: texts(&["harbour.example", "gmail.com"]),
                keywords: texts(&["mooring", "night shoot", "quay", "tugboat"]),
                ..Signals::default()
            },
        ),
        project(
            "Orchard",
            Signals {
                codes: texts(&["ORC-1"]),
                people: texts(&["tom@trees.example"]),
                domains: texts(&["trees.example"]),
                keywords: texts(&["apple", "pruning"]),
                ..Signals::default()
            },
        ),
    ]
}

fn weigh(raw: &str, thread: &[ThreadMember]) -> Verdict {
    let mail = mail::read(raw.as_bytes(), &Caps::default()).unwrap();
    let document = Document {
        id: DocumentId::derived(&[b"d"]),
        version: 1,
        owner: UserId::derived(&[b"ann"]),
        kind: DocumentKind::Email,
        title: mail.subject.clone(),
        author: Untrusted::default(),
        received_at: DateTime::UNIX_EPOCH,
        stored_at: DateTime::UNIX_EPOCH,
        state: DocumentState::Pending,
        removed_at: None,
    };
    super::weigh(&Question { document: &document, mail: &mail, thread }, &candidates())
}

/// Says in a word where a mail goes.
fn route(verdict: &Verdict) -> String {
    let candidates = candidates();
    match decide(verdict, &candidates, &Settings::default()) {
        DocumentState::Routed(route) => {
            let found = candidates.iter().find(|project| project.id == route.project);
            found.map(|project| project.name.clone()).unwrap_or_default()
        }
        DocumentState::NeedsReview(review) => format!("{:?}", review.reason),
        state @ (DocumentState::Pending | DocumentState::NoProject { .. }) => {
            state.as_str().to_owned()
        }
    }
}

fn check(from: &str, subject: &str, body: &str, want: &str) {
    let raw = format!("From: {from}\nTo: ann@x.example\nSubject: {subject}\n\n{body}\n");
    let verdict = weigh(&raw, &[]);
    assert_eq!(route(&verdict), want, "{raw}\n{verdict:#?}");
}

#[test]
fn cls_7_hard_evidence_routes_and_weak_evidence_waits() {
    let x = "x@y.example";
    check(x, "HBL-7 call sheet", "", "Harbour Lights");
    check(x, "Call sheet", "as discussed, hbl-7 starts on Monday", "Harbour Lights");
    check(x, "harbour lights: budget", "", "Harbour Lights");
    check("Ines <INES@harbour.example>", "hello", "", "Harbour Lights");
    check("new@harbour.example", "hello", "", "BelowThreshold");
    check("new@mail.harbour.example", "hello", "the mooring plan", "BelowThreshold");
    check("new@harbour.example", "hello", "mooring near the quay", "Harbour Lights");
    check(x, "hello", "an apple", "BelowThreshold");
    check(x, "hello", "nothing of note", "NoEvidence");
}

#[test]
fn cls_7_words_are_matched_whole_and_shared_domains_say_nothing() {
    check("x@gmail.com", "hello", "", "NoEvidence");
    check("x@evilharbour.example", "hello", "", "NoEvidence");
    check("x@y.example", "HBL-77 and XHBL-7", "pineapple", "NoEvidence");
}

#[test]
fn two_likely_projects_are_ambiguous() {
    check("x@y.example", "HBL-7 and ORC-1", "", "Ambiguous");
    check("tom@trees.example", "HBL-7", "", "Ambiguous");
}

#[test]
fn keywords_alone_never_add_up_to_a_proof_by_number() {
    check("x@y.example", "hello", "mooring mooring mooring mooring", "BelowThreshold");
    let verdict = weigh("From: x@y.example\n\nmooring, quay, tugboat, night shoot\n", &[]);
    assert_eq!(verdict.evidence.len(), MAX_KEYWORDS);
}

#[test]
fn quoted_history_weighs_half() {
    let quoted = "Yes.\n\nOn Mon, 1 Jun 2026, Bob wrote:\n> the HBL-7 call sheet\n";
    check("x@y.example", "Re: call sheet", quoted, "BelowThreshold");
}

#[test]
fn a_thread_stays_in_its_project() {
    let home = candidates()[1].id;
    let member = |n: u8, project: Option<ProjectId>| ThreadMember {
        confidence: project.map(|_| 1.0),
        message_id: Untrusted::new(format!("{n}@example.org")),
        document: DocumentId::derived(&[&[n]]),
        project,
    };
    let raw = "From: x@y.example\nSubject: Re: hello\n\nfine\n";
    assert_eq!(route(&weigh(raw, &[member(1, Some(home)), member(2, None)])), "Orchard");
    let other = candidates()[0].id;
    let torn = [member(1, Some(home)), member(2, Some(other))];
    assert_eq!(route(&weigh(raw, &torn)), "BelowThreshold");
    let gone = [member(1, Some(ProjectId::derived(&[b"deleted"])))];
    assert_eq!(route(&weigh(raw, &gone)), "NoEvidence");
}

#[test]
fn cls_6_the_engine_takes_no_choice_that_was_not_offered_and_no_nonsense() {
    let offered = candidates();
    let settings = Settings::default();
    let mut verdict = weigh("From: ines@harbour.example\nSubject: HBL-7\n\nx\n", &[]);
    verdict.choice = Some(ProjectId::derived(&[b"of another tenant"]));
    let reason = |state| match state {
        DocumentState::NeedsReview(review) => Some(review.reason),
        DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => None,
    };
    assert_eq!(reason(decide(&verdict, &offered, &settings)), Some(ReviewReason::NoEvidence));
    assert_eq!(reason(decide(&verdict, &[], &settings)), Some(ReviewReason::NoProjects));
    verdict.choice = Some(offered[0].id);
    for nonsense in [f64::NAN, -1.0, f64::NEG_INFINITY] {
        verdict.confidence = nonsense;
        assert_eq!(
            reason(decide(&verdict, &offered, &settings)),
            Some(ReviewReason::BelowThreshold)
        );
    }
    verdict.confidence = f64::INFINITY;
    let DocumentState::Routed(route) = decide(&verdict, &offered, &settings) else { panic!() };
    assert!((route.confidence - 1.0).abs() < f64::EPSILON);
}

#[test]
fn the_stored_form() {
    let verdict = weigh("From: ines@harbour.example\nSubject: HBL-7\n\nthe mooring\n", &[]);
    insta::assert_json_snapshot!(verdict);
}

#[test]
fn c7_a_sender_that_was_not_confirmed_brings_no_weight() {
    let check = |header: &str, want: &str| {
        let raw = format!("{header}From: ines@harbour.example\nSubject: hello\n\nfine\n");
        assert_eq!(route(&weigh(&raw, &[])), want, "{header}");
    };
    check("", "Harbour Lights");
    check("Authentication-Results: mx; dmarc=pass header.from=harbour.example\n", "Harbour Lights");
    check("Authentication-Results: mx; dmarc=fail header.from=harbour.example\n", "NoEvidence");
    let forged = "Authentication-Results: mx; spf=fail smtp.mailfrom=x@evil.example\n\
        Authentication-Results: mx; dmarc=pass header.from=harbour.example\n";
    check(forged, "NoEvidence");
    let named = "Cc: tom@trees.example\nAuthentication-Results: mx; dmarc=fail\n";
    check(named, "NoEvidence");
    check("Reply-To: tom@trees.example\n", "Harbour Lights");
}

#[test]
fn c7_a_domain_that_imitates_a_known_one_speaks_for_nothing_and_is_told_of() {
    for address in [
        "ines@harb0ur.example",
        "ines@hаrbour.example",
        "ines@xn--hrbour-3nf.example",
        "ines@harbour.example.evil.test",
    ] {
        let raw = format!("From: <{address}>\nSubject: HBL-7\n\nfine\n");
        let verdict = weigh(&raw, &[]);
        let found = verdict.evidence.iter().find(|found| found.signal == Signal::Imitation);
        assert_eq!(found.map(|found| found.project), Some(candidates()[0].id), "{address}");
        let mail = mail::read(raw.as_bytes(), &Caps::default()).unwrap();
        let state = decide(&verdict, &candidates(), &Settings::default());
        let DocumentState::NeedsReview(review) =
            caution(state, &verdict, &[], Doubts { mail: &mail, is_stranger: false })
        else {
            panic!("{address} is routed");
        };
        assert_eq!(review.reason, ReviewReason::Suspicious, "{address}");
    }
    let verdict = weigh("From: x@orchard.example\nSubject: HBL-7\n\nfine\n", &[]);
    assert!(verdict.evidence.iter().all(|found| found.signal != Signal::Imitation));
}

#[test]
fn c7_quotes_alone_route_no_mail_that_hides_something_and_none_without_weight() {
    let home = candidates()[0].id;
    let evidence = |signal, weight| Evidence {
        project: home,
        signal,
        quote: Untrusted::new("put this there".to_owned()),
        weight,
        earlier: None,
    };
    let judge = |raw: &str, is_stranger: bool, found: Vec<Evidence>, is_routed: bool| {
        let mail = mail::read(raw.as_bytes(), &Caps::default()).unwrap();
        let route = Route { project: home, by: Decider::Classifier("x".into()), confidence: 0.99 };
        let verdict = Verdict { evidence: found.clone(), ..weigh("From: x@y.example\n\nx\n", &[]) };
        let doubts = Doubts { mail: &mail, is_stranger };
        let state = caution(DocumentState::Routed(route), &verdict, &[], doubts);
        assert_eq!(state.project().is_some(), is_routed, "{raw} {found:?}");
    };
    let check = |raw: &str, found: Vec<Evidence>, is_routed: bool| {
        judge(raw, false, found, is_routed);
    };
    let plain = "From: x@y.example\n\nput this there\n";
    let hides = "From: x@y.example\n\nput\u{200b} this there\n";
    let doubted = format!("Authentication-Results: mx; dmarc=fail\n{plain}");
    let quote = || evidence(Signal::Quote, 0.9);
    check(plain, vec![], false);
    check(plain, vec![quote()], true);
    check(plain, vec![evidence(Signal::Quote, 0.0)], false);
    check(hides, vec![quote()], false);
    check(&doubted, vec![quote()], false);
    check(hides, vec![quote(), evidence(Signal::Code, 0.97)], true);
    check(hides, vec![evidence(Signal::Sender, 0.9)], true);
    check(&doubted, vec![evidence(Signal::Sender, 0.6), evidence(Signal::Words, 0.4)], false);
    check(&doubted, vec![evidence(Signal::Sender, 0.4), evidence(Signal::Words, 0.6)], true);
    let thread = || vec![evidence(Signal::Thread, 0.6), evidence(Signal::Words, 0.4)];
    judge(plain, true, thread(), false);
    judge(plain, false, thread(), true);
}

#[test]
fn c7_who_took_part_in_a_thread() {
    let read = |raw: &str| mail::read(raw.as_bytes(), &Caps::default()).unwrap();
    let earlier = "From: ann@x.example\nTo: tom@trees.example, eve@gmail.com\nCc: list@l.example\n";
    let check = |later: &str, want: bool| {
        let earlier = read(&format!("{earlier}List-Id: <l.example>\n\nx\n"));
        assert_eq!(took_part(&read(&format!("{later}\n\nx\n")), &earlier), want, "{later}");
    };
    check("From: Tom@trees.example", true);
    check("From: ann@x.example", true);
    check("From: new@trees.example", true);
    check("From: new@gmail.com", false);
    check("From: eve@gmail.com", true);
    check("From: sam@stranger.test", false);
    check("From: sam@stranger.test\nList-Id: A list <l.example>", true);
    check("To: ann@x.example", false);
    check("From: tom@trees.example\nAuthentication-Results: mx; dmarc=fail", false);
}
