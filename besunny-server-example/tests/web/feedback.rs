//! What a person says of decisions, by REST and by form (CLS-9).
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::stage::{Answer, Stage, bearer, call, form, form_token, mail};

const PROJECTS: [(&str, &[&str]); 2] = [("Riverfront", &["RVF-12"]), ("Solar", &["SOL-3"])];

/// A routed mail, its reply, which waits, and a mail of somebody else, which waits.
async fn stage() -> Stage {
    let reply =
        mail(2, "Re: survey", "Fine.").replace("Date:", "In-Reply-To: <1@client.example>\nDate:");
    let mails = [mail(1, "survey", "About RVF-12."), mail(3, "Lunch?", "Today."), reply];
    Stage::new(&mails, &PROJECTS).await
}

async fn project(stage: &Stage, number: usize) -> String {
    let projects = stage.get("/api/v1/projects").await.json();
    projects["projects"][number]["id"].as_str().unwrap().to_owned()
}

/// Finds a document by its subject.
async fn find(stage: &Stage, title: &str) -> Value {
    let list = stage.get("/api/v1/documents?limit=200").await.json();
    let documents = list["documents"].as_array().unwrap();
    documents.iter().find(|document| document["title"] == title).unwrap().clone()
}

fn path_of(document: &Value, verb: &str) -> String {
    format!("/api/v1/documents/{}/{verb}", document["id"].as_str().unwrap())
}

fn seen(document: &Value) -> String {
    json!({"version": document["version"]}).to_string()
}

/// Undoes what an answer tells of.
async fn undo(stage: &Stage, done: &Answer) -> Answer {
    let act = done.json()["act"]["id"].as_str().unwrap().to_owned();
    stage.post(&format!("/api/v1/acts/{act}/undo"), "").await
}

