//! Ten questions, a profile, a project: by REST and in the console.
use std::{fmt::Write as _, sync::Arc};

use axum::http::StatusCode;
use besunny::{
    Besunny,
    core::{
        address::Username,
        clock::Clock as _,
        ids::{OnboardingId, UserId},
        onboarding::{Onboarding, PRODUCTION},
        project::Project,
        tenant::{Allowed, User},
    },
    sqlite::{Options, Place, SqliteStore},
};
use besunny_testkit::{
    clock::ManualClock,
    language::{Line, ScriptedModel},
};
use serde_json::{Value, json};

use super::stage::{Answer, Stage, bearer, call, form, form_token, mail};

/// Good answers to the ten questions, in order.
const GOOD: [&str; 10] = [
    "Riverside flood works RVF-12",
    "A film about the new dykes.",
    "dyke, pump station",
    "60 second film, press kit",
    "Ann Miller <ann@studio.example>",
    "none",
    "Cy Moss <cy@client.example>",
    "14-16 June 2026",
    "Weir",
    "",
];

/// A mail of the client, one with the code, and one of nobody's business.
async fn stage() -> Stage {
    let mails = [
        mail(1, "Lunch", "At noon."),
        mail(2, "RVF-12: survey", "The survey."),
        mail(3, "News", "The pump station.").replace("client.example", "other.example"),
    ];
    Stage::new(&mails, &[]).await
}

async fn put(stage: &Stage, path: &str, body: &Value) -> Answer {
    let headers = [("authorization", &*bearer())];
    stage.send(call("PUT", path, &headers, &body.to_string())).await
}

async fn post(stage: &Stage, path: &str, body: &Value) -> Value {
    let answer = stage.post(path, &body.to_string()).await;
    assert!(answer.status.is_success(), "{path}: {answer:?}");
    answer.json()
}

/// Begins an onboarding and answers all questions.
async fn answered(stage: &Stage) -> (String, u64) {
    let mut now = post(stage, "/api/v1/onboarding", &json!({})).await;
    let path = format!("/api/v1/onboarding/{}", now["id"].as_str().unwrap());
    for (place, answer) in GOOD.iter().enumerate() {
        assert_eq!(
            (&now["stage"], &now["question"]["number"]),
            (&json!("asking"), &json!(place + 1))
        );
        let body = json!({ "version": now["version"], "answer": answer });
        now = post(stage, &format!("{path}/answer"), &body).await;
    }
    assert_eq!(now["stage"], "summary");
    (path, now["version"].as_u64().unwrap())
}

/// Confirms and generates, too.
async fn generated(stage: &Stage) -> (String, Value) {
    let (path, version) = answered(stage).await;
    let now = post(stage, &format!("{path}/confirm"), &json!({ "version": version })).await;
    let body = json!({ "version": now["version"] });
    let now = post(stage, &format!("{path}/generate"), &body).await;
    (path, now)
}

