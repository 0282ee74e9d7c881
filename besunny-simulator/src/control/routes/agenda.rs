//! Calendars over the control API.

use axum::routing::{get, post, put};
use axum::{
    Json, Router,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, DONE, Done, control};
use crate::gateway::Shared;
use crate::pubsub::queue::CallEntry;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/calendars/{calendar}", put(change_calendar).delete(remove_calendar))
        .route("/calendars/{calendar}/events", post(put_event).get(ids))
        .route("/calendars/{calendar}/events/{id}", get(event).delete(delete_event))
        .route("/calendars/{calendar}/events/{id}/exceptions", post(except))
        .route("/calendars/{calendar}/sync/expire", post(expire_sync))
        .route("/channels", get(channels))
}

pub(super) async fn calls(State(world): State<Shared>) -> Json<Vec<CallEntry>> {
    Json(control(world).calls())
}

async fn change_calendar(
    State(world): State<Shared>,
    Path((address, calendar)): Path<(String, String)>,
    Json(change): Json<Value>,
) -> Done {
    let agenda = control(world).agenda(&address)?;
    agenda.add_calendar(&calendar);
    agenda.change_calendar(&calendar, change)?;
    Ok(DONE)
}

async fn remove_calendar(
    State(world): State<Shared>,
    Path((address, calendar)): Path<(String, String)>,
) -> Done {
    control(world).agenda(&address)?.remove_calendar(&calendar)?;
    Ok(DONE)
}

async fn put_event(
    State(world): State<Shared>,
    Path((address, calendar)): Path<(String, String)>,
    Json(event): Json<Value>,
) -> Answered<Json<Value>> {
    let id = control(world).agenda(&address)?.put(&calendar, event)?;
    Ok(Json(json!({ "id": id })))
}

async fn ids(
    State(world): State<Shared>,
    Path((address, calendar)): Path<(String, String)>,
) -> Answered<Json<Value>> {
    Ok(Json(json!({ "ids": control(world).agenda(&address)?.ids(&calendar) })))
}

async fn event(
    State(world): State<Shared>,
    Path((address, calendar, id)): Path<(String, String, String)>,
) -> Answered<Json<Value>> {
    Ok(Json(control(world).agenda(&address)?.event(&calendar, &id)?))
}

async fn delete_event(
    State(world): State<Shared>,
    Path((address, calendar, id)): Path<(String, String, String)>,
) -> Done {
    control(world).agenda(&address)?.delete(&calendar, &id)?;
    Ok(DONE)
}

#[derive(Deserialize)]
struct Exception {
    original: Value,
    change: Value,
}

async fn except(
    State(world): State<Shared>,
    Path((address, calendar, id)): Path<(String, String, String)>,
    Json(exception): Json<Exception>,
) -> Answered<Json<Value>> {
    let Exception { original, change } = exception;
    let id = control(world).agenda(&address)?.except(&calendar, &id, &original, change)?;
    Ok(Json(json!({ "id": id })))
}

async fn expire_sync(
    State(world): State<Shared>,
    Path((address, calendar)): Path<(String, String)>,
) -> Done {
    control(world).agenda(&address)?.expire_sync(&calendar)?;
    Ok(DONE)
}

async fn channels(
    State(world): State<Shared>,
    Path(address): Path<String>,
) -> Answered<Json<Value>> {
    Ok(Json(json!({ "channels": control(world).agenda(&address)?.channels() })))
}
