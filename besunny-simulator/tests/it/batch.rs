//! Many calls in one request.

use axum::http::Method;
use besunny_simulator::Operation;

use crate::http::send;
use crate::scene::{ANN, Scene};

/// A batch of these paths, as Google's own clients write it.
fn batch(paths: &[&str]) -> String {
    let parts = paths.iter().enumerate().map(|(number, path)| {
        format!(
            "--b\r\nContent-Type: application/http\r\nContent-ID: <id + {number}>\r\n\r\n\
             GET /gmail/v1/users/me/{path} HTTP/1.1\r\nAccept: application/json\r\n\
             Accept-Encoding: gzip\r\n\r\n\r\n"
        )
    });
    parts.collect::<String>() + "--b--"
}

#[tokio::test]
async fn each_part_is_answered_metered_and_logged_alone() {
    let scene = Scene::new().await;
    let id = scene.deliver("hello").id;
    let paths = [format!("messages/{id}?format=minimal"), "messages/00000000000000ff".to_owned()];
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let token = format!("Bearer {}", scene.token);
    let headers =
        [("authorization", token.as_str()), ("content-type", "multipart/mixed; boundary=b")];
    let url = scene.url("/batch/gmail/v1");
    let reply = send(Method::POST, &url, &headers, batch(&paths)).await.unwrap();
    assert_eq!(reply.status, 200);
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let parts: Vec<&str> = text.split("--batch_simulated").collect();
    assert!(parts[1].contains("Content-ID: <response-id + 0>"), "{text}");
    assert!(parts[1].contains("HTTP/1.1 200 OK"), "{text}");
    assert!(parts[1].contains(&format!("\"id\":\"{id}\"")), "{text}");
    assert!(parts[2].contains("Content-ID: <response-id + 1>"), "{text}");
    assert!(parts[2].contains("HTTP/1.1 404 Not Found"), "{text}");
    let usage = &scene.control().usage()[ANN];
    assert_eq!(usage[&Operation::GetMessage].calls, 2);

    let many = vec![paths[0]; 101];
    let reply = send(Method::POST, &url, &headers, batch(&many)).await.unwrap();
    assert_eq!(reply.status, 400, "more than a hundred");
    let reply = send(Method::POST, &url, &headers, "nonsense").await.unwrap();
    assert_eq!(reply.status, 400, "no batch");
}
