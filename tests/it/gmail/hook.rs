//! Our endpoints, as a server has them, and what may happen to calls on their way.
use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use besunny::{
    Besunny, Refused,
    core::{account::Provider, clock::Clock, push::Delivery},
};
use besunny_simulator::{Control, Fault, FaultChance, FaultScript, Forgery, Operation, PushFault};
use besunny_testkit::clock::ManualClock;
use tokio::{net::TcpListener, task::JoinSet};

use super::stage::{self, Stage};

/// The endpoints of all providers.
pub(super) struct Hook {
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Door {
    besunny: Besunny,
    clock: Arc<ManualClock>,
}

impl Hook {
    pub(super) fn open(stage: &Stage) -> Self {
        let listener = TcpListener::from_std(stage.listener.try_clone().unwrap()).unwrap();
        let door = Door { besunny: stage.besunny.clone(), clock: Arc::clone(&stage.clock) };
        let router = Router::new().route("/hooks/{provider}", post(knock)).with_state(door);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let subscription = stage::subscription(stage.hook("gmail"));
        stage.control().configure(|settings| settings.push.subscriptions = vec![subscription]);
        Self { _server: server }
    }
}

async fn knock(
    State(door): State<Door>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let (path, received_at) = (format!("/hooks/{provider}"), door.clock.now());
    let delivery = Delivery { path: &path, headers: &headers, body: &body, received_at };
    match door.besunny.receive(&Provider::new(provider), &delivery).await {
        Ok(_) | Err(Refused::Unreadable) => StatusCode::OK,
        Err(Refused::NotMounted) => StatusCode::NOT_FOUND,
        Err(Refused::Rejected(_)) => StatusCode::UNAUTHORIZED,
        Err(Refused::NoKeys(_) | Refused::Store(_)) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Lets calls be lost, doubled, late, out of order and forged.
pub(super) fn go_astray(control: &Control, operation: Operation, forgery: Forgery, seed: u64) {
    let faults = [
        PushFault::DropNotice,
        PushFault::RepeatNotice { copies: 3 },
        PushFault::DelayNotice { ms: 40_000 },
        PushFault::ReorderNotice,
        PushFault::ForgeNotice { forgery },
    ];
    let chances = faults.map(|fault| FaultChance {
        operation: Some(operation),
        account: None,
        probability: 0.15,
        fault: Fault::Push(fault),
    });
    let script = FaultScript { rules: vec![], chances: chances.to_vec(), seed: Some(seed) };
    control.set_faults(script);
}
