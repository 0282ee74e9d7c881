//! Bots are made once, found, listed and moved.
use std::collections::BTreeSet;

use besunny_core::{
    bot::{Amend, BotFilter, BotPhase, Changed, Created},
    source::SourceErrorKind,
};

use super::{
    BotPower, Broken, Case, MOMENT, Mishap, Outcome, PATIENCE, Power, Scene, World, check,
    check_equal, check_phase, clause, end, find, in_call, later, listed, margins, planned, refused,
    under_key, unknown, wanted,
};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("bot.create.found", found),
        clause("bot.create.joins", joins).needing(Power::Bot(BotPower::Plan)),
        clause("bot.create.at-once", at_once),
        clause("bot.create.once", once),
        clause("bot.create.lost-reply", lost_reply).needing(Power::Fail),
        clause("bot.create.keys-apart", keys_apart),
        clause("bot.find.gone", find_gone),
        clause("bot.list.complete", list_complete),
        clause("bot.list.filtered", list_filtered),
        clause("bot.list.expired", list_expired).needing(Power::KillPages),
        clause("bot.reschedule.moves", moves).needing(Power::Bot(BotPower::Plan)),
        clause("bot.reschedule.gone", reschedule_gone),
        clause("bot.reschedule.late", reschedule_late),
        clause("bot.phase.order", phase_order),
        clause("bot.phase.failed", phase_failed),
    ]
}

/// More than any provider shows on one page.
const MANY: usize = 27;

async fn found(world: World) -> Outcome {
    let is_planned = world.lacks(Power::Bot(BotPower::Plan)).is_none();
    let wanted = wanted(&world, 0, is_planned.then(|| later(&world)));
    let created = world.provider().create(&wanted).await?;
    check(matches!(created, Created::New(_)), "a new bot is taken for an old one")?;
    let bot = find(&world, &created.bot().at).await?;
    check_equal(&bot.at, &created.bot().at, "where it is found")?;
    if is_planned {
        check_equal(&bot.join_at, &wanted.join_at, "when it joins")?;
    }
    if let Some(key) = &bot.dedup_key {
        check_equal(key, &wanted.dedup_key, "its key")?;
    }
    if world.provider().abilities().metadata_bytes > 0 {
        check_equal(&bot.metadata, &wanted.metadata, "what is kept with it")?;
    }
    check(!bot.is_over(), "it is over already")
}

async fn joins(world: World) -> Outcome {
    let bot = planned(&world, 0).await?;
    check_phase(&world, &bot.at, BotPhase::Planned, "before its time").await?;
    let (frozen, _) = margins(&world);
    let left = bot.join_at.map(|at| at - world.now()).unwrap_or_default();
    let left = left.to_std().unwrap_or_default();
    world.advance(left.saturating_sub(frozen + MOMENT)).await;
    check_phase(&world, &bot.at, BotPhase::Planned, "shortly before its time").await?;
    world.advance(frozen + MOMENT + PATIENCE).await;
    let phase = find(&world, &bot.at).await?.phase;
    check(phase >= Some(BotPhase::Joining), format_args!("at its time it is {phase:?}"))
}

async fn at_once(world: World) -> Outcome {
    let bot = world.provider().create(&wanted(&world, 0, None)).await?.into_bot();
    world.advance(MOMENT).await;
    let phase = find(&world, &bot.at).await?.phase;
    check(phase >= Some(BotPhase::Joining), format_args!("it is {phase:?}"))
}

async fn once(world: World) -> Outcome {
    let wanted = wanted(&world, 0, None);
    let first = world.provider().create(&wanted).await?.into_bot();
    for _ in 0..2 {
        world.advance(MOMENT).await;
        let again = world.provider().create(&wanted).await?.into_bot();
        check_equal(&again.at, &first.at, "the bot of the same key")?;
    }
    check_equal(&listed(&world, &BotFilter::default()).await?.len(), &1, "bots")
}

async fn lost_reply(world: World) -> Outcome {
    let wanted = wanted(&world, 0, None);
    world.next(Mishap::LostReply).await;
    let error = refused(world.provider().create(&wanted).await, "a lost answer")?;
    check_equal(&error.kind, &SourceErrorKind::Unavailable, "the kind")?;
    let made = listed(&world, &BotFilter::default()).await?;
    check_equal(&made.len(), &1, "bots after the answer was lost")?;
    let again = world.provider().create(&wanted).await?.into_bot();
    check_equal(&again.at, &made[0].at, "the bot of the same key")?;
    check_equal(&listed(&world, &BotFilter::default()).await?.len(), &1, "bots after both tries")
}

async fn keys_apart(world: World) -> Outcome {
    let first = planned(&world, 0).await?;
    let other = planned(&world, 1).await?;
    check(other.at != first.at, "bots of two meetings are one")?;
    // Some lock a meeting for minutes after a bot was made.
    world.advance(PATIENCE).await;
    let mut same = wanted(&world, 0, Some(later(&world)));
    same.dedup_key.push_str("-other");
    let second = world.provider().create(&same).await?.into_bot();
    let is_one = world.provider().abilities().one_per_meeting;
    check_equal(&(second.at == first.at), &is_one, "whether a meeting has one bot")
}

async fn find_gone(world: World) -> Outcome {
    planned(&world, 0).await?;
    check(world.provider().find(&unknown()).await?.is_none(), "what is not there is found")
}

