//! `Content-Type` and `Content-Disposition`: a value and its parameters (RFC 2045, RFC 2231).
use mail_parser::{HeaderValue, parsers::MessageStream};

use super::field;

/// Limits one field that is parsed; real ones have fewer than 500 bytes.
const VALUE_BYTES: usize = 16 * 1_024;

/// A header value such as `text/plain; charset=utf-8`; all but the parameter values in lower case.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) main: String,
    parameters: Vec<(String, String)>,
}

impl Value {
    /// Makes the value of a part whose type is of no use.
    pub(super) fn plain_text() -> Self {
        Self { main: "text/plain".to_owned(), ..Self::default() }
    }

    /// Parses the raw value of a field; what cannot be understood is left out.
    pub(super) fn parse(raw: &[u8]) -> Self {
        let unfolded = field::unfold(raw).text;
        let line = unfolded[..unfolded.floor_char_boundary(VALUE_BYTES)].trim();
        let value = Self::parse_line(line);
        match value.main.split_once([' ', '\t']) {
            // Some programs forget the semicolon: `text/html charset=utf-8`.
            Some((main, _)) => Self::parse_line(&format!("{main};{}", &line[main.len()..])),
            None => value,
        }
    }

    fn parse_line(line: &str) -> Self {
        // The parser ends a value at its line end only, and wants a word before the parameters.
        let (line, nameless) = match line.strip_prefix(';') {
            Some(parameters) => (format!("x;{parameters}\n"), true),
            None => (format!("{line}\n"), false),
        };
        let HeaderValue::ContentType(value) =
            MessageStream::new(line.as_bytes()).parse_content_type()
        else {
            return Self::default();
        };
        let main = match &value.c_subtype {
            _ if nameless => String::new(),
            Some(subtype) => format!("{}/{subtype}", value.c_type),
            None => value.c_type.into_owned(),
        };
        let parameters = value.attributes.into_iter().flatten();
        let parameters = parameters.map(|a| (a.name.into_owned(), a.value.into_owned()));
        Self { main, parameters: parameters.collect() }
    }

    /// Returns the parameter `name`, given in lower case.
    ///
    /// The encoded form wins over a plain one beside it (RFC 2231 4).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, main: &str, parameters: &[(&str, &str)]) {
        let value = Value::parse(text.as_bytes());
        assert_eq!(value.main, main, "{text}");
        for (name, expected) in parameters {
            assert_eq!(value.get(name), Some(*expected), "{text}");
        }
    }

    #[test]
    fn values_and_parameters() {
        check("Text/Plain; Charset=\"UTF-8\"", "text/plain", &[("charset", "UTF-8")]);
        check("text/plain", "text/plain", &[]);
        check(
            "multipart/mixed;\r\n\tboundary=a/b=c;x",
            "multipart/mixed",
            &[("boundary", "a/b=c")],
        );
        check("a/b; n=\"x \\\"y\\\\\"; m = z", "a/b", &[("n", "x \"y\\"), ("m", "z")]);
        check("a/b (c; d) ; n=v (w)", "a/b", &[("n", "v")]);
        check("text/html charset=utf-8", "text/html", &[("charset", "utf-8")]);
        check("multipart/mixed\n\tboundary=b", "multipart/mixed", &[("boundary", "b")]);
        check("; filename=a.txt", "", &[("filename", "a.txt")]);
        check("text/plain; charset=\"us-ascii", "text/plain", &[("charset", "us-ascii")]);
        check("", "", &[]);
        assert_eq!(Value::parse(b"a/b; c=d").get("e"), None);
    }

    #[test]
    fn rfc_2231_and_encoded_words_are_decoded() {
        check("a; filename*=utf-8'en'%e2%82%ac%20x.txt", "a", &[("filename", "€ x.txt")]);
        check("a; f*1=\"b\"; f*0=a; f*2*=%63", "a", &[("f", "abc")]);
        check("a; f=plain; f*=iso-8859-1''caf%e9", "a", &[("f", "café")]);
        check("a; name=\"=?utf-8?B?4pi6?=.txt\"", "a", &[("name", "☺.txt")]);
    }

    #[test]
    fn raw_bytes_are_repaired() {
        let value = Value::parse(b"a; name=\"caf\xe9.txt\"");
        assert_eq!(value.get("name"), Some("café.txt"));
    }
}
