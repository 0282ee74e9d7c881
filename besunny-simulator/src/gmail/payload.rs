//! Messages as Gmail takes them apart: parts, headers, bodies, attachments.

use base64::Engine as _;
use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use mailparse::{MailHeader, ParsedMail};
use serde::Serialize;

use crate::config::{MailSettings, Padding};
use crate::dice;
use crate::mailbox::Message;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payload {
    part_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<Header>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Body>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Payload>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Header {
    name: String,
    value: String,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment_id: Option<String>,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl Payload {
    /// Gmail sends an empty part even where the format has no payload.
    pub(crate) fn bare() -> Self {
        Self::default()
    }
}

/// The headers alone: all of them, or those that are named.
pub(crate) fn headers_only(raw: &[u8], wanted: &[&str]) -> Payload {
    let headers = mailparse::parse_headers(raw).map(|(headers, _)| headers).unwrap_or_default();
    let kind =
        headers.iter().find(|header| header.get_key_ref().eq_ignore_ascii_case("content-type"));
    let kind = kind.map(|header| mailparse::parse_content_type(&header.get_value()).mimetype);
    let shown = headers.iter().filter(|header| {
        wanted.is_empty()
            || wanted.iter().any(|name| header.get_key_ref().eq_ignore_ascii_case(name))
    });
    Payload {
        mime_type: Some(kind.unwrap_or_else(|| "text/plain".to_owned())),
        headers: Some(shown.map(header).collect()),
        ..Payload::default()
    }
}

/// Everything, with attachments by id.
pub(crate) fn full(message: &Message, read: u64, settings: &MailSettings) -> Payload {
    let scene = Scene { message, read, settings };
    match mailparse::parse_mail(&message.raw) {
        Ok(mail) => scene.part(&mail, String::new()),
        Err(_) => scene.unreadable(),
    }
}

/// The decoded bytes of one part, by its id.
pub(crate) fn part_bytes(raw: &[u8], part_id: &str) -> Option<Vec<u8>> {
    let mail = mailparse::parse_mail(raw).ok()?;
    let mut part = &mail;
    for step in part_id.split('.').filter(|step| !step.is_empty()) {
        part = part.subparts.get(step.parse::<usize>().ok()?)?;
    }
    Some(content(part))
}

/// Base64 as Gmail writes it; `place` decides where padding is mixed.
pub(crate) fn encode(bytes: &[u8], padding: Padding, place: u64) -> String {
    let pads = match padding {
        Padding::Always => true,
        Padding::Never => false,
        Padding::Mixed => place.is_multiple_of(2),
    };
    if pads { BASE64_URL_SAFE.encode(bytes) } else { BASE64_URL_SAFE_NO_PAD.encode(bytes) }
}

struct Scene<'a> {
    message: &'a Message,
    /// Makes attachment ids differ from read to read, as Gmail's do.
    read: u64,
    settings: &'a MailSettings,
}

impl Scene<'_> {
    fn part(&self, part: &ParsedMail<'_>, part_id: String) -> Payload {
        let filename = filename(part);
        let parts: Vec<_> = part
            .subparts
            .iter()
            .enumerate()
            .map(|(place, below)| {
                let dot = if part_id.is_empty() { "" } else { "." };
                self.part(below, format!("{part_id}{dot}{place}"))
            })
            .collect();
        let body = if parts.is_empty() {
            self.body(part, &part_id, !filename.is_empty())
        } else {
            Body::default()
        };
        Payload {
            mime_type: Some(part.ctype.mimetype.clone()),
            filename: Some(filename),
            headers: Some(part.headers.iter().map(header).collect()),
            body: Some(body),
            parts,
            part_id,
        }
    }

    /// Gmail turns inline text into UTF-8 and leaves the header that says otherwise
    /// (github.com/openclaw/gogcli/issues/446).
    fn body(&self, part: &ParsedMail<'_>, part_id: &str, named: bool) -> Body {
        let is_text = part.ctype.mimetype.starts_with("text/");
        let bytes = match part.get_body() {
            Ok(text) if is_text && !named => text.into_bytes(),
            _ => content(part),
        };
        let size = bytes.len();
        if is_text && !named && size <= self.settings.inline_body_bytes {
            let data = encode(&bytes, self.settings.part_padding, dice::hash(part_id));
            return Body { attachment_id: None, size, data: Some(data) };
        }
        let attachment_id = super::attachments::id(self.message.id, part_id, self.read);
        Body { attachment_id: Some(attachment_id), size, data: None }
    }

    /// A message that cannot be taken apart is one text.
    fn unreadable(&self) -> Payload {
        let raw = &self.message.raw;
        let data = Some(encode(raw, self.settings.part_padding, 0));
        Payload {
            mime_type: Some("text/plain".to_owned()),
            filename: Some(String::new()),
            headers: Some(Vec::new()),
            body: Some(Body { attachment_id: None, size: raw.len(), data }),
            ..Payload::default()
        }
    }
}

fn content(part: &ParsedMail<'_>) -> Vec<u8> {
    part.get_body_raw().unwrap_or_else(|_| part.raw_bytes.to_vec())
}

fn filename(part: &ParsedMail<'_>) -> String {
    let disposition = part.get_content_disposition();
    let named = disposition.params.get("filename").or_else(|| part.ctype.params.get("name"));
    named.cloned().unwrap_or_default()
}

fn header(header: &MailHeader<'_>) -> Header {
    Header { name: header.get_key(), value: header.get_value() }
}
