//! One segment of a path; the only way in which an id gets into a URL.
use std::fmt;

/// An id as one segment of a path, whatever is in it.
///
/// Ids come from mail, from people and from requests. Pasted into a URL, `a/../../b` would be
/// another resource, and `a?b=1` another request (google-apis-rs has had this bug since 2021).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a>(&'a str);

impl<'a> Segment<'a> {
    /// Takes an id; `None` for the few that no URL can carry as a segment.
    ///
    /// `.` and `..` are removed by every URL parser, also when they are percent-encoded.
    pub(crate) fn new(id: &'a str) -> Option<Self> {
        (!matches!(id, "" | "." | "..")).then_some(Self(id))
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::Url;

    use super::*;

    /// The path and the query that a server sees.
    fn seen(id: &str) -> Option<(Vec<String>, Option<String>)> {
        let segment = Segment::new(id)?;
        let url = Url::parse(&format!("http://127.0.0.1/messages/{segment}/modify")).unwrap();
        assert_eq!(url.fragment(), None);
        let path = url.path_segments().unwrap().map(str::to_owned).collect();
        Some((path, url.query().map(str::to_owned)))
    }

    #[test]
    fn hostile_ids_stay_one_segment() {
        let rows = [
            ("18c0ffee", "18c0ffee"),
            ("../../x", "..%2F..%2Fx"),
            ("a?b=1", "a%3Fb%3D1"),
            ("x#y", "x%23y"),
            ("%2e%2e", "%252e%252e"),
            ("a b", "a%20b"),
            ("a\\b", "a%5Cb"),
            ("ä\r\n", "%C3%A4%0D%0A"),
            ("x@group.v.calendar.google.com", "x%40group.v.calendar.google.com"),
        ];
        for (id, want) in rows {
            let path = vec!["messages".to_owned(), want.to_owned(), "modify".to_owned()];
            assert_eq!(seen(id), Some((path, None)), "{id}");
        }
        for id in ["", ".", ".."] {
            assert_eq!(seen(id), None, "{id}");
        }
    }

    proptest! {
        #[test]
        fn any_id_stays_one_segment(id in ".*") {
            if let Some((path, query)) = seen(&id) {
                prop_assert_eq!(path.len(), 3);
                prop_assert_eq!(query, None);
                prop_assert!(path[1].bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'));
            }
        }
    }
}
