//! What each deed makes of a document, and what undoing brings back (CLS-9).
use super::*;
use crate::{
    document::{Decider, DocumentKind, Review, ReviewReason},
    untrusted::Untrusted,
};

fn user() -> UserId {
    UserId::derived(&[b"ann"])
}

fn project(name: &str) -> ProjectId {
    ProjectId::derived(&[name.as_bytes()])
}

fn asking(name: &str) -> Asking {
    let id = CommitId::derived(&[name.as_bytes()]);
    Asking { id, owner: user(), by: user(), at: DateTime::UNIX_EPOCH }
}

fn document(state: DocumentState) -> Document {
    Document {
        id: DocumentId::derived(&[b"one"]),
        version: 4,
        owner: user(),
        kind: DocumentKind::Email,
        title: Untrusted::default(),
        author: Untrusted::default(),
        received_at: DateTime::UNIX_EPOCH,
        stored_at: DateTime::UNIX_EPOCH,
        state,
        removed_at: None,
    }
}

fn routed(by: Decider, confidence: f64) -> DocumentState {
    DocumentState::Routed(Route { project: project("a"), by, confidence })
}

fn review(reason: ReviewReason) -> DocumentState {
    DocumentState::NeedsReview(Review { reason, suggestion: None })
}

#[test]
fn cls_9_each_deed_makes_one_state_of_another() {
    let by_model = || routed(Decider::Classifier("m".to_owned()), 0.9);
    let by_me = |name| DocumentState::assigned(Some(project(name)), user());
    let nowhere = DocumentState::NoProject { by: user() };
    let taken_out = review(ReviewReason::TakenOut);
    let assign = Deed::Assign { to: project("b") };
    for (deed, before, expected) in [
        (assign, DocumentState::Pending, Ok(by_me("b"))),
        (assign, by_model(), Ok(by_me("b"))),
        (assign, nowhere.clone(), Ok(by_me("b"))),
        (Deed::Unassign, by_model(), Ok(taken_out.clone())),
        (Deed::Unassign, nowhere.clone(), Ok(taken_out)),
        (Deed::Decline, by_model(), Ok(nowhere.clone())),
        (Deed::Confirm, by_model(), Ok(by_me("a"))),
        (Deed::Confirm, review(ReviewReason::Ambiguous), Err(Unfit::NotRouted)),
        (Deed::Confirm, DocumentState::Pending, Err(Unfit::NotRouted)),
        (Deed::Confirm, nowhere, Err(Unfit::NotRouted)),
    ] {
        let act = Act::judge(asking("act"), deed, &[document(before.clone())]);
        let after = act.map(|act| act.moves[0].after.clone());
        assert_eq!(after, expected, "{deed:?} of {before:?}");
        assert!(after.is_err() || after.is_ok_and(|after| after.is_of_person()), "{deed:?}");
    }
    assert_eq!(Act::judge(asking("act"), assign, &[]), Err(Unfit::Nothing));
    let many = vec![document(DocumentState::Pending); MAX_MOVES + 1];
    assert_eq!(Act::judge(asking("act"), assign, &many), Err(Unfit::TooMany));
}

#[test]
fn cls_9_undo_brings_back_the_exact_state_and_undo_of_undo_the_other() {
    let before = routed(Decider::Classifier("m".to_owned()), 0.87);
    let one = document(before.clone());
    let act = Act::judge(asking("act"), Deed::Decline, std::slice::from_ref(&one)).unwrap();
    let moved = Document { state: act.moves[0].after.clone(), version: 5, ..one };
    let undo = act.undo(asking("undo"), std::slice::from_ref(&moved));
    assert_eq!((&undo.moves[0].after, undo.moves[0].version), (&before, 6));
    let back = Document { state: before, version: 6, ..moved.clone() };
    let redo = undo.undo(asking("redo"), &[back]);
    assert_eq!((&redo.moves[0].after, redo.moves[0].version), (&moved.state, 7));
}

#[test]
fn what_was_waiting_to_be_classified_waits_again() {
    let tenant = TenantId::derived(&[b"acme"]);
    let act = Act::judge(asking("act"), Deed::Decline, &[document(DocumentState::Pending)]);
    let moved = Document { version: 5, ..document(DocumentState::NoProject { by: user() }) };
    let undo = act.unwrap().undo(asking("undo"), &[moved]).commit(tenant, BTreeMap::new());
    let jobs = undo.effects.iter().filter(|effect| matches!(effect, Effect::Enqueue(_)));
    assert_eq!(jobs.count(), 1);
}
