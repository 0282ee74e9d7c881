//! The four formats of a message, and attachments.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use besunny_simulator::{Delivery, Padding};
use serde_json::{Value, json};

use crate::scene::{Scene, strings};

const MIXED: &str = "From: =?utf-8?q?Bj=C3=B6rn?= <bjorn@example.test>\r\n\
    To: ann@example.test\r\n\
    Subject: a folded\r\n subject\r\n\
    Date: Mon, 05 Jan 2026 08:00:00 +0000\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=outer\r\n\r\n\
    --outer\r\n\
    Content-Type: multipart/alternative; boundary=inner\r\n\r\n\
    --inner\r\n\
    Content-Type: text/plain; charset=iso-8859-1\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\r\n\
    caf=E9 & 'more'\r\n\
    --inner\r\n\
    Content-Type: text/html\r\n\r\n\
    <p>caf&eacute;</p>\r\n\
    --inner--\r\n\
    --outer\r\n\
    Content-Type: application/pdf; name=report.pdf\r\n\
    Content-Disposition: attachment; filename=report.pdf\r\n\
    Content-Transfer-Encoding: base64\r\n\r\n\
    JVBERi0xLjQK\r\n\
    --outer--\r\n";

fn decode(text: &Value) -> Vec<u8> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::URL_SAFE, lenient);
    engine.decode(text.as_str().unwrap()).unwrap()
}

async fn message(scene: &Scene, raw: &str, query: &str) -> Value {
    let id = scene.ann().deliver(raw.to_owned(), &Delivery::default()).unwrap().id;
    scene.get(&format!("messages/{id}?{query}")).await.good()
}

#[tokio::test]
async fn each_format_has_its_fields() {
    let scene = Scene::new().await;
    let always =
        ["historyId", "id", "internalDate", "labelIds", "sizeEstimate", "snippet", "threadId"];
    for (format, further) in
        [("minimal", "payload"), ("metadata", "payload"), ("full", "payload"), ("raw", "raw")]
    {
        let message = message(&scene, MIXED, &format!("format={format}")).await;
        let mut fields: Vec<_> = message.as_object().unwrap().keys().cloned().collect();
        fields.retain(|field| field != further);
        assert_eq!(fields, always, "{format}");
        assert!(message[further] != Value::Null);
    }
    let minimal = message(&scene, MIXED, "format=minimal").await;
    assert_eq!(minimal["payload"], json!({ "partId": "" }));
    let odd = scene.get("messages/19dda5cc10eb51bb?format=odd").await;
    assert_eq!(odd.status, 404);
}

#[tokio::test]
async fn raw_is_the_message_byte_for_byte() {
    let scene = Scene::new().await;
    let answer = message(&scene, MIXED, "format=raw").await;
    assert_eq!(decode(&answer["raw"]), MIXED.as_bytes());
    assert_eq!(answer["internalDate"], "1767600000000");
    assert_eq!(answer["sizeEstimate"], MIXED.len());
}

#[tokio::test]
async fn metadata_has_the_headers_that_are_named() {
    let scene = Scene::new().await;
    let query = "format=metadata&metadataHeaders=SUBJECT&metadataHeaders=from";
    let answer = message(&scene, MIXED, query).await;
    assert_eq!(
        answer["payload"],
        json!({
            "partId": "", "mimeType": "multipart/mixed",
            "headers": [
                { "name": "From", "value": "Björn <bjorn@example.test>" },
                { "name": "Subject", "value": "a folded subject" },
            ],
        })
    );
    let all = message(&scene, MIXED, "format=metadata").await;
    assert_eq!(
        strings(&all["payload"]["headers"], "name"),
        ["From", "To", "Subject", "Date", "MIME-Version", "Content-Type"]
    );
}

