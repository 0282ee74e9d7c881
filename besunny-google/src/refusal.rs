//! What a status and a reason of Google's mean: the one place where both are read.
//!
//! The words are those of Google's error guides (developers.google.com/workspace/gmail/api/guides/
//! handle-errors) and of RFC 6749. A word we do not know is never shown, since it came with the
//! answer.
use std::fmt;

use besunny_core::source::SourceErrorKind as Kind;
use reqwest::StatusCode;
use serde_json::Value;

use crate::quota::Operation;

/// Why Google refused: the cause of a [`SourceError`](besunny_core::source::SourceError).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Refusal {
    status: StatusCode,
    word: Option<Word>,
    /// Whether the answer has the form of Google's errors.
    is_google: bool,
}

/// What a call came to that was not answered with success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The call failed.
    Failed(Kind),
    /// The item, or the log before the cursor, is gone.
    Absent,
    /// Google takes the id for none, or an argument does not exist.
    Invalid,
    /// What should be made exists.
    Exists,
}

/// What the verdict depends on besides the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) operation: Operation,
    /// Whether the request named a page.
    pub(crate) has_page: bool,
    /// Whether the token was made after the one before had been refused.
    pub(crate) is_replay: bool,
}

/// A reason of Google's that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    text: &'static str,
    sense: Sense,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    TooFast,
    UsedUp,
    NotAllowed,
    SwitchedOff,
    BadArgument,
    NotReady,
    Deleted,
    NoAddress,
    NeverCalls,
    DeadGrant,
    BadClient,
    Broken,
    Other,
}

const fn word(text: &'static str, sense: Sense) -> Word {
    Word { text, sense }
}

const WORDS: [Word; 51] = [
    word("rateLimitExceeded", Sense::TooFast),
    word("userRateLimitExceeded", Sense::TooFast),
    word("RATE_LIMIT_EXCEEDED", Sense::TooFast),
    word("rate_limit_exceeded", Sense::TooFast),
    word("slow_down", Sense::TooFast),
    word("quotaExceeded", Sense::UsedUp),
    word("dailyLimitExceeded", Sense::UsedUp),
    word("insufficientPermissions", Sense::NotAllowed),
    word("ACCESS_TOKEN_SCOPE_INSUFFICIENT", Sense::NotAllowed),
    word("domainPolicy", Sense::NotAllowed),
    word("forbidden", Sense::NotAllowed),
    word("delegationDenied", Sense::NotAllowed),
    word("accessNotConfigured", Sense::SwitchedOff),
    word("SERVICE_DISABLED", Sense::SwitchedOff),
    word("failedPrecondition", Sense::NotReady),
    word("invalidArgument", Sense::BadArgument),
    word("badRequest", Sense::BadArgument),
    word("invalid", Sense::BadArgument),
    word("required", Sense::Other),
    word("authError", Sense::Other),
    word("notFound", Sense::Other),
    word("aborted", Sense::Other),
    word("alreadyExists", Sense::Other),
    word("duplicate", Sense::Other),
    word("fullSyncRequired", Sense::Other),
    word("updatedMinTooLongAgo", Sense::Other),
    word("deleted", Sense::Deleted),
    word("channelIdNotUnique", Sense::Other),
    word("pushNotSupportedForRequestedResource", Sense::NeverCalls),
    word("push.webhookUrlNotHttps", Sense::NoAddress),
    word("push.webhookUrlUnauthorized", Sense::NoAddress),
    word("backendError", Sense::Broken),
    word("internalError", Sense::Broken),
    word("invalid_grant", Sense::DeadGrant),
    word("admin_policy_enforced", Sense::DeadGrant),
    word("invalid_client", Sense::BadClient),
    word("unauthorized_client", Sense::BadClient),
    word("deleted_client", Sense::BadClient),
    word("invalid_scope", Sense::BadClient),
    word("invalid_request", Sense::BadClient),
    word("unsupported_grant_type", Sense::BadClient),
    word("temporarily_unavailable", Sense::Broken),
    word("server_error", Sense::Broken),
    word("internal_failure", Sense::Broken),
    word("RESOURCE_EXHAUSTED", Sense::TooFast),
    word("PERMISSION_DENIED", Sense::NotAllowed),
    word("FAILED_PRECONDITION", Sense::NotReady),
    word("INVALID_ARGUMENT", Sense::BadArgument),
    word("UNAUTHENTICATED", Sense::Other),
    word("NOT_FOUND", Sense::Other),
    word("UNAVAILABLE", Sense::Broken),
];

