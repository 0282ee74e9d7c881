//! Which mails are taken in, and whose documents they become (MAIL-7, 8, 10, 12, 18).
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::*;
use crate::{
    account::{Account, NewAccount, Provider},
    ids::{StreamId, TenantId},
    source::{ItemId, Revision, Subject},
};

fn user(name: &str) -> UserId {
    UserId::derived(&[name.as_bytes()])
}

fn intake() -> MailIntake {
    MailIntake {
        addresses: VirtualAddresses::new("ai", ["besunny.example"]).unwrap(),
        caps: Caps::default(),
        master_filing: Filing::ReadAndLabel("Done".to_owned()),
        addressed_filing: Filing::None,
    }
}

fn raw(headers: &str) -> Bytes {
    Bytes::from(format!("From: bob@example.org\nSubject: s\n{headers}\n\nText.\n"))
}

fn at() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

/// Plans one mail of ann's mailbox; ann and cleo have usernames.
fn plan(how: Intake, raw: Bytes) -> Vec<Effect> {
    let plan = intake();
    let grant = NewAccount {
        owner: user("ann"),
        provider: Provider::new("test"),
        subject: Subject::from_source("ann@example.com"),
        intake: how,
    };
    let tenant = TenantId::derived(&[b"acme"]);
    let account = Account::new(tenant, grant, at());
    let item = ItemRef::new(ItemId::from_source("i1"), Revision::from_source("1"));
    let message = Message { raw: RawMail::Whole(raw), received_at: Some(at()) };
    let mut page = Facts::default();
    match plan.read(&item, message) {
        Ok(reading) => page.present.push((item, reading)),
        Err(reason) => page.unreadable.push((item.id, reason)),
    }
    let known = ["ann", "cleo"].map(|name| (Username::parse(name).unwrap(), user(name)));
    let people = HashMap::from(known);
    let stream = StreamId::derived(&[b"stream"]);
    let context = Context { tenant, account: &account, stream, people: &people, at: at() };
    plan.plan(page, &context)
}

/// Says in a word what became of the mail.
fn outcome(effects: &[Effect]) -> String {
    for effect in effects {
        match effect {
            Effect::Store { documents, .. } => {
                let mut owners: Vec<&str> = documents
                    .iter()
                    .map(|new| if new.owner == user("ann") { "ann" } else { "cleo" })
                    .collect();
                owners.sort_unstable();
                return owners.join("+");
            }
            Effect::Ignore { reason, .. } => return format!("ignored: {reason}"),
            Effect::Quarantine { reason, .. } => return format!("quarantined: {reason}"),
            Effect::Leave(_)
            | Effect::Hold { .. }
            | Effect::Meet(_)
            | Effect::Post(_)
            | Effect::Staff { .. }
            | Effect::Transcribe(_)
            | Effect::Prefer { .. }
            | Effect::Detect(_)
            | Effect::Decide(_)
            | Effect::Enqueue(_)
            | Effect::Defer { .. }
            | Effect::Label { .. }
            | Effect::Watch(_)
            | Effect::Act(_) => {}
        }
    }
    "nothing".to_owned()
}

fn check(how: Intake, headers: &str, want: &str) {
    assert_eq!(outcome(&plan(how, raw(headers))), want, "{how:?} {headers:?}");
}

#[test]
fn mail_10_the_master_mailbox_gives_each_addressed_user_a_document() {
    let master = Intake::Master;
    check(master, "To: ai+ann@besunny.example", "ann");
    check(master, "To: x@y.example\nCc: Cleo <AI+Cleo@BeSunny.example>", "cleo");
    check(master, "To: ai+ann@besunny.example, ai+cleo+tag@besunny.example", "ann+cleo");
    check(master, "Delivered-To: ai+ann@besunny.example\nTo: list@x.example", "ann");
    check(master, "X-Original-To: ai+cleo@besunny.example\nTo: list@x.example", "cleo");
    check(master, "To: somebody@x.example", "ignored: no virtual address among its recipients");
    check(master, "To: ai+nobody@besunny.example", "ignored: nobody is called nobody");
    check(
        master,
        "To: ai+ann@besunny.example.evil.com",
        "ignored: no virtual address among its recipients",
    );
}

#[test]
fn an_own_mailbox_takes_only_mail_that_names_its_owner() {
    check(Intake::Addressed, "To: ai+ann@besunny.example", "ann");
    check(Intake::Addressed, "To: ann@x.example\nCc: ai+ann@besunny.example", "ann");
    let none = "ignored: no virtual address among its recipients";
    check(Intake::Addressed, "To: ai+cleo@besunny.example", none);
    check(Intake::Addressed, "To: ann@x.example", none);
}

#[test]
fn a_whole_mailbox_takes_everything_for_its_owner() {
    check(Intake::Whole, "To: ann@x.example", "ann");
    check(Intake::Whole, "To: ai+cleo@besunny.example", "ann");
}

