//! Leases on streams, and notices that make a stream due.
use std::time::Duration;

use besunny_core::{
    account::{Intake, Provider},
    commit::Effect,
    ids::WatchId,
    push::{About, Notice, Watch},
    scheduler::{Ask, COALESCE, Lease, Noted, PauseReason, Receipt, Release, Rest, Work},
    source::Subject,
    track::Steer,
};
use futures::FutureExt;

use super::{
    World,
    bench::{Bench, LEASE, noon},
};
use crate::conformance::{Broken, Case, Outcome, Power, check, check_equal, clause};

const HOUR: Duration = Duration::from_hours(1);

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("scheduler.lease.raises-epoch", raises_epoch),
        clause("scheduler.lease.exclusive", exclusive),
        clause("scheduler.lease.expires", expires),
        clause("scheduler.lease.counts-expired", counts_expired),
        clause("scheduler.lease.longest-due-first", longest_due_first),
        clause("scheduler.heartbeat.keeps", heartbeat_keeps),
        clause("scheduler.heartbeat.fenced", heartbeat_fenced),
        clause("scheduler.release.rests", rests),
        clause("scheduler.release.pauses", pauses),
        clause("scheduler.release.fenced", release_fenced),
        clause("scheduler.release.asked-wait", asked_wait),
        clause("scheduler.note.makes-due", makes_due),
        clause("scheduler.note.by-watch", by_watch),
        clause("scheduler.note.coalesces", coalesces),
        clause("scheduler.note.survives-release", survives_release),
        clause("scheduler.note.repeated", repeated),
        clause("scheduler.note.durable", durable).needing(Power::Reopen),
        clause("scheduler.next-due.streams", next_due),
        clause("scheduler.changed.wakes", wakes),
    ]
}

async fn raises_epoch(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let first = bench.lease().await?;
    bench.release(&first, Duration::ZERO).await?;
    let second = bench.lease().await?;
    check(second.epoch > first.epoch, "a later lease has no higher epoch")?;
    check_equal(&second.account.id, &bench.account.id, "the account in a lease")?;
    check_equal(&second.at.subject, &bench.account.subject, "the subject in a lease")
}

async fn exclusive(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let first = bench.leases().await?;
    check_equal(&first.len(), &2, "leases on two streams that are due")?;
    let second = bench.leases().await?;
    check_equal(&second.len(), &0, "leases while others run")
}

async fn expires(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    bench.leases().await?;
    world.advance(LEASE + Duration::from_secs(1)).await;
    check_equal(&bench.leases().await?.len(), &2, "leases after the first ones have ended")
}

async fn counts_expired(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let counted = |lease: &Lease| (lease.attempt, lease.expired, lease.abandoned);
    let mut lease = bench.lease().await?;
    check_equal(&counted(&lease), &(0, 0, false), "what the first lease says")?;
    failed(&bench, &lease, 3, 0).await?;
    for expired in 0..3 {
        lease = bench.lease().await?;
        let want = (3, expired, expired > 0);
        check_equal(&counted(&lease), &want, "failures, leases that ended, the last one")?;
        world.advance(LEASE * 2).await;
    }
    lease = bench.lease().await?;
    failed(&bench, &lease, 3, lease.expired).await?;
    lease = bench.lease().await?;
    check_equal(&counted(&lease), &(3, 3, false), "the same after a rest that keeps the count")?;
    bench.apply(&lease, Vec::new()).await?;
    world.advance(LEASE * 2).await;
    lease = bench.lease().await?;
    check_equal(&counted(&lease), &(0, 1, true), "the same since a commit")?;
    bench.release(&lease, Duration::ZERO).await?;
    lease = bench.lease().await?;
    check_equal(&counted(&lease), &(0, 0, false), "the same after a release")
}

/// Ends a lease after a failure; the stream is due at once.
async fn failed(bench: &Bench, lease: &Lease, attempt: u32, expired: u32) -> Outcome {
    let (rest, error) = (Rest::After(Duration::ZERO), Some("it failed".to_owned()));
    let release = Release { rest, attempt, expired, error, caught_up: false, quiet: 0 };
    Ok(bench.store.release(lease, release).await?)
}

async fn longest_due_first(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for lease in bench.leases().await? {
        let wait = if lease.stream == bench.streams[0] { HOUR } else { HOUR / 2 };
        bench.release(&lease, wait).await?;
    }
    world.advance(HOUR * 2).await;
    let one = bench.store.lease(Ask { limit: 1, lease_for: LEASE }).await?;
    check_equal(&one.len(), &1, "leases when one is asked for")?;
    check_equal(&one[0].stream, &bench.streams[1], "the stream that waited longest")
}

