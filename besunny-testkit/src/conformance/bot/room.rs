//! Chat, people and the pause, where a provider has them.
use std::{future::Future, sync::Arc};

use besunny_core::{
    bot::{BotRef, Capture, Changed, ChatTo, Movement, Portion},
    source::{Cursor, SourceError},
};

use super::{
    BotPower, Broken, Case, MOMENT, Outcome, Power, Scene, World, check, check_equal, clause, end,
    find, in_call, planned,
};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("chat.messages.complete", messages).needing(Power::Bot(BotPower::Chat)),
        clause("chat.send.in-call", send).needing(Power::Bot(BotPower::Chat)),
        clause("presence.participants.complete", participants)
            .needing(Power::Bot(BotPower::Presence)),
        clause("presence.comings.complete", comings).needing(Power::Bot(BotPower::Presence)),
        clause("control.pause.shown", pause_shown).needing(Power::Bot(BotPower::Pause)),
        clause("control.pause.absent", pause_absent).needing(Power::Bot(BotPower::Pause)),
        clause("control.pause.again", pause_again).needing(Power::Bot(BotPower::Pause)),
    ]
}

/// More than any provider shows in one portion.
const MANY: usize = 27;

fn power<P: ?Sized>(held: Option<Arc<P>>) -> Result<Arc<P>, Broken> {
    held.ok_or_else(|| Broken::new("the world says that it has this, and has it not"))
}

/// Reads on from `cursor` until there is no more at once.
async fn read<T, F>(
    cursor: &mut Option<Cursor>,
    ask: impl Fn(Option<Cursor>) -> F,
) -> Result<Vec<T>, Broken>
where
    F: Future<Output = Result<Portion<T>, SourceError>>,
{
    let mut entries = Vec::new();
    loop {
        let portion = ask(cursor.clone()).await?;
        entries.extend(portion.entries);
        *cursor = Some(portion.next);
        if !portion.more {
            return Ok(entries);
        }
    }
}

async fn messages(world: World) -> Outcome {
    let chat = power(world.chat())?;
    let at = in_call(&world, 0).await?;
    let mut texts: Vec<String> = (0..MANY).map(|number| format!("message {number}")).collect();
    for text in &texts {
        world.play(&at, Scene::Writes { name: "Ada", text: text.clone() }).await;
    }
    world.advance(MOMENT).await;
    let mut cursor = None;
    let ask = |after: Option<Cursor>| {
        let (chat, at) = (Arc::clone(&chat), at.clone());
        async move { chat.messages(&at, after.as_ref()).await }
    };
    let read_first = read(&mut cursor, ask).await?;
    let got: Vec<&str> = read_first.iter().map(|message| message.text.expose().as_str()).collect();
    check_equal(&got, &texts.iter().map(String::as_str).collect(), "the messages")?;
    check(!read_first[0].is_private, "a message to everyone is taken for a private one")?;
    texts = vec!["one more".to_owned()];
    world.play(&at, Scene::Writes { name: "Zoë", text: texts[0].clone() }).await;
    let later = read(&mut cursor, ask).await?;
    let last = later.last().map(|message| message.text.expose().as_str());
    check_equal(&last, &Some("one more"), "what came since")
}

async fn send(world: World) -> Outcome {
    let chat = power(world.chat())?;
    let early = planned(&world, 0).await?.at;
    let changed = chat.send(&early, "Hi", &ChatTo::Everyone).await?;
    check(changed != Changed::Applied, "a bot outside of the call has written")?;
    let at = in_call(&world, 1).await?;
    let changed = chat.send(&at, "Hi, I take notes.", &ChatTo::Everyone).await?;
    check_equal(&changed, &Changed::Applied, "what became of it")?;
    end(&world, &at).await;
    let changed = chat.send(&at, "Hi", &ChatTo::Everyone).await?;
    check_equal(&changed, &Changed::Over, "what became of it after the call")
}

async fn participants(world: World) -> Outcome {
    let presence = power(world.presence())?;
    let at = in_call(&world, 0).await?;
    for scene in [Scene::Comes("Ada"), Scene::Comes("Zoë"), Scene::Goes("Ada")] {
        world.play(&at, scene).await;
        world.advance(MOMENT).await;
    }
    let ask = |after: Option<Cursor>| {
        let (presence, at) = (Arc::clone(&presence), at.clone());
        async move { presence.participants(&at, after.as_ref()).await }
    };
    let people = read(&mut None, ask).await?;
    let mut names: Vec<&str> =
        people.iter().filter_map(|person| Some(person.name.as_ref()?.expose().as_str())).collect();
    names.sort_unstable();
    check_equal(&names, &vec!["Ada", "Zoë"], "who was there")
}

async fn comings(world: World) -> Outcome {
    let presence = power(world.presence())?;
    let at = in_call(&world, 0).await?;
    let mut want = Vec::new();
    let mut cursor = None;
    let ask = |after: Option<Cursor>| {
        let (presence, at) = (Arc::clone(&presence), at.clone());
        async move { presence.comings(&at, after.as_ref()).await }
    };
    for _ in 0..MANY {
        world.play(&at, Scene::Comes("Ada")).await;
        world.advance(MOMENT).await;
        want.push(Some(Movement::Joined));
    }
    let first = read(&mut cursor, ask).await?;
    check_equal(&first.iter().map(|coming| coming.movement).collect(), &want, "what happened")?;
    let is_ordered = first.is_sorted_by_key(|coming| coming.at);
    check(is_ordered, "it is not in the order of time")?;
    world.play(&at, Scene::Goes("Ada")).await;
    world.advance(MOMENT).await;
    let later = read(&mut cursor, ask).await?;
    let last = later.last().and_then(|coming| coming.movement);
    check_equal(&last, &Some(Movement::Left), "what happened since")
}

async fn capture(world: &World, at: &BotRef) -> Result<Capture, Broken> {
    Ok(find(world, at).await?.capture)
}

async fn pause_shown(world: World) -> Outcome {
    let control = power(world.control())?;
    let at = in_call(&world, 0).await?;
    check_equal(&capture(&world, &at).await?, &Capture::On, "what it does")?;
    check_equal(&control.pause(&at).await?, &Changed::Applied, "what became of it")?;
    check_equal(&capture(&world, &at).await?, &Capture::Paused, "what it does then")?;
    check_equal(&control.resume(&at).await?, &Changed::Applied, "what became of it")?;
    check_equal(&capture(&world, &at).await?, &Capture::On, "what it does in the end")
}

async fn pause_absent(world: World) -> Outcome {
    let control = power(world.control())?;
    let at = planned(&world, 0).await?.at;
    check(control.pause(&at).await? != Changed::Applied, "a planned bot was paused")?;
    let at = in_call(&world, 1).await?;
    end(&world, &at).await;
    check_equal(&control.pause(&at).await?, &Changed::Over, "what became of it after the call")
}

async fn pause_again(world: World) -> Outcome {
    let control = power(world.control())?;
    let at = in_call(&world, 0).await?;
    for _ in 0..2 {
        check_equal(&control.pause(&at).await?, &Changed::Applied, "what became of it")?;
    }
    for _ in 0..2 {
        check_equal(&control.resume(&at).await?, &Changed::Applied, "what became of it")?;
    }
    check_equal(&capture(&world, &at).await?, &Capture::On, "what it does in the end")
}
