//! Who may see what: tokens, scopes, other people's mailboxes.

use axum::http::Method;
use serde_json::Value;

use crate::http::{self, Reply};
use crate::scene::{ANN, Scene};

async fn profile(scene: &Scene, user: &str, authorization: Option<&str>) -> Reply {
    let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
    let url = scene.url(&format!("/gmail/v1/users/{user}/profile"));
    http::send(Method::GET, &url, &headers, "").await.unwrap()
}

#[tokio::test]
async fn profile_counts_the_mailbox() {
    let scene = Scene::new().await;
    scene.deliver("one");
    let two = scene.deliver("two");
    let profile = scene.get("profile").await.good();
    assert_eq!(profile["emailAddress"], ANN);
    assert_eq!(profile["messagesTotal"], 2);
    assert_eq!(profile["threadsTotal"], 2);
    assert_eq!(profile["historyId"], two.history_id.to_string());
}

#[tokio::test]
async fn mailboxes_are_their_owners() {
    let scene = Scene::new().await;
    scene.control().add_account("bob@example.test");
    let bearer = format!("Bearer {}", scene.token);
    for (user, authorization, expected) in [
        ("me", Some(bearer.as_str()), (200, "")),
        ("Ann%40Example.test", Some(bearer.as_str()), (200, "")),
        ("bob@example.test", Some(bearer.as_str()), (403, "forbidden")),
        ("me", None, (401, "required")),
        ("me", Some("Bearer nonsense"), (401, "authError")),
        ("me", Some("Basic YTpi"), (401, "required")),
    ] {
        let reply = profile(&scene, user, authorization).await;
        if expected.0 == 200 {
            reply.good();
        } else {
            assert_eq!(reply.refusal(), (expected.0, expected.1.to_owned()), "{user}");
        }
    }
}

#[tokio::test]
async fn a_missing_token_is_explained_in_googles_words() {
    let scene = Scene::new().await;
    let reply = profile(&scene, "me", Some("Bearer nonsense")).await;
    let error = &reply.json()["error"];
    assert_eq!(error["status"], "UNAUTHENTICATED");
    assert_eq!(error["errors"][0]["message"], "Invalid Credentials");
    assert_eq!(error["errors"][0]["location"], "Authorization");
    assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"));
}

#[tokio::test]
async fn tokens_expire_on_the_virtual_clock() {
    let scene = Scene::new().await;
    scene.advance(3598);
    scene.get("profile").await.good();
    scene.advance(1);
    assert_eq!(scene.get("profile").await.refusal(), (401, "authError".to_owned()));
}

#[tokio::test]
async fn scopes_are_kept() {
    let mut scene = Scene::new().await;
    let google = |name: &str| format!("https://www.googleapis.com/auth/{name}");
    for (scopes, path, expected) in [
        (vec![google("gmail.readonly")], "messages", (200, "")),
        (vec![google("gmail.labels")], "messages", (403, "insufficientPermissions")),
        (vec![google("drive.file")], "profile", (403, "insufficientPermissions")),
        (vec![google("gmail.metadata")], "messages", (200, "")),
        (vec![google("gmail.metadata")], "messages?q=in:inbox", (403, "forbidden")),
        (
            vec![google("gmail.metadata"), google("gmail.modify")],
            "messages?q=in:inbox",
            (403, "forbidden"),
        ),
    ] {
        scene.ann().set_scopes(&scopes).unwrap();
        scene.token = scene.ann().access_token().unwrap();
        let reply = scene.get(path).await;
        match expected.0 {
            200 => assert!(reply.good().is_object()),
            _ => assert_eq!(reply.refusal(), (expected.0, expected.1.to_owned()), "{path}"),
        }
    }
}

#[tokio::test]
async fn a_missing_scope_names_its_reason_twice() {
    let mut scene = Scene::new().await;
    scene.ann().set_scopes(&["openid".to_owned()]).unwrap();
    scene.token = scene.ann().access_token().unwrap();
    let error: Value = scene.get("labels").await.json()["error"].take();
    assert_eq!(error["status"], "PERMISSION_DENIED");
    assert_eq!(error["details"][0]["reason"], "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
}

#[tokio::test]
async fn a_revoked_grant_ends_its_tokens() {
    let scene = Scene::new().await;
    scene.ann().revoke().unwrap();
    assert_eq!(scene.get("profile").await.status, 401);
}