#[tokio::test]
async fn full_takes_the_message_apart() {
    let scene = Scene::new().await;
    let answer = message(&scene, MIXED, "format=full").await;
    let payload = &answer["payload"];
    assert_eq!(payload["mimeType"], "multipart/mixed");
    assert_eq!(payload["body"], json!({ "size": 0 }));
    assert_eq!(strings(&payload["parts"], "partId"), ["0", "1"]);
    let alternative = &payload["parts"][0];
    assert_eq!(strings(&alternative["parts"], "partId"), ["0.0", "0.1"]);
    let plain = &alternative["parts"][0];
    assert_eq!(plain["mimeType"], "text/plain");
    assert_eq!(String::from_utf8(decode(&plain["body"]["data"])).unwrap().trim(), "café & 'more'");
    let pdf = &payload["parts"][1];
    assert_eq!(pdf["filename"], "report.pdf");
    assert_eq!(pdf["body"]["size"], 9);
    assert_eq!(pdf["body"]["data"], Value::Null);
    assert_eq!(answer["snippet"], "café &amp; &#39;more&#39;");
}

#[tokio::test]
async fn attachments_are_read_by_ids_that_change() {
    let scene = Scene::new().await;
    let id = scene.ann().deliver(MIXED, &Delivery::default()).unwrap().id;
    let attachment = async || {
        let message = scene.get(&format!("messages/{id}")).await.good();
        message["payload"]["parts"][1]["body"]["attachmentId"].as_str().unwrap().to_owned()
    };
    let (first, second) = (attachment().await, attachment().await);
    assert_ne!(first, second);
    for attachment in [first, second] {
        let path = format!("messages/{id}/attachments/{attachment}");
        let answer = scene.get(&path).await.good();
        assert_eq!(answer["size"], 9);
        assert_eq!(decode(&answer["data"]), b"%PDF-1.4\n");
    }
    let odd = scene.get(&format!("messages/{id}/attachments/nonsense")).await;
    assert_eq!(odd.refusal(), (400, "invalidArgument".to_owned()));
}

#[tokio::test]
async fn padding_is_as_chosen() {
    let scene = Scene::new().await;
    let id = scene.ann().deliver(format!("{MIXED}xy"), &Delivery::default()).unwrap().id;
    assert_ne!((MIXED.len() + 2) % 3, 0, "the message must need padding");
    for (padding, padded) in [(Padding::Always, true), (Padding::Never, false)] {
        scene.control().configure(|settings| settings.mail.raw_padding = padding);
        let answer = scene.get(&format!("messages/{id}?format=raw")).await.good();
        assert_eq!(answer["raw"].as_str().unwrap().ends_with('='), padded);
    }
}

#[tokio::test]
async fn threads_follow_references_and_subjects() {
    let scene = Scene::new().await;
    let deliver = |subject: &str, id: &str, references: &str| {
        let raw = format!("Subject: {subject}\r\nMessage-ID: <{id}>\r\n{references}\r\n\r\nx\r\n");
        scene.ann().deliver(raw, &Delivery::default()).unwrap()
    };
    let first = deliver("Plan", "1@x", "X-None: 1");
    assert_eq!(first.thread_id, first.id);
    let reply = deliver("Re: plan", "2@x", "In-Reply-To: <1@x>");
    assert_eq!(reply.thread_id, first.id);
    let deep = deliver("RE: Re: Plan", "3@x", "References: <0@x> <2@x>");
    assert_eq!(deep.thread_id, first.id);
    let renamed = deliver("Other", "4@x", "In-Reply-To: <1@x>");
    assert_eq!(renamed.thread_id, renamed.id);
    let alone = deliver("Plan", "5@x", "X-None: 1");
    assert_eq!(alone.thread_id, alone.id);
}

#[tokio::test]
async fn broken_messages_are_served_all_the_same() {
    let scene = Scene::new().await;
    let deep: Vec<_> = (0..500)
        .map(|level| {
            format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n")
        })
        .collect();
    let deep = deep.concat();
    for raw in ["", "no headers at all", "\r\n\r\n", "Subject: x\r", &deep] {
        for format in ["full", "metadata", "minimal", "raw"] {
            let answer = message(&scene, raw, &format!("format={format}")).await;
            assert_eq!(answer["sizeEstimate"], raw.len());
        }
    }
}
