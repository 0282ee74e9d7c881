//! A person corrects, and the next verdict is another one, with the reason (CLS-9).
use besunny::core::ids::DocumentId;
use serde_json::{Value, json};

use crate::stage::Stage;

fn mail(number: u32, from: &str, subject: &str) -> String {
    format!(
        "From: {from}@client.example\nTo: ada@besunny.example\nSubject: {subject}\n\
         Message-ID: <{number}@client.example>\nDate: Mon, 1 Jun 2026 08:00:{number:02} +0000\n\n\
         {subject}\n"
    )
}

/// Delivers a mail and returns what became of it.
async fn deliver(stage: &mut Stage, mail: &str) -> Value {
    let before = stage.documents().await;
    stage.deliver(mail).await;
    let after = stage.documents().await;
    let new: Vec<&DocumentId> = after.iter().filter(|id| !before.contains(id)).collect();
    let [id] = new.as_slice() else { panic!("one new document: {new:?}") };
    stage.get(&format!("/api/v1/documents/{id}")).await.json()
}

/// Puts a document into a project, as the person does.
async fn assign(stage: &Stage, document: &Value, project: &Value) {
    let path = format!("/api/v1/documents/{}/assign", document["id"].as_str().unwrap());
    let body = json!({ "version": document["version"], "project": project }).to_string();
    let answer = stage.post(&path, &body).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

fn sentences(document: &Value) -> Vec<&str> {
    let evidence = document["explanation"]["evidence"].as_array().unwrap();
    evidence.iter().map(|line| line["words"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn cls_9_a_correction_changes_the_next_verdict_with_its_explanation() {
    let mut stage = Stage::new(&[], &[("Harbour", &["HBR-1"]), ("Library", &["LIB-2"])]).await;
    let projects = stage.get("/api/v1/projects").await.json();
    let id = |name: &str| {
        let all = projects["projects"].as_array().unwrap_or_else(|| projects.as_array().unwrap());
        all.iter().find(|project| project["name"] == name).unwrap()["id"].clone()
    };
    let first = deliver(&mut stage, &mail(1, "ann", "crane")).await;
    assert_eq!(first["suggestion"], Value::Null, "{first}");
    assign(&stage, &first, &id("Harbour")).await;
    let second = deliver(&mut stage, &mail(2, "bob", "shelf")).await;
    assign(&stage, &second, &id("Library")).await;

    let third = deliver(&mut stage, &mail(3, "ann", "pier")).await;
    assert_eq!(third["suggestion"]["name"], "Harbour", "{third}");
    let of_sender = "The only mail of this sender that was answered is in Harbour.";
    assert!(sentences(&third).contains(&of_sender), "{third}");
    assign(&stage, &third, &id("Library")).await;

    let fourth = deliver(&mut stage, &mail(4, "ann", "Re: pier")).await;
    assert_eq!(fourth["suggestion"]["name"], "Library", "{fourth}");
    let of_subject = "It says \u{201c}pier\u{201d}, as mails of Library do.";
    assert!(sentences(&fourth).contains(&of_subject), "{fourth}");
    let of_sender = "1 of 2 mails of this sender that were answered are in Harbour.";
    assert!(sentences(&fourth).contains(&of_sender), "{fourth}");
    let why = &fourth["explanation"];
    assert_eq!((&why["stage"], &why["needed"]), (&json!("abstained"), &Value::Null), "{why}");
    let model = why["made"]["model"].as_str().unwrap();
    assert!(model.ends_with("answer 3"), "{model}");
}
