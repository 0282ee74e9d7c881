//! The claims of signed tokens, and tokens put together by hand.
//!
//! No JWT library: forgeries need headers and signatures that a library refuses to make.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;

use crate::account::Account;
use crate::gateway::Call;

/// The issuer of Google's ID tokens.
pub(crate) const ISSUER: &str = "https://accounts.google.com";

/// Life of an ID token, in seconds; Google's is an hour.
pub(crate) const LIFE_S: i64 = 3600;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) azp: String,
    pub(crate) sub: String,
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
}

/// Who signed in, for the answer to an authorization code.
pub(crate) fn id_claims(account: &Account, call: &Call) -> Claims {
    let client_id = &call.settings.oauth.client_id;
    let iat = call.at.timestamp();
    Claims {
        iss: ISSUER.to_owned(),
        aud: client_id.clone(),
        azp: client_id.clone(),
        sub: account.user_id.clone(),
        email: account.address.clone(),
        email_verified: true,
        iat,
        exp: iat + LIFE_S,
    }
}

/// Header and claims, ready to be signed.
pub(crate) fn message(header: &Value, claims: &Claims) -> String {
    let claims = serde_json::to_vec(claims).unwrap_or_default();
    let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{header}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims))
}