async fn list_complete(world: World) -> Outcome {
    let mut made = BTreeSet::new();
    for number in 0..MANY {
        made.insert(planned(&world, number).await?.at);
    }
    let shown = listed(&world, &BotFilter::default()).await?;
    check_equal(&shown.len(), &MANY, "bots shown")?;
    let shown: BTreeSet<_> = shown.into_iter().map(|bot| bot.at).collect();
    check_equal(&shown, &made, "the bots")
}

async fn list_filtered(world: World) -> Outcome {
    let over = in_call(&world, 0).await?;
    end(&world, &over).await;
    let open = in_call(&world, 1).await?;
    let filter = BotFilter { open_only: true, dedup_key: None };
    let shown = listed(&world, &filter).await?;
    check_equal(&shown.iter().map(|bot| &bot.at).collect::<Vec<_>>(), &vec![&open], "open bots")?;
    let key = wanted(&world, 1, None).dedup_key;
    let shown = under_key(&world, &key).await?;
    let keeps_keys = find(&world, &open).await?.dedup_key.is_some();
    let want: Vec<_> = keeps_keys.then_some(&open).into_iter().collect();
    check_equal(&shown.iter().map(|bot| &bot.at).collect::<Vec<_>>(), &want, "by key")?;
    check_equal(&under_key(&world, "no such key").await?.len(), &0, "bots of no key")
}

async fn list_expired(world: World) -> Outcome {
    for number in 0..MANY {
        planned(&world, number).await?;
    }
    let filter = BotFilter::default();
    let first = world.provider().list(&filter, None).await?;
    let next = first.next.ok_or_else(|| Broken::new("there is one page only"))?;
    world.kill_pages().await;
    let answer = world.provider().list(&filter, Some(&next)).await;
    let error = refused(answer, "a dead page token")?;
    check_equal(&error.kind, &SourceErrorKind::PageExpired, "the kind")?;
    check_equal(&listed(&world, &filter).await?.len(), &MANY, "bots, read again from the start")
}

async fn moves(world: World) -> Outcome {
    let bot = planned(&world, 0).await?;
    let to = later(&world) + super::AHEAD;
    let amend = Amend { join_at: Some(to), ..Amend::default() };
    for _ in 0..2 {
        let changed = world.provider().reschedule(&bot.at, &amend).await?;
        check_equal(&changed, &Changed::Applied, "what became of it")?;
    }
    let moved = find(&world, &bot.at).await?;
    check_equal(&moved.join_at, &Some(to), "when it joins")?;
    let left = bot.join_at.map(|at| at - world.now()).unwrap_or_default();
    world.advance(left.to_std().unwrap_or_default() + MOMENT).await;
    check_phase(&world, &bot.at, BotPhase::Planned, "at its first time").await?;
    let left = (to - world.now()).to_std().unwrap_or_default();
    world.advance(left + PATIENCE).await;
    let phase = find(&world, &bot.at).await?.phase;
    check(phase >= Some(BotPhase::Joining), format_args!("at its new time it is {phase:?}"))
}

async fn reschedule_gone(world: World) -> Outcome {
    let amend = Amend { join_at: Some(later(&world)), ..Amend::default() };
    let changed = world.provider().reschedule(&unknown(), &amend).await?;
    check_equal(&changed, &Changed::Gone, "what became of it")
}

async fn reschedule_late(world: World) -> Outcome {
    let at = in_call(&world, 0).await?;
    let amend = Amend { join_at: Some(later(&world)), ..Amend::default() };
    let changed = world.provider().reschedule(&at, &amend).await?;
    check(changed != Changed::Applied, "a bot in the call was moved")?;
    check_phase(&world, &at, BotPhase::InCall, "after it could not be moved").await?;
    end(&world, &at).await;
    let changed = world.provider().reschedule(&at, &amend).await?;
    check_equal(&changed, &Changed::Over, "what became of it when the bot was over")
}

async fn phase_order(world: World) -> Outcome {
    let bot = world.provider().create(&wanted(&world, 0, None)).await?.into_bot();
    let mut phase = bot.phase.ok_or_else(|| Broken::new("the first word is not known"))?;
    for (scene, want) in [
        (Scene::Lobby, BotPhase::Lobby),
        (Scene::LetIn, BotPhase::InCall),
        (Scene::Says { name: "Ada", text: "Hello".to_owned() }, BotPhase::InCall),
        (Scene::Ends, BotPhase::Processing),
        (Scene::Prepared, BotPhase::Done),
    ] {
        world.advance(MOMENT).await;
        world.play(&bot.at, scene.clone()).await;
        let seen = find(&world, &bot.at).await?.phase;
        let seen = seen.ok_or_else(|| Broken::new(format!("after {scene:?}: an unknown word")))?;
        check(seen.may_follow(phase), format_args!("{scene:?}: {phase:?}, then {seen:?}"))?;
        check(seen <= want, format_args!("after {scene:?} it is {seen:?} already"))?;
        phase = seen;
    }
    check_equal(&phase, &BotPhase::Done, "the last phase")
}

async fn phase_failed(world: World) -> Outcome {
    let bot = world.provider().create(&wanted(&world, 0, None)).await?.into_bot();
    world.advance(MOMENT).await;
    world.play(&bot.at, Scene::TurnedAway).await;
    let bot = find(&world, &bot.at).await?;
    check_equal(&bot.phase, &Some(BotPhase::Failed), "the phase")?;
    check(bot.ending.is_some(), "it does not say why")
}
