//! Push deliveries, genuine and forged, over HTTP into the engine.
use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use besunny::{
    Besunny, Refused,
    core::{account::Intake, clock::Clock, push::Delivery},
    google::Gmail,
};
use besunny_simulator::{
    Control, DeliveryEntry, Fault, FaultChance, FaultScript, Forgery, Operation, PushFault,
};
use besunny_testkit::clock::ManualClock;
use tokio::{net::TcpListener, task::JoinSet};

use super::stage::{self, ANN, Stage};

/// Our endpoint, as a server has it.
struct Hook {
    address: String,
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Door {
    besunny: Besunny,
    clock: Arc<ManualClock>,
}

impl Hook {
    async fn open(stage: &Stage) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hooks/gmail", listener.local_addr().unwrap());
        let door = Door { besunny: stage.besunny.clone(), clock: Arc::clone(&stage.clock) };
        let router = Router::new().route("/hooks/gmail", post(knock)).with_state(door);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let subscription = stage::subscription(address.clone());
        stage.control().configure(|settings| settings.push.subscriptions = vec![subscription]);
        Self { address, _server: server }
    }
}

async fn knock(State(door): State<Door>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let received_at = door.clock.now();
    let delivery = Delivery { path: "/hooks/gmail", headers: &headers, body: &body, received_at };
    match door.besunny.receive(&Gmail::provider(), &delivery).await {
        Ok(_) | Err(Refused::Unreadable) => StatusCode::OK,
        Err(Refused::NotMounted) => StatusCode::NOT_FOUND,
        Err(Refused::Rejected(_)) => StatusCode::UNAUTHORIZED,
        Err(Refused::NoKeys(_) | Refused::Store(_)) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

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
    let hook = Hook::open(&stage).await;
    stage.deliver(0..2, ANN);
    stage.connect(Intake::Whole).await;
    stage.work().await;
    let watch = stage.status().await.watch.unwrap();
    assert_eq!(
        watch.until.map(|until| (until - watch.since).num_days()),
        Some(7),
        "{}",
        hook.address
    );
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
    let _hook = Hook::open(&stage).await;
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
    let _hook = Hook::open(&stage).await;
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
    let _hook = Hook::open(&stage).await;
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
    let _hook = Hook::open(&stage).await;
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
        let _hook = Hook::open(&stage).await;
        let account = stage.connect(Intake::Whole).await;
        stage.work().await;
        let forgery = Forgery::WrongEmail;
        let faults = [
            PushFault::DropNotice,
            PushFault::RepeatNotice { copies: 3 },
            PushFault::DelayNotice { ms: 40_000 },
            PushFault::ReorderNotice,
            PushFault::ForgeNotice { forgery },
        ];
        let chances = faults.map(|fault| FaultChance {
            operation: Some(Operation::DeliverNotice),
            account: None,
            probability: 0.15,
            fault: Fault::Push(fault),
        });
        let script = FaultScript { rules: vec![], chances: chances.to_vec(), seed: Some(seed) };
        stage.control().set_faults(script);
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
