//! Coming in by a one-time link, and going out.
//!
//! Opening the link shows a button; only the button uses the link up, so that a preview in a chat or
//! a browser that looks ahead does no harm.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{Query, State, rejection::FormRejection},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::Refusal;
use crate::web::{
    Site,
    access::{AccessError, Session},
    guard,
    problem::{Kind, Problem},
};

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    /// The key of a link that works.
    key: Option<&'a str>,
    /// Whether a link was opened that does not work.
    is_used_up: bool,
    /// Whether a token was sent that is not the server's.
    is_wrong: bool,
}

/// The key of a link.
#[derive(Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    key: String,
}

/// The key of a link, or the token.
#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    key: String,
    /// Which of the two forms was sent.
    #[serde(default)]
    by: Key,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    #[default]
    Link,
    Token,
}

#[derive(Deserialize)]
pub(super) struct Leave {
    form_token: String,
}

pub(super) async fn page(
    State(site): State<Site>,
    Query(Link { key }): Query<Link>,
) -> Result<Response, Refusal> {
    let key = Some(key.as_str()).filter(|key| !key.is_empty());
    let works = key.filter(|key| site.access().knows_link(key));
    let is_used_up = key.is_some() && works.is_none();
    super::show(&Page { key: works, is_used_up, is_wrong: false })
}

pub(super) async fn enter(
    State(site): State<Site>,
    form: Result<Form<Entry>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Entry { key, by }) = form?;
    let secret: Option<SecretString> = site.access().log_in(&key)?;
    let Some(secret) = secret else {
        let is_wrong = by == Key::Token;
        let page = Page { key: None, is_used_up: !is_wrong, is_wrong }.render()?;
        return Ok((StatusCode::UNAUTHORIZED, Html(page)).into_response());
    };
    let cookie = guard::session_cookie(&site, Some(secret.expose_secret()))?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

pub(super) async fn leave(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    form: Result<Form<Leave>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Leave { form_token }) = form?;
    guard::own_form(&session, &form_token)?;
    site.access().log_out(&session);
    let cookie = guard::session_cookie(&site, None)?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/login")).into_response())
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "nobody could be let in");
        Self::new(Kind::Store, "No session could be opened.", "Look at the log of the server.")
    }
}
