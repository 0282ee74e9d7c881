//! Nobody comes in without a key, from another site, or under another name.
use std::time::Duration;

use axum::http::StatusCode;
use secrecy::ExposeSecret;

use super::stage::{HOST, Stage, bearer, call, form, form_token, mail};

const API: [(&str, &str); 24] = [
    ("GET", "/api/v1/projects"),
    ("GET", "/api/v1/documents"),
    ("GET", "/api/v1/documents/{id}"),
    ("GET", "/api/v1/documents/{id}/raw"),
    ("GET", "/api/v1/documents/{id}/attachments/00"),
    ("POST", "/api/v1/documents/{id}/assign"),
    ("POST", "/api/v1/documents/{id}/unassign"),
    ("POST", "/api/v1/documents/{id}/confirm"),
    ("POST", "/api/v1/documents/{id}/none"),
    ("POST", "/api/v1/documents/assign-project"),
    ("GET", "/api/v1/acts"),
    ("POST", "/api/v1/acts/{id}/undo"),
    ("GET", "/api/v1/rules"),
    ("POST", "/api/v1/rules"),
    ("POST", "/api/v1/rules/preview"),
    ("DELETE", "/api/v1/rules/{id}"),
    ("GET", "/api/v1/review"),
    ("GET", "/api/v1/streams"),
    ("GET", "/api/v1/streams/{id}/quarantine"),
    ("POST", "/api/v1/streams/{id}/retry"),
    ("POST", "/api/v1/streams/{id}/steer"),
    ("GET", "/api/v1/jobs/dead"),
    ("POST", "/api/v1/jobs/{id}/replay"),
    ("GET", "/api/v1/no/such/route"),
];
const PAGES: [&str; 10] = [
    "/",
    "/feed",
    "/review",
    "/projects",
    "/rules",
    "/streams",
    "/streams/now",
    "/documents/{id}",
    "/documents/{id}/raw",
    "/no/such/page",
];

async fn stage() -> Stage {
    Stage::new(&[mail(1, "RVF-12", "text")], &[("Riverfront", &["RVF-12"])]).await
}

