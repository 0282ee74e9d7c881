//! Who calls, and whether he may.

use axum::http::{HeaderMap, header};

use super::grants::Caller;
use crate::form::Form;
use crate::operation::{METADATA_SCOPE, Operation};
use crate::refusal::Refusal;
use crate::world::World;

/// The caller of an operation that asks for an access token.
pub(crate) fn authenticate(
    world: &World,
    operation: Operation,
    headers: &HeaderMap,
    query: &Form,
) -> Result<Caller, Refusal> {
    let token = bearer(headers).or_else(|| query.get("access_token"));
    let token = token.ok_or_else(Refusal::missing_token)?;
    let caller = world.grants.caller(token, world.clock.now());
    let caller = caller.ok_or_else(Refusal::invalid_token)?;
    let needed = operation.scopes();
    if caller.scopes.iter().any(|scope| needed.contains(&scope.as_str())) {
        Ok(caller)
    } else {
        Err(Refusal::missing_scope(operation.name(), needed))
    }
}

/// Whether contents are hidden: Gmail does so as soon as the metadata scope is among those granted
/// (github.com/googleapis/google-api-python-client/issues/582).
pub(crate) fn sees_metadata_only(caller: &Caller) -> bool {
    caller.scopes.iter().any(|scope| scope == METADATA_SCOPE)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
