//! What a refusal means: a status and, if it is one we know, the server's own code.
use std::time::Duration;

use besunny_core::{language::LanguageErrorKind as Kind, retry};
use chrono::{DateTime, Utc};
use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};
use serde_json::Value;

/// Codes that say more than the status (platform.openai.com/docs/guides/error-codes), and what they
/// mean; compatible servers use the same or none.
const CODES: [(&str, Kind); 11] = [
    ("insufficient_quota", Kind::LimitReached),
    ("billing_hard_limit_reached", Kind::LimitReached),
    ("billing_not_active", Kind::LimitReached),
    ("rate_limit_exceeded", Kind::RateLimited),
    ("context_length_exceeded", Kind::TooLong),
    ("string_above_max_length", Kind::TooLong),
    ("content_filter", Kind::Refused),
    ("content_policy_violation", Kind::Refused),
    ("invalid_api_key", Kind::Unauthorized),
    ("model_not_found", Kind::Misconfigured),
    ("unsupported_parameter", Kind::Misconfigured),
];

/// A refusal, without a word of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {}{}", .status.as_u16(), .code.map(|(code, _)| format!(" {code}")).unwrap_or_default())]
pub(super) struct Refusal {
    status: StatusCode,
    code: Option<(&'static str, Kind)>,
}

impl Refusal {
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &body["error"];
        let mut named = [&error["code"], &error["type"]].into_iter().filter_map(Value::as_str);
        let code = named.find_map(|name| CODES.into_iter().find(|(code, _)| *code == name));
        Self { status, code }
    }

    pub(super) fn kind(self) -> Kind {
        // A broken server may repeat any code of the day before.
        let code = self.code.filter(|_| self.status.is_client_error());
        if let Some((_, kind)) = code {
            return kind;
        }
        match self.status.as_u16() {
            401 | 403 => Kind::Unauthorized,
            402 => Kind::LimitReached,
            413 => Kind::TooLong,
            429 => Kind::RateLimited,
            408 | 409 | 425 | 500..=599 => Kind::Unavailable,
            300..=499 => Kind::Misconfigured,
            _ => Kind::Malformed,
        }
    }
}

/// Returns how long we are asked to wait; `OpenAI` also says it in milliseconds.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let exact = text("retry-after-ms").and_then(|text| text.parse().ok());
    if let Some(milliseconds) = exact {
        let seconds = Duration::from_millis(milliseconds).as_secs().to_string();
        let whole = retry::asked_wait(&seconds, now)?;
        return Some(whole + Duration::from_millis(milliseconds % 1_000));
    }
    let sent_at = text(DATE.as_str()).and_then(retry::http_date);
    retry::asked_wait(text(RETRY_AFTER.as_str())?, sent_at.unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    fn check(status: u16, body: &str, want: Kind, shown: &str) {
        let refusal = Refusal::read(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!((refusal.kind(), refusal.to_string()), (want, shown.to_owned()), "{body}");
    }

    #[test]
    fn what_a_refusal_means() {
        let error = |code: &str| {
            serde_json::json!({ "error": { "message": "canary", "type": "canary", "param": null, "code": code } })
                .to_string()
        };
        for (status, want) in [
            (301, Kind::Misconfigured),
            (400, Kind::Misconfigured),
            (401, Kind::Unauthorized),
            (402, Kind::LimitReached),
            (403, Kind::Unauthorized),
            (404, Kind::Misconfigured),
            (408, Kind::Unavailable),
            (413, Kind::TooLong),
            (422, Kind::Misconfigured),
            (429, Kind::RateLimited),
            (500, Kind::Unavailable),
            (503, Kind::Unavailable),
            (529, Kind::Unavailable),
        ] {
            for body in ["", "<html>canary</html>", "[]", &error("canary")] {
                check(status, body, want, &format!("HTTP {status}"));
            }
        }
        check(429, &error("insufficient_quota"), Kind::LimitReached, "HTTP 429 insufficient_quota");
        check(
            400,
            &error("context_length_exceeded"),
            Kind::TooLong,
            "HTTP 400 context_length_exceeded",
        );
        check(400, &error("content_filter"), Kind::Refused, "HTTP 400 content_filter");
        check(503, &error("insufficient_quota"), Kind::Unavailable, "HTTP 503 insufficient_quota");
        let typed = r#"{"error":{"type":"insufficient_quota","code":null}}"#;
        check(429, typed, Kind::LimitReached, "HTTP 429 insufficient_quota");
    }

    #[test]
    fn waits_are_asked_for_in_three_ways() {
        let now = "2026-06-01T08:00:00Z".parse().unwrap();
        let wait = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            retry_after(&headers.collect(), now).map(|wait| wait.as_millis())
        };
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(wait(&[("retry-after", "7"), ("retry-after-ms", "6543")]), Some(6_543));
        let date = "Mon, 01 Jun 2026 09:00:05 GMT";
        let skewed = ("date", "Mon, 01 Jun 2026 09:00:00 GMT");
        assert_eq!(wait(&[("retry-after", date), skewed]), Some(5_000));
    }
}