impl Refusal {
    /// Reads an answer that is no success.
    pub(crate) fn read(status: StatusCode, body: &[u8]) -> Self {
        let error = serde_json::from_slice::<Value>(body).ok();
        let error = error.as_ref().and_then(|answer| answer.get("error"));
        let words = error.map(reasons).unwrap_or_default();
        let word = words.iter().find_map(|text| WORDS.into_iter().find(|word| word.text == *text));
        Self { status, word, is_google: error.is_some_and(|error| !error.is_null()) }
    }

    /// Says whether the service is switched off in the project.
    pub(crate) fn is_switched_off(&self) -> bool {
        self.word.is_some_and(|word| word.sense == Sense::SwitchedOff)
    }

    /// Says what the answer means for the call: the only mapping of statuses there is.
    pub(crate) fn verdict(&self, case: Case) -> Verdict {
        let sense = self.word.map(|word| word.sense);
        match (self.status.as_u16(), case.operation) {
            (429 | 403, _) if sense == Some(Sense::UsedUp) => Verdict::Failed(Kind::LimitReached),
            (429, _) => Verdict::Failed(Kind::RateLimited),
            (403, _) if sense == Some(Sense::TooFast) => Verdict::Failed(Kind::RateLimited),
            (408 | 500.., _) => Verdict::Failed(Kind::Unavailable),
            (400 | 401 | 403, Operation::RefreshToken) => Verdict::Failed(of_grant(sense)),
            (400 | 401, _) if sense == Some(Sense::NoAddress) => {
                Verdict::Failed(Kind::Misconfigured)
            }
            // Whether a grant is dead is for the token endpoint to say: it has just made the token.
            (401, _) if case.is_replay => Verdict::Failed(Kind::Unavailable),
            (401, _) => Verdict::Failed(Kind::Unauthorized),
            // An answer without Google's words is from somebody in between, and may pass.
            _ if !self.is_google => Verdict::Failed(Kind::Unavailable),
            (400, _) if case.has_page => Verdict::Failed(Kind::PageExpired),
            (
                400,
                Operation::GetMessage
                | Operation::ModifyMessage
                | Operation::ListHistory
                | Operation::ListEvents
                | Operation::GetEvent,
            ) if sense == Some(Sense::BadArgument) => Verdict::Invalid,
            // Whatever else is said of a sync token, a whole listing is right (CAL-4).
            (410, Operation::ListEvents) if sense != Some(Sense::Deleted) => Verdict::Absent,
            (400 | 403, _) => Verdict::Failed(of_permission(sense, self.status)),
            (404 | 410, operation) => absent(operation),
            (409, Operation::CreateLabel) => Verdict::Exists,
            (409, _) => Verdict::Failed(Kind::Unavailable),
            _ => Verdict::Failed(Kind::Malformed),
        }
    }
}

/// What a refused refresh says of the grant or the client (RFC 6749, section 5.2).
const fn of_grant(sense: Option<Sense>) -> Kind {
    match sense {
        Some(Sense::DeadGrant) => Kind::Unauthorized,
        Some(Sense::BadClient) => Kind::Misconfigured,
        Some(Sense::TooFast) => Kind::RateLimited,
        _ => Kind::Unavailable,
    }
}

fn of_permission(sense: Option<Sense>, status: StatusCode) -> Kind {
    match sense {
        Some(Sense::SwitchedOff) => Kind::Misconfigured,
        // Calendars of holidays, and some others, are looked at only; nobody can mend that.
        Some(Sense::NeverCalls) => Kind::LimitReached,
        // "Mail service not enabled": the account has no Gmail, or must not be delegated.
        Some(Sense::NotReady | Sense::NotAllowed) => Kind::Forbidden,
        _ if status == StatusCode::FORBIDDEN => Kind::Forbidden,
        _ => Kind::Misconfigured,
    }
}