async fn heartbeat_keeps(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    world.advance(LEASE / 2).await;
    let kept = bench.store.heartbeat(&[lease.hold()], LEASE * 3).await?;
    check_equal(&kept, &vec![true], "what a heartbeat kept")?;
    world.advance(LEASE * 2).await;
    let others = bench.leases().await?;
    check(others.iter().all(|other| other.stream != lease.stream), "a kept lease passed on")
}

async fn heartbeat_fenced(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let old = bench.lease().await?;
    world.advance(LEASE * 2).await;
    let new = bench.lease().await?;
    let kept = bench.store.heartbeat(&[old.hold(), new.hold(), old.hold()], LEASE).await?;
    check_equal(&kept, &vec![false, true, false], "which leases were kept")?;
    bench.release(&new, HOUR).await?;
    let kept = bench.store.heartbeat(&[new.hold()], LEASE).await?;
    check_equal(&kept, &vec![false], "whether a lease that was ended is kept")
}

async fn rests(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    bench.release(&lease, HOUR).await?;
    check(
        bench.leases().await?.iter().all(|other| other.stream != lease.stream),
        "a stream is due before its time",
    )?;
    let status = bench.store.streams(&bench.scope).await?;
    let rested = status.iter().find(|status| status.id == lease.stream);
    check(rested.is_some_and(|it| it.caught_up_at.is_some()), "caught_up_at is not kept")?;
    world.advance(HOUR).await;
    bench.lease().await.map(drop)
}

async fn pauses(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let release = Release {
        rest: Rest::Paused(PauseReason::Reconnect),
        attempt: 3,
        expired: 0,
        error: Some("refused".to_owned()),
        caught_up: false,
        quiet: 0,
    };
    bench.store.release(&lease, release).await?;
    world.advance(HOUR * 99).await;
    let due = bench.leases().await?;
    check(due.iter().all(|other| other.stream != lease.stream), "a paused stream is due")?;
    let status = bench.store.streams(&bench.scope).await?;
    let paused = status.iter().find(|status| status.id == lease.stream);
    check(paused.is_some_and(|it| it.paused == Some(PauseReason::Reconnect)), "the reason")?;
    check(paused.is_some_and(|it| it.error.as_deref() == Some("refused")), "the error")?;
    bench.store.steer(&bench.scope, lease.stream, Steer::Relist).await?;
    bench.lease().await.map(drop)
}

async fn release_fenced(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let old = bench.lease().await?;
    world.advance(LEASE * 2).await;
    let new = bench.lease().await?;
    bench.release(&old, Duration::ZERO).await?;
    let others = bench.leases().await?;
    check(others.iter().all(|it| it.stream != new.stream), "an old release ended a new lease")
}

async fn asked_wait(world: World) -> Outcome {
    let mut bench = Bench::acme(&world).await?;
    bench.account.intake = Intake::Master;
    bench.store.connect(&bench.scope, &bench.account, &[]).await?;
    let leases = bench.leases().await?;
    bench.store.note(&receipt(bench.account.subject.as_str(), None)).await?;
    bench.end(&leases[0], Rest::Asked(HOUR)).await?;
    bench.end(&leases[1], Rest::After(HOUR)).await?;
    bench.add_person("bob").await?;
    world.advance(COALESCE).await;
    let due: Vec<_> = bench.leases().await?.into_iter().map(|lease| lease.stream).collect();
    check_equal(&due, &vec![leases[1].stream], "streams that a notice or a newcomer made due")?;
    world.advance(HOUR).await;
    let lease = bench.lease_of(leases[0].stream).await?;
    bench.end(&lease, Rest::Asked(HOUR)).await?;
    world.advance(COALESCE).await;
    bench.store.note(&receipt(bench.account.subject.as_str(), None)).await?;
    bench.lease_of(leases[0].stream).await.map(drop)
}

async fn makes_due(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for lease in bench.leases().await? {
        bench.release(&lease, HOUR).await?;
    }
    world.advance(COALESCE).await;
    let subject = bench.account.subject.as_str().to_uppercase();
    let noted = bench.store.note(&receipt(&subject, None)).await?;
    check_equal(
        &noted,
        &Noted { streams: 2, postings: 0, repeated: 0, unknown: 0 },
        "what was noted",
    )?;
    let leases = bench.leases().await?;
    check_equal(&leases.len(), &2, "leases after a notice")?;
    check(leases.iter().all(|lease| lease.noticed_ago.is_some()), "noticed_ago in a lease")?;
    let noted = bench.store.note(&receipt("nobody@example.net", None)).await?;
    check_equal(
        &noted,
        &Noted { streams: 0, postings: 0, repeated: 0, unknown: 1 },
        "an unknown subject",
    )
}

