//! What is wrong with a configuration, setting by setting, and how to mend it.
use std::sync::Arc;

use besunny_core::{
    budget::Unmetered,
    cause::describe,
    clock::Clock,
    source::{AccountRef, Source, SourceError, SourceErrorKind},
};
use chrono::{DateTime, Utc};
use reqwest::{Method, Request};

use crate::{
    calendar::GoogleCalendar,
    config::GoogleConfig,
    gmail::{AnotherMailbox, Gmail},
    keys::MAX_BYTES,
    notice::PushConfig,
    quota::Operation,
    refusal::Refusal,
    tokens::{Credentials, GoogleTokens},
    transport::Http,
};

/// Clocks that differ by more make Google's signed deliveries look expired, or not yet valid.
const MOST_SKEW: chrono::Duration = chrono::Duration::seconds(60);
/// Scopes that let mail be read.
const READING: [&str; 3] = [
    "https://www.googleapis.com/auth/gmail.readonly",
    "https://www.googleapis.com/auth/gmail.modify",
    "https://mail.google.com/",
];
/// Scopes that let mail be read, marked and labeled.
const FILING: [&str; 2] =
    ["https://www.googleapis.com/auth/gmail.modify", "https://mail.google.com/"];

/// Scopes that let calendars be listed and read.
const CALENDARS: [&str; 2] = [
    "https://www.googleapis.com/auth/calendar.readonly",
    "https://www.googleapis.com/auth/calendar",
];

/// What is to be checked.
#[derive(Clone, Debug)]
pub struct Inquiry<'a> {
    /// How Google is talked to.
    pub config: &'a GoogleConfig,
    /// Where refresh tokens are.
    pub credentials: &'a Credentials,
    /// Which account is tried.
    pub account: &'a AccountRef,
    /// Whether its calendars are read too.
    pub calendars: bool,
    /// The push configuration, where there is one.
    pub push: Option<&'a PushConfig>,
    /// What the account is used for.
    pub purpose: Use,
}

/// What an account is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Its mail is read.
    Read,
    /// Its mail is read, marked and labeled.
    File,
}

/// Something that is wrong, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which setting.
    pub setting: &'static str,
    /// What is wrong with it; no secret and no content is shown.
    pub wrong: String,
    /// What to do.
    pub fix: &'static str,
}

impl Finding {
    fn new(setting: &'static str, wrong: impl Into<String>, fix: &'static str) -> Self {
        Self { setting, wrong: wrong.into(), fix }
    }
}

/// Tries a configuration at Google; changes nothing there, and spends a unit of each quota.
///
/// Nothing found means that mail can be read. What cannot be tried because something before it is
/// wrong, is left out.
///
/// # Cancellation
/// Dropping the future leaves no trace.
pub async fn check(inquiry: Inquiry<'_>, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let Inquiry { config, credentials, account, push, .. } = inquiry;
    let forms = push.map(PushConfig::wrong_forms).unwrap_or_default();
    let mut findings: Vec<Finding> = forms
        .iter()
        .map(|form| {
            Finding::new(
                "push",
                form.to_string(),
                "copy it from Pub/Sub in the Google Cloud console",
            )
        })
        .collect();
    let given = credentials.of(account).err().map(|error| {
        Finding::new("credentials", error.to_string(), "see \"Connect an account\" in the README")
    });
    let is_given = given.is_none();
    findings.extend(given);
    match Http::new(config.clone(), clock) {
        Err(error) => {
            findings.push(Finding::new(
                "endpoints",
                error.to_string(),
                "use https, or leave it out",
            ));
        }
        Ok(http) => {
            findings.extend(skewed(&http).await);
            if is_given {
                findings.extend(of_account(&inquiry, &http).await);
            }
        }
    }
    findings
}

async fn of_account(inquiry: &Inquiry<'_>, http: &Http) -> Option<Finding> {
    let tokens = GoogleTokens::new(http.clone(), inquiry.credentials.clone());
    let scopes = match tokens.scopes(inquiry.account).await {
        Ok(scopes) => scopes,
        Err(error) => return Some(of_token(&error)),
    };
    let wanted: &[&str] = match inquiry.purpose {
        Use::Read => &READING,
        Use::File => &FILING,
    };
    let covers = |wanted: &[&str]| {
        let is_wanted = |scope: &String| wanted.contains(&scope.as_str());
        scopes.as_ref().is_none_or(|scopes| scopes.iter().any(is_wanted))
    };
    if !covers(wanted) {
        let fix = "connect the account again and tick the box for Gmail";
        return Some(uncovered(wanted, fix));
    }
    let tokens = Arc::new(tokens);
    let gmail = Gmail::new(http.clone(), Arc::clone(&tokens) as _, Arc::new(Unmetered));
    if let Err(error) = gmail.profile(inquiry.account).await {
        return Some(of_profile(&error));
    }
    if !inquiry.calendars {
        return None;
    }
    if !covers(&CALENDARS) {
        let fix = "connect the account again and tick the box for calendars";
        return Some(uncovered(&CALENDARS, fix));
    }
    let calendar = GoogleCalendar::new(http.clone(), tokens, Arc::new(Unmetered));
    calendar.streams(inquiry.account).await.err().map(|error| of_calendars(&error))
}