const fn absent(operation: Operation) -> Verdict {
    match operation {
        Operation::GetMessage | Operation::ModifyMessage | Operation::ListHistory => {
            Verdict::Absent
        }
        Operation::StopWatch | Operation::StopChannel | Operation::GetEvent => Verdict::Absent,
        Operation::GetProfile
        | Operation::ListMessages
        | Operation::ListLabels
        | Operation::CreateLabel
        | Operation::Watch
        | Operation::ListCalendars
        | Operation::ListEvents
        | Operation::WatchEvents => Verdict::Failed(Kind::StreamGone),
        Operation::RefreshToken | Operation::FetchKeys => Verdict::Failed(Kind::Misconfigured),
    }
}

/// Returns the reasons of an error, the most telling one first.
fn reasons(error: &Value) -> Vec<&str> {
    let listed = |field: &str| error.get(field).and_then(Value::as_array).into_iter().flatten();
    let details = listed("details").chain(listed("errors"));
    let reasons = details.filter_map(|item| item.get("reason")?.as_str());
    reasons.chain(error.get("status").and_then(Value::as_str)).chain(error.as_str()).collect()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status.as_u16())?;
        match self.word {
            Some(word) => write!(f, " {}", word.text),
            None if self.is_google => f.write_str(" for a reason we do not know"),
            None => f.write_str(" without an error of Google's"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CASE: Case =
        Case { operation: Operation::ListMessages, has_page: false, is_replay: false };

    fn google(status: u16, reason: &str) -> Refusal {
        let body = json!({ "error": {
            "code": status, "message": "canary", "errors": [{ "reason": reason }],
            "status": "SOME_STATUS",
        }});
        read(status, &body.to_string())
    }

    fn read(status: u16, body: &str) -> Refusal {
        Refusal::read(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    fn kind(refusal: Refusal, case: Case) -> Option<Kind> {
        match refusal.verdict(case) {
            Verdict::Failed(kind) => Some(kind),
            Verdict::Absent | Verdict::Invalid | Verdict::Exists => None,
        }
    }

    #[test]
    fn what_statuses_and_reasons_mean() {
        let rows = [
            (401, "authError", Kind::Unauthorized),
            (401, "required", Kind::Unauthorized),
            (403, "rateLimitExceeded", Kind::RateLimited),
            (403, "userRateLimitExceeded", Kind::RateLimited),
            (403, "quotaExceeded", Kind::LimitReached),
            (403, "dailyLimitExceeded", Kind::LimitReached),
            (403, "insufficientPermissions", Kind::Forbidden),
            (403, "domainPolicy", Kind::Forbidden),
            (403, "forbidden", Kind::Forbidden),
            (403, "neverHeardOf", Kind::Forbidden),
            (403, "accessNotConfigured", Kind::Misconfigured),
            (404, "notFound", Kind::StreamGone),
            (410, "notFound", Kind::StreamGone),
            (400, "failedPrecondition", Kind::Forbidden),
            (400, "invalidArgument", Kind::Misconfigured),
            (400, "pushNotSupportedForRequestedResource", Kind::LimitReached),
            (400, "neverHeardOf", Kind::Misconfigured),
            (408, "neverHeardOf", Kind::Unavailable),
            (409, "aborted", Kind::Unavailable),
            (412, "conditionNotMet", Kind::Malformed),
            (418, "neverHeardOf", Kind::Malformed),
            (429, "rateLimitExceeded", Kind::RateLimited),
            (429, "dailyLimitExceeded", Kind::LimitReached),
            (429, "neverHeardOf", Kind::RateLimited),
            (500, "backendError", Kind::Unavailable),
            (502, "neverHeardOf", Kind::Unavailable),
            (503, "backendError", Kind::Unavailable),
            (504, "rateLimitExceeded", Kind::Unavailable),
        ];
        for (status, reason, want) in rows {
            assert_eq!(kind(google(status, reason), CASE), Some(want), "{status} {reason}");
        }
    }

    #[test]
    fn what_an_answer_without_googles_words_means() {
        for body in ["", "<html>canary</html>", "{}", "[1]", r#"{"error":null}"#] {
            let rows = [
                (302, Kind::Unavailable),
                (400, Kind::Unavailable),
                (401, Kind::Unauthorized),
                (403, Kind::Unavailable),
                (404, Kind::Unavailable),
                (410, Kind::Unavailable),
                (429, Kind::RateLimited),
                (500, Kind::Unavailable),
                (503, Kind::Unavailable),
            ];
            for (status, want) in rows {
                assert_eq!(kind(read(status, body), CASE), Some(want), "{status} {body}");
            }
        }
    }

    #[test]
    fn what_depends_on_the_call() {
        let paged = Case { has_page: true, ..CASE };
        let replay = Case { is_replay: true, ..CASE };
        let of = |operation| Case { operation, ..CASE };
        let rows = [
            (google(400, "invalidArgument"), paged, Verdict::Failed(Kind::PageExpired)),
            (google(401, "authError"), replay, Verdict::Failed(Kind::Unavailable)),
            (google(400, "invalidArgument"), of(Operation::GetMessage), Verdict::Invalid),
            (google(400, "invalidArgument"), of(Operation::ListHistory), Verdict::Invalid),
            (google(404, "notFound"), of(Operation::GetMessage), Verdict::Absent),
            (google(410, "notFound"), of(Operation::GetMessage), Verdict::Absent),
            (google(404, "notFound"), of(Operation::ModifyMessage), Verdict::Absent),
            (google(404, "notFound"), of(Operation::ListHistory), Verdict::Absent),
            (google(409, "aborted"), of(Operation::CreateLabel), Verdict::Exists),
        ];
        for (refusal, case, want) in rows {
            assert_eq!(refusal.verdict(case), want, "{refusal} {case:?}");
        }
    }

    #[test]
    fn what_a_refused_refresh_means() {
        let case = Case { operation: Operation::RefreshToken, ..CASE };
        let rows = [
            (400, "invalid_grant", Kind::Unauthorized),
            (400, "admin_policy_enforced", Kind::Unauthorized),
            (401, "invalid_client", Kind::Misconfigured),
            (400, "unauthorized_client", Kind::Misconfigured),
            (401, "deleted_client", Kind::Misconfigured),
            (400, "invalid_scope", Kind::Misconfigured),
            (429, "rate_limit_exceeded", Kind::RateLimited),
            (403, "rate_limit_exceeded", Kind::RateLimited),
            (500, "internal_failure", Kind::Unavailable),
            (503, "invalid_grant", Kind::Unavailable),
            (400, "never_heard_of", Kind::Unavailable),
        ];
        for (status, error, want) in rows {
            let body = json!({ "error": error, "error_description": "canary" }).to_string();
            assert_eq!(kind(read(status, &body), case), Some(want), "{status} {error}");
        }
        for status in [400, 401, 403, 404, 500] {
            assert_eq!(kind(read(status, "<html>"), case), Some(Kind::Unavailable), "{status}");
        }
    }

    #[test]
    fn the_most_telling_reason_counts() {
        let body = json!({ "error": {
            "errors": [{ "reason": "forbidden" }], "status": "PERMISSION_DENIED",
            "details": [{}, { "reason": "SERVICE_DISABLED", "metadata": { "a": "canary" } }],
        }});
        let refusal = read(403, &body.to_string());
        assert_eq!(kind(refusal, CASE), Some(Kind::Misconfigured));
        assert_eq!(refusal.to_string(), "HTTP 403 SERVICE_DISABLED");
        let status_alone = read(403, r#"{"error":{"status":"RESOURCE_EXHAUSTED"}}"#);
        assert_eq!(kind(status_alone, CASE), Some(Kind::RateLimited));
    }

    #[test]
    fn nothing_of_the_answer_is_shown() {
        let odd = google(403, "canary");
        assert_eq!(odd.to_string(), "HTTP 403 for a reason we do not know");
        assert_eq!(read(503, "canary").to_string(), "HTTP 503 without an error of Google's");
        assert!(!format!("{odd:?}").contains("canary"));
    }
}
