//! Webhooks: signed, tried three times within seconds, and then lost.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::hall::{Bot, Hall, Hook, Told};
use super::{life::Act, signature};
use crate::clock::later;
use crate::dice;
use crate::fault::{Fault, PushFault, Sight};
use crate::gateway::Shared;
use crate::lock::Guarded;
use crate::operation::Operation;
use crate::pubsub::post;

/// Waits before the second and the third try, as they were measured; there is no fourth.
const WAITS: [Duration; 2] = [Duration::from_millis(4_600), Duration::from_millis(7_200)];
/// An answer must come within this.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long an event waits for a later one to overtake it.
const REORDER_HOLD: Duration = Duration::from_secs(20);

/// One try to deliver an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WebhookEntry {
    /// Virtual time when the answer came.
    pub at: DateTime<Utc>,
    /// Where to.
    pub url: String,
    /// The bot, by its id.
    pub bot: String,
    /// What happened.
    pub trigger: String,
    /// The same for every try.
    pub idempotency_key: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// The status of the answer; absent where there was none.
    pub status: Option<u16>,
}

/// Bots, and the events that are on their way; a change wakes whoever sends them.
#[derive(Debug, Default)]
pub(crate) struct Office {
    hall: Guarded<Hall>,
    post: Guarded<Post>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Post {
    due: BTreeMap<(DateTime<Utc>, u64), Parcel>,
    serial: u64,
    in_flight: usize,
    log: Vec<WebhookEntry>,
    /// What happened and is not addressed yet.
    fresh: Vec<Fresh>,
}

/// An event that is not addressed yet, of the bot with its own webhooks.
#[derive(Debug)]
struct Fresh {
    at: DateTime<Utc>,
    bot: String,
    hooks: Option<Vec<Hook>>,
    told: Told,
}

#[derive(Clone, Debug)]
struct Parcel {
    url: String,
    bot: String,
    told: Told,
    key: String,
    attempt: u32,
    is_forged: bool,
}

impl Office {
    /// Changes bots at `now`, after what the clock brings about until then.
    pub(super) fn change<T>(&self, now: DateTime<Utc>, act: impl FnOnce(&mut Hall) -> T) -> T {
        let mut hall = self.hall.write();
        hall.pass(now);
        let done = act(&mut hall);
        let untold = hall.take_untold();
        drop(hall);
        let mut post = self.post.write();
        let fresh = untold.into_iter();
        post.fresh.extend(fresh.map(|(bot, hooks, told)| Fresh { at: now, bot, hooks, told }));
        drop(post);
        self.changed.send_replace(());
        done
    }

    /// Plays an act in the call of a bot; says whether the bot is there.
    pub(crate) fn play(&self, now: DateTime<Utc>, id: &str, act: &Act) -> bool {
        self.change(now, |hall| {
            let bot = hall.bot(id);
            bot.map(|bot| bot.play(act, now)).is_some()
        })
    }

    /// Every bot as the interface shows it, in the order of creation.
    pub(crate) fn shown(&self, now: DateTime<Utc>) -> Vec<Value> {
        self.change(now, |hall| hall.bots().map(Bot::to_json).collect())
    }

    pub(crate) fn log(&self) -> Vec<WebhookEntry> {
        self.post.read().log.clone()
    }

    fn metadata(&self, id: &str) -> Option<Value> {
        self.hall.write().bot(id).map(|bot| bot.metadata())
    }

    fn fresh_serial(&self) -> u64 {
        let mut post = self.post.write();
        post.serial += 1;
        post.serial
    }

    fn push(&self, at: DateTime<Utc>, parcel: Parcel) {
        let serial = self.fresh_serial();
        self.post.write().due.insert((at, serial), parcel);
        self.changed.send_replace(());
    }

    fn take_due(&self, now: DateTime<Utc>) -> Option<Parcel> {
        let mut post = self.post.write();
        let first = post.due.first_entry().filter(|entry| entry.key().0 <= now)?.remove();
        post.in_flight += 1;
        Some(first)
    }

    fn next_due(&self) -> Option<DateTime<Utc>> {
        let next = self.post.read().due.keys().next().map(|(at, _)| *at);
        [next, self.hall.read().next_due()].into_iter().flatten().min()
    }

