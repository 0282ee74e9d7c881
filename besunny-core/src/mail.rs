//! stub
#![allow(missing_docs)]
use crate::untrusted::Untrusted;
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    pub recipients: Vec<Recipient>,
    pub date: Option<chrono::DateTime<chrono::FixedOffset>>,
    pub subject: Untrusted<String>,
    pub references: Vec<String>,
    pub message_id: Option<String>,
    pub attachments: Vec<Attachment>,
    pub from: String,
    pub auto: bool,
    #[serde(default)]
    pub text: String,
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    #[serde(skip)]
    pub content: bytes::Bytes,
    pub sha256: [u8; 32],
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    pub address: Untrusted<String>,
    pub kind: RecipientKind,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecipientKind {
    To,
    Cc,
}
#[derive(Clone, Debug)]
pub struct Caps {
    pub bytes: usize,
}
impl Default for Caps {
    fn default() -> Self {
        Self { bytes: 1 << 20 }
    }
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct MailError;
pub fn read(raw: &[u8], _: &Caps) -> Result<Mail, MailError> {
    let t = String::from_utf8_lossy(raw).into_owned();
    let mut m = Mail {
        recipients: vec![],
        date: None,
        subject: String::new().into(),
        references: vec![],
        message_id: None,
        attachments: vec![],
        from: String::new(),
        auto: false,
        text: t.split_once("\r\n\r\n").map_or(String::new(), |x| x.1.replace("\r\n", "\n")),
    };
    for l in t.lines() {
        if l.is_empty() {
            break;
        }
        let Some((n, v)) = l.split_once(": ") else { continue };
        match n {
            "Subject" => m.subject = v.to_owned().into(),
            "To" | "Cc" | "Delivered-To" | "X-Original-To" => m
                .recipients
                .push(Recipient { address: v.to_owned().into(), kind: RecipientKind::To }),
            "From" => m.from = v.to_owned(),
            "Message-ID" => m.message_id = Some(v.trim_matches(['<', '>']).to_owned()),
            "Auto-Submitted" => m.auto = true,
            _ => {}
        }
    }
    Ok(m)
}
pub fn content_hash(raw: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(raw).into()
}
#[derive(Debug)]
pub struct Segment<'a> {
    pub text: &'a str,
    pub is_own: bool,
}
impl Mail {
    pub fn weight_bytes(&self) -> usize {
        0
    }
    pub fn without_contents(&self) -> Self {
        self.clone()
    }
    pub fn author(&self) -> &str {
        "bob@example.org"
    }
    pub fn loop_reason(&self) -> Option<crate::item::IgnoredReason> {
        self.auto.then_some(crate::item::IgnoredReason::AutoReply)
    }
    pub fn thread_ids(&self) -> impl Iterator<Item = &str> {
        self.references.iter().map(String::as_str)
    }
    pub fn correspondents(&self) -> impl Iterator<Item = &str> {
        self.recipients.iter().map(|r| r.address.expose().as_str())
    }
    pub fn subject_text(&self) -> &str {
        self.subject.expose()
    }
    pub fn segments(&self) -> Vec<Segment<'_>> {
        vec![]
    }
}
