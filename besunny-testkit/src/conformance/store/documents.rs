//! Documents: what is stored comes back, once for each owner, and goes with its last item.
use std::collections::HashMap;

use besunny_core::{
    commit::{Decision, Effect},
    document::{DocumentState, Origin, Review, ReviewReason},
    history::Fact,
    ids::{AccountId, DocumentId},
    item::IgnoredReason,
    project::Project,
    repository::{DocumentFilter, RepositoryError, StateFilter, Tally},
    source::Scope,
};

use super::{
    World,
    bench::{Bench, item, item_id, noon, raw_mail},
};
use crate::conformance::{Broken, Case, Outcome, Power, check, check_equal, clause};

/// More than the mails of a case hold.
const PLENTY: usize = 1 << 20;

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.document.complete", complete),
        clause("store.document.same", same),
        clause("store.document.per-owner", per_owner),
        clause("store.document.survives", survives).needing(Power::Reopen),
        clause("store.leave.last-origin", last_origin),
        clause("store.leave.other-stream", other_stream),
        clause("store.leave.restored", restored),
        clause("store.leave.twice", twice),
        clause("store.documents.newest-first", newest_first),
        clause("store.documents.filter", filter),
        clause("store.whole.names", whole),
        clause("store.pending.undecided", pending),
        clause("store.pending.bounded", bounded),
        clause("store.thread.members", thread),
        clause("store.projects.named-once", projects),
        clause("store.outbox.in-order", outbox),
    ]
}

async fn complete(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let raw = raw_mail("Plans");
    let new = bench.document(bench.user, &raw)?;
    let effect = Effect::Store { item: item("a"), documents: vec![new.clone()] };
    bench.apply(&lease, vec![effect]).await?;
    let document = bench.found(new.id).await?;
    check_equal(&document.state, &DocumentState::Pending, "the state")?;
    check_equal(&document.title, &new.mail.subject, "the title")?;
    check_equal(&document.author.expose().as_str(), &"bob@example.org", "the author")?;
    check_equal(&document.received_at, &new.received_at, "received_at")?;
    check_equal(&document.stored_at, &noon(), "stored_at")?;
    let content = bench.store.content(&bench.scope, new.id).await?;
    let content = content.ok_or_else(|| Broken::new("no content"))?;
    check_equal(&content.mail, &new.mail.without_contents(), "the mail")?;
    let origin = Origin { account: bench.account.id, item: item_id("a") };
    check_equal(&content.origins, &vec![origin], "the origins")?;
    let kept = bench.store.blob(&bench.scope, &content.raw).await?;
    check_equal(&kept, &Some(raw), "the raw bytes")?;
    for attachment in &new.mail.attachments {
        let kept = bench.store.blob(&bench.scope, &attachment.sha256).await?;
        check_equal(&kept.as_ref(), &Some(&attachment.content), "an attachment")?;
    }
    let unknown = bench.store.blob(&bench.scope, &[7; 32]).await?;
    check_equal(&unknown, &None, "bytes nobody stored")
}

async fn same(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "twin").await?;
    bench.apply(&lease, vec![bench.store_effect("copy", "twin")?]).await?;
    let after = bench.found(document.id).await?;
    check_equal(&after, &document, "a document that was stored again")?;
    let content = bench.store.content(&bench.scope, document.id).await?;
    check_equal(&content.map(|content| content.origins.len()), &Some(2), "its origins")?;
    let events = bench.store.unpublished(10).await?;
    check_equal(&events.len(), &1, "events of a document that was stored twice")
}

