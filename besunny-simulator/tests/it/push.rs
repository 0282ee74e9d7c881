//! Watches and their notices: shape, signature, pace, redelivery, faults, forgeries.

use axum::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use besunny_simulator::{ClockMode, Delivery, Fault, FaultRule, Forgery, Operation, PushFault};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::endpoint::{AUDIENCE, Endpoint, Notice, SERVICE_ACCOUNT, SUBSCRIPTION};
use crate::http;
use crate::scene::{ANN, Scene, mail, watch_request};

pub(crate) async fn jwks(scene: &Scene) -> JwkSet {
    let url = scene.url("/oauth2/v3/certs");
    let keys = http::send(Method::GET, &url, &[], "").await.unwrap().good();
    serde_json::from_value(keys).unwrap()
}

/// Claims of a token that one of the served keys has signed.
pub(crate) fn verify(keys: &JwkSet, token: &str) -> Option<Value> {
    let kid = decode_header(token).ok()?.kid?;
    let key = DecodingKey::from_jwk(keys.find(&kid)?).ok()?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode::<Value>(token, &key, &validation).ok().map(|token| token.claims)
}

async fn watched() -> (Scene, Endpoint) {
    let endpoint = Endpoint::new().await;
    let scene = Scene::with(|config| endpoint.subscribe(config)).await;
    scene.post("watch", watch_request()).await.good();
    (scene, endpoint)
}

/// Delivers one message and waits for what follows.
async fn deliver(scene: &Scene, subject: &str) -> u64 {
    scene.advance(1);
    let delivered = scene.deliver(subject);
    scene.control().settle().await;
    delivered.history_id
}

fn history_ids(endpoint: &Endpoint) -> Vec<u64> {
    endpoint.notices().iter().map(Notice::history_id).collect()
}

#[tokio::test]
async fn a_watch_answers_with_its_end() {
    let scene = Scene::new().await;
    let one = scene.deliver("one");
    let answer = scene.post("watch", watch_request()).await.good();
    let end = scene.control().now() + chrono::Duration::days(7);
    assert_eq!(answer["historyId"], one.history_id.to_string());
    assert_eq!(answer["expiration"], end.timestamp_millis().to_string());
    assert_eq!(scene.control().accounts()[0].watch_expires_at, Some(end));
    assert_eq!(scene.post("stop", json!({})).await.status, 204);
    assert_eq!(scene.control().accounts()[0].watch_expires_at, None);
}

#[tokio::test]
async fn only_topics_of_the_project_are_watched() {
    let scene = Scene::new().await;
    for topic in ["", "https://example.test/hook", "projects/other/topics/t", "projects/x/topics/"]
    {
        let refusal = scene.post("watch", json!({ "topicName": topic })).await.refusal();
        assert_eq!(refusal, (400, "invalidArgument".to_owned()), "{topic}");
    }
    let mut odd = watch_request();
    odd["labelIds"] = json!(["Label_9"]);
    assert_eq!(scene.post("watch", odd).await.status, 400);
}

#[tokio::test]
async fn a_notice_has_the_envelope_of_pubsub() {
    let (scene, endpoint) = watched().await;
    let history_id = deliver(&scene, "one").await;
    let [notice] = endpoint.notices().try_into().unwrap();
    assert_eq!(notice.data(), json!({ "emailAddress": ANN, "historyId": history_id }));
    assert_eq!(notice.body["subscription"], SUBSCRIPTION);
    let message = &notice.body["message"];
    assert_eq!(message["publishTime"], "2026-01-05T09:00:01.000Z");
    assert_eq!(message["messageId"], message["message_id"]);
    assert!(message["messageId"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_digit()));
}

#[tokio::test]
async fn a_notice_is_signed_by_a_served_key() {
    let (scene, endpoint) = watched().await;
    deliver(&scene, "one").await;
    let claims = verify(&jwks(&scene).await, &endpoint.notices()[0].token).unwrap();
    let now = scene.control().now().timestamp();
    assert_eq!(claims["iss"], "https://accounts.google.com");
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["email"], SERVICE_ACCOUNT);
    assert_eq!(claims["email_verified"], true);
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 3600)));
}

#[tokio::test]
async fn keys_rotate_and_the_one_before_stays() {
    let (scene, endpoint) = watched().await;
    deliver(&scene, "one").await;
    scene.control().rotate_keys();
    deliver(&scene, "two").await;
    let tokens: Vec<_> = endpoint.notices().iter().map(|notice| notice.token.clone()).collect();
    let both = jwks(&scene).await;
    assert_eq!(both.keys.len(), 2);
    assert!(tokens.iter().all(|token| verify(&both, token).is_some()));
    scene.control().rotate_keys();
    let newest = jwks(&scene).await;
    assert!(verify(&newest, &tokens[0]).is_none());
    assert!(verify(&newest, &tokens[1]).is_some());
}

