//! The control API over HTTP: one route for each method of the handles.

use std::path::PathBuf;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Control, ControlError, Delivered, Delivery};
use crate::attendee::Act;
use crate::clock::ClockMode;
use crate::config::Settings;
use crate::fault::plan::{FaultRule, FaultScript};
use crate::gateway::Shared;
use crate::oauth::grants::{Consent, Credentials};
use crate::pubsub::forgery::Forgery;

mod agenda;

type Answered<T> = Result<T, ControlError>;
type Done = Result<StatusCode, ControlError>;

const DONE: StatusCode = StatusCode::NO_CONTENT;

/// Messages as large as Gmail takes, with room.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

pub(crate) fn router() -> Router<Shared> {
    let account = Router::new()
        .route("/messages", post(deliver).get(message_ids))
        .route("/messages/{id}", get(raw).delete(delete_message))
        .route("/messages/{id}/labels", get(labels_of).post(change_labels))
        .route("/messages/{id}/trash", post(trash))
        .route("/load", post(load))
        .route("/drafts", post(draft))
        .route("/drafts/{id}/send", post(send_draft))
        .route("/labels", post(create_label))
        .route("/scope", get(ids_in_scope))
        .route("/history/expire", post(expire_history))
        .route("/token", post(access_token))
        .route("/code", post(authorize))
        .route("/tokens/expire", post(expire_tokens))
        .route("/revoke", post(revoke))
        .route("/scopes", put(set_scopes))
        .route("/notices/forge", post(forge_notice))
        .merge(agenda::router());
    let world = Router::new()
        .route("/clock", get(clock).put(set_clock))
        .route("/clock/advance", post(advance))
        .route("/settings", get(settings).patch(patch_settings))
        .route("/accounts", get(accounts).post(add_account))
        .route("/page-tokens", delete(kill_page_tokens))
        .route("/keys/rotate", post(rotate_keys))
        .route("/faults", get(faults).put(set_faults).post(add_fault))
        .route("/fired", get(fired))
        .route("/usage", get(usage))
        .route("/counters", delete(reset_counters))
        .route("/requests", get(requests))
        .route("/deliveries", get(deliveries))
        .route("/calls", get(agenda::calls))
        .route("/asks", get(asks))
        .route("/settle", post(settle))
        .route("/bots", get(bots))
        .route("/bots/{id}/play", post(play))
        .route("/bots/deliveries", get(bot_deliveries))
        .nest("/accounts/{address}", account)
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY_BYTES));
    Router::new().nest("/control", world)
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NoAccount(_)
            | Self::NoMessage(_)
            | Self::NoEvent(_)
            | Self::NoGrant(_)
            | Self::NoBot(_) => StatusCode::NOT_FOUND,
            Self::NoDraft(_) | Self::BadLabel(_) | Self::Load { .. } => StatusCode::BAD_REQUEST,
        };
        let cause = std::error::Error::source(&self).map(ToString::to_string);
        (status, Json(json!({ "error": self.to_string(), "cause": cause }))).into_response()
    }
}

fn control(world: Shared) -> Control {
    Control::new(world)
}

async fn clock(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "now": control(world).now() }))
}

async fn set_clock(State(world): State<Shared>, Json(mode): Json<ClockMode>) -> StatusCode {
    control(world).set_clock(mode);
    DONE
}

#[derive(Deserialize)]
struct Advance {
    ms: u64,
}

async fn advance(State(world): State<Shared>, Json(by): Json<Advance>) -> Json<Value> {
    let control = control(world);
    control.advance(Duration::from_millis(by.ms));
    Json(json!({ "now": control.now() }))
}

async fn settings(State(world): State<Shared>) -> Json<Settings> {
    Json(control(world).settings())
}

async fn patch_settings(
    State(world): State<Shared>,
    Json(patch): Json<Value>,
) -> Result<Json<Settings>, Response> {
    let control = control(world);
    let refused = |error: serde_json::Error| {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() }))).into_response()
    };
    let mut merged = serde_json::to_value(control.settings()).map_err(refused)?;
    merge(&mut merged, patch);
    let settings: Settings = serde_json::from_value(merged).map_err(refused)?;
    control.configure(|current| current.clone_from(&settings));
    Ok(Json(settings))
}

