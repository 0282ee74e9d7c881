//! Scripted and seeded faults that refuse requests.

use axum::http::Method;
use besunny_simulator::{
    Fault, FaultChance, FaultRule, FaultScript, Operation, RateRefusal, RefusalFault, RetryAfter,
    WireFault,
};
use serde_json::json;

use crate::scene::{ANN, Scene};

fn refusing(operation: Operation, fault: RefusalFault) -> FaultRule {
    FaultRule::once(operation, Fault::Refusal(fault))
}

fn server_error(status: u16) -> Fault {
    Fault::Refusal(RefusalFault::ServerError { status, retry_after: RetryAfter::Absent })
}

#[tokio::test]
async fn refusals_look_like_googles() {
    let scene = Scene::new().await;
    let limited = |refusal, retry_after| RefusalFault::RateLimited { refusal, retry_after };
    for (fault, expected, retry_after) in [
        (
            limited(RateRefusal::TooManyRequests, RetryAfter::Absent),
            (429, "rateLimitExceeded"),
            None,
        ),
        (
            limited(RateRefusal::Forbidden, RetryAfter::Seconds(17)),
            (403, "userRateLimitExceeded"),
            Some("17"),
        ),
        (
            RefusalFault::ServerError { status: 503, retry_after: RetryAfter::HttpDate(120) },
            (503, "backendError"),
            Some("Mon, 05 Jan 2026 09:02:00 GMT"),
        ),
        (
            RefusalFault::ServerError { status: 500, retry_after: RetryAfter::Absent },
            (500, "backendError"),
            None,
        ),
    ] {
        scene.fault(refusing(Operation::GetProfile, fault));
        let reply = scene.get("profile").await;
        assert_eq!(reply.refusal(), (expected.0, expected.1.to_owned()));
        assert_eq!(reply.header("retry-after"), retry_after);
        scene.get("profile").await.good();
    }
}

#[tokio::test]
async fn error_bodies_may_be_pages_or_nothing() {
    let scene = Scene::new().await;
    scene.fault(refusing(Operation::GetProfile, RefusalFault::HtmlError { status: 502 }));
    let page = scene.get("profile").await;
    assert_eq!(page.status, 502);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.body.starts_with(b"<!DOCTYPE html>"));
    scene.fault(refusing(Operation::GetProfile, RefusalFault::EmptyError { status: 503 }));
    let nothing = scene.get("profile").await;
    assert_eq!((nothing.status, nothing.body.len()), (503, 0));
}

#[tokio::test]
async fn oauth_is_refused_in_its_own_words() {
    let scene = Scene::new().await;
    for (fault, status, error) in [
        (
            RefusalFault::ServerError { status: 500, retry_after: RetryAfter::Absent },
            500,
            "internal_failure",
        ),
        (
            RefusalFault::RateLimited {
                refusal: RateRefusal::TooManyRequests,
                retry_after: RetryAfter::Seconds(1),
            },
            429,
            "rate_limit_exceeded",
        ),
        (RefusalFault::RevokedGrant, 400, "invalid_grant"),
    ] {
        scene.fault(refusing(Operation::Token, fault));
        let reply = scene.refresh().await;
        assert_eq!((reply.status, &reply.json()["error"]), (status, &json!(error)));
    }
    assert_eq!(scene.get("profile").await.status, 401, "the grant is gone for good");
    assert_eq!(scene.ann().refreshes(), 0);
}

#[tokio::test]
async fn tokens_and_histories_end_early() {
    let mut scene = Scene::new().await;
    let start = scene.deliver("one").history_id;
    scene.fault(refusing(Operation::GetProfile, RefusalFault::ExpiredToken));
    assert_eq!(scene.get("profile").await.status, 401);
    assert_eq!(scene.get("profile").await.status, 401, "until the token is refreshed");
    let fresh = scene.refresh().await.good();
    scene.token = fresh["access_token"].as_str().unwrap().to_owned();
    scene.get("profile").await.good();
    scene.fault(refusing(Operation::ListHistory, RefusalFault::ExpiredHistory));
    let path = format!("history?startHistoryId={start}");
    assert_eq!(scene.get(&path).await.refusal(), (404, "notFound".to_owned()));
    scene.get(&path).await.good();
}

#[tokio::test]
async fn dead_page_tokens_wait_for_a_request_that_has_one() {
    let scene = Scene::new().await;
    scene.deliver("one");
    scene.deliver("two");
    scene.fault(refusing(Operation::ListMessages, RefusalFault::DeadPageToken));
    let first = scene.get("messages?maxResults=1").await.good();
    let token = first["nextPageToken"].as_str().unwrap();
    let path = format!("messages?maxResults=1&pageToken={token}");
    assert_eq!(scene.get(&path).await.refusal(), (400, "invalidArgument".to_owned()));
    scene.get(&path).await.good();
}

