//! Jobs: made with their cause, done once, retried, given up, asked for again.
use std::{collections::BTreeSet, time::Duration};

use besunny_core::{
    commit::{Basis, Claimed, Commit, Effect},
    ids::{CommitId, DocumentId, JobId},
    job::{Job, Task},
    repository::{DeadJob, DeadJobFilter, RepositoryError},
    scheduler::{Ask, Claim, Failure, Forget, JobRest, PauseReason, Work},
};

use super::{
    World,
    bench::{Bench, LEASE, item, item_id, noon, raw_mail},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.enqueue.once", once),
        clause("scheduler.claim.exclusive", exclusive),
        clause("scheduler.claim.expires", expires),
        clause("scheduler.claim.counts-expired", counts_expired),
        clause("scheduler.claim.expired-alone", expired_alone),
        clause("scheduler.claim.not-before-due", not_before_due),
        clause("scheduler.heartbeat.keeps-claim", heartbeat_keeps),
        clause("scheduler.heartbeat.fenced-claim", heartbeat_fenced),
        clause("scheduler.complete.once", complete_once),
        clause("scheduler.complete.fenced", complete_fenced),
        clause("scheduler.complete.together", complete_together),
        clause("scheduler.fail.retries", retries),
        clause("scheduler.fail.strikes", strikes),
        clause("scheduler.fail.dead-letter", dead_letter),
        clause("scheduler.fail.dead-letters-paged", dead_letters_paged),
        clause("scheduler.fail.fenced", fail_fenced),
        clause("scheduler.forget.old", forget_old),
        clause("scheduler.forget.keeps", forget_keeps),
    ]
}

async fn once(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    enqueue(&bench, "a").await?;
    check_equal(&claims(&bench).await?.len(), &1, "claims on a job that was made twice")
}

async fn exclusive(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    enqueue(&bench, "b").await?;
    check_equal(&claims(&bench).await?.len(), &2, "claims on two jobs")?;
    check_equal(&claims(&bench).await?.len(), &0, "claims while others run")
}

async fn expires(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    let first = claim(&bench).await?;
    world.advance(LEASE * 2).await;
    let second = claim(&bench).await?;
    check(second.epoch > first.epoch, "a later claim has no higher epoch")
}

async fn counts_expired(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    for attempt in 0..3 {
        let claim = claim(&bench).await?;
        let found = (claim.attempt, claim.expired);
        check_equal(&found, &(attempt, attempt), "attempts, and how many claims have ended")?;
        world.advance(LEASE * 2).await;
    }
    fail(&bench, &claim(&bench).await?, Some(Duration::ZERO)).await?;
    let last = claim(&bench).await?;
    check_equal(&(last.attempt, last.expired), &(4, 0), "the same after a failure")
}

async fn expired_alone(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for name in ["a", "b"] {
        enqueue(&bench, name).await?;
    }
    check_equal(&claims(&bench).await?.len(), &2, "claims that will end by themselves")?;
    world.advance(LEASE * 2).await;
    for name in ["c", "d"] {
        enqueue(&bench, name).await?;
    }
    let mut sizes = Vec::new();
    for _ in 0..4 {
        sizes.push(claims(&bench).await?.len());
    }
    check_equal(&sizes, &vec![1, 1, 2, 0], "claims at once, those that have ended first")
}

async fn not_before_due(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    let first = claim(&bench).await?;
    let hour = Duration::from_hours(1);
    fail(&bench, &first, Some(hour)).await?;
    check_equal(&claims(&bench).await?.len(), &0, "claims before the time")?;
    check_equal(&bench.store.next_due(Work::Jobs).await?, &Some(hour), "when the job is due")?;
    world.advance(hour).await;
    check_equal(&claim(&bench).await?.attempt, &1, "attempts before this one")
}