#[tokio::test]
async fn notices_keep_to_one_a_second() {
    let (scene, endpoint) = watched().await;
    for number in 0..5 {
        scene.deliver(&format!("m{number}"));
    }
    scene.control().settle().await;
    assert_eq!(endpoint.notices().len(), 1);
    deliver(&scene, "later").await;
    assert_eq!(endpoint.notices().len(), 2);
}

#[tokio::test]
async fn label_filters_and_the_end_of_the_watch_are_kept() {
    let (scene, endpoint) = watched().await;
    let arrives = async |labels: &[&str]| {
        scene.advance(1);
        let before = endpoint.notices().len();
        scene.ann().deliver(mail("x"), &Delivery::labeled(labels)).unwrap();
        scene.control().settle().await;
        endpoint.notices().len() - before
    };
    assert_eq!(arrives(&["INBOX"]).await, 1);
    assert_eq!(arrives(&["SPAM"]).await, 0);
    let mut request = watch_request();
    request["labelFilterBehavior"] = json!("exclude");
    scene.post("watch", request).await.good();
    assert_eq!(arrives(&["INBOX"]).await, 0);
    assert_eq!(arrives(&["SPAM"]).await, 1);
    scene.post("watch", json!({ "topicName": watch_request()["topicName"] })).await.good();
    assert_eq!(arrives(&["SPAM"]).await, 1);
    scene.advance(7 * 24 * 3600);
    assert_eq!(arrives(&["INBOX"]).await, 0);
    let mut scene = scene;
    scene.token = scene.ann().access_token().unwrap();
    scene.post("watch", watch_request()).await.good();
    scene.post("stop", json!({})).await;
    scene.advance(1);
    scene.deliver("after stop");
    scene.control().settle().await;
    assert_eq!(endpoint.notices().len(), 3);
}

#[tokio::test]
async fn every_change_is_announced() {
    let (scene, endpoint) = watched().await;
    deliver(&scene, "one").await;
    let id = scene.ann().message_ids()[0].clone();
    scene.advance(1);
    let body = json!({ "removeLabelIds": ["UNREAD"] });
    scene.post(&format!("messages/{id}/modify"), body).await.good();
    scene.advance(1);
    scene.ann().trash(&id).unwrap();
    scene.control().settle().await;
    assert_eq!(endpoint.notices().len(), 3);
}

