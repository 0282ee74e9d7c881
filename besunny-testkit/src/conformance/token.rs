//! What every source of access tokens promises: [`TokenSource`].
use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use besunny_core::{
    source::{AccountRef, SourceErrorKind as Kind},
    token::{AccessToken, TokenSource},
};
use futures::future;
use secrecy::ExposeSecret;

use super::{Broken, Case, Outcome, check, check_equal, clause};

/// A source of tokens, and the provider behind it.
#[async_trait]
pub trait TokenWorld: Debug + Send + Sync {
    /// Returns the adapter under test.
    fn tokens(&self) -> Arc<dyn TokenSource>;
    /// Returns an account whose grant lives.
    fn account(&self) -> AccountRef;
    /// Returns how often the provider was asked for a token, whatever it answered.
    async fn asked(&self) -> usize;
    /// Lets the provider's next answer be a failure that heals.
    async fn fail_next(&self);
    /// Takes the grant back.
    async fn revoke(&self);
}

/// A world of which each case gets a fresh one, of which nobody has asked for a token.
pub type World = Arc<dyn TokenWorld>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    vec![
        clause("token.refresh.once", once),
        clause("token.refresh.kept", kept),
        clause("token.invalidate.refreshes", invalidate),
        clause("token.invalidate.replaced", replaced),
        clause("token.errors.dead", dead),
        clause("token.errors.heals", heals),
        clause("token.errors.no-secret", no_secret),
    ]
}

async fn token(world: &World) -> Result<AccessToken, Broken> {
    Ok(world.tokens().token(&world.account()).await?)
}

fn are_same(one: &AccessToken, other: &AccessToken) -> bool {
    one.0.expose_secret() == other.0.expose_secret()
}

async fn invalidate_it(world: &World, token: &AccessToken) {
    world.tokens().invalidate(&world.account(), token).await;
}

async fn failing(world: &World) -> Result<Kind, Broken> {
    let failed = world.tokens().token(&world.account()).await.err();
    Ok(failed.ok_or_else(|| Broken::new("a refusal brings a token"))?.kind)
}

async fn once(world: World) -> Outcome {
    let (tokens, account) = (world.tokens(), world.account());
    let asks = (0..16).map(|_| tokens.token(&account));
    let answers: Vec<AccessToken> = future::try_join_all(asks).await?;
    check(answers.windows(2).all(|two| are_same(&two[0], &two[1])), "there are several tokens")?;
    check_equal(&world.asked().await, &1, "how often the provider was asked")
}

async fn kept(world: World) -> Outcome {
    let (first, second) = (token(&world).await?, token(&world).await?);
    check(are_same(&first, &second), "a token that is good is replaced")?;
    check_equal(&world.asked().await, &1, "how often the provider was asked")
}

async fn invalidate(world: World) -> Outcome {
    let first = token(&world).await?;
    invalidate_it(&world, &first).await;
    check(!are_same(&first, &token(&world).await?), "a refused token is handed out again")?;
    check_equal(&world.asked().await, &2, "how often the provider was asked")
}

/// Of two calls that met one refused token, the later one does not throw the new token away.
async fn replaced(world: World) -> Outcome {
    let first = token(&world).await?;
    invalidate_it(&world, &first).await;
    let second = token(&world).await?;
    invalidate_it(&world, &first).await;
    check(are_same(&second, &token(&world).await?), "a good token was thrown away")?;
    check_equal(&world.asked().await, &2, "how often the provider was asked")
}

async fn dead(world: World) -> Outcome {
    let first = token(&world).await?;
    world.revoke().await;
    invalidate_it(&world, &first).await;
    check_equal(&failing(&world).await?, &Kind::Unauthorized, "the kind")?;
    let asked = world.asked().await;
    check_equal(&failing(&world).await?, &Kind::Unauthorized, "the kind, the second time")?;
    check_equal(&world.asked().await, &asked, "how often the provider was asked")
}

async fn heals(world: World) -> Outcome {
    world.fail_next().await;
    check_equal(&failing(&world).await?, &Kind::Unavailable, "the kind")?;
    check_equal(&world.asked().await, &1, "how often the provider was asked")?;
    token(&world).await.map(drop)
}

/// A token is shown by nothing but itself.
async fn no_secret(world: World) -> Outcome {
    let token = token(&world).await?;
    let shown = format!("{token:?} {:?}", world.tokens());
    check(!shown.contains(token.0.expose_secret()), "a token is shown for debugging")
}