async fn heartbeat_keeps(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for name in ["a", "b"] {
        enqueue(&bench, name).await?;
    }
    let all = claims(&bench).await?;
    world.advance(LEASE / 2).await;
    let kept = bench.store.heartbeat(&[all[0].hold()], LEASE * 3).await?;
    check_equal(&kept, &vec![true], "what a heartbeat kept")?;
    world.advance(LEASE * 2).await;
    let passed = claims(&bench).await?;
    check_equal(&passed.len(), &1, "claims that pass on when one of two is kept")?;
    check_equal(&passed[0].job, &all[1].job, "the job whose claim was not kept")?;
    check_equal(&claims(&bench).await?.len(), &0, "claims while one is kept")?;
    bench.commit(done(&all[0])).await.map(drop)?;
    Ok(())
}

async fn heartbeat_fenced(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    let old = claim(&bench).await?;
    world.advance(LEASE * 2).await;
    let new = claim(&bench).await?;
    let kept = bench.store.heartbeat(&[old.hold(), new.hold()], LEASE).await?;
    check_equal(&kept, &vec![false, true], "which claims were kept")?;
    fail(&bench, &new, Some(Duration::ZERO)).await?;
    let kept = bench.store.heartbeat(&[new.hold()], LEASE).await?;
    check_equal(&kept, &vec![false], "whether a claim that has failed is kept")?;
    let last = claim(&bench).await?;
    bench.commit(done(&last)).await?;
    let kept = bench.store.heartbeat(&[last.hold()], LEASE).await?;
    check_equal(&kept, &vec![false], "whether a claim is kept once its job was done")
}

async fn complete_once(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    let claim = claim(&bench).await?;
    let commit = done(&claim);
    bench.commit(commit.clone()).await?;
    bench.commit(commit).await?;
    world.advance(LEASE * 2).await;
    check_equal(&claims(&bench).await?.len(), &0, "claims on a job that is done")?;
    enqueue(&bench, "a").await?;
    check_equal(&claims(&bench).await?.len(), &0, "claims on a job that was done before")
}

async fn complete_fenced(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    let old = claim(&bench).await?;
    world.advance(LEASE * 2).await;
    let new = claim(&bench).await?;
    let refused = bench.commit(done(&old)).await;
    check(
        matches!(refused, Err(RepositoryError::Fenced)),
        format_args!("completion under an old claim: {refused:?}"),
    )?;
    bench.commit(done(&new)).await?;
    Ok(())
}

async fn complete_together(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for name in ["a", "b", "c"] {
        enqueue(&bench, name).await?;
    }
    let old = claims(&bench).await?;
    check_equal(&old.len(), &3, "claims on three jobs")?;
    bench.commit(done(&old[0])).await?;
    for (claims, what) in [(&old[..], "a job that was done"), (&[], "no job")] {
        let refused = bench.commit(all_done(claims)).await;
        check(
            matches!(refused, Err(RepositoryError::Fenced)),
            format_args!("completion of {what} with others: {refused:?}"),
        )?;
    }
    world.advance(LEASE * 2).await;
    let new = [claims(&bench).await?, claims(&bench).await?].concat();
    check_equal(&new.len(), &2, "claims after a completion that was refused")?;
    let refused = bench.commit(all_done(&[new[0].clone(), old[2].clone()])).await;
    check(
        matches!(refused, Err(RepositoryError::Fenced)),
        format_args!("completion with one old claim: {refused:?}"),
    )?;
    let together = all_done(&new);
    bench.commit(together.clone()).await?;
    bench.commit(together).await?;
    world.advance(LEASE * 2).await;
    check_equal(&claims(&bench).await?.len(), &0, "claims on jobs that are done")
}

async fn retries(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    for attempt in 0..3 {
        let claim = claim(&bench).await?;
        check_equal(&claim.attempt, &attempt, "attempts before this one")?;
        fail(&bench, &claim, Some(Duration::ZERO)).await?;
    }
    Ok(())
}

async fn dead_letter(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    let first = claim(&bench).await?;
    fail(&bench, &first, None).await?;
    world.advance(Duration::from_hours(99)).await;
    check_equal(&claims(&bench).await?.len(), &0, "claims on a dead job")?;
    let dead = dead_jobs(&bench).await?;
    check_equal(&dead.len(), &1, "dead jobs")?;
    let waits_for = Some(PauseReason::MissingPermission);
    let want = DeadJob { job: job(&bench, "a"), error: "it failed".to_owned(), waits_for };
    check_equal(&dead[0], &want, "the dead job")?;
    let stranger = Bench::new(&world, "evil").await?;
    let refused = bench.store.replay(&stranger.scope, first.job.id).await;
    check(refused.is_err(), "another tenant replays the job")?;
    bench.store.replay(&bench.scope, first.job.id).await?;
    check_equal(&claim(&bench).await?.attempt, &0, "attempts after it was asked for again")
}

