//! The few headers of an answer that mean something to us.
use std::time::Duration;

use besunny_core::retry;
use chrono::{DateTime, Utc};
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// Returns when the answer was made, by the clock of whoever made it.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    retry::http_date(text(headers, DATE)?)
}

/// Returns how long we are asked to wait: seconds, or until a date (RFC 9110, section 10.2.3).
///
/// A date is compared with the sender's own clock where the answer shows it.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    retry::asked_wait(text(headers, RETRY_AFTER)?, date(headers).unwrap_or(now))
}

/// Nothing is kept longer: Google rotates its keys about once a week.
const LONGEST_AGE: Duration = Duration::from_hours(24);

/// Returns how long the answer may be kept, a day at most.
pub(super) fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = text(headers, CACHE_CONTROL)?.split(',');
    let seconds = directives.filter_map(|one| one.trim().strip_prefix("max-age="));
    let age = seconds.filter_map(|seconds| seconds.parse().ok()).map(Duration::from_secs).next();
    age.map(|age| age.min(LONGEST_AGE))
}

/// Returns what parts a body of the type `multipart/mixed` (RFC 2046, section 5.1.1).
pub(super) fn boundary(headers: &HeaderMap) -> Option<String> {
    let (kind, parameters) = text(headers, CONTENT_TYPE)?.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        let is_boundary = name.trim().eq_ignore_ascii_case("boundary") && !value.is_empty();
        is_boundary.then(|| value.to_owned())
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn waits_are_seconds_or_dates() {
        let now = "2026-06-01T08:00:00Z".parse().unwrap();
        let check = |value, date: Option<&'static str>| {
            let date = date.map(|date| (DATE, date));
            let pairs: Vec<_> = [(RETRY_AFTER, value)].into_iter().chain(date).collect();
            retry_after(&headers(&pairs), now).map(|wait| wait.as_secs())
        };
        assert_eq!(check("17", None), Some(17));
        assert_eq!(check("Mon, 01 Jun 2026 08:00:17 GMT", None), Some(17));
        let skewed = Some("Mon, 01 Jun 2026 09:00:00 GMT");
        assert_eq!(check("Mon, 01 Jun 2026 09:00:05 GMT", skewed), Some(5));
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_many_answers_have_a_boundary() {
        let check = |value| boundary(&headers(&[(CONTENT_TYPE, value)]));
        let boundary = Some("batch_x-1".to_owned());
        assert_eq!(check("multipart/mixed; boundary=batch_x-1"), boundary);
        assert_eq!(check("Multipart/Mixed; charset=utf-8; Boundary=\"batch_x-1\""), boundary);
        assert_eq!(check("application/json; boundary=x"), None);
        assert_eq!(check("multipart/mixed"), None);
        assert_eq!(check("multipart/mixed; boundary="), None);
    }

    #[test]
    fn an_age_is_read_among_other_directives() {
        let check = |value| max_age(&headers(&[(CACHE_CONTROL, value)])).map(|age| age.as_secs());
        assert_eq!(check("public, max-age=19845, must-revalidate, no-transform"), Some(19_845));
        assert_eq!(check("private"), None);
        assert_eq!(check("max-age=soon"), None);
    }
}
