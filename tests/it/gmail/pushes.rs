//! Push deliveries, genuine and forged, over HTTP into the engine.
use std::time::Duration;

use besunny::core::{account::Intake, clock::Clock};
use besunny_simulator::{Control, DeliveryEntry, Fault, Forgery, Operation};

use super::{
    hook::{Hook, go_astray},
    stage::{ANN, Stage},
};

fn certs(control: &Control) -> usize {
    let requests = control.requests();
    requests.iter().filter(|entry| entry.operation == Operation::Certs).count()
}

fn status_of(entry: &DeliveryEntry) -> (Option<Forgery>, Option<u16>) {
    (entry.forgery, entry.status)
}

async fn settle(stage: &Stage) -> Vec<DeliveryEntry> {
    stage.drive(stage.control().settle()).await;
    stage.control().deliveries()
}

/// A notice brings the mail within seconds, long before the next look.
#[tokio::test]
async fn a_notice_acts_at_once() {
    let stage = Stage::new(|_| {}).await;
    let _hook = Hook::open(&stage);
    stage.deliver(0..2, ANN);
    stage.connect(Intake::Whole).await;
    stage.work().await;
    let watch = stage.status().await.watch.unwrap();
    assert_eq!(watch.until.map(|until| (until - watch.since).num_days()), Some(7));
    stage.live(Duration::from_mins(30)).await;
    stage.deliver(2..3, ANN);
    assert_eq!(settle(&stage).await.last().map(status_of), Some((None, Some(200))));
    stage.live(Duration::from_secs(10)).await;
    assert_eq!(stage.status().await.items.stored, 3);
}

/// The notice comes before the index shows what it is about: the engine looks again.
#[tokio::test]
async fn an_index_that_lags_loses_nothing() {
    let lag = Duration::from_secs(6);
    let stage = Stage::new(|config| config.settings.mail.index_lag = lag).await;
    let _hook = Hook::open(&stage);
    let account = stage.connect(Intake::Whole).await;
    stage.live(Duration::from_mins(20)).await;
    for number in 0..5 {
        stage.deliver(number..number + 1, ANN);
        settle(&stage).await;
        stage.live(Duration::from_secs(40)).await;
        assert_eq!(stage.status().await.items.stored, u64::from(number) + 1);
    }
    assert!(stage.verify(&account).await.is_complete());
}

/// A watch is renewed long before it ends, by the same call, and pushes go on.
#[tokio::test]
async fn a_watch_is_renewed_at_half_of_its_life() {
    let stage = Stage::new(|_| {}).await;
    let _hook = Hook::open(&stage);
    stage.connect(Intake::Whole).await;
    stage.work().await;
    for _ in 0..100 {
        stage.advance(Duration::from_hours(2));
        stage.work().await;
    }
    let watch = stage.status().await.watch.unwrap();
    assert!(watch.is_live(stage.clock.now()));
    let usage = &stage.control().usage()[ANN];
    assert_eq!(usage[&Operation::Watch].calls, 3, "at 0, 3.5 and 7 of 8.3 days");
}

/// Each forgery differs from a genuine notice in one way, and is refused.
#[tokio::test]
async fn forgeries_are_refused_and_cost_nothing() {
    let stage = Stage::new(|_| {}).await;
    let _hook = Hook::open(&stage);
    stage.connect(Intake::Whole).await;
    stage.live(Duration::from_mins(20)).await;
    for forgery in Forgery::ALL.into_iter().cycle().take(60) {
        stage.ann().forge_notice(forgery);
    }
    let deliveries = settle(&stage).await;
    let refused = |entry: &DeliveryEntry| entry.forgery.is_some() && entry.status == Some(401);
    assert!(deliveries.iter().all(refused), "{deliveries:?}");
    assert_eq!(deliveries.len(), 60);
    assert!(certs(stage.control()) <= 2, "unknown keys are looked up once in five minutes");
    assert_eq!(stage.status().await.noticed_at, None);
}

/// Keys change: the first notice under the new key finds it, and an outage keeps the old ones.
#[tokio::test]
async fn keys_are_rotated() {
    let stage = Stage::new(|_| {}).await;
    let _hook = Hook::open(&stage);
    stage.connect(Intake::Whole).await;
    stage.work().await;
    for number in 0..4 {
        stage.advance(Duration::from_mins(6));
        stage.control().rotate_keys();
        stage.deliver(number..number + 1, ANN);
        let last = settle(&stage).await.last().map(status_of);
        assert_eq!(last, Some((None, Some(200))), "after {number} rotations");
    }
    let down = besunny_simulator::RefusalFault::HtmlError { status: 503 };
    let rule = besunny_simulator::FaultRule::always(Operation::Certs, Fault::Refusal(down));
    stage.control().add_fault(rule);
    stage.advance(Duration::from_hours(24));
    stage.work().await;
    stage.deliver(9..10, ANN);
    assert_eq!(settle(&stage).await.last().map(status_of), Some((None, Some(200))));
}

/// Notices are lost, doubled, late, out of order and forged: nothing is lost and nothing doubled.
#[tokio::test]
async fn nothing_is_lost_when_notices_go_astray() {
    for seed in 0..4 {
        let stage = Stage::new(|config| config.seed = seed).await;
        let _hook = Hook::open(&stage);
        let account = stage.connect(Intake::Whole).await;
        stage.work().await;
        go_astray(stage.control(), Operation::DeliverNotice, Forgery::WrongEmail, seed);
        for number in 0..30 {
            stage.deliver(number..number + 1, ANN);
            stage.live(Duration::from_secs(20)).await;
        }
        stage.live(Duration::from_mins(20)).await;
        let verification = stage.verify(&account).await;
        assert!(verification.is_complete(), "seed {seed}: {verification:?}");
        assert_eq!(verification.stored, 30, "seed {seed}");
        let deliveries = stage.control().deliveries();
        let is_right =
            |entry: &DeliveryEntry| entry.forgery.is_some() == (entry.status == Some(401));
        assert!(deliveries.iter().all(is_right), "seed {seed}: {deliveries:?}");
    }
}