#[tokio::test]
async fn onb_6_from_the_first_question_to_a_project() {
    let stage = stage().await;
    let (path, now) = generated(&stage).await;
    assert_eq!(now["generated"]["by"], "answers");
    assert_eq!(now["generated"]["reason"], "no language model is set up to describe projects");
    assert_eq!(now["generated"]["fields"]["project_codes"], json!(["RVF-12"]));
    let brief = stage.get(&format!("{path}/summary")).await.json();
    assert_eq!(brief["shoot_date"], json!({ "start": "2026-06-14", "end": "2026-06-16" }));
    let edits =
        json!({ "version": now["version"], "edits": { "domains": [], "notes": ["Mine."] } });
    let now = put(&stage, &format!("{path}/profile"), &edits).await.json();
    assert_eq!(now["generated"]["edited"], json!(["notes", "domains"]));
    let preview = stage.get(&format!("{path}/preview")).await.json();
    let fields: Vec<&str> = preview["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["field"].as_str().unwrap())
        .collect();
    assert!(fields.contains(&"name") && !fields.contains(&"domains"), "{fields:?}");
    let would = &preview["would_change"];
    let titles: Vec<&str> = would["shifts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["document"]["title"].as_str().unwrap())
        .collect();
    assert_eq!((would["weighed"].as_u64(), titles), (Some(3), vec!["News", "RVF-12: survey"]));
    let placed = |number: usize| would["shifts"][number]["after"]["is_routed"].as_bool().unwrap();
    assert_eq!([placed(0), placed(1)], [false, true]);
    let body = json!({ "version": now["version"], "seen": preview["seen"] });
    let project = post(&stage, &format!("{path}/save"), &body).await;
    let id = project["id"].as_str().unwrap();
    let read = stage.get(&format!("/api/v1/projects/{id}")).await.json();
    assert_eq!(read["fields"]["notes"], json!(["Mine."]));
    let store = stage.besunny.store();
    let projects = store.projects(&stage.person.scope, stage.person.user).await.unwrap();
    assert_eq!(projects[0].signals.people, ["cy@client.example"]);
    assert_eq!(projects[0].signals.active.unwrap().to_string(), "2026-04-15 to 2026-08-15");
    assert_eq!(stage.get("/api/v1/documents?state=routed").await.json()["documents"], json!([]));
}

#[tokio::test]
async fn onb_5_a_rerun_keeps_edits_and_shows_what_differs() {
    let stage = stage().await;
    let (path, now) = generated(&stage).await;
    let body = json!({ "version": now["version"], "seen": "" });
    let project = post(&stage, &format!("{path}/save"), &body).await;
    let change = format!("/api/v1/projects/{}", project["id"].as_str().unwrap());
    let edit =
        json!({ "seen": project["seen"], "edits": { "project_codes": ["RVF-12", "RVF-13"] } });
    let changed = put(&stage, &change, &edit).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert_eq!(put(&stage, &change, &edit).await.status, StatusCode::CONFLICT);
    let again = post(&stage, "/api/v1/onboarding", &json!({ "project": project["id"] })).await;
    assert_eq!(again["stage"], "summary");
    let edit = json!({ "version": again["version"], "question": "location", "answer": "Aldbury" });
    let now = put(&stage, &format!("{path}/answer"), &edit).await.json();
    let now = post(&stage, &format!("{path}/confirm"), &json!({ "version": now["version"] })).await;
    let now =
        post(&stage, &format!("{path}/generate"), &json!({ "version": now["version"] })).await;
    let preview = stage.get(&format!("{path}/preview")).await.json();
    let want = json!([{ "field": "locations", "added": ["Aldbury"], "removed": ["Weir"] }]);
    assert_eq!(preview["changes"], want);
    let outdated = json!({ "version": now["version"], "seen": project["seen"] });
    let refused = stage.post(&format!("{path}/save"), &outdated.to_string()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    let body = json!({ "version": now["version"], "seen": preview["seen"] });
    let saved = post(&stage, &format!("{path}/save"), &body).await;
    assert_eq!(saved["id"], project["id"]);
    assert_eq!(saved["fields"]["project_codes"], json!(["RVF-12", "RVF-13"]));
}

/// What a model writes that also names somebody whom no answer names.
fn written() -> Line {
    let fields = json!({
        "normalized_tags": ["flood_film"], "categories": ["film"],
        "reference_keywords": ["embankment"], "people": ["Dan Stranger"], "locations": [],
        "domains": ["evil.example"], "project_codes": ["XX-1"], "content_types": ["email"],
        "notes": "Dykes are shot from the air.",
    });
    Line::Says(fields.to_string())
}

#[tokio::test]
async fn onb_4_a_model_describes_a_project_where_the_tenant_allows_it() {
    let clock = Arc::new(ManualClock::default());
    let store = SqliteStore::open(Place::Temporary, Arc::clone(&clock) as _, Options::default());
    let model = Arc::new(ScriptedModel::new([written()]));
    let besunny = Besunny::builder(store.await.unwrap())
        .describe_projects_by(Arc::clone(&model) as _)
        .clock(Arc::clone(&clock) as _);
    let stage = Stage::of(besunny.build(), clock).await;
    let (_, now) = generated(&stage).await;
    let made = &now["generated"];
    assert_eq!(made["by"], "answers");
    assert_eq!(made["reason"], "the tenant allows no language model");
    assert!(model.heard().is_empty(), "{:?}", model.heard());
    let allowed = Allowed { language_models: true };
    stage.besunny.store().allow(&stage.person.scope, allowed).await.unwrap();
    let (path, now) = generated(&stage).await;
    let made = &now["generated"];
    assert_eq!((&made["by"], &made["reason"]), (&json!("model"), &Value::Null), "{made}");
    let keywords = made["fields"]["reference_keywords"].as_array().unwrap();
    assert!(keywords.contains(&json!("embankment")), "{made}");
    assert_eq!(made["fields"]["domains"], json!(["client.example"]));
    let dropped: Vec<&str> =
        made["dropped"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(dropped, ["evil.example", "XX-1", "Dan Stranger"]);
    let heard = &model.heard()[0].input;
    assert!(heard.contains("client.example"), "{heard}");
    let body = json!({ "version": now["version"], "model": false });
    let alone = post(&stage, &format!("{path}/generate"), &body).await;
    assert_eq!((&alone["generated"]["by"], model.heard().len()), (&json!("answers"), 1));
}

#[tokio::test]
async fn a_step_that_cannot_be_taken_changes_nothing_and_says_why() {
    let stage = stage().await;
    let begun = post(&stage, "/api/v1/onboarding", &json!({})).await;
    let path = format!("/api/v1/onboarding/{}", begun["id"].as_str().unwrap());
    let long = "x".repeat(20_000);
    for (step, body, status, message) in [
        (
            "answer",
            json!({ "version": 1, "answer": " " }),
            400,
            "The answer to `project_name` is missing.",
        ),
        (
            "answer",
            json!({ "version": 1, "answer": long }),
            400,
            "The answer to `project_name` is longer than 200 characters.",
        ),
        (
            "answer",
            json!({ "version": 2, "answer": "x" }),
            409,
            "It has changed since you read it.",
        ),
        (
            "answer",
            json!({ "version": 1, "answer": "x", "user_id": "me" }),
            400,
            "The body is not what the route takes",
        ),
        ("back", json!({ "version": 1 }), 409, "This is the first question."),
        ("confirm", json!({ "version": 1 }), 400, "9 answers are missing"),
        ("generate", json!({ "version": 1 }), 400, "9 answers are missing"),
        ("save", json!({ "version": 1, "seen": "" }), 409, "The summary is not confirmed."),
        ("validate", json!({ "edits": {} }), 409, "No profile was generated of these answers."),
        (
            "validate",
            json!({ "edits": { "owner": ["me"] } }),
            400,
            "The body is not what the route takes",
        ),
    ] {
        let answer = stage.post(&format!("{path}/{step}"), &body.to_string()).await;
        assert_eq!(answer.status.as_u16(), status, "{step} {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert!(problem["message"].as_str().unwrap().starts_with(message), "{step} {problem}");
        assert!(!problem["fix"].as_str().unwrap().is_empty());
    }
    assert_eq!(stage.get(&path).await.json(), begun);
    let huge = stage.post(&format!("{path}/answer"), &"x".repeat(1 << 20)).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn onb_5_what_a_profile_may_not_say_is_listed() {
    let stage = stage().await;
    let (path, now) = generated(&stage).await;
    let edits = json!({ "name": [""], "normalized_tags": [], "content_types": ["virus"] });
    let said = post(&stage, &format!("{path}/validate"), &json!({ "edits": edits })).await;
    insta::assert_json_snapshot!(said);
    let body = json!({ "version": now["version"], "edits": edits });
    let refused = put(&stage, &format!("{path}/profile"), &body).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    assert_eq!(stage.get(&path).await.json()["version"], now["version"]);
}

/// Another person of the same tenant, with an onboarding and a project.
async fn somebody_else(stage: &Stage) -> (OnboardingId, Project) {
    let (store, scope, now) = (stage.besunny.store(), stage.person.scope, stage.clock.now());
    let id = UserId::derived(&[b"eve"]);
    let username = Username::parse("eve").unwrap();
    let eve = User { id, username, name: "Eve".to_owned(), created_at: now };
    store.add_user(&scope, &eve).await.unwrap();
    let theirs = OnboardingId::derived(&[b"eve"]);
    store.put_onboarding(&scope, &Onboarding::begun(theirs, id, &PRODUCTION, now)).await.unwrap();
    let project = Project::new(scope.tenant(), id, "Eve's", now).unwrap();
    store.put_project(&scope, &project).await.unwrap();
    (theirs, project)
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let stage = stage().await;
    let (theirs, project) = somebody_else(&stage).await;
    let neighbour = stage.neighbour(&[], &[]).await;
    let foreign = post(&neighbour, "/api/v1/onboarding", &json!({})).await;
    let nobody = OnboardingId::derived(&[b"nobody"]).to_string();
    let mut answers = Vec::new();
    for id in [theirs.to_string(), foreign["id"].as_str().unwrap().to_owned(), nobody] {
        let path = format!("/api/v1/onboarding/{id}");
        let body = json!({ "version": 1, "answer": "x" }).to_string();
        answers.push(stage.get(&path).await);
        answers.push(stage.post(&format!("{path}/answer"), &body).await);
        answers.push(stage.get(&format!("{path}/preview")).await);
    }
    assert!(answers.iter().all(|it| it.status == StatusCode::NOT_FOUND), "{answers:?}");
    assert!(answers.iter().all(|it| it.body == answers[0].body), "{answers:?}");
    let path = format!("/api/v1/projects/{}", project.id);
    let edit = json!({ "seen": "", "edits": {} });
    assert_eq!(stage.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(put(&stage, &path, &edit).await.status, StatusCode::NOT_FOUND);
    let again = json!({ "project": project.id.to_string() }).to_string();
    assert_eq!(stage.post("/api/v1/onboarding", &again).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.get("/api/v1/onboarding").await.json()["onboardings"], json!([]));
}

#[tokio::test]
async fn proj_1_a_project_is_made_and_changed_field_by_field() {
    let stage = stage().await;
    let body = json!({ "edits": { "name": ["Solar"], "project_codes": ["SOL-3"] } });
    let made = stage.post("/api/v1/projects", &body.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.json()["fields"]["normalized_tags"], json!(["solar"]));
    let twice = stage.post("/api/v1/projects", &body.to_string()).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let path = format!("/api/v1/projects/{}", made.json()["id"].as_str().unwrap());
    let wanted = json!({ "edits": { "project_codes": ["SOL-3", "RVF-12"] } });
    let preview = post(&stage, &format!("{path}/preview"), &wanted).await;
    assert_eq!(preview["changes"][0]["added"], json!(["RVF-12"]));
    assert_eq!(preview["would_change"]["shifts"][0]["document"]["title"], "RVF-12: survey");
    assert_eq!(stage.get(&path).await.json(), made.json());
}

/// Sends a form of a page.
async fn send(stage: &Stage, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    stage.send(form(path, &[("cookie", cookie)], &encoded(fields))).await
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        let mut text = String::new();
        for byte in value.bytes() {
            write!(text, "%{byte:02X}").unwrap();
        }
        write!(body, "{name}={text}&").unwrap();
    }
    body
}

fn hidden<'p>(page: &'p str, name: &str) -> &'p str {
    let rest = page.split_once(&format!("name=\"{name}\" value=\"")).expect(name).1;
    rest.split('"').next().unwrap()
}

/// Answers all questions in a browser without a script; returns cookie, path and the last page.
async fn talked(stage: &Stage, answers: &[&str]) -> (String, String, String) {
    let cookie = stage.log_in().await;
    let page = stage.open(&cookie, "/projects").await.body;
    let begun = send(stage, &cookie, "/onboarding", &[("form_token", form_token(&page))]).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let path = begun.header("location").to_owned();
    let mut page = stage.open(&cookie, &path).await.body;
    for answer in answers {
        let fields = [
            ("form_token", form_token(&page)),
            ("version", hidden(&page, "version")),
            ("answer", answer),
        ];
        let sent = send(stage, &cookie, &format!("{path}/answer"), &fields).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{sent:?}");
        page = stage.open(&cookie, &path).await.body;
    }
    (cookie, path, page)
}

#[tokio::test]
async fn onb_1_a_person_without_scripts_comes_to_a_project() {
    let stage = stage().await;
    let (cookie, path, page) = talked(&stage, &GOOD).await;
    assert!(
        page.contains("Is this right?") && page.contains("Cy Moss &#60;cy@client.example&#62;"),
        "{page}"
    );
    let at = |page: &str| [form_token(page).to_owned(), hidden(page, "version").to_owned()];
    let [token, version] = at(&page);
    let fields = [("form_token", &*token), ("version", &*version)];
    let confirmed = send(&stage, &cookie, &format!("{path}/confirm"), &fields).await;
    assert_eq!(confirmed.status, StatusCode::SEE_OTHER, "{confirmed:?}");
    let page = stage.open(&cookie, &path).await.body;
    for part in [
        "no language model is set up to describe projects",
        "<ins><bdi>RVF-12</bdi></ins>",
        "would go elsewhere",
        "RVF-12: survey",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let [token, version] = at(&page);
    let fields = [("form_token", &*token), ("version", &*version), ("seen", hidden(&page, "seen"))];
    let saved = send(&stage, &cookie, &format!("{path}/save"), &fields).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{saved:?}");
    let project = stage.open(&cookie, saved.header("location")).await.body;
    assert!(project.contains("Riverside flood works RVF-12") && project.contains("pump station"));
}

#[tokio::test]
async fn a_refused_answer_stays_where_it_was_typed() {
    let stage = stage().await;
    let (cookie, path, page) = talked(&stage, &GOOD[..7]).await;
    let fields = [
        ("form_token", form_token(&page)),
        ("version", hidden(&page, "version")),
        ("answer", "31 June 2026 <i>"),
    ];
    let refused = send(&stage, &cookie, &format!("{path}/answer"), &fields).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    for part in
        ["it is no day, range or month", "31 June 2026 &#60;i&#62;</textarea>", "Question 8 of 10"]
    {
        assert!(refused.body.contains(part), "{part}: {}", refused.body);
    }
    let headers = [("cookie", &*cookie), ("hx-request", "true")];
    let piece = stage.send(form(&format!("{path}/answer"), &headers, &encoded(&fields))).await;
    assert_eq!(piece.header("hx-retarget"), "#notice");
    assert!(!piece.body.contains("<html") && piece.body.contains("no day, range or month"));
    let good = [fields[0], fields[1], ("answer", "June 2026")];
    let piece = stage.send(form(&format!("{path}/answer"), &headers, &encoded(&good))).await;
    assert_eq!(piece.status, StatusCode::OK);
    assert!(
        piece.body.starts_with("<section id=\"talk\"") && piece.body.contains("Question 9 of 10")
    );
    let foreign = [("form_token", "0"), fields[1], fields[2]];
    let answer = send(&stage, &cookie, &format!("{path}/answer"), &foreign).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn hostile_answers_are_shown_as_text() {
    let stage = stage().await;
    let attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let mut answers = GOOD;
    for place in [0, 1, 2, 3, 8] {
        answers[place] = attack;
    }
    let (cookie, path, page) = talked(&stage, &answers).await;
    let mut pages = vec![page.clone(), stage.open(&cookie, "/projects").await.body];
    let fields = [("form_token", form_token(&page)), ("version", hidden(&page, "version"))];
    send(&stage, &cookie, &format!("{path}/confirm"), &fields).await;
    pages.push(stage.open(&cookie, &path).await.body);
    for page in pages {
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
        assert!(page.contains("&#60;script&#62;"), "{page}");
    }
}

#[tokio::test]
async fn a_change_of_a_project_is_looked_at_before_it_is_saved() {
    let stage = Stage::new(&[mail(1, "RVF-12: survey", "x")], &[("Solar", &["SOL-3"])]).await;
    let cookie = stage.log_in().await;
    let list = stage.get("/api/v1/projects").await.json();
    let path = format!("/projects/{}", list["projects"][0]["id"].as_str().unwrap());
    let page = stage.open(&cookie, &path).await.body;
    assert!(page.contains("SOL-3</textarea>"), "{page}");
    let with = |codes: &'static str| {
        vec![
            ("form_token", form_token(&page)),
            ("seen", hidden(&page, "seen")),
            ("name", "Solar"),
            ("normalized_tags", "solar"),
            ("project_codes", codes),
        ]
    };
    let looked = send(&stage, &cookie, &format!("{path}/preview"), &with("SOL-3\r\nRVF-12")).await;
    assert_eq!(looked.status, StatusCode::OK, "{looked:?}");
    for part in ["<ins><bdi>RVF-12</bdi></ins>", "RVF-12: survey", "SOL-3\nRVF-12</textarea>"] {
        assert!(looked.body.contains(part), "{part}: {}", looked.body);
    }
    assert_eq!(stage.open(&cookie, &path).await.body, page);
    let wrong = send(&stage, &cookie, &path, &with("A")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.body.contains("has a line that is no code"), "{}", wrong.body);
    let saved = send(&stage, &cookie, &path, &with("SOL-3\r\nRVF-12")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{saved:?}");
    let outdated = send(&stage, &cookie, &path, &with("SOL-4")).await;
    assert_eq!(outdated.status, StatusCode::CONFLICT);
    assert!(outdated.body.contains("SOL-4</textarea>"));
}
