//! Commits: whole or not at all, once, and only by who has the right.
use besunny_core::{
    commit::{Basis, Commit, Decision, Effect},
    document::DocumentState,
    history::Fact,
    ids::{CommitId, DocumentId},
    repository::RepositoryError,
    track::{Steer, Track},
};

use super::{
    World,
    bench::{Bench, noon},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.commit.atomic", atomic),
        clause("store.commit.conflict", conflict),
        clause("store.commit.fenced", fenced),
        clause("store.commit.repeated", repeated),
        clause("store.commit.repeated-person", repeated_person),
        clause("store.commit.moves-track", moves_track),
        clause("store.decide.conflict", decide_conflict),
        clause("store.decide.recorded", decide_recorded),
    ]
}

async fn atomic(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let before = bench.store.position(&bench.scope, lease.stream).await?;
    let wrong = assign(&bench, DocumentId::derived(&[b"nothing"]), 7);
    let effects = vec![
        bench.store_effect("a", "first")?,
        Effect::Decide(wrong),
        bench.store_effect("b", "second")?,
    ];
    let commit = bench.pass(&lease, effects).await?;
    check(bench.commit(commit).await.is_err(), "a commit with a wrong part was applied")?;
    check(bench.subjects().await?.is_empty(), "a refused commit stored a document")?;
    let after = bench.store.position(&bench.scope, lease.stream).await?;
    check_equal(&after.version, &before.version, "the version after a refused commit")?;
    let events = bench.store.unpublished(10).await?;
    check(events.is_empty(), "a refused commit published an event")
}

async fn conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let mut late = bench.pass(&lease, vec![bench.store_effect("a", "late")?]).await?;
    late.id = CommitId::derived(&[b"late"]);
    bench.apply(&lease, vec![bench.store_effect("b", "early")?]).await?;
    let refused = bench.commit(late).await;
    check(
        matches!(refused, Err(RepositoryError::Conflict)),
        format_args!("a commit at an old version: {refused:?}"),
    )?;
    check_equal(&bench.subjects().await?, &["early".to_owned()].into(), "documents")
}

async fn fenced(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let old = bench.lease().await?;
    world.advance(super::bench::LEASE * 2).await;
    let new = bench.lease().await?;
    check(new.epoch > old.epoch, "a later lease has no higher epoch")?;
    let stale = bench.pass(&old, vec![bench.store_effect("a", "stale")?]).await?;
    let refused = bench.commit(stale).await;
    check(
        matches!(refused, Err(RepositoryError::Fenced)),
        format_args!("a commit under an old lease: {refused:?}"),
    )?;
    bench.apply(&new, vec![bench.store_effect("b", "fresh")?]).await?;
    check_equal(&bench.subjects().await?, &["fresh".to_owned()].into(), "documents")
}

async fn repeated(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let commit = bench.pass(&lease, vec![bench.store_effect("a", "once")?]).await?;
    let first = bench.commit(commit.clone()).await?;
    let again = bench.commit(commit).await?;
    check_equal(&again, &first, "the version a repeated commit answers")?;
    let history = bench.store.history(&bench.scope, bench.document_id("once")?).await?;
    check_equal(&history.len(), &1, "lines of history after a repeated commit")?;
    check_equal(&bench.store.unpublished(10).await?.len(), &1, "events after a repeated commit")
}

async fn repeated_person(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "mail").await?;
    let decision = assign(&bench, document.id, document.version);
    let commit = by_person("assign", decision);
    bench.commit(commit.clone()).await?;
    bench.commit(commit).await?;
    let after = bench.found(document.id).await?;
    check_equal(&after.version, &(document.version + 1), "the version after it was repeated")
}

async fn moves_track(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let at = bench.store.position(&bench.scope, lease.stream).await?;
    let track = Track::default().steered(Steer::Relist);
    bench.follow(&lease, track.clone(), &[]).await?;
    let after = bench.store.position(&bench.scope, lease.stream).await?;
    check_equal(&after.track, &track, "the track")?;
    check(after.version > at.version, "a commit did not raise the version")?;
    let other = bench.store.position(&bench.scope, bench.streams[1]).await?;
    check_equal(&other.track, &Track::default(), "the track of another stream")
}

async fn decide_conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "mail").await?;
    bench.commit(by_person("first", assign(&bench, document.id, document.version))).await?;
    let second = by_person("second", assign(&bench, document.id, document.version));
    let refused = bench.commit(second).await;
    check(
        matches!(refused, Err(RepositoryError::Conflict)),
        format_args!("a decision on an old version: {refused:?}"),
    )
}

async fn decide_recorded(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "mail").await?;
    let decision = assign(&bench, document.id, document.version);
    bench.commit(by_person("assign", decision.clone())).await?;
    let after = bench.found(document.id).await?;
    check_equal(&after.state, &decision.state, "the state")?;
    let history = bench.store.history(&bench.scope, document.id).await?;
    let last = history.last().ok_or_else(|| Broken::new("no history"))?;
    check_equal(&last.fact, &decision.fact, "the last line of history")?;
    check_equal(&last.version, &after.version, "the version in the history")?;
    let events = bench.store.unpublished(10).await?;
    let names: Vec<&str> = events.iter().map(|event| event.news.as_str()).collect();
    check_equal(&names, &vec!["document_stored", "document_needs_review"], "events")
}

/// The decision of the bench's person to take a document out of its project.
fn assign(bench: &Bench, document: DocumentId, expected: u64) -> Decision {
    let state = DocumentState::assigned(None, bench.user);
    let fact = Fact::Assigned { by: bench.user, from: None, to: None, act: None };
    Decision { document, expected, state, fact }
}

fn by_person(id: &str, decision: Decision) -> Commit {
    Commit {
        id: CommitId::derived(&[id.as_bytes()]),
        basis: Basis::Person,
        at: noon(),
        effects: vec![Effect::Decide(decision)],
    }
}
