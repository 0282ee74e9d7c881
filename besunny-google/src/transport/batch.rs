//! Many calls in one request (developers.google.com/workspace/gmail/api/guides/batch).
//!
//! Google does each of them as if it had come alone: it costs the same units, and it is refused
//! alone. What is saved is the work of a request, at both ends.
use std::{fmt::Write as _, ops::Range};

use chrono::{DateTime, Utc};
use memchr::memmem;
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};

use super::{Answer, header};
use crate::wire::Unusable;

/// Where batches of Gmail go.
pub(super) const PATH: &str = "/batch/gmail/v1";
/// The type of a batch.
pub(super) const CONTENT_TYPE: &str = "multipart/mixed; boundary=besunny";
/// What Google puts before the id of a call to name its answer.
const ANSWER_TO: &str = "response-";

/// Writes a request for each of `targets`, which are paths with their queries.
///
/// No target has a line end, since ids in it are percent-encoded, so none can pass for a part.
pub(super) fn body(targets: &[String]) -> Vec<u8> {
    let mut body = String::new();
    for (place, target) in targets.iter().enumerate() {
        let written = write!(
            body,
            "--besunny\r\nContent-Type: application/http\r\nContent-ID: <{place}>\r\n\r\n\
             GET {target} HTTP/1.1\r\n\r\n\r\n",
        );
        debug_assert!(written.is_ok(), "a string takes everything");
    }
    body.push_str("--besunny--\r\n");
    body.into_bytes()
}

/// Returns the answer to each of `count` calls, in their order; `None` where there is none.
///
/// # Errors
/// [`Unusable`] when the whole does not say how it is parted.
pub(super) fn answers(
    whole: &Answer,
    count: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Option<Answer>>, Unusable> {
    let boundary = whole.boundary.as_deref().ok_or(Unusable("is not in parts"))?;
    let mut answers: Vec<Option<Answer>> = (0..count).map(|_| None).collect();
    for part in parts(whole.body.bytes(), &format!("--{boundary}")) {
        if let Some((place, answer)) = read(whole, part, now)
            && let Some(slot) = answers.get_mut(place)
        {
            slot.get_or_insert(answer);
        }
    }
    Ok(answers)
}

/// Returns what stands between the delimiters.
fn parts(bytes: &[u8], delimiter: &str) -> Vec<Range<usize>> {
    let begins_line = |at: &usize| *at == 0 || bytes[at - 1] == b'\n';
    let places: Vec<usize> = memmem::find_iter(bytes, delimiter).filter(begins_line).collect();
    let between = |pair: &[usize]| {
        let [from, to] = *pair else { return None };
        let (start, end) = (from + delimiter.len(), to.saturating_sub(2));
        (start <= end).then_some(start..end)
    };
    places.windows(2).filter_map(between).collect()
}

/// Reads a part: the head of the part, the head of the answer, its content.
fn read(whole: &Answer, part: Range<usize>, now: DateTime<Utc>) -> Option<(usize, Answer)> {
    let bytes = whole.body.bytes();
    let (outer, rest) = head(bytes, part)?;
    let place = fields(outer).find(|(name, _)| name.eq_ignore_ascii_case("content-id"))?.1;
    let place = place.trim_start_matches('<').trim_end_matches('>').strip_prefix(ANSWER_TO)?;
    let (inner, content) = head(bytes, rest)?;
    let status = inner.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let headers = if StatusCode::is_success(&status) { HeaderMap::new() } else { map(inner) };
    let answer = Answer {
        status,
        made_at: whole.made_at,
        retry_after: header::retry_after(&headers, now),
        max_age: None,
        boundary: None,
        body: whole.body.piece(content),
    };
    Some((place.parse().ok()?, answer))
}

/// Parts a head from what comes after the blank line.
fn head(bytes: &[u8], range: Range<usize>) -> Option<(&str, Range<usize>)> {
    const BLANK: &str = "\r\n\r\n";
    let end = memmem::find(&bytes[range.clone()], BLANK.as_bytes())?;
    let text = std::str::from_utf8(&bytes[range.start..range.start + end]).ok()?;
    Some((text, range.start + end + BLANK.len()..range.end))
}

fn fields(head: &str) -> impl Iterator<Item = (&str, &str)> {
    head.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
}

fn map(head: &str) -> HeaderMap {
    let field = |(name, value): (&str, &str)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    fields(head).filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transport::body::Body;

    fn whole(text: &str) -> Answer {
        Answer {
            status: StatusCode::OK,
            made_at: None,
            retry_after: None,
            max_age: None,
            boundary: Some("b".to_owned()),
            body: Body::of(text.replace('\n', "\r\n")),
        }
    }

    fn check(text: &str, count: usize) -> Vec<Option<(u16, String, Option<Duration>)>> {
        let answers = answers(&whole(text), count, DateTime::UNIX_EPOCH).unwrap();
        let shown = |answer: Answer| {
            let text = String::from_utf8_lossy(answer.body.bytes()).into_owned();
            (answer.status.as_u16(), text, answer.retry_after)
        };
        answers.into_iter().map(|answer| answer.map(shown)).collect()
    }

    fn part(place: &str, rest: &str) -> String {
        format!("--b\nContent-Type: application/http\nContent-ID: {place}\n\n{rest}\n")
    }

    #[test]
    fn answers_find_their_calls_in_any_order() {
        let text = part("<response-1>", "HTTP/1.1 200 OK\nA: b\n\n{\"id\":1}")
            + &part("<response-0>", "HTTP/1.1 429 Too Many\nRetry-After: 7\n\n{}")
            + "--b--";
        let want = vec![
            Some((429, "{}".to_owned(), Some(Duration::from_secs(7)))),
            Some((200, "{\"id\":1}".to_owned(), None)),
            None,
        ];
        assert_eq!(check(&text, 3), want);
    }

    #[test]
    fn what_is_cut_or_odd_is_no_answer() {
        let cut = part("<response-0>", "HTTP/1.1 200 OK\n\n{\"id\"");
        assert_eq!(check(&cut, 1), [None]);
        for (place, rest) in [
            ("<response-7>", "HTTP/1.1 200 OK\n\n{}"),
            ("<0>", "HTTP/1.1 200 OK\n\n{}"),
            ("<response-0>", "HTTP/1.1 x\n\n{}"),
            ("<response-0>", "HTTP/1.1 200 OK\n{}"),
            ("<response-0>", ""),
        ] {
            assert_eq!(check(&(part(place, rest) + "--b--"), 1), [None], "{place} {rest}");
        }
        for odd in ["", "--b", "--b--b", "--b\n--b", "x--b\n\n--b--"] {
            assert_eq!(check(odd, 1), [None], "{odd:?}");
        }
    }

    #[test]
    fn a_batch_is_frozen() {
        let targets = ["/gmail/v1/users/me/messages/a?format=raw".to_owned(), "/x".to_owned()];
        let body = String::from_utf8(body(&targets)).unwrap();
        insta::assert_snapshot!(body.replace('\r', ""), @r"
        --besunny
        Content-Type: application/http
        Content-ID: <0>

        GET /gmail/v1/users/me/messages/a?format=raw HTTP/1.1


        --besunny
        Content-Type: application/http
        Content-ID: <1>

        GET /x HTTP/1.1


        --besunny--
        ");
    }
}
