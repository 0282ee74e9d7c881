//! What an operation answers, before faults and the wire.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

/// A complete answer in memory.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) content: Content,
    pub(crate) page: Option<PageSpot>,
    /// Whether it has only what `fields` names already.
    pub(crate) is_masked: bool,
}

#[derive(Debug)]
pub(crate) enum Content {
    Empty,
    Json(Vec<u8>),
    Html(String),
}

/// Where in a listing an answer stands; faults of paging need it.
#[derive(Debug)]
pub(crate) struct PageSpot {
    /// The field that holds the items.
    pub(crate) items: &'static str,
    /// A page token that reads the same page again.
    pub(crate) here: String,
}

impl Answer {
    pub(crate) fn ok(value: &impl Serialize) -> Self {
        Self {
            status: StatusCode::OK,
            headers: Vec::new(),
            content: Content::json(value),
            page: None,
            is_masked: false,
        }
    }

    pub(crate) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: Vec::new(),
            content: Content::Empty,
            page: None,
            is_masked: false,
        }
    }

    pub(crate) fn with_page(mut self, page: PageSpot) -> Self {
        self.page = Some(page);
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Content {
    /// JSON of a value; our own types cannot fail to serialize.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::Json(serde_json::to_vec(value).unwrap_or_default())
    }
}
