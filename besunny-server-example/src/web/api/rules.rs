//! Standing rules: listed, tried out, accepted and taken back (CLS-9).
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::HeaderMap,
};
use besunny::core::ids::RuleId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::feedback::act;
use crate::web::{
    Site,
    feedback::Done,
    problem::Problem,
    project::Projects,
    rule::{Foresight, RuleAsked, RuleLine},
};

/// All rules of the person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::web) struct Rules {
    /// The rules.
    rules: Vec<RuleLine>,
}

/// A rule, and whether it also routes what waits.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The rule.
    rule: RuleAsked,
    /// Whether what waits in review and matches is routed at once, undone with the rule.
    #[serde(default)]
    apply: bool,
}

/// Lists the standing rules.
#[utoipa::path(
    get,
    path = "/api/v1/rules",
    tag = "feedback",
    security(("token" = [])),
    responses(
        (status = 200, body = Rules),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn list(State(site): State<Site>) -> Result<Json<Rules>, Problem> {
    let rules = site.besunny().store().rules(site.scope(), site.user()).await?;
    let projects = Projects::of(&site).await?;
    Ok(Json(Rules { rules: rules.iter().map(|rule| RuleLine::of(rule, &projects)).collect() }))
}

/// Says what a rule would have done to the newest documents; changes nothing.
#[utoipa::path(
    post,
    path = "/api/v1/rules/preview",
    tag = "feedback",
    request_body = RuleAsked,
    security(("token" = [])),
    responses(
        (status = 200, body = Foresight),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn preview(
    State(site): State<Site>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Foresight>, Problem> {
    let asked: RuleAsked = super::json(body)?;
    let feedback = site.besunny().feedback(site.scope(), site.user());
    let preview = feedback.preview(asked.wanted()).await?;
    Ok(Json(Foresight::of(&preview, &Projects::of(&site).await?)))
}

/// Makes a standing rule; one about the same match and project is replaced.
#[utoipa::path(
    post,
    path = "/api/v1/rules",
    tag = "feedback",
    request_body = Acceptance,
    security(("token" = [])),
    responses(
        (status = 200, body = Done),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn accept(
    State(site): State<Site>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Done>, Problem> {
    let asked: Acceptance = super::json(body)?;
    let outcome = act(&site, &headers)?.accept(asked.rule.wanted(), asked.apply).await?;
    Ok(Json(Done::of(&outcome, &Projects::of(&site).await?)))
}

/// Takes a standing rule back; documents stay where they are.
#[utoipa::path(
    delete,
    path = "/api/v1/rules/{id}",
    tag = "feedback",
    params(("id" = uuid::Uuid, Path, description = "The rule")),
    security(("token" = [])),
    responses(
        (status = 200, body = Done),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn withdraw(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Done>, Problem> {
    let id: RuleId = id.parse().map_err(|_unreadable| Problem::missing("rule"))?;
    let outcome = act(&site, &headers)?.withdraw(id).await?;
    Ok(Json(Done::of(&outcome, &Projects::of(&site).await?)))
}
