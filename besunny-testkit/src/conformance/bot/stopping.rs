//! One verb keeps a bot out of the call, whatever its phase.
use besunny_core::bot::{Amend, BotPhase, Changed};

use super::{
    BotPower, Case, MOMENT, Outcome, PATIENCE, Power, Scene, World, check, check_equal,
    check_phase, clause, end, find, in_call, later, margins, planned, unknown,
};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("bot.stop.planned", stop_planned).needing(Power::Bot(BotPower::Plan)),
        clause("bot.stop.in-call", stop_in_call),
        clause("bot.stop.frozen", stop_frozen).needing(Power::Bot(BotPower::Freeze)),
        clause("bot.stop.over", stop_over),
        clause("bot.stop.gone", stop_gone),
        clause("bot.stop.again", stop_again),
    ]
}

/// A bot that was stopped is gone, over, or on its way out; it is never in the call.
async fn check_out(world: &World, at: &besunny_core::bot::BotRef, when: &str) -> Outcome {
    let Some(bot) = world.provider().find(at).await? else { return Ok(()) };
    let is_out = bot.phase >= Some(BotPhase::Leaving);
    check(is_out, format_args!("{when} it is {:?}", bot.phase))
}

async fn stop_planned(world: World) -> Outcome {
    let bot = planned(&world, 0).await?;
    let changed = world.provider().stop(&bot.at).await?;
    check_equal(&changed, &Changed::Applied, "what became of it")?;
    check_out(&world, &bot.at, "after it was stopped").await?;
    let left = bot.join_at.map(|at| at - world.now()).unwrap_or_default();
    world.advance(left.to_std().unwrap_or_default() + PATIENCE).await;
    check_out(&world, &bot.at, "at its time").await
}

async fn stop_in_call(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    let changed = world.provider().stop(&at).await?;
    check_equal(&changed, &Changed::Applied, "what became of it")?;
    world.advance(MOMENT).await;
    check_out(&world, &at, "after it was stopped").await
}

async fn stop_frozen(world: World) -> Outcome {
    let bot = planned(&world, 0).await?;
    let (frozen, _) = margins(&world);
    let left = bot.join_at.map(|at| at - world.now()).unwrap_or_default();
    world.advance(left.to_std().unwrap_or_default().saturating_sub(frozen / 2)).await;
    check_phase(&world, &bot.at, BotPhase::Committed, "before it joins").await?;
    let changed = world.provider().stop(&bot.at).await?;
    let is_frozen = matches!(changed, Changed::Frozen { .. });
    check(is_frozen, format_args!("stopping it was {changed:?}"))?;
    let amend = Amend { join_at: Some(later(&world)), ..Amend::default() };
    let changed = world.provider().reschedule(&bot.at, &amend).await?;
    let is_frozen = matches!(changed, Changed::Frozen { .. });
    check(is_frozen, format_args!("moving it was {changed:?}"))?;
    check_equal(&find(&world, &bot.at).await?.join_at, &bot.join_at, "when it joins")?;
    world.advance(frozen / 2 + PATIENCE).await;
    check_phase(&world, &bot.at, BotPhase::Joining, "at its time").await?;
    let changed = world.provider().stop(&bot.at).await?;
    check_equal(&changed, &Changed::Applied, "what became of the wish in the end")?;
    check_out(&world, &bot.at, "after it was stopped").await
}

async fn stop_over(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    end(&world, &at).await;
    check_equal(&world.provider().stop(&at).await?, &Changed::Over, "what became of it")?;
    let other = in_call(&world, 1).await?;
    world.play(&other, Scene::Breaks).await;
    check_equal(&world.provider().stop(&other).await?, &Changed::Over, "and of a broken one")
}

async fn stop_gone(world: World) -> Outcome {
    check_equal(&world.provider().stop(&unknown()).await?, &Changed::Gone, "what became of it")
}

async fn stop_again(world: World) -> Outcome {
    let bot = planned(&world, 0).await?;
    let joined = in_call(&world, 1).await?;
    for at in [&bot.at, &joined] {
        world.provider().stop(at).await?;
        let again = world.provider().stop(at).await?;
        let is_frozen = matches!(again, Changed::Frozen { .. });
        check(!is_frozen, format_args!("the second time it is {again:?}"))?;
        check_out(&world, at, "after it was stopped twice").await?;
    }
    Ok(())
}