#[tokio::test]
async fn a_rule_may_wait_for_one_message() {
    let scene = Scene::new().await;
    let (one, two) = (scene.deliver("one"), scene.deliver("two"));
    let rule = FaultRule::always(Operation::GetMessage, server_error(500));
    scene.fault(FaultRule { message: Some(one.id.clone()), ..rule });
    for (id, status) in [(&one.id, 500), (&two.id, 200), (&one.id, 500)] {
        assert_eq!(scene.get(&format!("messages/{id}")).await.status, status, "{id}");
    }
    scene.get("messages").await.good();
}

#[tokio::test]
async fn rules_skip_count_and_choose() {
    let scene = Scene::new().await;
    let rule = FaultRule {
        account: Some(ANN.to_owned()),
        skip: 1,
        times: Some(2),
        ..FaultRule::always(Operation::GetProfile, server_error(500))
    };
    scene.fault(FaultRule { account: Some("bob@example.test".to_owned()), ..rule.clone() });
    scene.fault(rule);
    let mut statuses = Vec::new();
    for path in ["profile", "labels", "profile", "labels", "profile", "profile"] {
        statuses.push(scene.get(path).await.status);
    }
    assert_eq!(statuses, [200, 200, 500, 200, 500, 200]);
    assert_eq!(scene.control().fired()["server_error"], 2);
    let faults: Vec<_> = scene.control().requests().into_iter().map(|entry| entry.fault).collect();
    assert_eq!(faults.iter().filter(|fault| fault.as_deref() == Some("server_error")).count(), 2);
}

#[tokio::test]
async fn refused_requests_have_no_effect_and_cost_nothing() {
    let scene = Scene::new().await;
    let one = scene.deliver("one");
    scene.fault(FaultRule::once(Operation::ModifyMessage, server_error(500)));
    let body = json!({ "addLabelIds": ["STARRED"] });
    let path = format!("messages/{}/modify", one.id);
    assert_eq!(scene.post(&path, body).await.status, 500);
    assert_eq!(scene.ann().history_id(), one.history_id);
    assert!(!scene.control().usage()[ANN].contains_key(&Operation::ModifyMessage));
}

/// The statuses of a fixed sequence of requests under chances with a seed.
async fn storm(seed: u64) -> Vec<u16> {
    let scene = Scene::with(|config| config.seed = seed).await;
    let chance = |operation, probability, fault| FaultChance {
        operation,
        account: None,
        probability,
        fault,
    };
    scene.control().set_faults(FaultScript {
        chances: vec![
            chance(Some(Operation::GetProfile), 0.3, server_error(503)),
            chance(None, 0.2, server_error(500)),
        ],
        ..FaultScript::default()
    });
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(scene.get("profile").await.status);
        statuses.push(scene.get("labels").await.status);
    }
    statuses
}

#[tokio::test]
async fn one_seed_gives_the_same_faults() {
    let first = storm(7).await;
    assert_eq!(first, storm(7).await);
    assert_ne!(first, storm(8).await);
    for status in [200, 500, 503] {
        assert!(first.contains(&status), "{status} never came: {first:?}");
    }
}

#[tokio::test]
async fn other_accounts_do_not_change_ones_faults() {
    let mut scene = Scene::new().await;
    scene.control().add_account("bob@example.test");
    let bob = scene.control().mailbox("bob@example.test").unwrap().access_token().unwrap();
    let ann = scene.token.clone();
    let script = FaultScript {
        chances: vec![FaultChance {
            operation: None,
            account: None,
            probability: 0.5,
            fault: server_error(500),
        }],
        seed: Some(3),
        ..FaultScript::default()
    };
    let mut rounds = Vec::new();
    for disturbed in [false, true] {
        scene.control().set_faults(script.clone());
        let mut statuses = Vec::new();
        for _ in 0..20 {
            if disturbed {
                scene.token.clone_from(&bob);
                scene.get("profile").await;
            }
            scene.token.clone_from(&ann);
            statuses.push(scene.get("profile").await.status);
        }
        rounds.push(statuses);
    }
    assert_eq!(rounds[0], rounds[1]);
}

#[tokio::test]
async fn faults_are_written_in_json() {
    let scene = Scene::new().await;
    let script = json!({ "rules": [
        { "operation": "gmail.users.getProfile", "times": 1,
          "fault": { "kind": "rate_limited", "retry_after": { "seconds": 3 } } },
        { "operation": "gmail.users.labels.list", "fault": { "kind": "drop_answer" } },
    ]});
    assert_eq!(scene.steer(Method::PUT, "faults", script).await.status, 204);
    let rules = scene.control().faults().rules;
    assert_eq!(rules[1].fault, Fault::Wire(WireFault::DropAnswer));
    let reply = scene.get("profile").await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("3")));
    let odd = json!({ "fault": { "kind": "earthquake" } });
    assert_eq!(scene.steer(Method::POST, "faults", odd).await.status, 422);
}
