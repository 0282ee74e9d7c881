//! Tenants: nothing of one is seen or touched by another, even under the same names.
use besunny_core::{
    project::Project,
    repository::{DocumentFilter, ItemFilter, RepositoryError},
    source::Scope,
    track::Steer,
};

use super::{
    World,
    bench::{Bench, item_id, noon, person},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.tenant.streams", streams),
        clause("store.tenant.documents", documents),
        clause("store.tenant.projects", projects),
        clause("store.tenant.people", people),
        clause("store.tenant.commit", commit),
        clause("store.tenant.same-names", same_names),
        clause("store.people.username-once", username_once),
    ]
}

/// Two tenants; the first has a stored mail.
async fn two(world: &World) -> Result<(Bench, Bench), Broken> {
    let acme = Bench::acme(world).await?;
    let lease = acme.lease().await?;
    acme.stored(&lease, "secret").await?;
    Ok((acme, Bench::new(world, "evil").await?))
}

async fn streams(world: World) -> Outcome {
    let (acme, evil) = two(&world).await?;
    let stream = acme.streams[0];
    let store = &acme.store;
    check(store.position(&evil.scope, stream).await.is_err(), "position")?;
    let ids = [item_id("secret")];
    let known = store.known(&evil.scope, stream, &ids, Scope::default()).await;
    check(known.map_or(true, |known| known.is_empty()), "known")?;
    let items = store.items(&evil.scope, stream, ItemFilter::All, None).await;
    check(!items.is_ok_and(|items| !items.is_empty()), "items of another tenant")?;
    check(store.steer(&evil.scope, stream, Steer::Relist).await.is_err(), "steer")?;
    check(store.ask_again(&evil.scope, stream, &ids).await.is_err(), "ask_again")?;
    let statuses = store.streams(&evil.scope).await?;
    check(statuses.iter().all(|status| status.account == evil.account.id), "streams")?;
    let accounts = store.accounts(&evil.scope).await?;
    check_equal(&accounts, &vec![evil.account.clone()], "accounts")
}

async fn documents(world: World) -> Outcome {
    let (acme, evil) = two(&world).await?;
    let id = acme.document_id("secret")?;
    let store = &acme.store;
    check_equal(&store.document(&evil.scope, id).await?, &None, "document")?;
    check(store.content(&evil.scope, id).await?.is_none(), "content")?;
    let pending = store.pending(&evil.scope, &[id], 1 << 20).await?;
    check(pending.iter().all(Option::is_none), "pending")?;
    check(store.history(&evil.scope, id).await?.is_empty(), "history")?;
    let content = store.content(&acme.scope, id).await?;
    let raw = content.ok_or_else(|| Broken::new("no content"))?.raw;
    check_equal(&store.blob(&evil.scope, &raw).await?, &None, "blob")?;
    let all = DocumentFilter { limit: 10, ..DocumentFilter::default() };
    check(store.documents(&evil.scope, &all).await?.is_empty(), "documents")?;
    let tally = store.tally(&evil.scope, None).await?;
    check_equal(&tally.pending, &0, "tally")?;
    let ids = ["secret@example.org"];
    check(store.thread(&evil.scope, acme.user, &ids).await?.is_empty(), "thread")
}

async fn projects(world: World) -> Outcome {
    let (acme, evil) = two(&world).await?;
    let project = Project::new(acme.scope.tenant(), acme.user, "Harbour", noon())
        .map_err(|error| Broken::new(error.to_string()))?;
    acme.store.put_project(&acme.scope, &project).await?;
    let seen = acme.store.projects(&evil.scope, acme.user).await?;
    check(seen.is_empty(), "projects of another tenant")?;
    let mut stolen = project.clone();
    "stolen".clone_into(&mut stolen.description);
    drop(acme.store.put_project(&evil.scope, &stolen).await);
    let kept = acme.store.projects(&acme.scope, acme.user).await?;
    check_equal(&kept.to_vec(), &vec![project], "a project another tenant wrote to")
}

async fn people(world: World) -> Outcome {
    let (acme, evil) = two(&world).await?;
    acme.add_person("only").await?;
    let name = person(acme.user, "only")?.username;
    let named = acme.store.named(&evil.scope, &[name]).await?;
    check(named.is_empty(), "a name of another tenant is known")?;
    let users = acme.store.users(&evil.scope).await?;
    check(users.iter().all(|user| user.id == evil.user), "people of another tenant")
}

async fn commit(world: World) -> Outcome {
    let (acme, evil) = two(&world).await?;
    world.advance(super::bench::LEASE * 2).await;
    let lease = acme.lease().await?;
    let commit = acme.pass(&lease, vec![acme.store_effect("b", "smuggled")?]).await?;
    let refused = evil.commit(commit).await;
    check(refused.is_err(), "a commit was applied to another tenant's stream")?;
    check_equal(&acme.subjects().await?, &["secret".to_owned()].into(), "documents")
}

async fn same_names(world: World) -> Outcome {
    let (acme, other) = two(&world).await?;
    let lease = other.lease_of(other.streams[0]).await?;
    let document = other.stored(&lease, "secret").await?;
    check(document.id != acme.document_id("secret")?, "two tenants share a document")?;
    check_equal(&acme.subjects().await?.len(), &1, "documents of the first tenant")?;
    check_equal(&other.subjects().await?.len(), &1, "documents of the second tenant")
}

async fn username_once(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let twin = person(besunny_core::ids::UserId::derived(&[b"twin"]), "ANN")?;
    let refused = bench.store.add_user(&bench.scope, &twin).await;
    check(
        matches!(refused, Err(RepositoryError::Taken(_))),
        format_args!("a second person of one username: {refused:?}"),
    )?;
    let known = bench.store.named(&bench.scope, &[twin.username]).await?;
    check_equal(&known.values().copied().collect::<Vec<_>>(), &vec![bench.user], "who has it")
}
