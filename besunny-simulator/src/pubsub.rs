//! Push notices: from a change in a mailbox to a POST at somebody's endpoint.
//!
//! `watch` decides whether a change is announced, `queue` keeps what is to be sent and when,
//! `delivery` sends it, `forgery` makes tokens that must not be believed.

use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::clock::later;
use crate::fault::{Fault, PushFault, Sight};
use crate::gateway::Shared;
use crate::mailbox::Change;
use crate::operation::Operation;

pub(crate) mod delivery;
pub(crate) mod forgery;
pub(crate) mod post;
pub(crate) mod queue;
pub(crate) mod watch;

use forgery::Forgery;
use queue::Post;

/// How long a notice waits for another one that overtakes it.
const REORDER_HOLD: Duration = Duration::from_mins(1);

/// Tells the account's watch of a change.
pub(crate) fn announce(world: &Shared, account: &Account, change: &Change) {
    let now = world.clock.now();
    let interval = world.settings().push.notice_interval;
    let topic = account.watch.write().admit(change, now, interval);
    if let Some(topic) = topic {
        publish(world, account, &topic, change.history);
    }
}

/// Sends a notice to every subscription of a topic.
pub(crate) fn publish(world: &Shared, account: &Account, topic: &str, history: u64) {
    let now = world.clock.now();
    let settings = world.settings();
    let notice = world.notices.notice(&account.address, history, now);
    for subscription in settings.push.subscriptions.iter().filter(|one| one.topic == topic) {
        let post = Post::genuine(subscription, &notice);
        send(world, account, Operation::DeliverNotice, post);
    }
}

/// Sends a post now, unless a fault has it otherwise.
pub(crate) fn send(world: &Shared, account: &Account, operation: Operation, post: Post) {
    let now = world.clock.now();
    let sight = Sight {
        operation,
        account: Some(&account.address),
        message: None,
        has_page_token: false,
        has_sync_token: false,
    };
    let fault = world.faults.draw(sight);
    if let Some(fault) = &fault {
        world.faults.count(fault.kind());
    }
    match fault {
        Some(Fault::Push(PushFault::DropNotice)) => {}
        Some(Fault::Push(PushFault::RepeatNotice { copies })) => {
            world.notices.push(now, (0..copies).map(|_| post.clone()).collect());
        }
        Some(Fault::Push(PushFault::DelayNotice { ms })) => {
            world.notices.push(later(now, Duration::from_millis(ms)), vec![post]);
        }
        Some(Fault::Push(PushFault::ReorderNotice)) => {
            world.notices.hold(later(now, REORDER_HOLD), post);
        }
        Some(Fault::Push(PushFault::ForgeNotice { forgery })) => {
            world.notices.push(now, vec![post.forged(forgery), post]);
        }
        Some(Fault::Refusal(_) | Fault::Damage(_) | Fault::Wire(_) | Fault::Model(_)) | None => {
            world.notices.push(now, vec![post]);
        }
    }
}

/// Sends a forged notice to every subscription.
pub(crate) fn forge(world: &Shared, account: &Arc<Account>, forgery: Forgery) {
    let now = world.clock.now();
    let newest = account.mailbox.read().history.newest();
    let notice = world.notices.notice(&account.address, newest, now);
    for subscription in &world.settings().push.subscriptions {
        let post = Post::genuine(subscription, &notice).forged(forgery);
        world.notices.push(now, vec![post]);
    }
}
