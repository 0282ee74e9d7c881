//! People who come later than the mail that names them.
use besunny_core::{
    account::Intake,
    commit::{Detection, Effect},
    ids::UserId,
    item::IgnoredReason,
    mail::RecipientKind,
    repository::BATCH,
    source::ItemId,
};

use super::{
    World,
    bench::{Bench, item, item_id, person},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.newcomer.asked", asked),
        clause("store.newcomer.late", late),
        clause("store.newcomer.all", all),
    ]
}

/// A tenant whose account is a master mailbox.
async fn master(world: &World) -> Result<Bench, Broken> {
    let mut bench = Bench::acme(world).await?;
    bench.account.intake = Intake::Master;
    bench.store.connect(&bench.scope, &bench.account, &[]).await?;
    Ok(bench)
}

/// Says that `id` names bob, who is `user`.
fn names_bob(id: &str, user: Option<UserId>) -> Result<Effect, Broken> {
    Ok(Effect::Detect(Detection {
        item: item_id(id),
        address: "ai+bob@example.com".to_owned(),
        username: person(UserId::derived(&[b"bob"]), "bob")?.username,
        user,
        kind: RecipientKind::To,
    }))
}

fn ignore(id: &str) -> Effect {
    Effect::Ignore { item: item(id), reason: IgnoredReason::NotAddressed, policy: 0 }
}

async fn asked_of(bench: &Bench) -> Result<Vec<ItemId>, Broken> {
    Ok(bench.store.position(&bench.scope, bench.streams[0]).await?.asked)
}

async fn asked(world: World) -> Outcome {
    let bench = master(&world).await?;
    let lease = bench.lease().await?;
    let effects = vec![
        names_bob("a", None)?,
        ignore("a"),
        names_bob("b", None)?,
        bench.store_effect("b", "for two")?,
        ignore("c"),
    ];
    bench.apply(&lease, effects).await?;
    bench.release(&lease, std::time::Duration::from_hours(1)).await?;
    bench.add_person("cleo").await?;
    check_equal(&asked_of(&bench).await?, &Vec::new(), "asked for somebody else")?;
    let bob = bench.add_person("bob").await?;
    check_equal(&asked_of(&bench).await?, &vec![item_id("a"), item_id("b")], "asked for bob")?;
    world.advance(besunny_core::scheduler::COALESCE).await;
    let lease = bench.lease().await?;
    let effects = vec![
        names_bob("a", Some(bob))?,
        bench.store_effect("a", "for bob")?,
        names_bob("b", Some(bob))?,
        bench.store_effect("b", "for two")?,
    ];
    bench.apply(&lease, effects).await?;
    check_equal(&asked_of(&bench).await?, &Vec::new(), "asked for what was read")?;
    bench.add_person("bob").await?;
    check_equal(&asked_of(&bench).await?, &Vec::new(), "asked for a person who is there")
}

async fn late(world: World) -> Outcome {
    let bench = master(&world).await?;
    let lease = bench.lease().await?;
    let commit = bench.pass(&lease, vec![names_bob("a", None)?, ignore("a")]).await?;
    bench.add_person("bob").await?;
    bench.commit(commit).await?;
    check_equal(&asked_of(&bench).await?, &vec![item_id("a")], "ignored as bob came")?;
    bench.release(&lease, std::time::Duration::from_hours(1)).await?;
    world.advance(besunny_core::scheduler::COALESCE).await;
    bench.lease().await.map(drop)
}

async fn all(world: World) -> Outcome {
    let bench = master(&world).await?;
    let lease = bench.lease().await?;
    let mut effects = Vec::new();
    for number in 0..BATCH + 3 {
        let id = format!("i{number}");
        effects.extend([names_bob(&id, None)?, ignore(&id)]);
    }
    bench.apply(&lease, effects).await?;
    let bob = bench.add_person("bob").await?;
    let mut read = 0;
    loop {
        let page = asked_of(&bench).await?;
        if page.is_empty() {
            return check_equal(&read, &(BATCH + 3), "how many were asked for");
        }
        check(page.len() < BATCH, "the whole of them is one page")?;
        read += page.len();
        let mut effects = Vec::new();
        for id in &page {
            effects.extend([names_bob(id.as_str(), Some(bob))?, ignore(id.as_str())]);
        }
        bench.apply(&lease, effects).await?;
    }
}
