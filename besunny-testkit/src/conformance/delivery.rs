//! What everything promises that reads deliveries about bots: [`BotReceiver`].
use std::{fmt::Debug, sync::Arc};

use besunny_core::{
    bot::{BotNotice, BotReceiver, BotRef},
    push::Rejected,
};
use secrecy::SecretString;

use super::{Broken, Case, Outcome, check, check_equal, clause, push::Call};

/// What reads the calls, and calls as the provider and others make them.
pub trait DeliveryWorld: Debug + Send + Sync {
    /// Returns the adapter under test.
    fn receiver(&self) -> Arc<dyn BotReceiver>;
    /// Returns the secret that the provider shares with us.
    fn secret(&self) -> SecretString;
    /// Returns another secret, as it was before or will be.
    fn other_secret(&self) -> SecretString;
    /// Returns genuine calls, each with the bot that it is about.
    fn genuine(&self) -> Vec<(Call, BotRef)>;
    /// Returns genuine calls that make no sense.
    fn unreadable(&self) -> Vec<Call>;
    /// Returns calls that differ from a genuine one, each with what is wrong.
    fn forged(&self) -> Vec<(&'static str, Call)>;
    /// Returns a call without a proof.
    fn unsigned(&self) -> Call;
}

/// A world of which each case gets a fresh one.
pub type World = Arc<dyn DeliveryWorld>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    vec![
        clause("delivery.proof.missing", |world| async move { proof_missing(&world) }),
        clause("delivery.proof.forged", |world| async move { proof_forged(&world) }),
        clause("delivery.secrets.several", |world| async move { secrets_several(&world) }),
        clause("delivery.secrets.none", |world| async move { secrets_none(&world) }),
        clause("delivery.body.unreadable", |world| async move { unreadable(&world) }),
        clause("delivery.hint.about", |world| async move { hint_about(&world) }),
        clause("delivery.hint.same", |world| async move { hint_same(&world) }),
    ]
}

fn read(world: &World, call: &Call, secrets: &[SecretString]) -> Result<BotNotice, Rejected> {
    call.deliver(|delivery| world.receiver().receive(delivery, secrets))
}

fn check_rejected(world: &World, call: &Call, want: &Rejected, what: &str) -> Outcome {
    check_equal(&read(world, call, &[world.secret()]), &Err(want.clone()), what)
}

fn proof_missing(world: &World) -> Outcome {
    check_rejected(world, &world.unsigned(), &Rejected::Unsigned, "a call without a proof")
}

fn proof_forged(world: &World) -> Outcome {
    let forged = world.forged();
    check(!forged.is_empty(), "the world forges nothing")?;
    for (name, call) in forged {
        check_rejected(world, &call, &Rejected::BadSignature, name)?;
    }
    Ok(())
}

fn secrets_several(world: &World) -> Outcome {
    let (secret, other) = (world.secret(), world.other_secret());
    for (call, _) in world.genuine() {
        let alone = read(world, &call, std::slice::from_ref(&secret));
        for secrets in [[secret.clone(), other.clone()], [other.clone(), secret.clone()]] {
            check_equal(&read(world, &call, &secrets), &alone, "under two secrets")?;
        }
        let under_other = read(world, &call, std::slice::from_ref(&other));
        check_equal(&under_other, &Err(Rejected::BadSignature), "under the wrong secret")?;
    }
    Ok(())
}

fn secrets_none(world: &World) -> Outcome {
    for (call, _) in world.genuine() {
        check(read(world, &call, &[]).is_err(), "a call was taken without a secret")?;
    }
    Ok(())
}

fn unreadable(world: &World) -> Outcome {
    for call in world.unreadable() {
        check_rejected(world, &call, &Rejected::Unreadable, "a call that makes no sense")?;
    }
    Ok(())
}

fn hint_about(world: &World) -> Outcome {
    let genuine = world.genuine();
    check(!genuine.is_empty(), "the world has no genuine call")?;
    for (call, bot) in genuine {
        let notice = read(world, &call, &[world.secret()]);
        let notice = notice.map_err(|why| Broken::new(format!("a call is refused: {why}")))?;
        check_equal(&notice.bot, &Some(bot), "the bot")?;
    }
    Ok(())
}

fn hint_same(world: &World) -> Outcome {
    for (call, _) in world.genuine() {
        let first = read(world, &call, &[world.secret()]);
        let later = Call { received_at: call.received_at + chrono::TimeDelta::days(1), ..call };
        check_equal(&read(world, &later, &[world.secret()]), &first, "the same call a day later")?;
    }
    Ok(())
}