async fn by_watch(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let about = watched(&bench).await?;
    world.advance(COALESCE).await;
    let notices = vec![Notice { about, dedup: None }];
    let receipt = Receipt { provider: Provider::new("scripted"), notices };
    check_equal(&bench.store.note(&receipt).await?.streams, &1, "streams of a watch")?;
    let leases = bench.leases().await?;
    let due: Vec<_> = leases.iter().map(|lease| lease.stream).collect();
    check_equal(&due, &vec![bench.streams[0]], "streams that are due")
}

/// Gives the first stream a watch, and lets all rest for an hour; returns what a notice is about.
async fn watched(bench: &Bench) -> Result<About, Broken> {
    let id = WatchId::derived(&[b"watch"]);
    for lease in bench.leases().await? {
        if lease.stream == bench.streams[0] {
            let watch = Watch { id, handle: None, since: noon(), until: None, trouble: None };
            bench.apply(&lease, vec![Effect::Watch(Some(watch))]).await?;
        }
        bench.release(&lease, HOUR).await?;
    }
    Ok(About::Watch(id))
}

async fn coalesces(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for lease in bench.leases().await? {
        bench.release(&lease, HOUR).await?;
    }
    let receipt = receipt(bench.account.subject.as_str(), None);
    bench.store.note(&receipt).await?;
    check_equal(&bench.leases().await?.len(), &0, "leases right after the last look")?;
    world.advance(COALESCE).await;
    bench.store.note(&receipt).await?;
    check_equal(&bench.leases().await?.len(), &2, "leases once the time is over")
}

async fn survives_release(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let leases = bench.leases().await?;
    bench.store.note(&receipt(bench.account.subject.as_str(), None)).await?;
    for lease in leases {
        bench.release(&lease, HOUR).await?;
    }
    world.advance(COALESCE).await;
    check_equal(&bench.leases().await?.len(), &2, "leases after a notice that came meanwhile")
}

async fn repeated(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let by_watch = watched(&bench).await?;
    let by_subject = About::Subject(bench.account.subject.clone());
    for (about, name, streams) in [(by_subject, "m-1", 2), (by_watch, "m-2", 1)] {
        world.advance(COALESCE).await;
        let notices = vec![Notice { about, dedup: Some(name.to_owned()) }];
        let receipt = Receipt { provider: Provider::new("scripted"), notices };
        check_equal(&bench.store.note(&receipt).await?.streams, &streams, "streams at first")?;
        for lease in bench.leases().await? {
            bench.release(&lease, HOUR).await?;
        }
        world.advance(COALESCE).await;
        check_equal(
            &bench.store.note(&receipt).await?,
            &Noted { streams: 0, postings: 0, repeated: 1, unknown: 0 },
            "the second time",
        )?;
        check_equal(&bench.leases().await?.len(), &0, "leases after the second time")?;
    }
    Ok(())
}

async fn durable(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    for lease in bench.leases().await? {
        bench.release(&lease, HOUR).await?;
    }
    world.advance(COALESCE).await;
    bench.store.note(&receipt(bench.account.subject.as_str(), None)).await?;
    let again = world.reopened().await;
    let leases = again.lease(Ask { limit: 10, lease_for: LEASE }).await?;
    check_equal(&leases.len(), &2, "leases after a notice and a restart")
}

async fn next_due(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    check(bench.store.next_due(Work::Streams).await?.is_some(), "nothing is due")?;
    for lease in bench.leases().await? {
        let wait = if lease.stream == bench.streams[0] { HOUR } else { HOUR * 2 };
        bench.release(&lease, wait).await?;
    }
    check_equal(&bench.store.next_due(Work::Streams).await?, &Some(HOUR), "when the next is due")?;
    check_equal(&bench.store.next_due(Work::Jobs).await?, &None, "when a job is due")
}

async fn wakes(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let store = std::sync::Arc::clone(&bench.store);
    let changed = store.changed(Work::Streams);
    bench.store.note(&receipt(bench.account.subject.as_str(), None)).await?;
    let woken = futures::future::select(changed, Box::pin(yields())).await;
    check(
        matches!(woken, futures::future::Either::Left(_)),
        "who waits for work is not woken by a notice",
    )?;
    check(store.changed(Work::Streams).now_or_never().is_none(), "it wakes without cause")
}

/// Gives others so many turns, then ends.
async fn yields() {
    let mut left = 1000;
    std::future::poll_fn(move |context| {
        if left == 0 {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn receipt(subject: &str, dedup: Option<&str>) -> Receipt {
    let about = About::Subject(Subject::from_source(subject));
    let notices = vec![Notice { about, dedup: dedup.map(str::to_owned) }];
    Receipt { provider: Provider::new("scripted"), notices }
}
