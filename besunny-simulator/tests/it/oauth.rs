//! Tokens: refreshed, exchanged, inspected, revoked.

use aws_lc_rs::digest;
use axum::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use besunny_simulator::Consent;
use serde_json::{Value, json};

use crate::http::{self, Reply};
use crate::push::{jwks, verify};
use crate::scene::{ANN, Scene};

fn error(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_refresh_gives_a_working_token_and_is_counted() {
    let mut scene = Scene::new().await;
    let answer = scene.refresh().await.good();
    assert_eq!(answer["expires_in"], 3599);
    assert_eq!(answer["token_type"], "Bearer");
    assert!(answer["scope"].as_str().unwrap().contains("gmail.modify"));
    assert_eq!(answer["refresh_token"], Value::Null, "Google does not repeat it");
    scene.token = answer["access_token"].as_str().unwrap().to_owned();
    scene.get("profile").await.good();
    assert_eq!(scene.ann().refreshes(), 1);
}

#[tokio::test]
async fn bad_requests_are_refused_in_oauths_words() {
    let scene = Scene::new().await;
    let oauth = scene.control().settings().oauth;
    let refresh_token = scene.control().add_account(ANN).refresh_token;
    let good = [
        ("client_id", oauth.client_id.as_str()),
        ("client_secret", &oauth.client_secret),
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh_token),
    ];
    for (field, value, expected) in [
        ("client_id", "somebody", (401, "invalid_client")),
        ("client_secret", "wrong", (401, "invalid_client")),
        ("grant_type", "password", (400, "unsupported_grant_type")),
        ("grant_type", "", (400, "invalid_request")),
        ("refresh_token", "1//nonsense", (400, "invalid_grant")),
        ("refresh_token", "", (400, "invalid_request")),
    ] {
        let fields = good.map(|(name, good)| (name, if name == field { value } else { good }));
        let reply = scene.form("/token", &fields).await;
        assert_eq!(error(&reply), (expected.0, expected.1.to_owned()), "{field}={value}");
    }
    assert_eq!(scene.ann().refreshes(), 0);
}

#[tokio::test]
async fn a_revoked_grant_is_invalid_for_ever() {
    let scene = Scene::new().await;
    let refresh_token = scene.control().add_account(ANN).refresh_token;
    assert_eq!(scene.form("/revoke", &[("token", &refresh_token)]).await.status, 200);
    let reply = scene.refresh_with(&refresh_token).await;
    assert_eq!(error(&reply), (400, "invalid_grant".to_owned()));
    assert_eq!(reply.json()["error_description"], "Token has been expired or revoked.");
    let again = scene.form("/revoke", &[("token", &refresh_token)]).await;
    assert_eq!(error(&again), (400, "invalid_token".to_owned()));
    let fresh = scene.control().add_account(ANN);
    assert_ne!(fresh.refresh_token, refresh_token);
    scene.refresh().await.good();
}

#[tokio::test]
async fn an_access_token_can_revoke_too() {
    let scene = Scene::new().await;
    assert_eq!(scene.form("/revoke", &[("token", &scene.token)]).await.status, 200);
    assert_eq!(scene.get("profile").await.status, 401);
}

#[tokio::test]
async fn fewer_scopes_show_at_the_next_refresh() {
    let scene = Scene::new().await;
    scene.ann().set_scopes(&["openid".to_owned()]).unwrap();
    scene.get("profile").await.good();
    assert_eq!(scene.refresh().await.good()["scope"], "openid");
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_in_time() {
    let scene = Scene::new().await;
    let oauth = scene.control().settings().oauth;
    let exchange = async |code: &str| {
        let fields = [
            ("client_id", oauth.client_id.as_str()),
            ("client_secret", &oauth.client_secret),
            ("grant_type", "authorization_code"),
            ("code", code),
        ];
        scene.form("/token", &fields).await
    };
    let code = scene.ann().authorize(Consent::default());
    let answer = exchange(&code).await.good();
    scene.refresh_with(answer["refresh_token"].as_str().unwrap()).await.good();
    let claims = verify(&jwks(&scene).await, answer["id_token"].as_str().unwrap()).unwrap();
    assert_eq!(claims["email"], ANN);
    assert_eq!(claims["aud"], oauth.client_id);
    assert_eq!(error(&exchange(&code).await), (400, "invalid_grant".to_owned()));
    let late = scene.ann().authorize(Consent::default());
    scene.advance(600);
    assert_eq!(error(&exchange(&late).await), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_code_is_bound_to_its_request() {
    let scene = Scene::new().await;
    let oauth = scene.control().settings().oauth;
    let verifier = "a-verifier-that-is-long-enough-for-anybody-to-guess";
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    let consent = Consent {
        scopes: vec!["https://www.googleapis.com/auth/gmail.readonly".to_owned()],
        redirect_uri: Some("http://127.0.0.1/callback".to_owned()),
        code_challenge: Some(BASE64_URL_SAFE_NO_PAD.encode(hash)),
    };
    for (redirect, verifier, expected) in [
        ("http://127.0.0.1/other", verifier, "redirect_uri_mismatch"),
        ("http://127.0.0.1/callback", "another", "invalid_grant"),
        ("http://127.0.0.1/callback", verifier, ""),
    ] {
        let code = scene.ann().authorize(consent.clone());
        let fields = [
            ("client_id", oauth.client_id.as_str()),
            ("client_secret", &oauth.client_secret),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        let reply = scene.form("/token", &fields).await;
        if expected.is_empty() {
            assert_eq!(reply.good()["scope"], consent.scopes[0]);
        } else {
            assert_eq!(error(&reply).1, expected);
        }
    }
}

#[tokio::test]
async fn tokens_and_users_describe_themselves() {
    let scene = Scene::new().await;
    let info = scene.form("/oauth2/v2/tokeninfo", &[("access_token", &scene.token)]).await.good();
    assert_eq!(info["expires_in"], 3599);
    assert_eq!(info["email"], ANN);
    let path = format!("/tokeninfo?access_token={}", scene.token);
    let info = http::send(Method::GET, &scene.url(&path), &[], "").await.unwrap().good();
    assert_eq!(info["expires_in"], "3599");
    let bearer = format!("Bearer {}", scene.token);
    for (path, flag) in
        [("/oauth2/v2/userinfo", "verified_email"), ("/v1/userinfo", "email_verified")]
    {
        let headers = [("authorization", bearer.as_str())];
        let user = http::send(Method::GET, &scene.url(path), &headers, "").await.unwrap().good();
        assert_eq!((&user["email"], &user[flag]), (&json!(ANN), &json!(true)));
    }
    let odd = scene.form("/oauth2/v2/tokeninfo", &[("access_token", "odd")]).await;
    assert_eq!(error(&odd), (400, "invalid_token".to_owned()));
}