/// Replaces what the patch names; objects are merged (RFC 7396 without removal).
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

async fn accounts(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "accounts": control(world).accounts() }))
}

#[derive(Deserialize)]
struct NewAccount {
    address: String,
}

async fn add_account(
    State(world): State<Shared>,
    Json(new): Json<NewAccount>,
) -> Json<Credentials> {
    Json(control(world).add_account(&new.address))
}

async fn kill_page_tokens(State(world): State<Shared>) -> StatusCode {
    control(world).kill_page_tokens();
    DONE
}

async fn rotate_keys(State(world): State<Shared>) -> StatusCode {
    control(world).rotate_keys();
    DONE
}

async fn faults(State(world): State<Shared>) -> Json<FaultScript> {
    Json(control(world).faults())
}

async fn set_faults(State(world): State<Shared>, Json(script): Json<FaultScript>) -> StatusCode {
    control(world).set_faults(script);
    DONE
}

async fn add_fault(State(world): State<Shared>, Json(rule): Json<FaultRule>) -> StatusCode {
    control(world).add_fault(rule);
    DONE
}

async fn fired(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "fired": control(world).fired() }))
}

async fn usage(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "usage": control(world).usage() }))
}

async fn reset_counters(State(world): State<Shared>) -> StatusCode {
    control(world).reset_counters();
    DONE
}

async fn requests(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "requests": control(world).requests() }))
}

async fn deliveries(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "deliveries": control(world).deliveries() }))
}

async fn bots(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "bots": control(world).bots().all() }))
}

async fn play(State(world): State<Shared>, Path(id): Path<String>, Json(act): Json<Act>) -> Done {
    control(world).bots().play(&id, &act)?;
    Ok(DONE)
}

async fn bot_deliveries(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "deliveries": control(world).bots().deliveries() }))
}

async fn asks(State(world): State<Shared>) -> Json<Value> {
    Json(json!({ "asks": control(world).asks() }))
}

async fn settle(State(world): State<Shared>) -> StatusCode {
    control(world).settle().await;
    DONE
}

/// `?labels=INBOX,UNREAD&internal_date=2026-01-05T09:00:00Z`
#[derive(Deserialize)]
struct DeliveryQuery {
    labels: Option<String>,
    internal_date: Option<DateTime<Utc>>,
}

impl From<DeliveryQuery> for Delivery {
    fn from(query: DeliveryQuery) -> Self {
        let mut delivery = Self { internal_date: query.internal_date, ..Self::default() };
        if let Some(labels) = query.labels {
            let names = labels.split(',').filter(|label| !label.is_empty());
            delivery.labels = names.map(str::to_owned).collect();
        }
        delivery
    }
}

async fn deliver(
    State(world): State<Shared>,
    Path(address): Path<String>,
    Query(query): Query<DeliveryQuery>,
    raw: Bytes,
) -> Answered<Json<Delivered>> {
    control(world).mailbox(&address)?.deliver(raw, &query.into()).map(Json)
}

#[derive(Deserialize)]
struct Load {
    path: PathBuf,
    #[serde(default)]
    delivery: Delivery,
}

async fn load(
    State(world): State<Shared>,
    Path(address): Path<String>,
    Json(load): Json<Load>,
) -> Answered<Json<Value>> {
    let count = control(world).mailbox(&address)?.load(&load.path, &load.delivery)?;
    Ok(Json(json!({ "loaded": count })))
}

async fn message_ids(
    State(world): State<Shared>,
    Path(address): Path<String>,
) -> Answered<Json<Value>> {
    Ok(Json(json!({ "ids": control(world).mailbox(&address)?.message_ids() })))
}

async fn ids_in_scope(
    State(world): State<Shared>,
    Path(address): Path<String>,
) -> Answered<Json<Value>> {
    Ok(Json(json!({ "ids": control(world).mailbox(&address)?.ids_in_scope() })))
}

