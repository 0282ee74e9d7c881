//! The token and revocation endpoints.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use super::grants::{Consent, GrantId, Issued};
use super::jwt;
use crate::answer::Answer;
use crate::form::Form;
use crate::gateway::Call;
use crate::refusal::Refusal;

/// `POST /token`
pub(crate) fn exchange(call: &Call) -> Result<Answer, Refusal> {
    let form = Form::parse(&call.body);
    let client_id = required(&form, "client_id")?;
    let settings = &call.settings.oauth;
    if client_id != settings.client_id {
        return Err(Refusal::oauth("invalid_client", "The OAuth client was not found."));
    }
    if form.get("client_secret") != Some(settings.client_secret.as_str()) {
        return Err(Refusal::oauth("invalid_client", "Unauthorized"));
    }
    match required(&form, "grant_type")? {
        "refresh_token" => refresh(call, &form),
        "authorization_code" => redeem(call, &form),
        other => {
            Err(Refusal::oauth("unsupported_grant_type", format!("Invalid grant_type: {other}")))
        }
    }
}

/// `POST /revoke`
pub(crate) fn revoke(call: &Call) -> Result<Answer, Refusal> {
    let form = Form::parse(&call.body);
    let token = form.get("token").or_else(|| call.query.get("token")).unwrap_or_default();
    if call.world.grants.revoke_by_token(token, call.at) {
        Ok(Answer::ok(&json!({})))
    } else {
        Err(Refusal::oauth("invalid_token", "Token expired or revoked"))
    }
}

fn refresh(call: &Call, form: &Form) -> Result<Answer, Refusal> {
    let token = required(form, "refresh_token")?;
    let (grant, _) = call.world.grants.by_refresh_token(token).ok_or_else(bad_grant)?;
    let issued = issue(call, grant)?;
    call.world.grants.count_refresh(grant);
    // Google answers a refresh without a new refresh token.
    Ok(Answer::ok(&json!({
        "access_token": issued.access_token,
        "expires_in": call.settings.oauth.access_token_life.as_secs(),
        "scope": issued.caller.scopes.join(" "),
        "token_type": "Bearer",
    })))
}

fn redeem(call: &Call, form: &Form) -> Result<Answer, Refusal> {
    let code = required(form, "code")?;
    let world = &call.world;
    let (account, consent) = world
        .grants
        .take_code(code, call.at)
        .ok_or_else(|| Refusal::oauth("invalid_grant", "Malformed auth code."))?;
    check_consent(&consent, form)?;
    let scopes =
        if consent.scopes.is_empty() { call.settings.oauth.scopes.clone() } else { consent.scopes };
    let refresh_token = world.grants.grant(&account, &scopes);
    let (grant, _) = world.grants.by_refresh_token(&refresh_token).ok_or_else(bad_grant)?;
    let issued = issue(call, grant)?;
    let mut answer = json!({
        "access_token": issued.access_token,
        "expires_in": call.settings.oauth.access_token_life.as_secs(),
        "refresh_token": issued.refresh_token,
        "scope": scopes.join(" "),
        "token_type": "Bearer",
    });
    if scopes.iter().any(|scope| scope == "openid") {
        let key = world.keys.current();
        let id_token = key.and_then(|key| key.sign(&jwt::id_claims(&account, call)));
        answer["id_token"] = id_token.into();
    }
    Ok(Answer::ok(&answer))
}

fn issue(call: &Call, grant: GrantId) -> Result<Issued, Refusal> {
    call.world.grants.issue(grant, call.at, &call.settings.oauth).ok_or_else(bad_grant)
}

fn check_consent(consent: &Consent, form: &Form) -> Result<(), Refusal> {
    if consent.redirect_uri.as_deref().is_some_and(|uri| form.get("redirect_uri") != Some(uri)) {
        return Err(Refusal::oauth("redirect_uri_mismatch", "Bad Request"));
    }
    if let Some(challenge) = &consent.code_challenge {
        let verifier = form.get("code_verifier");
        let verifier =
            verifier.ok_or_else(|| Refusal::oauth("invalid_grant", "Missing code verifier."))?;
        let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
        if BASE64_URL_SAFE_NO_PAD.encode(hash) != *challenge {
            return Err(Refusal::oauth("invalid_grant", "Invalid code verifier."));
        }
    }
    Ok(())
}

fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    form.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
        Refusal::oauth("invalid_request", format!("Missing required parameter: {name}"))
    })
}

fn bad_grant() -> Refusal {
    Refusal::oauth("invalid_grant", "Token has been expired or revoked.")
}