#[tokio::test]
async fn cls_9_every_verb_is_done_told_of_and_undone() {
    let stage = stage().await;
    for (verb, title, state, reason) in [
        ("confirm", "survey", "routed", Value::Null),
        ("unassign", "survey", "needs_review", json!("taken_out")),
        ("none", "survey", "no_project", Value::Null),
        ("none", "Lunch?", "no_project", Value::Null),
    ] {
        let before = find(&stage, title).await;
        let done = stage.post(&path_of(&before, verb), &seen(&before)).await;
        assert_eq!(done.status, StatusCode::OK, "{verb}: {done:?}");
        assert_eq!(done.json()["act"]["deed"], verb);
        let after = find(&stage, title).await;
        assert_eq!((&after["state"], &after["reason"]), (&json!(state), &reason), "{verb}");
        assert_eq!(after["by_person"], true, "{verb}");
        let outdated = stage.post(&path_of(&before, verb), &seen(&before)).await;
        assert_eq!(outdated.status, StatusCode::CONFLICT, "{verb}");
        assert_eq!(undo(&stage, &done).await.status, StatusCode::OK, "{verb}");
        let back = find(&stage, title).await;
        let but_version = |document: &Value| {
            let mut document = document.clone();
            document["version"] = Value::Null;
            document
        };
        assert_eq!(but_version(&back), but_version(&before), "{verb} undone");
        let twice = undo(&stage, &done).await;
        assert_eq!(twice.status, StatusCode::CONFLICT, "{verb} undone twice");
        assert_eq!(twice.json()["message"], "It was undone already.");
    }
    let waiting = find(&stage, "Lunch?").await;
    let refused = stage.post(&path_of(&waiting, "confirm"), &seen(&waiting)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let acts = stage.get("/api/v1/acts?limit=3").await.json();
    let deeds: Vec<&Value> =
        acts["acts"].as_array().unwrap().iter().map(|it| &it["deed"]).collect();
    assert_eq!(deeds, ["undo", "none", "undo"]);
    let next = acts["next"].as_str().unwrap();
    let rest = stage.get(&format!("/api/v1/acts?before={next}")).await.json();
    assert_eq!(rest["acts"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn cls_9_a_repeated_request_is_answered_and_not_done_again() {
    let stage = stage().await;
    let before = find(&stage, "Lunch?").await;
    let path = path_of(&before, "none");
    let headers = [("authorization", &*bearer()), ("idempotency-key", "press-7")];
    let first = stage.send(call("POST", &path, &headers, &seen(&before))).await;
    assert_eq!(first.status, StatusCode::OK, "{first:?}");
    let again = stage.send(call("POST", &path, &headers, &seen(&before))).await;
    assert_eq!(again, first);
    let other = path_of(&before, "unassign");
    let other = stage.send(call("POST", &other, &headers, &seen(&before))).await;
    assert_eq!(other.status, StatusCode::CONFLICT, "{other:?}");
    assert_eq!(stage.get("/api/v1/acts").await.json()["acts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn cls_9_the_conversation_follows_as_one_act_with_one_undo() {
    let stage = stage().await;
    let solar = project(&stage, 1).await;
    // Its thread took the reply along; taken out, it waits again.
    let first = find(&stage, "survey").await;
    let body = json!({"project": solar, "version": first["version"]}).to_string();
    let done = stage.post(&path_of(&first, "assign"), &body).await.json();
    let related = done["related"].as_array().unwrap();
    assert_eq!(related.len(), 1, "{done}");
    assert_eq!(related[0]["title"], "Re: survey");
    let documents: Vec<Value> =
        related.iter().map(|it| json!({"id": it["id"], "version": it["version"]})).collect();
    let body = json!({"project": solar, "documents": documents}).to_string();
    let moved = stage.post("/api/v1/documents/assign-project", &body).await;
    assert_eq!(moved.status, StatusCode::OK, "{moved:?}");
    assert_eq!(find(&stage, "Re: survey").await["project"]["name"], "Solar");
    assert_eq!(undo(&stage, &moved).await.status, StatusCode::OK);
    assert_eq!(find(&stage, "Re: survey").await["project"]["name"], "Riverfront");
    assert_eq!(find(&stage, "survey").await["project"]["name"], "Solar");
}

#[tokio::test]
async fn cls_9_a_rule_is_tried_out_accepted_obeyed_explained_and_removed() {
    let mut stage = stage().await;
    let river = project(&stage, 0).await;
    let rule =
        json!({"says": "never", "kind": "domain", "value": "client.example", "project": river});
    let preview = stage.post("/api/v1/rules/preview", &rule.to_string()).await.json();
    assert_eq!(preview["looked_at"], 3);
    let turns: Vec<&Value> =
        preview["changes"].as_array().unwrap().iter().map(|it| &it["turn"]).collect();
    assert_eq!(turns, ["held_back", "held_back"], "{preview}");
    assert_eq!(stage.get("/api/v1/rules").await.json(), json!({"rules": []}));
    let accepted = stage.post("/api/v1/rules", &json!({"rule": rule}).to_string()).await;
    assert_eq!(accepted.status, StatusCode::OK, "{accepted:?}");
    stage.deliver(&mail(8, "RVF-12 again", "text")).await;
    let held = find(&stage, "RVF-12 again").await;
    assert_eq!((&held["state"], &held["reason"]), (&json!("needs_review"), &json!("barred")));
    let id = held["id"].as_str().unwrap();
    let why = stage.get(&format!("/api/v1/documents/{id}")).await.json();
    assert_eq!(why["explanation"]["barred"][0]["value"], "client.example");
    let rules = stage.get("/api/v1/rules").await.json();
    let rule_id = rules["rules"][0]["id"].as_str().unwrap();
    let gone = format!("/api/v1/rules/{rule_id}");
    let gone = stage.send(call("DELETE", &gone, &[("authorization", &*bearer())], "")).await;
    assert_eq!(gone.status, StatusCode::OK, "{gone:?}");
    stage.deliver(&mail(9, "RVF-12 once more", "text")).await;
    assert_eq!(find(&stage, "RVF-12 once more").await["state"], "routed");
}

#[tokio::test]
async fn cls_9_always_is_applied_to_what_waits_on_demand_and_undone_with_the_rule() {
    let mut stage = stage().await;
    let solar = project(&stage, 1).await;
    let rule = json!({"says": "always", "kind": "sender", "value": "sender3@client.example", "project": solar});
    let body = json!({"rule": rule, "apply": true}).to_string();
    let accepted = stage.post("/api/v1/rules", &body).await;
    assert_eq!(accepted.json()["act"]["moved"], 1, "{accepted:?}");
    let lunch = find(&stage, "Lunch?").await;
    assert_eq!((&lunch["project"]["name"], &lunch["by_rule"]), (&json!("Solar"), &json!(true)));
    stage.deliver(&mail(3, "RVF-12 dinner", "text")).await;
    assert_eq!(find(&stage, "RVF-12 dinner").await["project"]["name"], "Solar");
    assert_eq!(undo(&stage, &accepted).await.status, StatusCode::OK);
    assert_eq!(find(&stage, "Lunch?").await["state"], "needs_review");
    assert_eq!(stage.get("/api/v1/rules").await.json(), json!({"rules": []}));
}

#[tokio::test]
async fn rules_that_make_no_sense_are_problems() {
    let stage = stage().await;
    let river = project(&stage, 0).await;
    for (says, kind, value, status) in [
        ("never", "sender", "", StatusCode::BAD_REQUEST),
        ("always", "subject", "plan", StatusCode::BAD_REQUEST),
        ("always", "domain", "gmail.com", StatusCode::BAD_REQUEST),
        ("maybe", "sender", "a@b.example", StatusCode::BAD_REQUEST),
        ("never", "colour", "red", StatusCode::BAD_REQUEST),
    ] {
        let rule = json!({"says": says, "kind": kind, "value": value, "project": river});
        for path in ["/api/v1/rules/preview", "/api/v1/rules"] {
            let body = if path.ends_with("preview") { rule.clone() } else { json!({"rule": rule}) };
            let answer = stage.post(path, &body.to_string()).await;
            assert_eq!(answer.status, status, "{path} {rule}: {answer:?}");
        }
    }
    let nothing = "00000000-0000-0000-0000-000000000000";
    let rule = json!({"says": "never", "kind": "domain", "value": "a.example", "project": nothing});
    let answer = stage.post("/api/v1/rules/preview", &rule.to_string()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    for (method, path) in [
        ("DELETE", format!("/api/v1/rules/{nothing}")),
        ("POST", format!("/api/v1/acts/{nothing}/undo")),
    ] {
        let answer = stage.send(call(method, &path, &[("authorization", &*bearer())], "")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// Sends a form as a browser without a script does, and opens the page it leads to.
async fn submit(stage: &Stage, cookie: &str, path: &str, body: &str) -> String {
    let answer = stage.send(form(path, &[("cookie", cookie)], body)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {answer:?}");
    let page = stage.open(cookie, answer.header("location")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", answer.header("location"));
    page.body
}

fn action(page: &str, start: &str) -> String {
    let rest =
        page.split_once(&format!("action=\"{start}")).unwrap_or_else(|| panic!("{start}: {page}"));
    format!("{start}{}", rest.1.split('"').next().unwrap())
}

fn field<'p>(page: &'p str, name: &str) -> &'p str {
    let rest = page.split_once(&format!("name=\"{name}\" value=\"")).expect("a field").1;
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn cls_9_the_console_offers_the_conversation_and_the_way_back_without_a_script() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let solar = project(&stage, 1).await;
    let first = find(&stage, "survey").await;
    let page = format!("/documents/{}", first["id"].as_str().unwrap());
    let token = form_token(&stage.open(&cookie, &page).await.body).to_owned();
    let body = format!("form_token={token}&version={}&project={solar}", first["version"]);
    let told = submit(&stage, &cookie, &format!("{page}/assign"), &body).await;
    assert!(told.contains("1 more document of this conversation is not there"), "{told}");
    let documents = field(&told, "documents");
    let body = format!("form_token={token}&back={page}&project={solar}&documents={documents}");
    let moved = submit(&stage, &cookie, "/acts/follow", &body).await;
    assert_eq!(find(&stage, "Re: survey").await["project"]["name"], "Solar");
    let undo = action(&moved, "/acts/");
    let body = format!("form_token={token}&back={page}");
    submit(&stage, &cookie, &undo, &body).await;
    assert_eq!(find(&stage, "Re: survey").await["project"]["name"], "Riverfront");
    let elsewhere = format!("form_token={token}&back=//evil.example");
    let undone = stage.open(&cookie, &page).await.body;
    let answer =
        stage.send(form(&action(&undone, "/acts/"), &[("cookie", &cookie)], &elsewhere)).await;
    assert!(answer.header("location").starts_with("/review?done="), "{answer:?}");
}

#[tokio::test]
async fn cls_9_saving_what_is_so_already_is_no_act() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    for (title, is_waiting) in [("Lunch?", true), ("survey", false)] {
        let before = find(&stage, title).await;
        let page = format!("/documents/{}", before["id"].as_str().unwrap());
        let shown = stage.open(&cookie, &page).await.body;
        assert_eq!(shown.contains("Choose a project…"), is_waiting, "{shown}");
        assert_eq!(shown.contains("No project (review queue)"), !is_waiting, "{shown}");
        let (token, now) = (form_token(&shown), before["project"]["id"].as_str());
        let place = now.unwrap_or_default();
        let body = format!("form_token={token}&version={}&project={place}", before["version"]);
        let told = submit(&stage, &cookie, &format!("{page}/assign"), &body).await;
        assert!(!told.contains("Taken out by you"), "{told}");
        assert_eq!(find(&stage, title).await, before);
        let outdated = format!("form_token={token}&version=99&project={place}");
        let path = format!("{page}/assign");
        let answer = stage.send(form(&path, &[("cookie", &cookie)], &outdated)).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
    }
    assert_eq!(stage.get("/api/v1/acts").await.json()["acts"], json!([]));
}

#[tokio::test]
async fn cls_9_the_console_tries_a_rule_out_before_it_is_accepted() {
    let stage = stage().await;
    let cookie = stage.log_in().await;
    let solar = project(&stage, 1).await;
    let lunch = find(&stage, "Lunch?").await;
    let page = format!("/documents/{}", lunch["id"].as_str().unwrap());
    let token = form_token(&stage.open(&cookie, &page).await.body).to_owned();
    let id = lunch["id"].as_str().unwrap();
    let body = format!("form_token={token}&document={id}&says=always&kind=sender&project={solar}");
    let preview = stage.send(form("/rules/preview", &[("cookie", &cookie)], &body)).await;
    assert_eq!(preview.status, StatusCode::OK, "{preview:?}");
    assert!(preview.body.contains("Route the one that waits in review now"), "{}", preview.body);
    assert_eq!(stage.get("/api/v1/rules").await.json(), json!({"rules": []}));
    let value = field(&preview.body, "value").to_owned();
    let body = format!(
        "form_token={token}&says=always&kind=sender&value={value}&project={solar}&apply=yes"
    );
    let rules = submit(&stage, &cookie, "/rules", &body).await;
    assert!(
        rules.contains("sender3@client.example") && rules.contains("for 1 document that waited")
    );
    assert_eq!(find(&stage, "Lunch?").await["project"]["name"], "Solar");
    let why = stage.open(&cookie, &page).await.body;
    assert!(why.contains("Your rule decided") && why.contains("by a rule of yours"), "{why}");
    let remove = action(&rules, "/rules/");
    let gone = submit(&stage, &cookie, &remove, &format!("form_token={token}")).await;
    assert!(gone.contains("The rule holds no more.") && gone.contains("No rules yet"));
}
