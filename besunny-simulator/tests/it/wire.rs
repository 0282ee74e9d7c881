//! Faults of connections, latency and compression.

use std::io::Read as _;
use std::time::Duration;

use axum::http::Method;
use besunny_simulator::{Fault, FaultRule, Operation, WireFault};
use flate2::read::GzDecoder;
use futures::future::{Either, select};
use serde_json::json;

use crate::http::{self, Failure, Reply};
use crate::scene::Scene;

fn strike(scene: &Scene, operation: Operation, fault: WireFault) {
    scene.fault(FaultRule::once(operation, Fault::Wire(fault)));
}

/// Requests on other connections, in which the simulator has time for the ones before.
async fn meanwhile(scene: &Scene) {
    for _ in 0..20 {
        scene.steer(Method::GET, "clock", json!(null)).await;
    }
}

/// The answer to a request while time goes on in steps.
async fn answer(scene: &Scene, step_ms: u64) -> Result<Reply, Failure> {
    let time = Box::pin(async {
        loop {
            meanwhile(scene).await;
            scene.control().advance(Duration::from_millis(step_ms));
        }
    });
    match select(Box::pin(scene.try_get("profile")), time).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => unreachable!("time does not end"),
    }
}

/// Whether a request is still without an answer after so many milliseconds.
async fn waits(scene: &Scene, ms: u64) -> bool {
    let time = Box::pin(async {
        meanwhile(scene).await;
        scene.control().advance(Duration::from_millis(ms));
        meanwhile(scene).await;
    });
    matches!(select(Box::pin(scene.try_get("profile")), time).await, Either::Right(_))
}

#[tokio::test]
async fn a_dropped_request_has_no_effect_and_a_dropped_answer_has() {
    let scene = Scene::new().await;
    let one = scene.deliver("one");
    let path = scene.url(&format!("/gmail/v1/users/me/messages/{}/modify", one.id));
    let bearer = format!("Bearer {}", scene.token);
    for (fault, label, effect) in
        [(WireFault::DropRequest, "STARRED", false), (WireFault::DropAnswer, "IMPORTANT", true)]
    {
        let before = scene.ann().history_id();
        strike(&scene, Operation::ModifyMessage, fault);
        let body = json!({ "addLabelIds": [label] }).to_string();
        let headers = [("authorization", bearer.as_str())];
        let reply = http::send(Method::POST, &path, &headers, body).await;
        assert!(reply.is_err(), "{fault:?} answered {reply:?}");
        assert_eq!(scene.ann().history_id() != before, effect, "{fault:?}");
    }
    let fired = scene.control().fired();
    assert_eq!((fired["drop_request"], fired["drop_answer"]), (1, 1));
    assert!(scene.control().requests().iter().all(|entry| entry.status.is_none()));
}

#[tokio::test]
async fn a_body_is_cut_in_the_middle() {
    let scene = Scene::new().await;
    strike(&scene, Operation::GetProfile, WireFault::CutBody);
    assert!(scene.try_get("profile").await.is_err());
    scene.get("profile").await.good();
    assert_eq!(scene.control().fired()["cut_body"], 1);
}

#[tokio::test]
async fn latency_holds_an_answer_back() {
    let scene = Scene::new().await;
    strike(&scene, Operation::GetProfile, WireFault::Latency { ms: 500 });
    assert!(waits(&scene, 499).await);
    strike(&scene, Operation::GetProfile, WireFault::Latency { ms: 500 });
    answer(&scene, 500).await.unwrap().good();
}

#[tokio::test]
async fn every_answer_takes_the_latency_of_the_settings() {
    let scene = Scene::new().await;
    scene.control().configure(|settings| settings.wire.latency = Duration::from_millis(20));
    assert!(waits(&scene, 19).await);
    answer(&scene, 20).await.unwrap().good();
}

#[tokio::test]
async fn slow_bodies_come_in_pieces_and_stalled_ones_never() {
    let scene = Scene::new().await;
    strike(&scene, Operation::GetProfile, WireFault::SlowBody { pause_ms: 100 });
    assert!(waits(&scene, 999).await, "the last of ten pauses is not over");
    strike(&scene, Operation::GetProfile, WireFault::SlowBody { pause_ms: 100 });
    answer(&scene, 100).await.unwrap().good();
    for fault in [WireFault::StallBody, WireFault::Stall] {
        strike(&scene, Operation::GetProfile, fault);
        assert!(waits(&scene, 600_000).await, "{fault:?}");
    }
    for (kind, count) in [("slow_body", 2), ("stall_body", 1), ("stall", 1)] {
        assert_eq!(scene.control().fired()[kind], count, "{kind}");
    }
}

#[tokio::test]
async fn gzip_is_only_for_those_who_accept_it() {
    let scene = Scene::new().await;
    let plain = scene.get("labels").await.body;
    scene.control().configure(|settings| settings.wire.gzip = true);
    let bearer = format!("Bearer {}", scene.token);
    let url = scene.url("/gmail/v1/users/me/labels");
    for (accepts, encoding) in [("gzip, deflate", Some("gzip")), ("identity", None)] {
        let headers = [("authorization", bearer.as_str()), ("accept-encoding", accepts)];
        let reply = http::send(Method::GET, &url, &headers, "").await.unwrap();
        assert_eq!(reply.header("content-encoding"), encoding);
        let mut body = reply.body.to_vec();
        if encoding.is_some() {
            body.clear();
            GzDecoder::new(&*reply.body).read_to_end(&mut body).unwrap();
        }
        assert_eq!(body, plain);
    }
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_port() {
    let scene = Scene::new().await;
    let url = scene.url("/control/clock");
    strike(&scene, Operation::GetProfile, WireFault::Stall);
    assert!(waits(&scene, 0).await);
    scene.simulator.stop().await;
    assert!(http::send(Method::GET, &url, &[], "").await.is_err());
}
