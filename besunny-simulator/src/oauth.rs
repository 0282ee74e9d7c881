//! Grants, access tokens and signing keys.
//!
//! `grants` is the state, `token` and `identity` are the endpoints, `keys` and `jwt` sign.

use axum::Router;
use axum::routing::MethodFilter;

use crate::gateway::{Shared, endpoint};
use crate::operation::Operation;

pub(crate) mod access;
pub(crate) mod grants;
pub(crate) mod identity;
pub(crate) mod jwt;
pub(crate) mod keys;
pub(crate) mod token;

/// Google's paths; the hosts `oauth2`, `openidconnect` and `www` are one here.
pub(crate) fn router() -> Router<Shared> {
    let either = MethodFilter::GET.or(MethodFilter::POST);
    Router::new()
        .route("/token", endpoint(MethodFilter::POST, Operation::Token, token::exchange))
        .route("/revoke", endpoint(MethodFilter::POST, Operation::Revoke, token::revoke))
        .route("/tokeninfo", endpoint(either, Operation::TokenInfo, identity::token_v3))
        .route("/oauth2/v2/tokeninfo", endpoint(either, Operation::TokenInfo, identity::token_v2))
        .route(
            "/oauth2/v2/userinfo",
            endpoint(MethodFilter::GET, Operation::UserInfo, identity::user_v2),
        )
        .route(
            "/userinfo/v2/me",
            endpoint(MethodFilter::GET, Operation::UserInfo, identity::user_v2),
        )
        .route("/v1/userinfo", endpoint(MethodFilter::GET, Operation::UserInfo, identity::user_v1))
        .route("/oauth2/v3/certs", endpoint(MethodFilter::GET, Operation::Certs, identity::certs))
}