async fn raw(
    State(world): State<Shared>,
    Path((address, id)): Path<(String, String)>,
) -> Answered<Bytes> {
    control(world).mailbox(&address)?.raw(&id)
}

async fn labels_of(
    State(world): State<Shared>,
    Path((address, id)): Path<(String, String)>,
) -> Answered<Json<Value>> {
    Ok(Json(json!({ "labels": control(world).mailbox(&address)?.labels_of(&id)? })))
}

async fn delete_message(
    State(world): State<Shared>,
    Path((address, id)): Path<(String, String)>,
) -> Done {
    control(world).mailbox(&address)?.delete(&id).map(|()| DONE)
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct LabelNames {
    add: Vec<String>,
    remove: Vec<String>,
}

async fn change_labels(
    State(world): State<Shared>,
    Path((address, id)): Path<(String, String)>,
    Json(names): Json<LabelNames>,
) -> Done {
    let add: Vec<_> = names.add.iter().map(String::as_str).collect();
    let remove: Vec<_> = names.remove.iter().map(String::as_str).collect();
    control(world).mailbox(&address)?.change_labels(&id, &add, &remove).map(|()| DONE)
}

async fn trash(State(world): State<Shared>, Path((address, id)): Path<(String, String)>) -> Done {
    control(world).mailbox(&address)?.trash(&id).map(|()| DONE)
}

async fn draft(
    State(world): State<Shared>,
    Path(address): Path<String>,
    raw: Bytes,
) -> Answered<Json<Delivered>> {
    control(world).mailbox(&address)?.draft(raw).map(Json)
}

async fn send_draft(
    State(world): State<Shared>,
    Path((address, id)): Path<(String, String)>,
) -> Answered<Json<Delivered>> {
    control(world).mailbox(&address)?.send_draft(&id).map(Json)
}

#[derive(Deserialize)]
struct LabelName {
    name: String,
}

async fn create_label(
    State(world): State<Shared>,
    Path(address): Path<String>,
    Json(label): Json<LabelName>,
) -> Answered<Json<Value>> {
    let id = control(world).mailbox(&address)?.create_label(&label.name)?;
    Ok(Json(json!({ "id": id })))
}

async fn expire_history(State(world): State<Shared>, Path(address): Path<String>) -> Done {
    control(world).mailbox(&address)?.expire_history();
    Ok(DONE)
}

async fn access_token(
    State(world): State<Shared>,
    Path(address): Path<String>,
) -> Answered<Json<Value>> {
    let token = control(world).mailbox(&address)?.access_token()?;
    Ok(Json(json!({ "access_token": token })))
}

async fn authorize(
    State(world): State<Shared>,
    Path(address): Path<String>,
    Json(consent): Json<Consent>,
) -> Answered<Json<Value>> {
    let code = control(world).mailbox(&address)?.authorize(consent);
    Ok(Json(json!({ "code": code })))
}

async fn expire_tokens(State(world): State<Shared>, Path(address): Path<String>) -> Done {
    control(world).mailbox(&address)?.expire_tokens().map(|()| DONE)
}

async fn revoke(State(world): State<Shared>, Path(address): Path<String>) -> Done {
    control(world).mailbox(&address)?.revoke().map(|()| DONE)
}

#[derive(Deserialize)]
struct Scopes {
    scopes: Vec<String>,
}

async fn set_scopes(
    State(world): State<Shared>,
    Path(address): Path<String>,
    Json(new): Json<Scopes>,
) -> Done {
    control(world).mailbox(&address)?.set_scopes(&new.scopes).map(|()| DONE)
}

#[derive(Deserialize)]
struct Forged {
    forgery: Forgery,
}

async fn forge_notice(
    State(world): State<Shared>,
    Path(address): Path<String>,
    Json(forged): Json<Forged>,
) -> Done {
    control(world).mailbox(&address)?.forge_notice(forged.forgery);
    Ok(DONE)
}
