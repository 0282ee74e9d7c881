//! Watches: they call until their end, can be kept alive, and are over when they were stopped.
use std::time::Duration;

use besunny_core::{push::Watch, source::SourceErrorKind};

use super::{
    Broken, Case, Outcome, Power, World, check, check_calls, check_equal, check_silence, clause,
    request, start,
};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("push.watch.calls", calls),
        clause("push.watch.named", named),
        clause("push.watch.end", end),
        clause("push.renew.longer", longer).needing(Power::Lengthen),
        clause("push.renew.another", another).needing(Power::Replace),
        clause("push.stop.ends", stop_ends),
        clause("push.stop.gone", stop_gone),
        clause("push.errors.not-swallowed", not_swallowed),
    ]
}

/// So long before and after its end a watch is looked at.
const MOMENT: Duration = Duration::from_mins(1);

async fn calls(world: World) -> Outcome {
    check_silence(&world, "before anybody asked").await?;
    let watch = start(&world, "one").await?;
    for _ in 0..2 {
        world.advance(MOMENT).await;
        check_calls(&world, &watch, "while the watch lives").await?;
    }
    Ok(())
}

async fn named(world: World) -> Outcome {
    let asked = request(&world, "one");
    let now = world.now();
    let watch = world.push().start_watch(&asked, now).await?;
    check_equal(&watch.id, &asked.id, "the name of the watch")?;
    check_equal(&watch.since, &now, "when it began")?;
    check(watch.handle.is_some(), "it has no data of the provider's")?;
    check(watch.is_live(now), "it is over already")
}

async fn end(world: World) -> Outcome {
    let watch = start(&world, "one").await?;
    let Some(until) = watch.until else {
        world.advance(super::ASKED.to_std().unwrap_or_default() * 10).await;
        return check_calls(&world, &watch, "although the watch has no end").await;
    };
    let left = (until - world.now()).to_std();
    let left = left.map_err(|_past| Broken::new("the watch ended before it began"))?;
    world.advance(left.saturating_sub(MOMENT)).await;
    check_calls(&world, &watch, "shortly before its end").await?;
    world.advance(MOMENT * 2).await;
    check_silence(&world, "after the end that was told").await
}

/// Lets half of a watch's life pass, when the engine renews it.
async fn half(world: &World, watch: &Watch) -> Result<(), Broken> {
    let until = watch.until.ok_or_else(|| Broken::new("a watch that is renewed has no end"))?;
    let half = ((until - watch.since) / 2).to_std().unwrap_or_default();
    world.advance(half).await;
    check(watch.is_due(world.now()), "the watch is not due at half of its life")
}

async fn longer(world: World) -> Outcome {
    let watch = start(&world, "one").await?;
    half(&world, &watch).await?;
    let renewed = world.push().renew(&world.stream(), &watch, world.now()).await?;
    let renewed = renewed.ok_or_else(|| Broken::new("it cannot be lengthened"))?;
    check_equal(&renewed.id, &watch.id, "the name of the watch")?;
    check_equal(&renewed.since, &world.now(), "when it began anew")?;
    check(renewed.until > watch.until, "it ends no later")?;
    let left = watch.until.map(|until| (until - world.now()).to_std().unwrap_or_default());
    world.advance(left.unwrap_or_default() + MOMENT).await;
    check_calls(&world, &renewed, "after the first end").await
}

async fn another(world: World) -> Outcome {
    let old = start(&world, "one").await?;
    half(&world, &old).await?;
    let renewed = world.push().renew(&world.stream(), &old, world.now()).await?;
    check(renewed.is_none(), "it was lengthened, which the world says it cannot be")?;
    let new = start(&world, "two").await?;
    check(new.id != old.id, "both watches have one name")?;
    world.push().stop_watch(&world.stream(), &old).await?;
    check_calls(&world, &new, "after another watch was started and the old one stopped").await
}

async fn stop_ends(world: World) -> Outcome {
    let watch = start(&world, "one").await?;
    check_calls(&world, &watch, "while the watch lives").await?;
    world.push().stop_watch(&world.stream(), &watch).await?;
    check_silence(&world, "after the watch was stopped").await
}

async fn stop_gone(world: World) -> Outcome {
    let watch = start(&world, "one").await?;
    for _ in 0..2 {
        world.push().stop_watch(&world.stream(), &watch).await?;
    }
    Ok(())
}

async fn not_swallowed(world: World) -> Outcome {
    world.fail_next().await;
    let failed = world.push().start_watch(&request(&world, "one"), world.now()).await;
    let error = failed.err().ok_or_else(|| Broken::new("a call that failed began a watch"))?;
    check_equal(&error.kind, &SourceErrorKind::Unavailable, "the kind")?;
    check_silence(&world, "after no watch was had").await?;
    let watch = start(&world, "one").await?;
    check_calls(&world, &watch, "once the failure is over").await
}