    fn is_settled(&self, now: DateTime<Utc>) -> bool {
        let post = self.post.read();
        let is_quiet = post.due.keys().next().is_none_or(|(at, _)| *at > now);
        post.fresh.is_empty() && post.in_flight == 0 && is_quiet
    }
}

/// Sends what is due, until the simulator stops.
pub(crate) async fn run(world: Shared) {
    let mut flights = JoinSet::new();
    let mut changed = world.hall.changed.subscribe();
    loop {
        changed.borrow_and_update();
        let now = world.clock.now();
        if world.hall.hall.read().next_due().is_some_and(|due| due <= now) {
            world.hall.change(now, |_| ());
            changed.borrow_and_update();
        }
        address(&world);
        while let Some(parcel) = world.hall.take_due(now) {
            flights.spawn(send(Shared::clone(&world), parcel));
        }
        let next = world.hall.next_due();
        tokio::select! {
            Some(_) = flights.join_next() => {}
            changed = changed.changed() => if changed.is_err() { return },
            () = world.clock.sleep_until_any(next) => {}
        }
    }
}

/// Waits until every event that is due has been sent and answered.
pub(crate) async fn settle(world: &Shared) {
    let mut changed = world.hall.changed.subscribe();
    while !world.hall.is_settled(world.clock.now()) {
        if changed.changed().await.is_err() {
            return;
        }
    }
}

/// Finds out who is to be told of what happened; events of a bot go to its own webhooks or the project's.
fn address(world: &Shared) {
    let fresh = std::mem::take(&mut world.hall.post.write().fresh);
    let settings = world.settings();
    for Fresh { at, bot, hooks, told } in fresh {
        let project = || settings.attendee.webhooks.iter().map(Hook::from).collect();
        for hook in hooks.unwrap_or_else(project) {
            if hook.triggers.iter().any(|trigger| trigger == told.trigger) {
                post_one(world, at, &hook.url, &bot, &told);
            }
        }
    }
}

fn post_one(world: &Shared, at: DateTime<Utc>, url: &str, bot: &str, told: &Told) {
    let sight = Sight {
        operation: Operation::DeliverBotEvent,
        account: None,
        message: Some(bot),
        has_page_token: false,
        has_sync_token: false,
    };
    let fault = world.faults.draw(sight);
    if let Some(fault) = &fault {
        world.faults.count(fault.kind());
    }
    let serial = world.hall.fresh_serial();
    let parcel = Parcel {
        url: url.to_owned(),
        bot: bot.to_owned(),
        told: told.clone(),
        key: key(bot, serial),
        attempt: 1,
        is_forged: false,
    };
    match fault {
        Some(Fault::Push(PushFault::DropNotice)) => {}
        Some(Fault::Push(PushFault::RepeatNotice { copies })) => {
            for _ in 0..copies {
                world.hall.push(at, parcel.clone());
            }
        }
        Some(Fault::Push(PushFault::DelayNotice { ms })) => {
            world.hall.push(later(at, Duration::from_millis(ms)), parcel);
        }
        Some(Fault::Push(PushFault::ReorderNotice)) => {
            world.hall.push(later(at, REORDER_HOLD), parcel);
        }
        Some(Fault::Push(PushFault::ForgeNotice { .. })) => {
            world.hall.push(at, Parcel { is_forged: true, ..parcel.clone() });
            world.hall.push(at, parcel);
        }
        Some(Fault::Refusal(_) | Fault::Damage(_) | Fault::Wire(_) | Fault::Model(_)) | None => {
            world.hall.push(at, parcel);
        }
    }
}

/// A key in the form of a UUID of version 4.
fn key(bot: &str, serial: u64) -> String {
    let [high, low] = [1, 2].map(|half| dice::mix(serial, &[dice::hash(bot), half]));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

async fn send(world: Shared, parcel: Parcel) {
    let settings = world.settings();
    let mut body = json!({
        "idempotency_key": parcel.key,
        "trigger": parcel.told.trigger,
        "data": parcel.told.data,
    });
    // The metadata is that of now; where the row is gone, nothing names the bot.
    if let Some(metadata) = world.hall.metadata(&parcel.bot) {
        body["bot_id"] = parcel.bot.clone().into();
        body["bot_metadata"] = metadata;
    }
    let signature = signature::sign(&settings.attendee.webhook_secret, &body);
    let mut signature = signature.unwrap_or_default();
    if parcel.is_forged {
        signature = signature::sign("Zm9yZ2VkIGJ5IHNvbWVib2R5IGVsc2U=", &body).unwrap_or_default();
    }
    let headers = [
        ("x-webhook-signature", signature),
        ("content-type", "application/json".to_owned()),
        ("user-agent", "Attendee-Webhook/1.0".to_owned()),
    ];
    let answer = tokio::select! {
        answer = post::send(&parcel.url, &headers, signature::python(&body).into_bytes()) => answer,
        () = world.clock.sleep(DEADLINE) => Err("no answer in time".into()),
    };
    let status = answer.as_ref().ok().map(StatusCode::as_u16);
    let now = world.clock.now();
    let entry = WebhookEntry {
        at: now,
        url: parcel.url.clone(),
        bot: parcel.bot.clone(),
        trigger: parcel.told.trigger.to_owned(),
        idempotency_key: parcel.key.clone(),
        attempt: parcel.attempt,
        status,
    };
    let is_taken = status.is_some_and(|status| (200..300).contains(&status));
    let tries = usize::try_from(parcel.attempt).unwrap_or(usize::MAX);
    let wait = WAITS.get(tries - 1).filter(|_| !is_taken && !parcel.is_forged);
    if let Some(wait) = wait {
        let again = Parcel { attempt: parcel.attempt + 1, ..parcel };
        world.hall.push(later(now, *wait), again);
    }
    let mut post = world.hall.post.write();
    post.log.push(entry);
    post.in_flight -= 1;
    drop(post);
    world.hall.changed.send_replace(());
}
