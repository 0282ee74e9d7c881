//! The log of answers and the models: numbered, pinned, one of each owner.
use std::collections::BTreeMap;

use besunny_core::{
    commit::{Basis, Claimed, Commit, Effect},
    document::Document,
    feedback::{Act, Asking, Deed},
    ids::{CommitId, UserId},
    job::{Job, Task},
    label::{Answer, Teacher, Truth},
    promise::Promises,
    repository::{KEPT_MODELS, Learned, Lessons, MadeBy, NewModel, RepositoryError},
    scheduler::Ask,
    tenant::Allowed,
};
use bytes::Bytes;

use super::{
    World,
    bench::{Bench, LEASE, noon},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.label.order", order),
        clause("store.label.after", after),
        clause("store.label.conflict", conflict),
        clause("store.label.repeated", repeated),
        clause("store.model.conflict", model_conflict),
        clause("store.model.kept", model_kept),
        clause("store.mails.any-state", mails),
        clause("store.defer.later", defer),
        clause("store.tenant.models", tenants),
        clause("store.tenant.allowed", allowed),
    ]
}

/// The answer that a document belongs nowhere, given by its owner.
fn label(bench: &Bench, document: &Document) -> Effect {
    let answer = Answer {
        document: document.id,
        truth: Truth::Nowhere,
        by: Teacher::Person(bench.user),
        said: Vec::new(),
        act: None,
    };
    Effect::Label { expected: document.version, answer }
}

fn by_person(id: &str, effects: Vec<Effect>) -> Commit {
    let id = CommitId::derived(&[id.as_bytes()]);
    Commit { id, basis: Basis::Person, at: noon(), effects }
}

async fn documents(bench: &Bench, names: &[&str]) -> Result<Vec<Document>, Broken> {
    let lease = bench.lease().await?;
    let mut documents = Vec::new();
    for name in names {
        documents.push(bench.stored(&lease, name).await?);
    }
    Ok(documents)
}

async fn lessons(bench: &Bench, after: u64) -> Result<Lessons, Broken> {
    Ok(bench.store.lessons(&bench.scope, bench.user, after, 100).await?)
}

async fn order(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let found = documents(&bench, &["a", "b", "c"]).await?;
    let two = found.iter().take(2).map(|document| label(&bench, document)).collect();
    bench.commit(by_person("two", two)).await?;
    let last = found.iter().rev().map(|document| label(&bench, document)).collect();
    bench.commit(by_person("three", last)).await?;
    let labels = lessons(&bench, 0).await?.labels;
    let seqs: Vec<u64> = labels.iter().map(|label| label.seq).collect();
    check_equal(&seqs, &vec![1, 2, 3, 4, 5], "numbers of labels")?;
    let said: Vec<_> = labels.iter().map(|label| label.answer.document).collect();
    let want: Vec<_> = [0, 1, 2, 1, 0].iter().filter_map(|at| Some(found.get(*at)?.id)).collect();
    check_equal(&said, &want, "the order of labels")?;
    check(labels.iter().all(|label| label.at == noon()), "a label is not of its commit's time")
}

async fn after(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    check_equal(&lessons(&bench, 0).await?, &Lessons::default(), "lessons of an empty log")?;
    let found = documents(&bench, &["a", "b", "c"]).await?;
    let effects = found.iter().map(|document| label(&bench, document)).collect();
    bench.commit(by_person("all", effects)).await?;
    bench.store.put_model(&bench.scope, bench.user, &model(None, 1)).await?;
    let store = world.reopened().await;
    let read = store.lessons(&bench.scope, bench.user, 1, 1).await?;
    check_equal(&read.newest, &Some(1), "the newest model")?;
    let seqs: Vec<u64> = read.labels.iter().map(|label| label.seq).collect();
    check_equal(&seqs, &vec![2], "one label after the first")?;
    let read = store.lessons(&bench.scope, bench.user, 3, 10).await?;
    check_equal(&read, &Lessons { newest: Some(1), labels: Vec::new() }, "after the last label")
}

async fn conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let found = documents(&bench, &["a", "b"]).await?;
    let effects = found.iter().map(|document| {
        let mut effect = label(&bench, document);
        if let Effect::Label { expected, .. } = &mut effect
            && document.id == found[1].id
        {
            *expected += 1;
        }
        effect
    });
    let refused = bench.commit(by_person("stale", effects.collect())).await;
    check(
        matches!(refused, Err(RepositoryError::Conflict)),
        format_args!("a label on another version: {refused:?}"),
    )?;
    check(lessons(&bench, 0).await?.labels.is_empty(), "a refused commit wrote a label")
}

async fn repeated(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let found = documents(&bench, &["a"]).await?;
    let effects = found.iter().map(|document| label(&bench, document)).collect();
    let commit = by_person("once", effects);
    bench.commit(commit.clone()).await?;
    bench.commit(commit).await?;
    check_equal(&lessons(&bench, 0).await?.labels.len(), &1, "labels of a repeated commit")
}

fn model(newest: Option<u32>, seq: u64) -> NewModel {
    NewModel {
        newest,
        parent: newest,
        made_by: MadeBy::Learning,
        learner: "test/1".to_owned(),
        seq,
        learned: Learned::default().then(0, seq),
        promises: Promises::default(),
        state: Bytes::from(seq.to_string()),
        made_at: noon(),
    }
}

