//! What every budget promises: [`Budget`].
use std::{fmt::Debug, pin::Pin, sync::Arc, time::Duration};

use besunny_core::{
    budget::{Budget, Quota, Spend, Spent},
    ids::AccountId,
};
use futures::{FutureExt, poll};

use super::{Case, Outcome, check, clause};

/// A budget of one quota, with its time in hand.
pub trait BudgetWorld: Debug + Send + Sync {
    /// Returns the budget under test.
    fn budget(&self) -> Arc<dyn Budget>;
    /// Returns its quota: three accounts may spend all of the project's, and an account four units.
    fn quota(&self) -> Quota;
    /// Lets so much time pass.
    fn advance(&self, by: Duration);
}

/// A world of which each case gets a fresh one, of which nothing was spent.
pub type World = Arc<dyn BudgetWorld>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    vec![
        clause("budget.account.limit", account),
        clause("budget.project.limit", project),
        clause("budget.spend.in-order", in_order),
        clause("budget.spend.until-end", until_end),
        clause("budget.spend.dropped", dropped),
        clause("budget.refused.pauses", refused),
    ]
}

/// Somebody who waits to make a call that ends at once.
type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

fn spend(world: &World, account: u8, units: u32) -> Spend {
    Spend { account: AccountId::derived(&[&[account]]), quota: world.quota().name, units }
}

fn ask(world: &World, account: u8, units: u32) -> Waiting {
    let (budget, spend) = (world.budget(), spend(world, account, units));
    async move { drop(budget.spend(spend).await) }.boxed()
}

async fn is_served(waiting: &mut Waiting) -> bool {
    poll!(waiting).is_ready()
}

/// Spends all that an account may.
async fn spend_all(world: &World, account: u8) -> Outcome {
    for _ in 0..world.quota().account_units {
        check(is_served(&mut ask(world, account, 1)).await, "free units are held back")?;
    }
    Ok(())
}

/// Checks that somebody waits until the window is over.
async fn check_waits(world: &World, waiting: &mut Waiting, whose: &str) -> Outcome {
    let Quota { window, guard, .. } = world.quota();
    check(!is_served(waiting).await, format_args!("more is spent than {whose} may"))?;
    world.advance(window.saturating_sub(Duration::from_millis(1)));
    check(!is_served(waiting).await, format_args!("{whose} units are free before their time"))?;
    world.advance(guard + Duration::from_millis(1));
    check(is_served(waiting).await, format_args!("{whose} units are never free again"))
}

async fn account(world: World) -> Outcome {
    spend_all(&world, 1).await?;
    check_waits(&world, &mut ask(&world, 1, 1), "the account's").await
}

async fn project(world: World) -> Outcome {
    let Quota { account_units, project_units, .. } = world.quota();
    for account in 0..project_units / account_units {
        spend_all(&world, u8::try_from(account).unwrap_or(u8::MAX)).await?;
    }
    check_waits(&world, &mut ask(&world, u8::MAX, 1), "the project's").await
}

/// Whoever asked first is served first, even if a later one would fit before.
async fn in_order(world: World) -> Outcome {
    let Quota { account_units, window, guard, .. } = world.quota();
    spend_all(&world, 1).await?;
    let (mut first, mut second) = (ask(&world, 1, account_units), ask(&world, 1, 1));
    check(!is_served(&mut first).await && !is_served(&mut second).await, "too much is spent")?;
    world.advance(window + guard);
    check(!is_served(&mut second).await, "who came later was served first")?;
    check(is_served(&mut first).await, "who came first is never served")?;
    world.advance(window + guard);
    check(is_served(&mut second).await, "who came later is never served")
}

/// Units are spent as long as the call is under way, however long that is, and for a window more.
async fn until_end(world: World) -> Outcome {
    let Quota { account_units, window, .. } = world.quota();
    let (budget, all) = (world.budget(), spend(&world, 1, account_units));
    let call: Option<Spent> = budget.spend(all).now_or_never();
    check(call.is_some(), "free units are held back")?;
    let mut waiting = ask(&world, 1, 1);
    for _ in 0..3 {
        check(!is_served(&mut waiting).await, "units are free while their call is under way")?;
        world.advance(window);
    }
    drop(call);
    check_waits(&world, &mut waiting, "the account's").await
}

async fn dropped(world: World) -> Outcome {
    let Quota { account_units, window, guard, .. } = world.quota();
    spend_all(&world, 1).await?;
    let (mut first, mut second) = (ask(&world, 1, account_units), ask(&world, 1, 1));
    check(!is_served(&mut first).await && !is_served(&mut second).await, "too much is spent")?;
    drop(first);
    // What was dropped may count as spent for one window more, and no longer.
    for _ in 0..2 {
        world.advance(window + guard);
        if is_served(&mut second).await {
            return Ok(());
        }
    }
    check(false, "who waits behind somebody that left is never served")
}

async fn refused(world: World) -> Outcome {
    let pause = world.quota().window * 3;
    world.budget().refused(spend(&world, 1, 1), pause);
    let mut held = ask(&world, 1, 1);
    check(!is_served(&mut held).await, "a refusal holds nobody up")?;
    check(is_served(&mut ask(&world, 2, 1)).await, "another account is held up as well")?;
    world.advance(pause.saturating_sub(Duration::from_millis(1)));
    check(!is_served(&mut held).await, "the pause is cut short")?;
    world.advance(Duration::from_millis(1));
    check(is_served(&mut held).await, "the pause never ends")
}