#[tokio::test]
async fn refused_notices_come_again_with_backoff() {
    let (scene, endpoint) = watched().await;
    endpoint.answer_first(&[500, 404, 503, 200]);
    deliver(&scene, "one").await;
    let mut arrivals = Vec::new();
    for wait in [9, 1, 19, 1, 39, 1, 1000] {
        scene.advance(wait);
        scene.control().settle().await;
        arrivals.push(endpoint.notices().len());
    }
    assert_eq!(arrivals, [1, 2, 2, 3, 3, 4, 4]);
    let ids: Vec<_> = endpoint.notices().iter().map(Notice::message_id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    let log = scene.control().deliveries();
    let attempts: Vec<_> = log.iter().map(|entry| (entry.attempt, entry.status)).collect();
    assert_eq!(attempts, [(1, Some(500)), (2, Some(404)), (3, Some(503)), (4, Some(200))]);
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_tried_again() {
    let scene = {
        let endpoint = Endpoint::new().await;
        Scene::with(|config| endpoint.subscribe(config)).await
    };
    scene.post("watch", watch_request()).await.good();
    deliver(&scene, "one").await;
    scene.advance(10);
    scene.control().settle().await;
    let log = scene.control().deliveries();
    assert_eq!(log.len(), 2);
    assert!(log.iter().all(|entry| entry.status.is_none() && entry.error.is_some()));
}

#[tokio::test]
async fn notices_go_out_on_a_running_clock_too() {
    let endpoint = Endpoint::new().await;
    let scene = Scene::with(|config| {
        config.clock = ClockMode::Real;
        endpoint.subscribe(config);
    })
    .await;
    scene.post("watch", watch_request()).await.good();
    let one = scene.deliver("one");
    scene.control().settle().await;
    assert_eq!(history_ids(&endpoint), [one.history_id]);
}

#[tokio::test]
async fn a_watch_can_begin_with_a_notice() {
    let (scene, endpoint) = watched().await;
    scene.control().configure(|settings| settings.push.notice_on_watch = true);
    scene.post("watch", watch_request()).await.good();
    scene.control().settle().await;
    assert_eq!(history_ids(&endpoint), [scene.ann().history_id()]);
}

fn push_fault(fault: PushFault) -> FaultRule {
    FaultRule::once(Operation::DeliverNotice, Fault::Push(fault))
}

#[tokio::test]
async fn notices_are_lost_repeated_and_late() {
    let (scene, endpoint) = watched().await;
    scene.fault(push_fault(PushFault::DropNotice));
    deliver(&scene, "lost").await;
    assert_eq!(endpoint.notices().len(), 0);
    scene.fault(push_fault(PushFault::RepeatNotice { copies: 50 }));
    deliver(&scene, "often").await;
    let ids: Vec<_> = endpoint.notices().iter().map(Notice::message_id).collect();
    assert_eq!(ids.len(), 50);
    assert!(ids.iter().all(|id| *id == ids[0]));
    scene.fault(push_fault(PushFault::DelayNotice { ms: 60_000 }));
    deliver(&scene, "late").await;
    assert_eq!(endpoint.notices().len(), 50);
    scene.advance(60);
    scene.control().settle().await;
    assert_eq!(endpoint.notices().len(), 51);
    let fired = scene.control().fired();
    for kind in ["drop_notice", "repeat_notice", "delay_notice"] {
        assert_eq!(fired[kind], 1, "{kind}");
    }
}

#[tokio::test]
async fn notices_overtake_each_other() {
    let (scene, endpoint) = watched().await;
    scene.fault(push_fault(PushFault::ReorderNotice));
    let first = deliver(&scene, "first").await;
    assert_eq!(endpoint.notices().len(), 0);
    let second = deliver(&scene, "second").await;
    assert_eq!(history_ids(&endpoint), [second, first]);
    scene.fault(push_fault(PushFault::ReorderNotice));
    let third = deliver(&scene, "third").await;
    scene.advance(60);
    scene.control().settle().await;
    assert_eq!(history_ids(&endpoint), [second, first, third], "nothing is held for ever");
}

/// Everything a verifier looks at, and whether a served key signed it.
fn aspects(keys: &JwkSet, notice: &Notice) -> Vec<(String, Value)> {
    let part = |number: usize| -> Value {
        let text = notice.token.split('.').nth(number).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let mut aspects = Vec::new();
    for object in [part(0), part(1)] {
        let fields = object.as_object().unwrap();
        aspects.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    aspects.push(("subscription".to_owned(), notice.body["subscription"].clone()));
    aspects.push(("data".to_owned(), notice.data()["emailAddress"].clone()));
    let served = keys.keys.iter().any(|jwk| {
        let key = DecodingKey::from_jwk(jwk).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        decode::<Value>(&notice.token, &key, &validation).is_ok()
    });
    aspects.push(("signature".to_owned(), json!(served)));
    aspects
}

#[tokio::test]
async fn each_forgery_differs_in_exactly_one_way() {
    let (scene, endpoint) = watched().await;
    deliver(&scene, "genuine").await;
    for forgery in Forgery::ALL {
        scene.ann().forge_notice(forgery);
        scene.control().settle().await;
    }
    let keys = jwks(&scene).await;
    let notices = endpoint.notices();
    let genuine = aspects(&keys, &notices[0]);
    assert_eq!(genuine.last().unwrap().1, true);
    for (forgery, notice) in Forgery::ALL.iter().zip(&notices[1..]) {
        let forged = aspects(&keys, notice);
        let different: Vec<_> = genuine
            .iter()
            .zip(&forged)
            .filter(|(genuine, forged)| genuine != forged)
            .map(|((name, _), _)| name.as_str())
            .collect();
        let expected: &[&str] = match forgery {
            Forgery::WrongKey => &["signature"],
            Forgery::AlgNone | Forgery::Hs256PublicKey => &["alg", "signature"],
            Forgery::WrongAudience => &["aud"],
            Forgery::WrongIssuer => &["iss"],
            Forgery::WrongEmail => &["email"],
            Forgery::EmailUnverified => &["email_verified"],
            Forgery::Expired => &["exp"],
            Forgery::UnknownKid => &["kid"],
            Forgery::WrongSubscription => &["subscription"],
        };
        assert_eq!(different, expected, "{forgery:?}");
    }
    let none = &notices[2].token;
    assert!(none.ends_with('.'), "alg none has no signature: {none}");
}

#[tokio::test]
async fn a_forged_notice_comes_before_the_genuine_one_and_never_again() {
    let (scene, endpoint) = watched().await;
    endpoint.answer_first(&[401]);
    scene.fault(push_fault(PushFault::ForgeNotice { forgery: Forgery::WrongKey }));
    deliver(&scene, "one").await;
    scene.advance(3600);
    scene.control().settle().await;
    let keys = jwks(&scene).await;
    let genuine: Vec<_> =
        endpoint.notices().iter().map(|notice| verify(&keys, &notice.token).is_some()).collect();
    assert_eq!(genuine, [false, true]);
    let forgeries: Vec<_> =
        scene.control().deliveries().iter().map(|entry| entry.forgery).collect();
    assert_eq!(forgeries, [Some(Forgery::WrongKey), None]);
}
