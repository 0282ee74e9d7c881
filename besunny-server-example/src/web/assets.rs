//! The files of the console's looks: a style sheet, a script, a sun.
//!
//! `htmx.min.js` is htmx 2.0.11 as published on npm, under the Zero-Clause BSD licence; see
//! `assets/htmx.LICENSE`. Nothing is loaded from anywhere else.
use std::sync::LazyLock;

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

use super::{Site, access::hexadecimal};

/// A file that is part of the program.
struct Asset {
    media_type: &'static str,
    content: &'static str,
    /// Names the content, so that a browser asks only whether it has changed.
    tag: String,
}

impl Asset {
    fn new(media_type: &'static str, content: &'static str) -> Self {
        Self { media_type, content, tag: format!("\"{}\"", hexadecimal(&Sha256::digest(content))) }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == self.tag.as_str());
        let cached = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, self.tag.as_str())];
        if known {
            return (StatusCode::NOT_MODIFIED, cached).into_response();
        }
        (cached, [(header::CONTENT_TYPE, self.media_type)], self.content).into_response()
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("text/css; charset=utf-8", include_str!("../../assets/console.css"))
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("text/javascript; charset=utf-8", include_str!("../../assets/htmx.min.js"))
});
static SUN: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("image/svg+xml", include_str!("../../assets/sun.svg")));

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/assets/console.css", get(async |headers: HeaderMap| STYLE.answer(&headers)))
        .route("/assets/htmx.min.js", get(async |headers: HeaderMap| SCRIPT.answer(&headers)))
        .route("/assets/sun.svg", get(async |headers: HeaderMap| SUN.answer(&headers)))
        .route("/favicon.ico", get(async |headers: HeaderMap| SUN.answer(&headers)))
}
