//! Channels of calendars over HTTP into the engine: opened, changed for new ones, lost and forged.
use std::time::Duration;

use besunny::{
    Refused,
    core::{clock::Clock, push::Delivery},
    google::GoogleCalendar,
};
use besunny_simulator::{CallEntry, Fault, FaultRule, Forgery, Operation, PushFault};
use chrono::TimeDelta;
use serde_json::json;

use super::{
    hook::{Hook, go_astray},
    stage::Stage,
};

const DAYS: u32 = 8;

/// Headers and body of a call.
type Row<'a> = (&'a [(&'a str, &'a str)], &'a [u8]);

fn put(stage: &Stage, summary: &str) -> String {
    let starts = stage.clock.now() + TimeDelta::days(1);
    let ends = starts + TimeDelta::hours(1);
    let event = json!({
        "summary": summary,
        "start": { "dateTime": starts.to_rfc3339() },
        "end": { "dateTime": ends.to_rfc3339() },
    });
    stage.agenda().put("primary", event).unwrap()
}

async fn stored(stage: &Stage) -> u64 {
    stage.status().await.items.stored
}

async fn settle(stage: &Stage) -> Vec<CallEntry> {
    stage.drive(stage.control().settle()).await;
    stage.control().calls()
}

fn asked(stage: &Stage, wanted: [Operation; 2]) -> Vec<Operation> {
    let requests = stage.control().requests().into_iter().map(|request| request.operation);
    requests.filter(|operation| wanted.contains(operation)).collect()
}

/// The calendar calls, and the change is there within seconds, long before the next look.
#[tokio::test]
async fn cal_2_a_call_acts_at_once() {
    let stage = Stage::new(|_| {}).await;
    let _hook = Hook::open(&stage);
    stage.connect_calendar().await;
    stage.work().await;
    let watch = stage.status().await.watch.unwrap();
    assert_eq!(watch.until.map(|until| (until - watch.since).num_days()), Some(7));
    stage.live(Duration::from_mins(30)).await;
    let listed = asked(&stage, [Operation::ListEvents; 2]).len();
    put(&stage, "one");
    let last = settle(&stage).await.pop().unwrap();
    assert_eq!((last.state.as_str(), last.status), ("exists", Some(200)));
    stage.work().await;
    assert_eq!(stored(&stage).await, 1);
    assert_eq!(asked(&stage, [Operation::ListEvents; 2]).len(), listed + 1);
}

/// The row is stored before the call, so that the first call of a channel, which may come before the
/// answer, is about something known.
#[tokio::test]
async fn cal_1_the_first_call_of_a_channel_is_a_notice() {
    let stage = Stage::new(|_| {}).await;
    let _hook = Hook::open(&stage);
    stage.connect_calendar().await;
    stage.work().await;
    let calls = settle(&stage).await;
    assert_eq!((calls[0].state.as_str(), calls[0].status), ("sync", Some(200)));
    assert!(stage.status().await.noticed_at.is_some());
}

/// At half of its life another channel is opened, and only then the old one is stopped.
#[tokio::test]
async fn cal_9_another_channel_is_opened_before_the_old_one_is_stopped() {
    let stage = Stage::new(|_| {}).await;
    let _hook = Hook::open(&stage);
    stage.connect_calendar().await;
    for _ in 0..DAYS * 12 {
        stage.advance(Duration::from_hours(2));
        stage.work().await;
        let open = stage.agenda().channels();
        assert_eq!(open.len(), 1, "{open:?}");
        let watch = stage.status().await.watch.unwrap();
        assert!(watch.handle.unwrap().starts_with(&open[0]));
    }
    let (opened, stopped) = (Operation::WatchEvents, Operation::StopChannel);
    let want = [opened, opened, stopped, opened, stopped];
    assert_eq!(asked(&stage, [opened, stopped]), want, "at 0, 3.5 and 7 of 8 days");
    put(&stage, "after the change");
    settle(&stage).await;
    stage.live(Duration::from_secs(10)).await;
    assert_eq!(stored(&stage).await, 1, "the new channel calls");
}

/// A token of nobody's, and none, are refused on the way of the genuine call.
#[tokio::test]
async fn cal_2_forged_calls_are_refused() {
    let stage = Stage::new(|_| {}).await;
    let _hook = Hook::open(&stage);
    stage.connect_calendar().await;
    stage.live(Duration::from_mins(20)).await;
    for forgery in [Forgery::WrongKey, Forgery::AlgNone] {
        let fault = Fault::Push(PushFault::ForgeNotice { forgery });
        stage.control().add_fault(FaultRule::once(Operation::CallChannel, fault));
        let before = settle(&stage).await.len();
        put(&stage, "one");
        let calls = settle(&stage).await;
        let told = calls[before..].iter().map(|call| (call.forgery, call.status));
        assert!(told.eq([(Some(forgery), Some(401)), (None, Some(200))]), "{calls:?}");
    }
}

/// What is not proven is refused and makes nothing due; what is proven and odd is not read.
#[tokio::test]
async fn cal_2_only_a_proven_call_without_a_body_is_a_hint() {
    let stage = Stage::new(|_| {}).await;
    stage.connect_calendar().await;
    stage.work().await;
    let handle = stage.status().await.watch.unwrap().handle.unwrap();
    let (channel, _) = handle.split_once(' ').unwrap();
    let rows: [Row<'_>; 5] = [
        (&[("x-goog-channel-id", channel), ("x-goog-resource-state", "exists")], b""),
        (&[("x-goog-channel-token", "AAAA"), ("x-goog-resource-state", "exists")], b""),
        (&[("x-goog-channel-id", channel), ("x-goog-channel-token", "AAAA")], b""),
        (&[("x-goog-channel-id", channel), ("x-goog-channel-token", "")], b"{}"),
        (&[], b"{\"state\":\"sync\"}"),
    ];
    for (headers, body) in rows {
        let headers: Vec<_> = headers.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let delivery = Delivery {
            path: "/webhooks/calendar",
            headers: &headers,
            body,
            received_at: stage.clock.now(),
        };
        let refused = stage.besunny.receive(&GoogleCalendar::provider(), &delivery).await;
        assert!(matches!(refused, Err(Refused::Rejected(_))), "{refused:?}");
    }
    assert_eq!(stage.status().await.noticed_at, None);
}

/// Calls are lost, doubled, late, out of order and forged: nothing is lost and nothing doubled.
#[tokio::test]
async fn nothing_is_lost_when_calls_go_astray() {
    for seed in 0..4 {
        let stage = Stage::new(|config| config.seed = seed).await;
        let _hook = Hook::open(&stage);
        let account = stage.connect_calendar().await;
        stage.work().await;
        go_astray(stage.control(), Operation::CallChannel, Forgery::WrongKey, seed);
        let mut ids = Vec::new();
        for number in 0..30 {
            ids.push(put(&stage, &format!("event {number}")));
            if number % 5 == 4 {
                stage.agenda().delete("primary", &ids[number / 2]).unwrap();
            }
            stage.live(Duration::from_secs(20)).await;
        }
        stage.live(Duration::from_mins(20)).await;
        let verification = stage.verify(&account).await;
        assert!(verification.is_complete(), "seed {seed}: {verification:?}");
        assert_eq!(verification.stored, 24, "seed {seed}");
        let is_right = |call: &CallEntry| call.forgery.is_some() == (call.status == Some(401));
        let calls = stage.control().calls();
        assert!(calls.iter().all(is_right), "seed {seed}: {calls:?}");
    }
}