async fn strikes(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    let mut counted = Vec::new();
    for strike in [false, true, false, true] {
        let claim = claim(&bench).await?;
        counted.push((claim.attempt, claim.strikes));
        let rest = JobRest::After(Duration::ZERO);
        let failure = Failure { rest, error: "it failed".to_owned(), strike };
        bench.store.fail(&claim, failure).await?;
    }
    let last = claim(&bench).await?;
    counted.push((last.attempt, last.strikes));
    let want = vec![(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)];
    check_equal(&counted, &want, "failures, and those that no patience heals")?;
    fail(&bench, &last, None).await?;
    bench.store.replay(&bench.scope, last.job.id).await?;
    let anew = claim(&bench).await?;
    check_equal(&(anew.attempt, anew.strikes), &(0, 0), "the same after it was asked for again")
}

/// Jobs of two people: about a document of each, and one about the mailbox of the first.
async fn dead_letters_paged(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let bob = bench.add_person("bob").await?;
    let lease = bench.lease().await?;
    let mut jobs = Vec::new();
    let mut effects = Vec::new();
    for (owner, subject) in [(bench.user, "for ann"), (bob, "for bob"), (bob, "for bob too")] {
        let document = bench.document(owner, &raw_mail(subject))?;
        let task = Task::Classify { document: document.id };
        jobs.push((owner, Job::new(bench.scope.tenant(), task)));
        effects.push(Effect::Store { item: item(subject), documents: vec![document] });
    }
    let task = Task::File { stream: bench.streams[0], item: item_id("for ann") };
    jobs.push((bench.user, Job::new(bench.scope.tenant(), task)));
    effects.extend(jobs.iter().map(|(_, job)| Effect::Enqueue(job.clone())));
    bench.apply(&lease, effects).await?;
    for claim in claims(&bench).await? {
        fail(&bench, &claim, None).await?;
    }
    for owner in [bench.user, bob] {
        let own = jobs.iter().filter(|(of, _)| *of == owner).map(|(_, job)| job.id);
        let want: BTreeSet<JobId> = own.collect();
        let mut found = Vec::new();
        let mut filter = DeadJobFilter { owner: Some(owner), limit: 1, ..all_dead() };
        while let [dead] = &bench.store.dead_jobs(&bench.scope, &filter).await?[..] {
            found.push(dead.job.id);
            filter.after = Some(dead.job.id);
        }
        check_equal(&found, &want.into_iter().collect(), "dead jobs of a person, page by page")?;
    }
    let (_, first) = &jobs[0];
    for (owner, want) in [(bench.user, 1), (bob, 0)] {
        let filter = DeadJobFilter { owner: Some(owner), job: Some(first.id), ..all_dead() };
        let found = bench.store.dead_jobs(&bench.scope, &filter).await?;
        check_equal(&found.len(), &want, "one dead job, asked for by its id")?;
    }
    Ok(())
}

fn all_dead() -> DeadJobFilter {
    DeadJobFilter::default()
}

async fn dead_jobs(bench: &Bench) -> Result<Vec<DeadJob>, Broken> {
    Ok(bench.store.dead_jobs(&bench.scope, &all_dead()).await?)
}

async fn fail_fenced(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    enqueue(&bench, "a").await?;
    let old = claim(&bench).await?;
    world.advance(LEASE * 2).await;
    let new = claim(&bench).await?;
    fail(&bench, &old, None).await?;
    check(dead_jobs(&bench).await?.is_empty(), "an old claim killed the job")?;
    bench.commit(done(&new)).await?;
    Ok(())
}

const MONTH: Duration = Duration::from_hours(30 * 24);

