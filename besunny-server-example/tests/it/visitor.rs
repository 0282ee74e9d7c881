//! A visitor with a browser: a session, pages, and the forms on them.
use crate::server::Server;

/// Somebody who is logged in.
pub(crate) struct Visitor<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Visitor<'a> {
    /// Opens the link that was printed, and presses its button.
    pub(crate) fn enter(server: &'a Server) -> Self {
        let (_, key) = server.link.split_once("key=").unwrap();
        let mut visitor = Self { server, cookie: String::new() };
        let answer = visitor.submit("/login", &[("key", key)]);
        let cookie = between(&answer, "set-cookie: ", ";").unwrap_or_else(|| panic!("{answer}"));
        visitor.cookie = cookie.to_owned();
        visitor
    }

    /// Opens a page.
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.server.ask(&format!("GET {path}"), &[("Cookie", &self.cookie)], "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        answer
    }

    /// Looks at a page until it shows something; the test runner ends what waits for ever.
    pub(crate) fn until<T>(&self, path: &str, shows: impl Fn(&str) -> Option<T>) -> T {
        loop {
            if let Some(found) = shows(&self.page(path)) {
                return found;
            }
            std::thread::yield_now();
        }
    }

    /// Sends a form and returns the whole answer.
    pub(crate) fn submit(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let fields: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let origin = format!("http://{}", self.server.address);
        let headers = [
            ("Cookie", self.cookie.as_str()),
            ("Origin", origin.as_str()),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        self.server.ask(&format!("POST {path}"), &headers, &fields.join("&"))
    }
}

/// Returns what stands between two texts.
pub(crate) fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}
