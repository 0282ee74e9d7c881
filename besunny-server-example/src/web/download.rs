//! Bytes as they came: files to keep, never shown by a browser.
use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use besunny::core::{document::DocumentKind, ids::DocumentId};

use super::{
    Site,
    document::{content, id, own},
    problem::Problem,
};

/// Declared types are claims of the sender: a browser is told nothing it could act on.
const ANY_TYPE: &str = "application/octet-stream";
const MAIL_TYPE: &str = "message/rfc822";
/// A transcript is stored as we write it.
const TRANSCRIPT_TYPE: &str = "application/json";
/// Longer names are cut; common file systems take 255 bytes.
const MAX_NAME: usize = 150;

/// Sends the raw mail, or the transcript, of a document of the person.
pub(super) async fn raw(site: &Site, document: &str) -> Result<Response, Problem> {
    let id = id(document)?;
    let (media_type, ending) = match own(site, id).await?.kind {
        DocumentKind::Email => (MAIL_TYPE, "eml"),
        DocumentKind::MeetingTranscript => (TRANSCRIPT_TYPE, "json"),
    };
    let hash = content(site, id).await?.raw;
    send(blob(site, &hash).await?, media_type, &format!("{id}.{ending}"))
}

/// Sends an attachment of a document of the person.
pub(super) async fn attachment(
    site: &Site,
    document: &str,
    sha256: &str,
) -> Result<Response, Problem> {
    let (hash, name) = named(site, id(document)?, sha256).await?;
    send(blob(site, &hash).await?, ANY_TYPE, &name)
}

/// Finds the attachment among those of the document, so that a hash alone opens nothing.
async fn named(site: &Site, id: DocumentId, sha256: &str) -> Result<([u8; 32], String), Problem> {
    own(site, id).await?;
    let content = content(site, id).await?;
    let mut attachments = content.mail.attachments.iter();
    let found =
        attachments.find(|attachment| super::access::hexadecimal(&attachment.sha256) == sha256);
    let found = found.ok_or_else(|| Problem::missing("attachment"))?;
    let name = found.name.as_ref().map_or("attachment", |name| name.expose().as_str());
    Ok((found.sha256, name.to_owned()))
}

/// Reads bytes that a document of the person holds.
pub(super) async fn blob(site: &Site, hash: &[u8; 32]) -> Result<Bytes, Problem> {
    let bytes = site.besunny().store().blob(site.scope(), hash).await?;
    bytes.ok_or_else(|| Problem::missing("attachment"))
}

fn send(bytes: Bytes, media_type: &'static str, name: &str) -> Result<Response, Problem> {
    let disposition = HeaderValue::from_str(&disposition(name))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((headers, bytes).into_response())
}

/// Names a file to keep: plain ASCII for old programs, and the whole name (RFC 6266).
fn disposition(name: &str) -> String {
    let name = &name[..name.floor_char_boundary(MAX_NAME)];
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }
    };
    let ascii: String = name.chars().map(plain).collect();
    let ascii = ascii.trim_start_matches('.');
    let ascii = if ascii.is_empty() { "attachment" } else { ascii };
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", percent_encoded(name))
}

/// Encodes all but the letters, digits and marks that RFC 8187 leaves alone.
fn percent_encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let name = name.trim_start_matches('.');
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&super::access::hexadecimal(&[byte]).to_ascii_uppercase());
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(disposition(name), format!("attachment; {expected}"), "{name:?}");
    }

    #[test]
    fn sec_file_names_cannot_leave_their_header() {
        check("plan.pdf", "filename=\"plan.pdf\"; filename*=UTF-8''plan.pdf");
        check("a\"b\r\nX: y", "filename=\"a_b__X__y\"; filename*=UTF-8''a%22b%0D%0AX%3A%20y");
        check("über.txt", "filename=\"_ber.txt\"; filename*=UTF-8''%C3%BCber.txt");
        check(".bashrc", "filename=\"bashrc\"; filename*=UTF-8''bashrc");
        assert!(disposition(&"é".repeat(400)).len() < 1200);
    }
}