async fn forget_old(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let names = ["a", "b", "c"];
    for name in names {
        enqueue(&bench, name).await?;
        by_person(&bench, name).await?;
        bench.commit(done(&claim(&bench).await?)).await?;
    }
    world.advance(MONTH + LEASE).await;
    check(forget(&bench, 2).await?, "it is silent of what is left")?;
    check(!forget(&bench, 2).await?, "it tells of more than there is")?;
    for name in names {
        by_person(&bench, name).await?;
    }
    check_equal(&claims(&bench).await?.len(), &3, "jobs that are made anew once they are forgotten")
}

async fn forget_keeps(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for name in ["dead", "waiting"] {
        enqueue(&bench, name).await?;
    }
    let all = claims(&bench).await?;
    let (dead, waiting): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|claim| claim.job == job(&bench, "dead"));
    fail(&bench, &dead[0], None).await?;
    fail(&bench, &waiting[0], Some(MONTH * 3)).await?;
    world.advance(MONTH + LEASE).await;
    enqueue(&bench, "young").await?;
    let young = done(&claim(&bench).await?);
    bench.commit(young.clone()).await?;
    by_person(&bench, "young").await?;
    world.advance(MONTH).await;
    check(!forget(&bench, 10).await?, "it tells of more than there is")?;
    bench.commit(young).await?;
    by_person(&bench, "young").await?;
    check_equal(&claims(&bench).await?.len(), &0, "claims on a job that was done not long ago")?;
    check_equal(&dead_jobs(&bench).await?.len(), &1, "dead jobs")?;
    world.advance(MONTH).await;
    check_equal(&claim(&bench).await?.job, &job(&bench, "waiting"), "the job that waited")
}

/// Forgets what is older than a month; returns whether there is more.
async fn forget(bench: &Bench, limit: usize) -> Result<bool, Broken> {
    Ok(bench.store.forget(Forget { older_than: MONTH, limit }).await?)
}

async fn enqueue(bench: &Bench, name: &str) -> Outcome {
    let Some(lease) = bench.leases().await?.into_iter().next() else {
        return by_person(bench, name).await;
    };
    bench.apply(&lease, vec![Effect::Enqueue(job(bench, name))]).await?;
    Ok(())
}

/// Enqueues without a lease, for when all streams are leased.
async fn by_person(bench: &Bench, name: &str) -> Outcome {
    let effects = vec![Effect::Enqueue(job(bench, name))];
    let id = CommitId::derived(&[name.as_bytes(), b"person"]);
    bench.commit(Commit { id, basis: Basis::Person, at: noon(), effects }).await?;
    Ok(())
}

fn job(bench: &Bench, name: &str) -> Job {
    let document = DocumentId::derived(&[name.as_bytes()]);
    Job::new(bench.scope.tenant(), Task::Classify { document })
}

async fn claims(bench: &Bench) -> Result<Vec<Claim>, Broken> {
    Ok(bench.store.claim(Ask { limit: 10, lease_for: LEASE }).await?)
}

async fn claim(bench: &Bench) -> Result<Claim, Broken> {
    let claim = claims(bench).await?.into_iter().next();
    claim.ok_or_else(|| Broken::new("a job is due, but no claim was granted"))
}

async fn fail(bench: &Bench, claim: &Claim, retry_after: Option<Duration>) -> Outcome {
    let given_up = JobRest::GivenUp(Some(PauseReason::MissingPermission));
    let rest = retry_after.map_or(given_up, JobRest::After);
    let failure = Failure { rest, error: "it failed".to_owned(), strike: false };
    Ok(bench.store.fail(claim, failure).await?)
}

fn done(claim: &Claim) -> Commit {
    all_done(std::slice::from_ref(claim))
}

fn all_done(claims: &[Claim]) -> Commit {
    let name = claims.iter().map(|claim| format!("{} {}, ", claim.job.id, claim.epoch.0));
    Commit {
        id: CommitId::derived(&[name.collect::<String>().as_bytes()]),
        basis: Basis::Jobs(claims.iter().map(claimed).collect()),
        at: noon(),
        effects: Vec::new(),
    }
}

fn claimed(claim: &Claim) -> Claimed {
    Claimed { job: claim.job.id, epoch: claim.epoch }
}
