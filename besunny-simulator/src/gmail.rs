//! Gmail v1 on Google's paths.
//!
//! One file a resource; each function is one operation, called when `gateway` let it through.

use axum::Router;
use axum::routing::MethodFilter;

use crate::account::Account;
use crate::gateway::{Call, Shared, endpoint};
use crate::operation::Operation;
use crate::paging::Sizes;
use crate::refusal::Refusal;

mod attachments;
mod history;
mod labels;
mod messages;
mod payload;
mod profile;
mod watch;

/// The pages of `messages.list` and `history.list`, by Google's reference.
const SIZES: Sizes = Sizes { usual: 100, most: 500 };

/// The routes of Gmail.
pub(crate) fn router() -> Router<Shared> {
    let get = |operation, work| endpoint(MethodFilter::GET, operation, work);
    let post = |operation, work| endpoint(MethodFilter::POST, operation, work);
    let user = "/gmail/v1/users/{user}";
    Router::new()
        .route(&format!("{user}/profile"), get(Operation::GetProfile, profile::get))
        .route(&format!("{user}/messages"), get(Operation::ListMessages, messages::list))
        .route(&format!("{user}/messages/{{id}}"), get(Operation::GetMessage, messages::get))
        .route(
            &format!("{user}/messages/{{id}}/modify"),
            post(Operation::ModifyMessage, messages::modify),
        )
        .route(
            &format!("{user}/messages/{{message}}/attachments/{{id}}"),
            get(Operation::GetAttachment, attachments::get),
        )
        .route(&format!("{user}/history"), get(Operation::ListHistory, history::list))
        .route(
            &format!("{user}/labels"),
            get(Operation::ListLabels, labels::list)
                .merge(post(Operation::CreateLabel, labels::create)),
        )
        .route(&format!("{user}/watch"), post(Operation::Watch, watch::start))
        .route(&format!("{user}/stop"), post(Operation::Stop, watch::stop))
}

/// The account of the path, which must be the caller's own.
fn owner(call: &Call) -> Result<&Account, Refusal> {
    let account = call.account()?;
    let user = call.segment("user");
    if user == "me" || user.eq_ignore_ascii_case(&account.address) {
        Ok(account)
    } else {
        Err(Refusal::forbidden(format!("Delegation denied for {}", account.address)))
    }
}

/// The JSON body of a request.
pub(crate) fn json_body<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body).map_err(|error| {
        Refusal::invalid_argument(format!("Invalid JSON payload received. {error}"))
    })
}
