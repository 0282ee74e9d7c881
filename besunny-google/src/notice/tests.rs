//! Deliveries, genuine and forged, signed with a key of the test's own.
use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::*;

static PAIR: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

fn now() -> DateTime<Utc> {
    "2026-06-01T08:00:00Z".parse().unwrap()
}

fn config() -> PushConfig {
    PushConfig {
        topic: "projects/p/topics/t".to_owned(),
        subscription: "projects/p/subscriptions/s".to_owned(),
        audience: "https://besunny.example/hooks/gmail".to_owned(),
        service_account: "push@p.iam.gserviceaccount.com".to_owned(),
    }
}

fn key() -> PublicKey {
    let der = PAIR.public_key().as_ref();
    PublicKey { id: "k1".to_owned(), modulus: der[9..265].to_vec(), exponent: vec![1, 0, 1] }
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com", "aud": "https://besunny.example/hooks/gmail",
        "iat": now().timestamp(), "exp": now().timestamp() + 3600, "sub": "1", "azp": "1",
        "email": "push@p.iam.gserviceaccount.com", "email_verified": true,
    })
}

fn signed(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; PAIR.public_modulus_len()];
    PAIR.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn envelope() -> Value {
    let data = json!({ "emailAddress": "ann@example.com", "historyId": 17 }).to_string();
    json!({
        "message": { "data": BASE64_STANDARD.encode(data), "messageId": "m1" },
        "subscription": "projects/p/subscriptions/s",
    })
}

fn receive(token: &str, body: &[u8]) -> Result<Vec<Notice>, Rejected> {
    let header = format!("Bearer {token}");
    let headers = [("Authorization", header.as_bytes())];
    let delivery = Delivery { path: "/", headers: &headers, body, received_at: now() };
    config().receive(&delivery, &[key()])
}

fn with_claims(change: impl FnOnce(&mut Value)) -> Result<Vec<Notice>, Rejected> {
    let mut claims = claims();
    change(&mut claims);
    receive(
        &signed(&json!({ "alg": "RS256", "kid": "k1" }), &claims),
        envelope().to_string().as_bytes(),
    )
}

#[test]
fn a_genuine_delivery_is_a_hint_about_a_mailbox() {
    let about = About::Subject(Subject::from_source("ann@example.com"));
    let want = Notice { about, dedup: Some("m1".to_owned()) };
    assert_eq!(with_claims(|_| {}), Ok(vec![want.clone()]));
    assert_eq!(with_claims(|claims| claims["iss"] = json!("accounts.google.com")), Ok(vec![want]));
}

#[test]
fn every_claim_counts() {
    let at = |offset: i64| json!(now().timestamp() + offset);
    let rows = [
        ("iss", json!("https://accounts.google.com.example"), "iss"),
        ("aud", json!("https://besunny.example/hooks/gmail/x"), "aud"),
        ("exp", at(-61), "exp"),
        ("exp", json!(i64::MIN), "exp"),
        ("iat", at(61), "iat"),
        ("email", json!("other@p.iam.gserviceaccount.com"), "email"),
        ("email_verified", json!(false), "email_verified"),
    ];
    for (claim, value, want) in rows {
        let got = with_claims(|claims| claims[claim] = value.clone());
        assert_eq!(got, Err(Rejected::WrongClaim(want)), "{claim} {value}");
    }
    for (claim, value) in
        [("aud", json!(["https://besunny.example/hooks/gmail"])), ("exp", json!(null))]
    {
        assert_eq!(
            with_claims(|claims| claims[claim] = value),
            Err(Rejected::BadSignature),
            "{claim}"
        );
    }
    assert!(with_claims(|claims| claims["exp"] = at(-59)).is_ok());
}

#[test]
fn what_is_not_signed_by_the_key_is_refused_before_the_body_is_read() {
    let good = signed(&json!({ "alg": "RS256", "kid": "k1" }), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = signed(&json!({ "alg": "RS256", "kid": "k1" }), &json!({ "iss": "x" }));
    let (other, _) = other.rsplit_once('.').unwrap();
    let rows = [
        (String::new(), Rejected::BadSignature),
        ("x".to_owned(), Rejected::BadSignature),
        (message.to_owned(), Rejected::BadSignature),
        (format!("{message}."), Rejected::BadSignature),
        (format!("{other}.{signature}"), Rejected::BadSignature),
        (signed(&json!({ "alg": "none", "kid": "k1" }), &claims()), Rejected::BadSignature),
        (signed(&json!({ "alg": "HS256", "kid": "k1" }), &claims()), Rejected::BadSignature),
        (signed(&json!({ "alg": "RS512", "kid": "k1" }), &claims()), Rejected::BadSignature),
        (signed(&json!({ "alg": "RS256", "kid": "k2" }), &claims()), Rejected::UnknownKey),
        (signed(&json!({ "alg": "RS256" }), &claims()), Rejected::UnknownKey),
        ("a".repeat(MAX_TOKEN_BYTES + 1), Rejected::BadSignature),
    ];
    for (token, want) in rows {
        assert_eq!(receive(&token, b"not even JSON"), Err(want), "{token}");
    }
    let delivery = Delivery { path: "/", headers: &[], body: b"", received_at: now() };
    assert_eq!(config().receive(&delivery, &[key()]), Err(Rejected::Unsigned));
}

#[test]
fn bodies_that_make_no_sense_are_refused() {
    let good = signed(&json!({ "alg": "RS256", "kid": "k1" }), &claims());
    let mut other = envelope();
    other["subscription"] = json!("projects/p/subscriptions/other");
    let got = receive(&good, other.to_string().as_bytes());
    assert_eq!(got, Err(Rejected::WrongClaim("subscription")));
    let mut odd = envelope();
    odd["message"]["data"] = json!("!");
    let large = vec![b' '; MAX_BODY_BYTES + 1];
    for body in [b"".to_vec(), b"{".to_vec(), odd.to_string().into_bytes(), large] {
        assert_eq!(receive(&good, &body), Err(Rejected::Unreadable));
    }
}

#[test]
fn wrong_forms_are_named() {
    assert!(config().check().is_ok());
    let wrong = PushConfig {
        topic: "t".to_owned(),
        subscription: "projects/p/topics/s".to_owned(),
        audience: String::new(),
        service_account: "push".to_owned(),
    };
    let named: Vec<String> = wrong.wrong_forms().iter().map(ToString::to_string).collect();
    assert_eq!(named.len(), 4, "{named:?}");
    assert_eq!(named[0], "the topic must have the form projects/PROJECT/topics/TOPIC");
}
