//! The way of every request: who, which fault, which price, the work, the answer, the log.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::account::Account;
use crate::answer::Answer;
use crate::config::Settings;
use crate::fault::{Fault, ModelFault, RefusalFault, Sight, WireFault, damage, refusal};
use crate::form::Form;
use crate::journal::RequestEntry;
use crate::oauth::access;
use crate::oauth::grants::Caller;
use crate::operation::{Dialect, Operation};
use crate::quota;
use crate::refusal::Refusal;
use crate::wire;
use crate::world::World;

/// The state of every route.
pub(crate) type Shared = Arc<World>;

/// What an operation does, once the request is let through.
pub(crate) type Work = fn(&Call) -> Result<Answer, Refusal>;

/// The largest request body, in bytes; Gmail takes messages of 35 MB.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// A request that was let through.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) world: Shared,
    pub(crate) settings: Arc<Settings>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) query: Form,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What a model gets wrong this time.
    pub(crate) mishap: Option<ModelFault>,
    caller: Option<Caller>,
    path: Vec<(String, String)>,
}

impl Call {
    pub(crate) fn caller(&self) -> Result<&Caller, Refusal> {
        self.caller.as_ref().ok_or_else(Refusal::missing_token)
    }

    pub(crate) fn account(&self) -> Result<&Account, Refusal> {
        self.caller().map(|caller| &*caller.account)
    }

    /// A part of the path, decoded.
    pub(crate) fn segment(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

/// A route for one operation.
pub(crate) fn endpoint(
    methods: MethodFilter,
    operation: Operation,
    work: Work,
) -> MethodRouter<Shared> {
    on(methods, move |State(world): State<Shared>, path: RawPathParams, request: Request| {
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        serve(world, operation, work, path, request)
    })
}

/// What became of a request, before it goes onto the wire.
struct Outcome {
    answer: Answer,
    account: Option<Arc<Account>>,
    units: u64,
    /// The kind of a fault that is already delivered.
    struck: Option<&'static str>,
    /// A fault that is still to be carried out.
    wire: Option<WireFault>,
}

async fn serve(
    world: Shared,
    operation: Operation,
    work: Work,
    path: Vec<(String, String)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let settings = world.settings();
    world.clock.sleep(settings.wire.latency).await;
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut call = Call {
        at: world.clock.now(),
        world,
        settings,
        query: Form::parse(parts.uri.query().unwrap_or_default().as_bytes()),
        headers: parts.headers.clone(),
        body,
        mishap: None,
        caller: None,
        path,
    };
    let outcome = decide(&mut call, operation, &parts.headers, work);
    log(&call, operation, &parts, &outcome);
    wire::respond(&call, &parts.headers, outcome.answer, outcome.wire).await
}

fn decide(call: &mut Call, operation: Operation, headers: &HeaderMap, work: Work) -> Outcome {
    let world = Arc::clone(&call.world);
    let account = match identify(call, operation, headers) {
        Ok(account) => account,
        Err(refusal) => {
            let answer = refusal.into_answer();
            return Outcome { answer, account: None, units: 0, struck: None, wire: None };
        }
    };
    let sight = Sight {
        operation,
        account: account.as_ref().map(|account| account.address.as_str()),
        message: Some(call.segment("id")).filter(|id| !id.is_empty()),
        has_page_token: call.query.get("pageToken").is_some_and(|token| !token.is_empty()),
        has_sync_token: call.query.get("syncToken").is_some_and(|token| !token.is_empty()),
    };
    let fault = world.faults.draw(sight);
    let mut outcome =
        Outcome { answer: Answer::no_content(), account, units: 0, struck: None, wire: None };
    match fault {
        Some(Fault::Refusal(fault)) => {
            take_rights(call, &fault, outcome.account.as_deref());
            outcome.answer = refusal::words(&fault, operation, call.at).into_answer();
            outcome.struck = Some(Fault::Refusal(fault).kind());
        }
        Some(Fault::Wire(fault @ (WireFault::DropRequest | WireFault::Stall))) => {
            outcome.wire = Some(fault);
        }
        Some(Fault::Model(fault)) => {
            outcome.struck = Some(Fault::Model(fault.clone()).kind());
            call.mishap = Some(fault);
            (outcome.answer, outcome.units) = perform(call, operation, work);
        }
        fault => {
            (outcome.answer, outcome.units) = perform(call, operation, work);
            match fault {
                Some(Fault::Wire(fault)) => outcome.wire = Some(fault),
                Some(Fault::Damage(damage)) if outcome.answer.status.is_success() => {
                    let damaged = damage::apply(&damage, &mut outcome.answer);
                    outcome.struck = damaged.then(|| Fault::Damage(damage).kind());
                }
                _ => {}
            }
        }
    }
    if let Some(kind) = outcome.struck {
        world.faults.count(kind);
    }
    outcome
}

fn perform(call: &Call, operation: Operation, work: Work) -> (Answer, u64) {
    let charged = match &call.caller {
        Some(caller) => quota::charge(
            &caller.account.meter,
            &call.world.project,
            operation,
            &call.settings.quota,
            call.at,
        ),
        None => Ok(0),
    };
    match charged {
        Err(refusal) => (refusal.into_answer(), 0),
        Ok(units) => (work(call).unwrap_or_else(Refusal::into_answer), units),
    }
}

/// Whose request it is; of OAuth's own operations only the token endpoint shows it.
fn identify(
    call: &mut Call,
    operation: Operation,
    headers: &HeaderMap,
) -> Result<Option<Arc<Account>>, Refusal> {
    if matches!(operation.dialect(), Dialect::Model | Dialect::Attendee) {
        return Ok(None);
    }
    if operation.scopes().is_empty() {
        let form = Form::parse(&call.body);
        let grant =
            form.get("refresh_token").and_then(|token| call.world.grants.by_refresh_token(token));
        return Ok(grant.map(|(_, account)| account));
    }
    let caller = access::authenticate(&call.world, operation, headers, &call.query)?;
    let account = Arc::clone(&caller.account);
    call.caller = Some(caller);
    Ok(Some(account))
}

/// The lasting effect of faults that end tokens and grants.
fn take_rights(call: &Call, fault: &RefusalFault, account: Option<&Account>) {
    let grants = &call.world.grants;
    let grant = match &call.caller {
        Some(caller) => Some(caller.grant),
        None => account.and_then(|account| grants.of_account(&account.address)),
    };
    let Some(grant) = grant else { return };
    match fault {
        RefusalFault::RevokedGrant => grants.revoke(grant),
        RefusalFault::ExpiredToken => grants.expire(grant),
        RefusalFault::RateLimited { .. }
        | RefusalFault::ServerError { .. }
        | RefusalFault::HtmlError { .. }
        | RefusalFault::EmptyError { .. }
        | RefusalFault::DeadPageToken
        | RefusalFault::ExpiredHistory
        | RefusalFault::ExpiredSync { .. } => {}
    }
}

fn log(call: &Call, operation: Operation, parts: &Parts, outcome: &Outcome) {
    let wire = outcome.wire.map(|fault| Fault::Wire(fault).kind());
    let answered = !matches!(
        outcome.wire,
        Some(WireFault::DropRequest | WireFault::DropAnswer | WireFault::Stall)
    );
    let entry = RequestEntry {
        at: call.at,
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        operation,
        account: outcome.account.as_ref().map(|account| account.address.clone()),
        status: answered.then_some(outcome.answer.status.as_u16()),
        units: outcome.units,
        fault: outcome.struck.or(wire).map(str::to_owned),
    };
    call.world.journal.record(entry, call.settings.wire.log_entries);
}