fn uncovered(wanted: &[&str], fix: &'static str) -> Finding {
    let wrong = format!("the grant does not cover {}", wanted.first().unwrap_or(&""));
    Finding::new("scopes", wrong, fix)
}

fn of_calendars(error: &SourceError) -> Finding {
    let refusal = error.source.as_ref().and_then(|cause| cause.downcast_ref::<Refusal>());
    if refusal.is_some_and(Refusal::is_switched_off) {
        let fix =
            "switch the Google Calendar API on in the Google Cloud project of the OAuth client";
        return Finding::new("Calendar API", describe(error), fix);
    }
    Finding::new("network", describe(error), "try again; if it stays, look at the way to Calendar")
}

fn of_token(error: &SourceError) -> Finding {
    let wrong = describe(error);
    if error.kind == SourceErrorKind::Unauthorized {
        let fix = "connect the account again; while the consent screen is in testing, grants end \
                   after 7 days";
        return Finding::new("grant", wrong, fix);
    }
    if error.kind == SourceErrorKind::Misconfigured {
        let fix = "take client_id, client_secret and refresh_token from the same OAuth client";
        return Finding::new("client", wrong, fix);
    }
    Finding::new("network", wrong, "try again; if it stays, look at the way to the token endpoint")
}

fn of_profile(error: &SourceError) -> Finding {
    let wrong = describe(error);
    let cause = error.source.as_ref();
    if cause.is_some_and(|cause| cause.is::<AnotherMailbox>()) {
        return Finding::new("account", wrong, "connect the account whose token this is");
    }
    let refusal = cause.and_then(|cause| cause.downcast_ref::<Refusal>());
    if refusal.is_some_and(Refusal::is_switched_off) {
        let fix = "switch the Gmail API on in the Google Cloud project of the OAuth client";
        return Finding::new("Gmail API", wrong, fix);
    }
    if error.kind == SourceErrorKind::Forbidden {
        let fix = "ask the administrator of the domain whether the app is allowed";
        return Finding::new("permission", wrong, fix);
    }
    Finding::new("network", wrong, "try again; if it stays, look at the way to Gmail")
}

/// Compares our clock with Google's.
async fn skewed(http: &Http) -> Option<Finding> {
    let request = Request::new(Method::GET, http.urls().keys.clone());
    match http.ask(request, MAX_BYTES, Operation::FetchKeys).await {
        Ok(answer) => skew(answer.made_at?, http.now()),
        Err(error) => {
            let fix = "try again; if it stays, look at the way to Google's keys";
            Some(Finding::new("network", describe(&error), fix))
        }
    }
}

fn skew(theirs: DateTime<Utc>, ours: DateTime<Utc>) -> Option<Finding> {
    let skew = ours - theirs;
    (skew.abs() > MOST_SKEW).then(|| {
        let wrong =
            format!("this machine's clock differs from Google's by {} s", skew.num_seconds());
        Finding::new("clock", wrong, "synchronise the clock (NTP)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_a_minute() {
        let theirs: DateTime<Utc> = "2026-06-01T08:00:00Z".parse().unwrap();
        for (offset, is_good) in [(0, true), (60, true), (-60, true), (61, false), (-3600, false)] {
            let ours = theirs + chrono::Duration::seconds(offset);
            assert_eq!(skew(theirs, ours).is_none(), is_good, "{offset}");
        }
    }

    fn refused(kind: SourceErrorKind, status: u16, reason: &str) -> SourceError {
        let body = format!(r#"{{"error":{{"errors":[{{"reason":"{reason}"}}]}}}}"#);
        let status = reqwest::StatusCode::from_u16(status).unwrap();
        SourceError::new(kind, "gmail.getProfile").because(Refusal::read(status, body.as_bytes()))
    }

    #[test]
    fn each_refusal_names_what_to_mend() {
        use SourceErrorKind::{Forbidden, Misconfigured, Unauthorized, Unavailable};
        let of_mailbox = [
            (refused(Misconfigured, 403, "accessNotConfigured"), "Gmail API"),
            (refused(Misconfigured, 403, "SERVICE_DISABLED"), "Gmail API"),
            (refused(Forbidden, 403, "domainPolicy"), "permission"),
            (refused(Unavailable, 503, "backendError"), "network"),
        ];
        for (error, want) in of_mailbox {
            assert_eq!(of_profile(&error).setting, want, "{}", describe(&error));
        }
        let of_grant = [
            (refused(Unauthorized, 400, "invalid_grant"), "grant"),
            (refused(Misconfigured, 401, "invalid_client"), "client"),
            (refused(Unavailable, 503, "backendError"), "network"),
        ];
        for (error, want) in of_grant {
            assert_eq!(of_token(&error).setting, want, "{}", describe(&error));
        }
        let error = SourceError::new(Misconfigured, "gmail.getProfile").because(AnotherMailbox);
        let want = "gmail.getProfile failed: the source is misconfigured: the token belongs to \
                    another mailbox";
        assert_eq!(of_profile(&error).wrong, want);
        assert_eq!(of_profile(&error).setting, "account");
    }
}
