//! The task that sends notices when they are due, and again until they are taken.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::SecondsFormat;
use serde_json::json;
use tokio::task::JoinSet;

use super::queue::{CallEntry, CallPost, Cargo, DeliveryEntry, Notice, NoticePost, Parcel, Post};
use super::{forgery, post};
use crate::clock::later;
use crate::config::PushSettings;
use crate::gateway::Shared;

/// Parcels on their way at a time; more would only fill the receiver's backlog.
const MAX_IN_FLIGHT: usize = 32;

/// Answers that Pub/Sub takes for an acknowledgement (cloud.google.com/pubsub/docs/push).
const ACKNOWLEDGEMENTS: [u16; 5] = [102, 200, 201, 202, 204];

/// Answers after which a channel calls again; whatever else is no success drops the call
/// (developers.google.com/workspace/calendar/api/guides/push).
const CALL_AGAIN: [u16; 4] = [500, 502, 503, 504];

/// Google's own name as it calls channels.
const CALLER: &str = "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)";

/// Sends what is due, until the simulator stops.
pub(crate) async fn run(world: Shared) {
    let mut flights = JoinSet::new();
    let mut changed = world.notices.subscribe();
    loop {
        while flights.len() < MAX_IN_FLIGHT
            && let Some(parcel) = world.notices.take_due(world.clock.now())
        {
            flights.spawn(send(Shared::clone(&world), parcel));
        }
        let next = world.notices.next_due().filter(|_| flights.len() < MAX_IN_FLIGHT);
        tokio::select! {
            Some(_) = flights.join_next() => {}
            changed = changed.changed() => if changed.is_err() { return },
            () = world.clock.sleep_until_any(next) => {}
        }
    }
}

/// Waits until everything that is due has been sent and answered.
pub(crate) async fn settle(world: &Shared) {
    let mut changed = world.notices.subscribe();
    while !world.notices.is_settled(world.clock.now()) {
        if changed.changed().await.is_err() {
            return;
        }
    }
}

async fn send(world: Shared, parcel: Parcel) {
    for post in parcel {
        deliver(&world, post).await;
    }
    world.notices.landed();
}

async fn deliver(world: &Shared, post: Post) {
    let again = match &post.cargo {
        Cargo::Notice(notice) => deliver_notice(world, notice, post.attempt).await,
        Cargo::Call(made) => call(world, made, post.attempt).await,
    };
    let settings = world.settings();
    let given_up = later(post.made_at, settings.push.retention) <= world.clock.now();
    if again && !given_up {
        retry(world, &settings.push, post);
    }
}

/// Delivers a notice; tells whether it is to be delivered again.
async fn deliver_notice(world: &Shared, post: &NoticePost, attempt: u32) -> bool {
    let settings = world.settings();
    let push = &settings.push;
    let token = forgery::token(&world.keys, &post.subscription, world.clock.now(), post.forgery);
    let body = envelope(&post.notice, &forgery::subscription(post));
    let headers = [
        ("Authorization", format!("Bearer {}", token.unwrap_or_default())),
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", "CloudPubSub-Google".to_owned()),
    ];
    let answer = tokio::select! {
        answer = post::send(&post.subscription.endpoint, &headers, body) => answer,
        () = world.clock.sleep(push.ack_deadline) => Err("no answer in time".into()),
    };
    let status = answer.as_ref().ok().map(StatusCode::as_u16);
    let now = world.clock.now();
    world.notices.record(DeliveryEntry {
        at: now,
        subscription: post.subscription.name.clone(),
        message_id: post.notice.message_id.clone(),
        address: post.notice.address.clone(),
        history_id: post.notice.history,
        attempt,
        forgery: post.forgery,
        status,
        error: answer.err().map(|error| error.to_string()),
    });
    let acknowledged = status.is_some_and(|status| ACKNOWLEDGEMENTS.contains(&status));
    !acknowledged && post.forgery.is_none()
}

/// Calls a channel; tells whether it is to be called again.
async fn call(world: &Shared, post: &CallPost, attempt: u32) -> bool {
    let CallPost { channel, state, forgery } = post;
    let deadline = world.settings().push.ack_deadline;
    let mut headers = channel.headers(*state);
    headers.push(("User-Agent", CALLER.to_owned()));
    let answer = tokio::select! {
        answer = post::send(&channel.address, &headers, Vec::new()) => answer.ok(),
        () = world.clock.sleep(deadline) => None,
    };
    let status = answer.as_ref().map(StatusCode::as_u16);
    world.notices.record_call(CallEntry {
        at: world.clock.now(),
        channel: channel.id.clone(),
        forgery: *forgery,
        state: state.word().to_owned(),
        number: channel.number,
        attempt,
        status,
    });
    status.is_none_or(|status| CALL_AGAIN.contains(&status)) && forgery.is_none()
}

fn retry(world: &Shared, push: &PushSettings, post: Post) {
    let doublings = post.attempt.saturating_sub(1).min(20);
    let wait = push.min_backoff.saturating_mul(1 << doublings).min(push.max_backoff);
    let again = Post { attempt: post.attempt.saturating_add(1), ..post };
    world.notices.push(later(world.clock.now(), wait), vec![again]);
}

/// The body of a push; Pub/Sub writes ids and times in both cases.
fn envelope(notice: &Notice, subscription: &str) -> Vec<u8> {
    let data = json!({ "emailAddress": notice.address, "historyId": notice.history });
    let published = notice.published_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let envelope = json!({
        "message": {
            "data": BASE64_STANDARD.encode(data.to_string()),
            "messageId": notice.message_id,
            "message_id": notice.message_id,
            "publishTime": published,
            "publish_time": published,
        },
        "subscription": subscription,
    });
    envelope.to_string().into_bytes()
}
