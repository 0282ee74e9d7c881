//! The description is current, and every route in it exists.
use std::path::Path;

use axum::http::StatusCode;
use besunny_server::web::api;
use serde_json::Value;

use super::stage::{Stage, bearer, call, mail};

/// Set to anything to write the file anew instead of comparing it.
const REFRESH: &str = "BESUNNY_REFRESH";

#[test]
fn the_committed_description_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let current = api::document().unwrap() + "\n";
    if std::env::var_os(REFRESH).is_some() {
        std::fs::write(&file, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == current,
        "docs/openapi.json is stale: \
         run `{REFRESH}=1 cargo test -p besunny-server-example --test web openapi`"
    );
}

#[tokio::test]
async fn every_described_route_exists() {
    let stage = Stage::new(&[mail(1, "a", "b")], &[]).await;
    let served = stage.get("/api/v1/openapi.json").await.json();
    let described: Value = serde_json::from_str(&api::document().unwrap()).unwrap();
    assert_eq!(served, described);
    assert_eq!(described["openapi"], "3.1.0");
    let document = stage.documents().await[0].to_string();
    let stream = stage.get("/api/v1/streams").await.json()["streams"][0]["id"].clone();
    for (path, methods) in described["paths"].as_object().unwrap() {
        let id = if path.contains("streams") { stream.as_str().unwrap() } else { &document };
        let real = path.replace("{id}", id).replace("{sha256}", "00").replace("{provider}", "x");
        for method in methods.as_object().unwrap().keys() {
            let headers = [("authorization", &*bearer())];
            let request = call(&method.to_uppercase(), &real, &headers, "{}");
            let answer = stage.send(request).await;
            let is_page = answer.header("content-type").starts_with("text/html");
            let is_route = !is_page
                && !answer
                    .body
                    .starts_with(r#"{"type":"about:blank","status":404,"kind":"no_route""#);
            assert!(is_route, "{method} {real}: {answer:?}");
            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {real}");
            assert!(!answer.status.is_server_error(), "{method} {real}: {answer:?}");
        }
    }
}