async fn model_conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (store, scope, user) = (&bench.store, &bench.scope, bench.user);
    check_equal(&store.put_model(scope, user, &model(None, 3)).await?, &1, "the first version")?;
    let late = store.put_model(scope, user, &model(None, 4)).await;
    check(
        matches!(late, Err(RepositoryError::Conflict)),
        format_args!("a model beside the newest: {late:?}"),
    )?;
    let back = NewModel { made_by: MadeBy::RollingBack, ..model(Some(1), 5) };
    check_equal(&store.put_model(scope, user, &back).await?, &2, "the second version")?;
    let want = vec![back.record(2), model(None, 3).record(1)];
    check_equal(&store.models(scope, user).await?, &want, "the models, the newest first")
}

async fn model_kept(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (store, scope, user) = (&bench.store, &bench.scope, bench.user);
    let mut newest = None;
    for seq in 0..=u64::from(KEPT_MODELS) {
        newest = Some(store.put_model(scope, user, &model(newest, seq)).await?);
    }
    check_equal(&store.model_state(scope, user, 1).await?, &None, "the state of an old model")?;
    let kept = store.model_state(scope, user, 2).await?;
    check_equal(&kept, &Some(Bytes::from("1")), "the state of the oldest that is kept")?;
    check_equal(&store.model_state(scope, user, 99).await?, &None, "the state of no model")?;
    let all: Vec<u32> = store.models(scope, user).await?.iter().map(|it| it.version).collect();
    let want: Vec<u32> = (2..=KEPT_MODELS + 1).rev().collect();
    check_equal(&all, &want, "models that are kept")?;
    let late = NewModel { parent: Some(1), ..model(newest, 99) };
    let version = store.put_model(scope, user, &late).await?;
    check_equal(&version, &(KEPT_MODELS + 2), "versions are not given again")
}

async fn mails(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let found = documents(&bench, &["a", "b"]).await?;
    let (id, at) = (CommitId::derived(&[b"decide"]), noon());
    let asking = Asking { id, owner: bench.user, by: bench.user, at };
    let act = Act::judge(asking, Deed::Decline, &found[..1]);
    let act = act.map_err(|unfit| Broken::new(unfit.to_string()))?;
    bench.commit(act.commit(bench.scope.tenant(), BTreeMap::new())).await?;
    let ids = [found[0].id, found[1].id, bench.document_id("nothing")?];
    let read = bench.store.mails(&bench.scope, &ids, 1 << 20).await?;
    let there: Vec<bool> = read.iter().map(Option::is_some).collect();
    check_equal(&there, &vec![true, true, false], "documents with their mails")?;
    let pending = bench.store.pending(&bench.scope, &ids, 1 << 20).await?;
    let there: Vec<bool> = pending.iter().map(Option::is_some).collect();
    check_equal(&there, &vec![false, true, false], "documents that wait")
}

async fn defer(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let found = documents(&bench, &["a"]).await?;
    let job = Job::new(bench.scope.tenant(), Task::Classify { document: found[0].id });
    let effect = Effect::Defer { job: job.clone(), by: LEASE };
    bench.commit(by_person("later", vec![effect])).await?;
    let ask = Ask { limit: 10, lease_for: LEASE };
    check(bench.store.claim(ask).await?.is_empty(), "a deferred job was due at once")?;
    world.advance(LEASE * 2).await;
    let claims = bench.store.claim(ask).await?;
    check_equal(&claims.len(), &1, "deferred jobs that are due")?;
    let done = claims.iter().map(|claim| Claimed { job: claim.job.id, epoch: claim.epoch });
    let basis = Basis::Jobs(done.collect());
    let id = CommitId::derived(&[b"done"]);
    bench.commit(Commit { id, basis, at: noon(), effects: Vec::new() }).await?;
    let again = Effect::Defer { job, by: LEASE };
    bench.commit(by_person("again", vec![again])).await?;
    world.advance(LEASE * 2).await;
    check(bench.store.claim(ask).await?.is_empty(), "a job that was done was made again")
}

async fn tenants(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let found = documents(&bench, &["a"]).await?;
    let effects = found.iter().map(|document| label(&bench, document)).collect();
    bench.commit(by_person("label", effects)).await?;
    bench.store.put_model(&bench.scope, bench.user, &model(None, 1)).await?;
    let evil = Bench::new(&world, "evil").await?;
    let other = bench.add_person("eve").await?;
    let strangers: [(&Bench, UserId); 3] =
        [(&evil, bench.user), (&evil, evil.user), (&bench, other)];
    for (of, owner) in strangers {
        let read = of.store.lessons(&of.scope, owner, 0, 10).await?;
        check_equal(&read, &Lessons::default(), "lessons of somebody else")?;
        check(of.store.models(&of.scope, owner).await?.is_empty(), "models of somebody else")?;
        let state = of.store.model_state(&of.scope, owner, 1).await?;
        check_equal(&state, &None, "the state of somebody else's model")?;
    }
    let put = evil.store.put_model(&evil.scope, bench.user, &model(None, 1)).await;
    check(put.is_err(), "a model was stored for a person of another tenant")?;
    let own = evil.store.put_model(&evil.scope, evil.user, &model(None, 1)).await?;
    check_equal(&own, &1, "the first version of another owner")
}

async fn allowed(world: World) -> Outcome {
    let (acme, evil) = (Bench::acme(&world).await?, Bench::new(&world, "evil").await?);
    let nothing = Allowed::default();
    check_equal(&acme.store.allowed(&acme.scope).await?, &nothing, "what is allowed at first")?;
    let all = Allowed { language_models: true };
    acme.store.allow(&acme.scope, all).await?;
    let store = world.reopened().await;
    check_equal(&store.allowed(&acme.scope).await?, &all, "what was allowed")?;
    check_equal(&store.allowed(&evil.scope).await?, &nothing, "what another tenant allows")
}
