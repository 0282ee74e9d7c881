//! The receiver: only what is proven is a hint, and a hint is all it is.
use besunny_core::push::Rejected;

use super::{
    Broken, Call, Case, Outcome, Power, World, check, check_equal, clause, leads_to, start,
};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("receiver.proof.missing", missing),
        clause("receiver.proof.forged", forged),
        clause("receiver.proof.before-body", before_body),
        clause("receiver.keys.unknown", unknown_key).needing(Power::Keys),
        clause("receiver.body.unreadable", unreadable),
        clause("receiver.hint.about", about),
        clause("receiver.hint.same", same),
    ]
}

/// What nobody can read.
const SENSELESS: &[u8] = b"{\"half\": ";

/// Returns a genuine call.
async fn genuine(world: &World) -> Result<Call, Broken> {
    start(world, "one").await?;
    let call = world.change().await.pop();
    call.ok_or_else(|| Broken::new("nobody calls while the watch lives"))
}

async fn missing(world: World) -> Outcome {
    let call = Call { headers: Vec::new(), ..genuine(&world).await? };
    let got = call.reach(&*world.receiver(), &world.keys().await);
    check_equal(&got, &Err(Rejected::Unsigned), "a call without a proof")
}

async fn forged(world: World) -> Outcome {
    genuine(&world).await?;
    let (forged, keys) = (world.forged().await, world.keys().await);
    check(!forged.is_empty(), "the world forges nothing")?;
    for forged in forged {
        let got = forged.call.reach(&*world.receiver(), &keys);
        let is_refused = got.as_ref().is_err_and(|why| *why != Rejected::Unreadable);
        check(is_refused, format_args!("{}: got {got:?}", forged.name))?;
    }
    Ok(())
}

/// A body that cannot be read changes nothing about a proof that does not hold.
async fn before_body(world: World) -> Outcome {
    genuine(&world).await?;
    let (forged, keys) = (world.forged().await, world.keys().await);
    for forged in forged.into_iter().filter(|forged| forged.before_body) {
        let whole = forged.call.reach(&*world.receiver(), &keys);
        let broken = Call { body: SENSELESS.to_vec(), ..forged.call };
        let got = broken.reach(&*world.receiver(), &keys);
        check_equal(&got, &whole, &format!("{}, with a body that makes no sense", forged.name))?;
    }
    Ok(())
}

async fn unknown_key(world: World) -> Outcome {
    let got = genuine(&world).await?.reach(&*world.receiver(), &[]);
    check_equal(&got, &Err(Rejected::UnknownKey), "a call whose key is not held")
}

async fn unreadable(world: World) -> Outcome {
    let call = world.rewritten(&genuine(&world).await?, SENSELESS);
    let got = call.reach(&*world.receiver(), &world.keys().await);
    check_equal(&got, &Err(Rejected::Unreadable), "a genuine call that makes no sense")
}

async fn about(world: World) -> Outcome {
    let watch = start(&world, "one").await?;
    let keys = world.keys().await;
    for call in world.change().await {
        let notices = call.reach(&*world.receiver(), &keys);
        let notices = notices.map_err(|why| Broken::new(format!("a call is refused: {why}")))?;
        check(!notices.is_empty(), "a genuine call hints at nothing")?;
        let strays = notices.iter().filter(|notice| !leads_to(&notice.about, &world, &watch));
        check_equal(&strays.count(), &0, "notices about somebody else")?;
    }
    Ok(())
}

async fn same(world: World) -> Outcome {
    let (call, keys) = (genuine(&world).await?, world.keys().await);
    let first = call.reach(&*world.receiver(), &keys);
    for _ in 0..3 {
        check_equal(&call.reach(&*world.receiver(), &keys), &first, "the same call again")?;
    }
    Ok(())
}