async fn per_owner(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let other = bench.add_person("eve").await?;
    let lease = bench.lease().await?;
    let raw = raw_mail("Shared");
    let documents = vec![bench.document(bench.user, &raw)?, bench.document(other, &raw)?];
    let ids = [documents[0].id, documents[1].id];
    check(ids[0] != ids[1], "two owners share one document")?;
    bench.apply(&lease, vec![Effect::Store { item: item("a"), documents }]).await?;
    for (id, owner) in ids.into_iter().zip([bench.user, other]) {
        check_equal(&bench.found(id).await?.owner, &owner, "the owner")?;
    }
    let mine = DocumentFilter { owner: Some(other), limit: 10, ..DocumentFilter::default() };
    let found = bench.store.documents(&bench.scope, &mine).await?;
    check_equal(&found.len(), &1, "documents of one owner")
}

async fn survives(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "kept").await?;
    let position = bench.store.position(&bench.scope, lease.stream).await?;
    let again = world.reopened().await;
    let found = again.document(&bench.scope, document.id).await?;
    check_equal(&found, &Some(document), "a document after the store was opened again")?;
    let reread = again.position(&bench.scope, lease.stream).await?;
    check_equal(&reread.version, &position.version, "the version after it was opened again")?;
    check_equal(&again.unpublished(10).await?.len(), &1, "events after it was opened again")
}

async fn whole(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    bench.stored(&lease, "here").await?;
    bench.stored(&lease, "gone").await?;
    let reason = IgnoredReason::NotAddressed;
    bench.apply(&lease, vec![Effect::Ignore { item: item("no"), reason, policy: 0 }]).await?;
    bench.apply(&lease, vec![Effect::Leave(item_id("gone"))]).await?;
    let ids = ["here", "gone", "no", "unknown"].map(item_id);
    let whole = bench.store.whole(&bench.scope, bench.account.id, &ids).await?;
    check_equal(&whole, &[item_id("here")].into(), "items with a whole document")?;
    let other = AccountId::derived(&[b"other"]);
    let whole = bench.store.whole(&bench.scope, other, &ids).await?;
    check(whole.is_empty(), "items of another account")
}

async fn last_origin(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "a").await?;
    bench.apply(&lease, vec![bench.store_effect("copy", "a")?]).await?;
    bench.apply(&lease, vec![Effect::Leave(item_id("a"))]).await?;
    let halfway = bench.found(document.id).await?;
    check_equal(&halfway.removed_at, &None, "removed_at while an item is left")?;
    bench.apply(&lease, vec![Effect::Leave(item_id("copy"))]).await?;
    let after = bench.found(document.id).await?;
    check_equal(&after.removed_at, &Some(noon()), "removed_at without any item")?;
    let history = bench.store.history(&bench.scope, document.id).await?;
    check_equal(
        &history.last().map(|entry| entry.fact.clone()),
        &Some(Fact::Removed),
        "the last line of history",
    )
}

async fn other_stream(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let leases = bench.leases().await?;
    let lease = |stream| {
        let found = leases.iter().find(|lease| lease.stream == stream);
        found.ok_or_else(|| Broken::new("no lease"))
    };
    let (first, second) = (lease(bench.streams[0])?, lease(bench.streams[1])?);
    let document = bench.stored(first, "moved").await?;
    bench.follow(second, besunny_core::track::Track::default(), &[item("moved")]).await?;
    bench.apply(first, vec![Effect::Leave(item_id("moved"))]).await?;
    let after = bench.found(document.id).await?;
    check_equal(&after.removed_at, &None, "removed_at while another stream holds the item")?;
    bench.apply(second, vec![Effect::Leave(item_id("moved"))]).await?;
    let after = bench.found(document.id).await?;
    check(after.removed_at.is_some(), "an item no stream holds did not remove its document")
}

async fn restored(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "back").await?;
    bench.apply(&lease, vec![Effect::Leave(item_id("back"))]).await?;
    let known =
        bench.store.known(&bench.scope, lease.stream, &[item_id("back")], Scope::default()).await?;
    check(known.is_empty(), "an item that left is still known, so it would not be read again")?;
    bench.apply(&lease, vec![bench.store_effect("back", "back")?]).await?;
    let after = bench.found(document.id).await?;
    check_equal(&after.removed_at, &None, "removed_at after the item came back")?;
    let events = bench.store.unpublished(10).await?;
    let names: Vec<&str> = events.iter().map(|event| event.news.as_str()).collect();
    let want = vec!["document_stored", "document_removed", "document_restored"];
    check_equal(&names, &want, "events")
}