#[test]
fn mail_18_only_automatic_replies_and_bounces_are_ignored() {
    let to = "To: ai+ann@besunny.example\n";
    let check = |headers: &str, want: &str| check(Intake::Whole, &format!("{to}{headers}"), want);
    check("Auto-Submitted: auto-replied", "ignored: an automatic reply");
    check("Auto-Submitted: auto-generated", "ann");
    check("Auto-Submitted: no", "ann");
    check("Return-Path: <>", "ignored: a bounce");
    check("Precedence: bulk\nList-Id: <list.example>", "ann");
}

#[test]
fn mail_8_each_virtual_address_is_detected_once() {
    let effects = plan(
        Intake::Master,
        raw(
            "To: ai+ann@besunny.example\nCc: AI+ANN@besunny.example\nDelivered-To: ai+nobody@besunny.example",
        ),
    );
    let found: Vec<(String, bool)> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Detect(found) => Some((found.address.clone(), found.user.is_some())),
            Effect::Store { .. }
            | Effect::Hold { .. }
            | Effect::Meet(_)
            | Effect::Post(_)
            | Effect::Staff { .. }
            | Effect::Transcribe(_)
            | Effect::Prefer { .. }
            | Effect::Ignore { .. }
            | Effect::Quarantine { .. }
            | Effect::Leave(_)
            | Effect::Decide(_)
            | Effect::Enqueue(_)
            | Effect::Defer { .. }
            | Effect::Label { .. }
            | Effect::Watch(_)
            | Effect::Act(_) => None,
        })
        .collect();
    let want = [("ai+ann@besunny.example", true), ("ai+nobody@besunny.example", false)];
    assert_eq!(found, want.map(|(address, known)| (address.to_owned(), known)));
}

#[test]
fn what_is_no_mail_or_too_large_is_quarantined_with_its_reason() {
    assert_eq!(
        outcome(&plan(Intake::Whole, Bytes::from_static(b""))),
        "quarantined: refused: mail is empty"
    );
    let mut large = raw("To: x@y.example").to_vec();
    large.resize(Caps::default().bytes + 1, b'x');
    let effects = plan(Intake::Whole, Bytes::from(large));
    let [Effect::Quarantine { reason: QuarantineReason::TooLarge(item), .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(item.subject.expose(), "s");
    assert_eq!(item.from.expose(), "bob@example.org");
}

#[test]
fn mail_14_only_mail_we_were_given_is_marked_at_its_source() {
    let files = |how| {
        let effects = plan(how, raw("To: ai+ann@besunny.example"));
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Enqueue(Job { task: Task::File { .. }, .. })))
    };
    assert_eq!([Intake::Master, Intake::Addressed, Intake::Whole].map(files), [true, false, false]);
}

#[test]
fn the_same_mail_is_the_same_document_wherever_it_comes_from() {
    let ids = |raw: Bytes| {
        plan(Intake::Whole, raw).into_iter().find_map(|effect| match effect {
            Effect::Store { documents, .. } => Some(documents[0].id),
            Effect::Hold { .. }
            | Effect::Meet(_)
            | Effect::Post(_)
            | Effect::Staff { .. }
            | Effect::Transcribe(_)
            | Effect::Prefer { .. }
            | Effect::Ignore { .. }
            | Effect::Quarantine { .. }
            | Effect::Leave(_)
            | Effect::Detect(_)
            | Effect::Decide(_)
            | Effect::Enqueue(_)
            | Effect::Defer { .. }
            | Effect::Label { .. }
            | Effect::Watch(_)
            | Effect::Act(_) => None,
        })
    };
    let unix = raw("To: x@y.example");
    let wire = Bytes::from(String::from_utf8_lossy(&unix).replace('\n', "\r\n"));
    assert_eq!(ids(unix.clone()), ids(wire));
    assert_ne!(ids(unix), ids(raw("To: z@y.example")));
}

#[test]
fn user_3_the_scope_changes_with_whatever_decides_and_with_nothing_else() {
    let scope = |how, owner: &str, domains: &[&str]| {
        let grant = NewAccount {
            owner: user(owner),
            provider: Provider::new("test"),
            subject: Subject::from_source("ann@example.com"),
            intake: how,
        };
        let account = Account::new(TenantId::derived(&[b"acme"]), grant, at());
        let addresses = VirtualAddresses::new("ai", domains).unwrap();
        MailIntake { addresses, ..intake() }.scope(&account)
    };
    let [a, b] = ["a.example", "b.example"];
    let before = scope(Intake::Addressed, "ann", &[a]);
    assert_eq!(scope(Intake::Addressed, "ann", &[a]), before);
    assert_ne!(scope(Intake::Addressed, "ann", &[b]), before, "another domain");
    assert_ne!(scope(Intake::Addressed, "ann", &[a, b]), before, "one more domain");
    assert_ne!(scope(Intake::Addressed, "cleo", &[a]), before, "another person");
    assert_ne!(scope(Intake::Master, "ann", &[a]), before, "another intake");
    assert_eq!(scope(Intake::Master, "ann", &[a, b]), scope(Intake::Master, "ann", &[b, a]));
    assert_eq!(scope(Intake::Whole, "ann", &[a]), scope(Intake::Whole, "ann", &[b]));
}
