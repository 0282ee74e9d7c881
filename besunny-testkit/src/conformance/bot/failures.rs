//! Failures are told as what they are, once, and without content.
use std::time::Duration;

use besunny_core::{
    bot::{Amend, BotFilter, BotRef},
    cause::describe,
    source::{SourceError, SourceErrorKind},
};

use super::{
    Broken, CANARY, Case, Mishap, Outcome, Power, Scene, World, check, check_equal, clause,
    in_call, later, planned, refused, wanted,
};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("bot.errors.unauthorized", unauthorized),
        clause("bot.errors.rate-limited", rate_limited).needing(Power::Fail),
        clause("bot.errors.unavailable", unavailable).needing(Power::Fail),
        clause("bot.errors.malformed", malformed).needing(Power::Fail),
        clause("bot.errors.not-swallowed", not_swallowed).needing(Power::Fail),
        clause("bot.errors.no-content", no_content).needing(Power::Fail),
        clause("records.errors.malformed", records_malformed).needing(Power::Fail),
        clause("records.errors.no-content", records_no_content).needing(Power::Fail),
    ]
}

async fn unauthorized(world: World) -> Outcome {
    world.provider().check().await?;
    let locked_out = world.locked_out();
    let errors = [
        refused(locked_out.check().await, "a check with a dead key")?,
        refused(locked_out.create(&wanted(&world, 0, None)).await, "a dead key")?,
        refused(locked_out.list(&BotFilter::default(), None).await, "a dead key")?,
    ];
    for error in &errors {
        check_equal(&error.kind, &SourceErrorKind::Unauthorized, "the kind")?;
    }
    Ok(())
}

/// Asks for one bot in each way; returns what failed.
async fn fail_each(world: &World, at: &BotRef, mishap: Mishap) -> Result<Vec<SourceError>, Broken> {
    let provider = world.provider();
    let mut errors = Vec::new();
    world.next(mishap).await;
    errors.push(refused(provider.find(at).await, "find")?);
    world.next(mishap).await;
    errors.push(refused(provider.list(&BotFilter::default(), None).await, "list")?);
    world.next(mishap).await;
    errors.push(refused(provider.create(&wanted(world, 7, None)).await, "create")?);
    world.next(mishap).await;
    let amend = Amend { join_at: Some(later(world)), ..Amend::default() };
    errors.push(refused(provider.reschedule(at, &amend).await, "reschedule")?);
    world.next(mishap).await;
    errors.push(refused(provider.stop(at).await, "stop")?);
    Ok(errors)
}

async fn check_kinds(world: &World, mishap: Mishap, want: SourceErrorKind) -> Outcome {
    let bot = planned(world, 0).await?;
    for error in fail_each(world, &bot.at, mishap).await? {
        check_equal(&error.kind, &want, &format!("the kind of {mishap:?}: {error}"))?;
    }
    Ok(())
}

async fn rate_limited(world: World) -> Outcome {
    check_kinds(&world, Mishap::TooMany(17), SourceErrorKind::RateLimited).await?;
    world.next(Mishap::TooMany(17)).await;
    let error = refused(world.provider().create(&wanted(&world, 8, None)).await, "create")?;
    check_equal(&error.retry_after, &Some(Duration::from_secs(17)), "how long to wait")
}

async fn unavailable(world: World) -> Outcome {
    check_kinds(&world, Mishap::Down, SourceErrorKind::Unavailable).await
}

async fn malformed(world: World) -> Outcome {
    let bot = planned(&world, 0).await?;
    world.next(Mishap::Garbage).await;
    let error = refused(world.provider().find(&bot.at).await, "find")?;
    check_equal(&error.kind, &SourceErrorKind::Malformed, "the kind of a bot")?;
    world.next(Mishap::Garbage).await;
    let error = refused(world.provider().list(&BotFilter::default(), None).await, "list")?;
    check_equal(&error.kind, &SourceErrorKind::Malformed, "the kind of a page")
}

async fn not_swallowed(world: World) -> Outcome {
    let bot = planned(&world, 0).await?;
    fail_each(&world, &bot.at, Mishap::Down).await?;
    let open = BotFilter { open_only: true, dedup_key: None };
    let bots = super::listed(&world, &open).await?;
    check_equal(&bots.len(), &1, "bots after nothing could be made or stopped")?;
    check_equal(&bots[0].join_at, &bot.join_at, "when it joins")
}

fn check_silent(errors: &[SourceError]) -> Outcome {
    for error in errors {
        let shown = format!("{error:?} {}", describe(error));
        check(!shown.contains(CANARY), format_args!("an error shows content: {}", error.kind))?;
    }
    Ok(())
}

async fn no_content(world: World) -> Outcome {
    let bot = planned(&world, 0).await?;
    for mishap in [Mishap::Down, Mishap::TooMany(1)] {
        check_silent(&fail_each(&world, &bot.at, mishap).await?)?;
    }
    world.next(Mishap::Garbage).await;
    check_silent(&[refused(world.provider().find(&bot.at).await, "find")?])?;
    let mut odd = wanted(&world, 3, None);
    odd.meeting = format!("https://{CANARY}.example/").into();
    odd.name = CANARY.repeat(40);
    let answer = world.provider().create(&odd).await;
    check_silent(&answer.err().into_iter().collect::<Vec<_>>())
}

async fn said_something(world: &World) -> Result<BotRef, Broken> {
    let at = in_call(world, 0).await?;
    world.play(&at, Scene::Says { name: "Ada", text: format!("It is {CANARY}.") }).await;
    super::end(world, &at).await;
    Ok(at)
}

async fn records_malformed(world: World) -> Outcome {
    let at = said_something(&world).await?;
    world.next(Mishap::Garbage).await;
    let error = refused(world.records().transcript(&at, None).await, "a transcript")?;
    check_equal(&error.kind, &SourceErrorKind::Malformed, "the kind")?;
    let whole = world.records().transcript(&at, None).await?;
    check_equal(&whole.segments.len(), &1, "segments once the failure is over")
}

async fn records_no_content(world: World) -> Outcome {
    let at = said_something(&world).await?;
    for mishap in [Mishap::Garbage, Mishap::Down, Mishap::TooMany(1)] {
        world.next(mishap).await;
        check_silent(&[refused(world.records().transcript(&at, None).await, "a transcript")?])?;
    }
    Ok(())
}