#[tokio::test]
async fn sec_c2_a_missing_and_a_wrong_token_get_the_same_answer() {
    let stage = stage().await;
    let id = stage.documents().await[0].to_string();
    for (method, path) in API {
        let path = path.replace("{id}", &id);
        let without = stage.send(call(method, &path, &[], "{}")).await;
        assert_eq!(without.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(without.json()["kind"], "unauthorized");
        assert!(without.header("www-authenticate").starts_with("Bearer"));
        let long = format!("{}x", bearer());
        for wrong in ["Bearer x", "Bearer", "Basic YTpi", &long, "Bearer \u{e9}"] {
            let answer = stage.send(call(method, &path, &[("authorization", wrong)], "{}")).await;
            assert_eq!(answer, without, "{path} {wrong}");
        }
    }
}

#[tokio::test]
async fn sec_c2_a_session_is_no_token_and_a_token_no_session() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    assert_eq!(stage.open(&cookie, "/api/v1/projects").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sec_c2_pages_lead_to_the_door() {
    let stage = stage().await;
    let id = stage.documents().await[0].to_string();
    for path in PAGES {
        let path = path.replace("{id}", &id);
        let answer = stage.send(call("GET", &path, &[], "")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!((answer.header("location"), answer.body.as_str()), ("/login", ""));
        let wrong = stage.open("besunny=0123", &path).await;
        assert_eq!(wrong, answer, "{path}");
        let piece = stage.send(call("GET", &path, &[("hx-request", "true")], "")).await;
        assert_eq!(piece.status, StatusCode::UNAUTHORIZED);
        assert_eq!(piece.header("hx-redirect"), "/login");
    }
}

#[tokio::test]
async fn sec_c2_a_link_works_once_and_looking_at_it_does_no_harm() {
    let stage = stage().await;
    let link = stage.link.expose_secret().to_owned();
    let path = link.strip_prefix("http://localhost:7070").unwrap();
    for _ in 0..3 {
        let look = stage.send(call("GET", path, &[], "")).await;
        assert!(look.body.contains("logs you in once"));
    }
    let cookie = stage.log_in().await;
    assert_eq!(stage.open(&cookie, "/").await.status, StatusCode::OK);
    let again = stage.send(form("/login", &[], path.split_once('?').unwrap().1)).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert!(again.header("set-cookie").is_empty());
    let look = stage.send(call("GET", path, &[], "")).await;
    assert!(look.body.contains("no longer works"));
    let wrong = stage.send(form("/login", &[], "key=")).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sec_c2_whoever_holds_the_token_logs_in_as_often_as_he_likes() {
    let stage = stage().await;
    let door = stage.send(call("GET", "/login", &[], "")).await;
    assert!(door.body.contains("type=\"password\""));
    let token = bearer().strip_prefix("Bearer ").unwrap().to_owned();
    for _ in 0..2 {
        let answer = stage.send(form("/login", &[], &format!("key={token}"))).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let cookie = answer.header("set-cookie").split_once(';').unwrap().0.to_owned();
        assert!(!cookie.contains(&token), "a session is not the token");
        assert_eq!(stage.open(&cookie, "/").await.status, StatusCode::OK);
    }
    assert!(door.body.contains("name=\"by\" value=\"token\""));
    let wrong = stage.send(form("/login", &[], &format!("key={token}0&by=token"))).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.body.contains("The token is wrong."), "{wrong:?}");
    assert!(!wrong.body.contains("This link"), "{wrong:?}");
}

#[tokio::test]
async fn sec_c2_links_and_sessions_end() {
    let stage = stage().await;
    let late = stage.link.expose_secret().split_once('?').unwrap().1.to_owned();
    let cookie = stage.log_in().await;
    stage.clock.advance(Duration::from_hours(11));
    assert_eq!(stage.open(&cookie, "/").await.status, StatusCode::OK);
    stage.clock.advance(Duration::from_hours(1));
    assert_eq!(stage.open(&cookie, "/").await.status, StatusCode::SEE_OTHER);
    let fresh = self::stage().await;
    fresh.clock.advance(Duration::from_mins(15));
    let answer = fresh.send(form("/login", &[], &late)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sec_c2_logging_out_ends_the_session() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let page = stage.open(&cookie, "/").await.body;
    let body = format!("form_token={}", form_token(&page));
    let out = stage.send(form("/logout", &[("cookie", &cookie)], &body)).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(stage.open(&cookie, "/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sec_c10_cookies_are_closed_to_scripts_and_other_sites() {
    let plain = stage().await;
    let key = |stage: &Stage| stage.link.expose_secret().split_once('?').unwrap().1.to_owned();
    let answer = plain.send(form("/login", &[], &key(&plain))).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("besunny="));
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let secure = Stage::at("https://sunny.example", &[], &[]).await;
    let answer = secure.send(form("/login", &[], &key(&secure))).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-besunny="));
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
}

#[tokio::test]
async fn sec_c10_forms_of_other_sites_are_refused() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let id = stage.documents().await[0].to_string();
    let page = stage.open(&cookie, "/").await.body;
    let token = form_token(&page).to_owned();
    let stream = stage.get("/api/v1/streams").await.json()["streams"][0]["id"].clone();
    let stream = stream.as_str().unwrap().to_owned();
    let acts = [
        format!("/documents/{id}/assign"),
        format!("/review/{id}/assign"),
        format!("/documents/{id}/say"),
        format!("/acts/{id}/undo"),
        "/acts/follow".to_owned(),
        "/rules".to_owned(),
        "/rules/preview".to_owned(),
        format!("/rules/{id}/withdraw"),
        format!("/streams/{stream}/retry"),
        format!("/streams/{stream}/steer"),
        "/jobs/replay".to_owned(),
        "/logout".to_owned(),
    ];
    let origin = format!("http://{HOST}");
    let right = format!(
        "form_token={token}&version=2&project=&ask=resume&say=none&back=/review&documents=x\
         &says=never&kind=sender"
    );
    let wrong = right.replace(&token, &"0".repeat(64));
    for path in acts {
        let foreign: [&[(&str, &str)]; 5] = [
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "cross-site"), ("origin", &origin)],
            &[("sec-fetch-site", "cross-site"), ("hx-request", "true")],
        ];
        for headers in foreign {
            let headers: Vec<_> = [&[("cookie", cookie.as_str())], headers].concat();
            let answer = stage.send(form(&path, &headers, &right)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
        let own = [("cookie", cookie.as_str())];
        let answer = stage.send(form(&path, &own, &wrong)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} without its token");
        let mut old_browser = call("POST", &path, &own, &right);
        let form_type = "application/x-www-form-urlencoded".parse().unwrap();
        old_browser.headers_mut().insert("content-type", form_type);
        old_browser.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
        let answer = stage.send(old_browser).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} from another origin");
    }
    assert_eq!(stage.get(&format!("/api/v1/documents/{id}")).await.json()["version"], 2);
}

#[tokio::test]
async fn sec_c10_a_rebound_name_is_refused_everywhere_but_on_probes() {
    let stage = stage().await;
    let bearer = bearer();
    for path in ["/", "/login", "/assets/console.css", "/api/v1/projects", "/health/sync"] {
        for host in [
            "evil.example",
            "localhost:7071",
            "localhost.evil.example",
            "a@localhost:7070",
            "localhost:7070.evil.example",
        ] {
            let headers = [("host", host), ("authorization", bearer.as_str())];
            let answer = stage.send(call("GET", path, &headers, "")).await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path} as {host}");
        }
        let mut twice = call("GET", path, &[("authorization", &bearer)], "");
        twice.headers_mut().append("host", "evil.example".parse().unwrap());
        let answer = stage.send(twice).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path} as two hosts");
        let absolute = format!("http://evil.example{path}");
        let answer = stage.send(call("GET", &absolute, &[], "")).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{absolute}");
    }
    for path in ["/health/live", "/health/ready"] {
        let answer = stage.send(call("GET", path, &[("host", "10.0.0.7")], "")).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, r#"{"status":"ok"}"#));
    }
}

#[tokio::test]
async fn sec_c10_every_answer_carries_the_headers() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    for path in ["/", "/login", "/nope", "/assets/console.css", "/health/live", "/api/v1/documents"]
    {
        let answer = stage.open(&cookie, path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"));
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let stored = if path.starts_with("/assets") { "no-cache" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), stored, "{path}");
        assert!(answer.header("access-control-allow-origin").is_empty(), "{path}");
    }
}
