//! Google Calendar v3 on Google's paths.
//!
//! Series are listed as they are (`singleEvents=false`); the simulator does not expand them.

use axum::Router;
use axum::routing::MethodFilter;

use crate::gateway::{Shared, endpoint};
use crate::operation::Operation;

pub(crate) mod channels;
mod events;
mod lists;
mod refusals;
mod sync;

pub(crate) use refusals::gone;

/// The routes of Calendar.
pub(crate) fn router() -> Router<Shared> {
    let get = |operation, work| endpoint(MethodFilter::GET, operation, work);
    let post = |operation, work| endpoint(MethodFilter::POST, operation, work);
    let list = "/calendar/v3/users/me/calendarList";
    let events = "/calendar/v3/calendars/{calendar}/events";
    Router::new()
        .route(list, get(Operation::ListCalendars, lists::list))
        .route(&format!("{list}/watch"), post(Operation::WatchCalendars, channels::watch_list))
        .route(events, get(Operation::ListEvents, events::list))
        .route(&format!("{events}/watch"), post(Operation::WatchEvents, channels::watch_events))
        .route(&format!("{events}/{{id}}"), get(Operation::GetEvent, events::get))
        .route("/calendar/v3/channels/stop", post(Operation::StopChannel, channels::stop))
}
