//! What tokens and keys tell about themselves.

use axum::http::{HeaderValue, header};
use serde_json::{Value, json};

use super::grants::Caller;
use crate::answer::Answer;
use crate::form::Form;
use crate::gateway::Call;
use crate::refusal::Refusal;

/// How long clients may keep the keys; Google says some hours.
const CERTS_CACHE: &str = "public, max-age=21600, must-revalidate, no-transform";

/// `GET /oauth2/v2/tokeninfo`
pub(crate) fn token_v2(call: &Call) -> Result<Answer, Refusal> {
    let caller = caller_of_parameter(call)?;
    let client_id = &call.settings.oauth.client_id;
    Ok(Answer::ok(&json!({
        "issued_to": client_id,
        "audience": client_id,
        "user_id": caller.account.user_id,
        "scope": caller.scopes.join(" "),
        "expires_in": seconds_left(&caller, call),
        "email": caller.account.address,
        "verified_email": true,
    })))
}

/// `GET /tokeninfo`
pub(crate) fn token_v3(call: &Call) -> Result<Answer, Refusal> {
    let caller = caller_of_parameter(call)?;
    let client_id = &call.settings.oauth.client_id;
    Ok(Answer::ok(&json!({
        "azp": client_id,
        "aud": client_id,
        "sub": caller.account.user_id,
        "scope": caller.scopes.join(" "),
        "exp": caller.expires_at.timestamp().to_string(),
        "expires_in": seconds_left(&caller, call).to_string(),
        "email": caller.account.address,
        "email_verified": "true",
        "access_type": "offline",
    })))
}

/// `GET /oauth2/v2/userinfo`
pub(crate) fn user_v2(call: &Call) -> Result<Answer, Refusal> {
    let mut answer = json!({ "id": call.account()?.user_id });
    add_email(call, &mut answer, "verified_email")?;
    Ok(Answer::ok(&answer))
}

/// `GET /v1/userinfo`
pub(crate) fn user_v1(call: &Call) -> Result<Answer, Refusal> {
    let mut answer = json!({ "sub": call.account()?.user_id });
    add_email(call, &mut answer, "email_verified")?;
    Ok(Answer::ok(&answer))
}

/// `GET /oauth2/v3/certs`
pub(crate) fn certs(call: &Call) -> Result<Answer, Refusal> {
    let keys = call.world.keys.jwks().ok_or_else(|| Refusal::oauth("internal_failure", ""))?;
    let answer = Answer::ok(&keys);
    Ok(answer.with_header(header::CACHE_CONTROL, HeaderValue::from_static(CERTS_CACHE)))
}

fn add_email(call: &Call, answer: &mut Value, flag: &str) -> Result<(), Refusal> {
    let caller = call.caller()?;
    let sees_email = |scope: &String| scope == "email" || scope.ends_with("/userinfo.email");
    if caller.scopes.iter().any(sees_email) {
        answer["email"] = caller.account.address.clone().into();
        answer[flag] = true.into();
    }
    Ok(())
}

fn caller_of_parameter(call: &Call) -> Result<Caller, Refusal> {
    let form = Form::parse(&call.body);
    let token = call.query.get("access_token").or_else(|| form.get("access_token"));
    let token = token.unwrap_or_default();
    call.world
        .grants
        .caller(token, call.at)
        .ok_or_else(|| Refusal::oauth("invalid_token", "Invalid Value"))
}

fn seconds_left(caller: &Caller, call: &Call) -> i64 {
    (caller.expires_at - call.at).num_seconds()
}
