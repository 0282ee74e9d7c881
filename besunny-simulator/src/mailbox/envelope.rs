//! What a mailbox remembers of a message's headers and text.

use mailparse::{MailHeader, MailHeaderMap, ParsedMail};

/// Headers that searches and threads look at, in lower case.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    pub(crate) message_id: Option<Box<str>>,
    pub(crate) subject: Box<str>,
    pub(crate) from: Box<str>,
    /// `To`, `Cc` and `Bcc` together.
    pub(crate) recipients: Box<str>,
    pub(crate) delivered_to: Box<str>,
}

/// The envelope and what is needed only on arrival.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) envelope: Envelope,
    pub(crate) references: Vec<Box<str>>,
    pub(crate) date_ms: Option<i64>,
}

impl Head {
    /// Reads the headers; a message without readable headers has an empty envelope.
    pub(crate) fn parse(raw: &[u8]) -> Self {
        let Ok((headers, _body)) = mailparse::parse_headers(raw) else { return Self::default() };
        let envelope = Envelope {
            message_id: first(&headers, "Message-ID").map(|value| bare_id(&value).into()),
            subject: joined(&headers, &["Subject"]),
            from: joined(&headers, &["From"]),
            recipients: joined(&headers, &["To", "Cc", "Bcc"]),
            delivered_to: joined(&headers, &["Delivered-To"]),
        };
        let references = ["References", "In-Reply-To"]
            .iter()
            .filter_map(|name| first(&headers, name))
            .flat_map(|value| {
                value.split_whitespace().map(|id| bare_id(id).into()).collect::<Vec<Box<str>>>()
            })
            .collect();
        let date_ms = first(&headers, "Date")
            .and_then(|date| mailparse::dateparse(&date).ok())
            .and_then(|seconds| seconds.checked_mul(1000));
        Self { envelope, references, date_ms }
    }
}

/// A message id without its angle brackets.
pub(crate) fn bare_id(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

fn first(headers: &[MailHeader<'_>], name: &str) -> Option<String> {
    headers.get_first_value(name)
}

fn joined(headers: &[MailHeader<'_>], names: &[&str]) -> Box<str> {
    let values: Vec<_> = names.iter().flat_map(|name| headers.get_all_values(name)).collect();
    values.join(", ").to_lowercase().into()
}

/// Characters of a snippet; Gmail's are about this long.
const SNIPPET_CHARS: usize = 200;

/// The beginning of the text, escaped for HTML as Gmail does.
pub(crate) fn snippet(raw: &[u8]) -> Box<str> {
    let Ok(mail) = mailparse::parse_mail(raw) else { return "".into() };
    let text = text_of(&mail, "text/plain")
        .or_else(|| text_of(&mail, "text/html").map(|html| without_tags(&html)))
        .unwrap_or_default();
    let words: Vec<_> = text.split_whitespace().collect();
    let mut snippet = String::new();
    for character in words.join(" ").chars().take(SNIPPET_CHARS) {
        match character {
            '&' => snippet.push_str("&amp;"),
            '<' => snippet.push_str("&lt;"),
            '>' => snippet.push_str("&gt;"),
            '"' => snippet.push_str("&quot;"),
            '\'' => snippet.push_str("&#39;"),
            other => snippet.push(other),
        }
    }
    snippet.into()
}

fn text_of(mail: &ParsedMail<'_>, kind: &str) -> Option<String> {
    mail.parts()
        .find(|part| part.subparts.is_empty() && part.ctype.mimetype == kind)
        .and_then(|part| part.get_body().ok())
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for character in html.chars() {
        match character {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                text.push(' ');
            }
            other if !in_tag => text.push(other),
            _ => {}
        }
    }
    text
}