async fn twice(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "gone").await?;
    let both = || vec![Effect::Leave(item_id("gone")), Effect::Leave(item_id("never"))];
    bench.apply(&lease, both()).await?;
    let once = bench.found(document.id).await?;
    bench.apply(&lease, both()).await?;
    check_equal(&bench.found(document.id).await?, &once, "a document whose item left twice")
}

async fn newest_first(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let mut want = Vec::new();
    for hours in [3, 1, 4, 2, 5] {
        let mut new = bench.document(bench.user, &raw_mail(&format!("{hours} hours ago")))?;
        new.received_at = noon() - chrono::Duration::hours(hours);
        want.push((hours, new.id));
        let id = item(&hours.to_string());
        bench.apply(&lease, vec![Effect::Store { item: id, documents: vec![new] }]).await?;
    }
    want.sort_unstable();
    let mut before = None;
    for pair in want.chunks(2) {
        let page = DocumentFilter { before, limit: 2, ..DocumentFilter::default() };
        let found = bench.store.documents(&bench.scope, &page).await?;
        let ids: Vec<_> = found.iter().map(|document| document.id).collect();
        let expected: Vec<_> = pair.iter().map(|(_, id)| *id).collect();
        check_equal(&ids, &expected, "a page of documents")?;
        before = ids.last().copied();
    }
    Ok(())
}

async fn filter(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    for name in ["one", "two", "three"] {
        bench.stored(&lease, name).await?;
    }
    let project = named(&bench, "Harbour")?;
    bench.store.put_project(&bench.scope, &project).await?;
    let two = bench.found(bench.document_id("two")?).await?;
    let decision = Decision {
        document: two.id,
        expected: two.version,
        state: DocumentState::assigned(Some(project.id), bench.user),
        fact: Fact::Assigned { by: bench.user, from: None, to: Some(project.id), act: None },
    };
    bench.apply(&lease, vec![Effect::Decide(decision)]).await?;
    let count = async |filter: DocumentFilter| {
        let filter = DocumentFilter { limit: 10, ..filter };
        Ok::<_, Broken>(bench.store.documents(&bench.scope, &filter).await?.len())
    };
    let state = |state| DocumentFilter { state: Some(state), ..DocumentFilter::default() };
    check_equal(&count(state(StateFilter::Pending)).await?, &2, "pending")?;
    check_equal(&count(state(StateFilter::Routed)).await?, &1, "routed")?;
    check_equal(&count(state(StateFilter::NeedsReview)).await?, &0, "in review")?;
    let inside = DocumentFilter { project: Some(project.id), ..DocumentFilter::default() };
    check_equal(&count(inside).await?, &1, "in the project")?;
    let tally = bench.store.tally(&bench.scope, Some(bench.user)).await?;
    let routed = HashMap::from([(project.id, 1)]);
    let want = Tally { pending: 2, needs_review: 0, routed, no_project: 0, removed: 0 };
    check_equal(&tally, &want, "the tally")
}

