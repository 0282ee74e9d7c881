//! Jobs that were given up: told with cause and fix, and tried again when somebody asks.
use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::http::StatusCode;
use besunny::core::{
    clock::Clock,
    commit::{Basis, Commit, Effect},
    ids::{CommitId, StreamId},
    job::{Job, Task},
    scheduler::{Ask, Failure, JobRest, PauseReason},
    source::ItemId,
};

use super::stage::{Stage, form, form_token, mail};

/// A stage on which marking a mail and deciding on a document were given up.
async fn stage() -> Stage {
    let stage = Stage::new(&[mail(1, "Lunch", "text")], &[]).await;
    let stream = stage.get("/api/v1/streams").await.json()["streams"][0]["id"].clone();
    let stream = stream.as_str().unwrap().parse().unwrap();
    give_up(&stage, Task::File { stream, item: ItemId::from_source("<b>17") }).await;
    stage
}

/// Makes a job and gives it up for want of a permission.
async fn give_up(stage: &Stage, task: Task) {
    let (store, scope) = (stage.besunny.store(), stage.person.scope);
    let job = Job::new(scope.tenant(), task);
    let commit = Commit {
        id: CommitId::derived(&[job.id.as_bytes()]),
        basis: Basis::Person,
        at: stage.clock.now(),
        effects: vec![Effect::Enqueue(job)],
    };
    store.commit(&scope, Arc::new(commit)).await.unwrap();
    let ask = Ask { limit: 10, lease_for: Duration::from_mins(1) };
    for claim in store.claim(ask).await.unwrap() {
        let rest = JobRest::GivenUp(Some(PauseReason::MissingPermission));
        let error = "the source failed: <i>the grant does not cover this".to_owned();
        store.fail(&claim, Failure { rest, error, strike: false }).await.unwrap();
    }
}

#[tokio::test]
async fn given_up_jobs_are_listed_with_cause_and_fix_and_tried_again() {
    let stage = stage().await;
    let dead = stage.get("/api/v1/jobs/dead").await.json();
    let job = &dead["jobs"][0];
    assert_eq!((&job["task"], &job["item"]), (&"file".into(), &"<b>17".into()), "{dead}");
    assert!(job["error"].as_str().unwrap().contains("does not cover this"), "{dead}");
    assert!(job["fix"].as_str().unwrap().contains("connect the account again"), "{dead}");
    let replay = format!("/api/v1/jobs/{}/replay", job["id"].as_str().unwrap());
    let asked = stage.post(&replay, "").await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{asked:?}");
    let dead = stage.get("/api/v1/jobs/dead").await.json();
    assert_eq!(dead["jobs"].as_array().unwrap().len(), 0);
    let again = stage.post(&replay, "").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "it is not given up any more");
    stage.besunny.run_until_idle().await;
    let dead = stage.get("/api/v1/jobs/dead").await.json();
    assert_eq!(dead["jobs"].as_array().unwrap().len(), 0, "it was done");
}

#[tokio::test]
async fn given_up_jobs_of_others_are_not_there() {
    let stage = stage().await;
    let id = stage.get("/api/v1/jobs/dead").await.json()["jobs"][0]["id"].clone();
    let neighbour = stage.neighbour(&[], &[]).await;
    let dead = neighbour.get("/api/v1/jobs/dead").await.json();
    assert_eq!(dead["jobs"].as_array().unwrap().len(), 0);
    let replay = format!("/api/v1/jobs/{}/replay", id.as_str().unwrap());
    assert_eq!(neighbour.post(&replay, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn given_up_jobs_are_paged_however_many_others_have() {
    let stage = stage().await;
    let stream = stage.get("/api/v1/streams").await.json()["streams"][0]["id"].clone();
    let stream: StreamId = stream.as_str().unwrap().parse().unwrap();
    for number in 0..60 {
        give_up(&stage, Task::File { stream, item: ItemId::from_source(number.to_string()) }).await;
    }
    let (mut met, mut sizes, mut after) = (BTreeSet::new(), Vec::new(), String::new());
    loop {
        let page = stage.get(&format!("/api/v1/jobs/dead{after}")).await.json();
        let jobs = page["jobs"].as_array().unwrap();
        sizes.push(jobs.len());
        met.extend(jobs.iter().map(|job| job["item"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("?after={next}");
    }
    assert_eq!((sizes, met.len()), (vec![50, 11], 61));
    let cookie = stage.log_in().await;
    let page = stage.open(&cookie, "/streams").await.body;
    assert!(page.contains("And more"), "{page}");
    let body = format!("form_token={}", form_token(&page));
    stage.send(form("/jobs/replay", &[("cookie", &cookie)], &body)).await;
    let left = stage.get("/api/v1/jobs/dead").await.json();
    assert_eq!(left["jobs"].as_array().unwrap().len(), 0, "the button asks for all of them");
}

#[tokio::test]
async fn given_up_jobs_are_tried_again_by_a_button() {
    for which in ["", "&job={id}"] {
        let stage = stage().await;
        let cookie = stage.log_in().await;
        let id = stage.get("/api/v1/jobs/dead").await.json()["jobs"][0]["id"].clone();
        let page = stage.open(&cookie, "/streams").await.body;
        for shown in ["Given up", "Mark a mail at its source", "allow it, then try again"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        assert!(!page.contains("<i>") && !page.contains("<b>"), "{page}");
        let body = format!("form_token={}{which}", form_token(&page));
        let body = body.replace("{id}", id.as_str().unwrap());
        let done = stage.send(form("/jobs/replay", &[("cookie", &cookie)], &body)).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{done:?}");
        let page = stage.open(&cookie, "/streams").await.body;
        assert!(!page.contains("Given up"), "{page}");
    }
}
