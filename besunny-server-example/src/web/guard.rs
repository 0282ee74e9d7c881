//! What every request passes: headers, host, token or session, and where a form comes from.
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Site,
    access::Session,
    problem::{Kind, Problem},
};

/// Only files of our own, no inline code, no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// What every answer carries, unless it says otherwise.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
/// The prefix makes browsers refuse the cookie unless it is secure and of this host alone.
const SECURE_COOKIE: &str = "__Host-besunny";
const PLAIN_COOKIE: &str = "besunny";
/// How htmx marks its requests.
const HTMX: &str = "hx-request";

/// Adds the headers that keep an answer from being stored, framed, sniffed or scripted.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Refuses requests that name a host we are not (DNS rebinding).
pub(super) async fn host(State(site): State<Site>, request: Request, next: Next) -> Response {
    let is_named_once = request.headers().get_all(header::HOST).iter().count() == 1;
    let named = text(request.headers(), &header::HOST).filter(|_| is_named_once);
    let settings = site.settings();
    if named.is_some_and(|host| settings.allows(host)) && settings.allows_uri(request.uri()) {
        return next.run(request).await;
    }
    let problem = Problem::new(
        Kind::WrongHost,
        "This server is not called by that name.",
        "Use the address it printed at its start, or add the name to its allowed hosts.",
    );
    problem.into_response()
}

/// Asks programs for the token; a missing and a wrong one get the same answer.
pub(super) async fn token(State(site): State<Site>, request: Request, next: Next) -> Response {
    let given = text(request.headers(), &header::AUTHORIZATION).and_then(bearer);
    if site.access().knows_token(given.unwrap_or_default()) {
        return next.run(request).await;
    }
    let problem = Problem::new(
        Kind::Unauthorized,
        "The token is missing or wrong.",
        "Send `Authorization: Bearer TOKEN` with the token of this server.",
    );
    problem.into_response()
}

/// Asks people for a session, and their forms for where they come from.
pub(super) async fn session(
    State(site): State<Site>,
    mut request: Request,
    next: Next,
) -> Response {
    let secret = cookie(request.headers(), cookie_name(&site));
    let Some(session) = secret.and_then(|secret| site.access().session(secret)) else {
        return to_login(request.headers());
    };
    if changes(request.method()) && is_foreign(request.headers()) {
        return super::console::failed(&foreign(), is_htmx(request.headers()));
    }
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// Refuses a login form that another site sent.
pub(super) async fn own_site(request: Request, next: Next) -> Response {
    if changes(request.method()) && is_foreign(request.headers()) {
        return super::console::failed(&foreign(), false);
    }
    next.run(request).await
}

/// Makes sure that a form carries the token of its session.
pub(super) fn own_form(session: &Session, form_token: &str) -> Result<(), Problem> {
    if session.sent(form_token) { Ok(()) } else { Err(foreign()) }
}

fn foreign() -> Problem {
    Problem::new(
        Kind::ForeignForm,
        "This form was not sent from this console.",
        "Load the page again and repeat what you did.",
    )
}

/// Returns the header that opens a session in a browser, or ends it.
pub(super) fn session_cookie(site: &Site, secret: Option<&str>) -> Result<HeaderValue, Problem> {
    let secure = if site.settings().is_https() { "; Secure" } else { "" };
    let end = if secret.is_none() { "; Max-Age=0" } else { "" };
    let (name, value) = (cookie_name(site), secret.unwrap_or_default());
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{end}");
    let mut header = HeaderValue::from_str(&cookie)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Says whether htmx asks, which wants a piece of a page.
pub(super) fn is_htmx(headers: &HeaderMap) -> bool {
    headers.contains_key(HTMX)
}

fn to_login(headers: &HeaderMap) -> Response {
    if is_htmx(headers) {
        return (axum::http::StatusCode::UNAUTHORIZED, [("hx-redirect", "/login")]).into_response();
    }
    Redirect::to("/login").into_response()
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Says whether the browser tells that another site sent the request.
///
/// Browsers leave `Sec-Fetch-Site` out towards hosts without TLS, hence the form token besides.
fn is_foreign(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, &HeaderName::from_static("sec-fetch-site")) {
        return site != "same-origin";
    }
    let host = text(headers, &header::HOST).unwrap_or_default();
    match text(headers, &header::ORIGIN) {
        None | Some("null") => false,
        Some(origin) => origin.split_once("://").is_none_or(|(_, from)| from != host),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie_name(site: &Site) -> &'static str {
    if site.settings().is_https() { SECURE_COOKIE } else { PLAIN_COOKIE }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