async fn pending(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let (one, two) = (bench.stored(&lease, "one").await?, bench.stored(&lease, "two").await?);
    let unknown = DocumentId::derived(&[b"unknown"]);
    let ids = [two.id, unknown, one.id, two.id];
    let found = bench.store.pending(&bench.scope, &ids, PLENTY).await?;
    let documents: Vec<_> = found.iter().map(|it| it.as_ref().map(|it| &it.document)).collect();
    let want = vec![Some(&two), None, Some(&one), Some(&two)];
    check_equal(&documents, &want, "pending documents")?;
    let mail = bench.document(bench.user, &raw_mail("two"))?.mail.without_contents();
    check_equal(&found[0].as_ref().map(|it| &it.mail), &Some(&mail), "the mail")?;
    let review = Review { reason: ReviewReason::NoEvidence, suggestion: None };
    let decision = Decision {
        document: two.id,
        expected: two.version,
        state: DocumentState::NeedsReview(review),
        fact: Fact::ClassifierFailed { why: "it failed".to_owned() },
    };
    bench.apply(&lease, vec![Effect::Decide(decision)]).await?;
    let found = bench.store.pending(&bench.scope, &ids, PLENTY).await?;
    let documents: Vec<_> = found.iter().map(|it| it.as_ref().map(|it| &it.document)).collect();
    check_equal(&documents, &vec![None, None, Some(&one), None], "after a decision")?;
    let none = bench.store.pending(&bench.scope, &[], PLENTY).await?;
    check(none.is_empty(), "answers to nothing")
}

async fn bounded(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        ids.push(bench.stored(&lease, name).await?.id);
    }
    let all = bench.store.pending(&bench.scope, &ids, PLENTY).await?;
    check_equal(&all.len(), &3, "answers without a bound")?;
    let first = bench.store.pending(&bench.scope, &ids, 0).await?;
    let found = first.iter().flatten().map(|it| it.document.id);
    check_equal(&found.collect(), &ids[..1].to_vec(), "the first answer")
}

async fn thread(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let document = bench.stored(&lease, "start").await?;
    bench.stored(&lease, "else").await?;
    let ids = ["start@example.org", "unknown@example.org"];
    let found = bench.store.thread(&bench.scope, bench.user, &ids).await?;
    let members: Vec<_> = found.iter().map(|it| (it.message_id.expose(), it.document)).collect();
    check_equal(&members, &vec![(&ids[0].to_owned(), document.id)], "members of the thread")?;
    let stranger = bench.add_person("eve").await?;
    let found = bench.store.thread(&bench.scope, stranger, &ids).await?;
    check(found.is_empty(), "a thread shows documents of somebody else")
}

async fn projects(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let mut project = named(&bench, "Harbour")?;
    bench.store.put_project(&bench.scope, &project).await?;
    project.signals.codes.push("HB-1".to_owned());
    bench.store.put_project(&bench.scope, &project).await?;
    let found = bench.store.projects(&bench.scope, bench.user).await?;
    check_equal(&found.to_vec(), &vec![project.clone()], "projects")?;
    let mut twin = named(&bench, "Other")?;
    "HARBOUR".clone_into(&mut twin.name);
    let refused = bench.store.put_project(&bench.scope, &twin).await;
    check(
        matches!(refused, Err(RepositoryError::Taken(_))),
        format_args!("a second project of one name: {refused:?}"),
    )
}

async fn outbox(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let mut want = Vec::new();
    for name in ["one", "two", "three"] {
        want.push(bench.stored(&lease, name).await?.id);
    }
    let events = bench.store.unpublished(2).await?;
    let ids: Vec<_> = events.iter().map(|event| event.document).collect();
    check_equal(&ids, &want[..2].to_vec(), "the oldest events")?;
    check(events.iter().all(|event| event.tenant == bench.scope.tenant()), "whose events")?;
    let done: Vec<_> = events.iter().map(|event| event.id).collect();
    bench.store.published(&done).await?;
    bench.store.published(&done).await?;
    let left = bench.store.unpublished(10).await?;
    let ids: Vec<_> = left.iter().map(|event| event.document).collect();
    check_equal(&ids, &want[2..].to_vec(), "events that are left")
}

fn named(bench: &Bench, name: &str) -> Result<Project, Broken> {
    Project::new(bench.scope.tenant(), bench.user, name, noon())
        .map_err(|error| Broken::new(error.to_string()))
}
