//! Onboarding: ten questions, a profile, a project (ONB-6).
use axum::{
    Json,
    body::Bytes,
    extract::{Path, State, rejection::BytesRejection},
    http::StatusCode,
};
use besunny::{
    Generation, Step,
    core::{
        ids::ProjectId,
        onboarding::{Onboarding, OnboardingError},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::json;
use crate::web::{
    Site,
    onboarding::{EditsBody, OnboardingDetail, ProposalDetail, id},
    problem::Problem,
    project::ProjectDetail,
};

/// What an onboarding is about.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::web) struct OnboardingStart {
    /// A project whose questions are gone through again; absent for a new one.
    project: Option<Uuid>,
}

/// The onboardings of the person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::web) struct OnboardingList {
    /// The one that changed last first.
    onboardings: Vec<OnboardingDetail>,
}

/// Which version of the onboarding the caller has seen.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct OnboardingVersion {
    version: u64,
}

/// An answer to the question that is asked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct OnboardingAnswer {
    version: u64,
    /// The answer, as text.
    answer: String,
}

/// Another answer to an earlier question.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct AnswerChange {
    version: u64,
    /// The key of the question.
    question: String,
    /// The answer, as text.
    answer: String,
}

/// By what the profile is generated.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ProfileGeneration {
    version: u64,
    /// Whether a language model may help, where one is set up; it may unless said.
    #[serde(default = "yes")]
    model: bool,
}

/// Fields as the person wants them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ProfileChange {
    version: u64,
    /// Each field by its lines; the others stay.
    #[schema(value_type = std::collections::HashMap<String, Vec<String>>)]
    edits: besunny::core::profile::Edits,
}

/// What is wrong with a profile.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::web) struct ProfileProblems {
    /// Nothing when it can be saved.
    problems: Vec<FieldProblem>,
}

/// A field that cannot stay as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::web) struct FieldProblem {
    field: String,
    message: String,
    fix: String,
}

/// A save of what was looked at.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct OnboardingSave {
    version: u64,
    /// `seen` of the preview.
    seen: String,
}

const fn yes() -> bool {
    true
}

/// Begins an onboarding, or goes through the one of a project again.
#[utoipa::path(
    post, path = "/api/v1/onboarding", tag = "onboarding", request_body = OnboardingStart,
    security(("token" = [])),
    responses(
        (status = 201, body = OnboardingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn begin(
    State(site): State<Site>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<OnboardingDetail>), Problem> {
    let OnboardingStart { project } = json(body)?;
    let project = project.map(ProjectId::from_uuid);
    let begun = site.besunny().begin_onboarding(site.scope(), site.user(), project).await?;
    Ok((StatusCode::CREATED, Json(OnboardingDetail::read(&site, begun.id).await?)))
}

/// Lists the onboardings of the person.
#[utoipa::path(
    get, path = "/api/v1/onboarding", operation_id = "list_onboardings", tag = "onboarding", security(("token" = [])),
    responses(
        (status = 200, body = OnboardingList),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn list(
    State(site): State<Site>,
) -> Result<Json<OnboardingList>, Problem> {
    let mut onboardings = Vec::new();
    for found in site.besunny().store().onboardings(site.scope(), site.user()).await? {
        onboardings.push(OnboardingDetail::read(&site, found.id).await?);
    }
    Ok(Json(OnboardingList { onboardings }))
}

/// Reads an onboarding: what is asked, what was answered, what was generated.
#[utoipa::path(
    get, path = "/api/v1/onboarding/{id}", operation_id = "read_onboarding", tag = "onboarding", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The onboarding")),
    responses(
        (status = 200, body = OnboardingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn read(
    State(site): State<Site>,
    Path(text): Path<String>,
) -> Result<Json<OnboardingDetail>, Problem> {
    Ok(Json(OnboardingDetail::read(&site, id(&text)?).await?))
}

/// Forgets an onboarding; a project that was saved of it stays.
#[utoipa::path(
    delete, path = "/api/v1/onboarding/{id}", tag = "onboarding", security(("token" = [])),
    params(("id" = Uuid, Path, description = "The onboarding")),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn forget(
    State(site): State<Site>,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    site.besunny().store().drop_onboarding(site.scope(), site.user(), id(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Answers the question that is asked; the next one is in the reply.
#[utoipa::path(
    post, path = "/api/v1/onboarding/{id}/answer", tag = "onboarding", request_body = OnboardingAnswer,
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = OnboardingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn answer(
    State(site): State<Site>,
    Path(text): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<OnboardingDetail>, Problem> {
    let OnboardingAnswer { version, answer } = json(body)?;
    step(&site, &text, version, Step::Answer(answer)).await
}

/// Goes back to the question before.
#[utoipa::path(
    post, path = "/api/v1/onboarding/{id}/back", tag = "onboarding", request_body = OnboardingVersion,
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = OnboardingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn back(
    State(site): State<Site>,
    Path(text): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<OnboardingDetail>, Problem> {
    let OnboardingVersion { version } = json(body)?;
    step(&site, &text, version, Step::Back).await
}

/// Replaces an earlier answer.
#[utoipa::path(
    put, path = "/api/v1/onboarding/{id}/answer", operation_id = "edit_answer", tag = "onboarding", request_body = AnswerChange,
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = OnboardingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn edit(
    State(site): State<Site>,
    Path(text): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<OnboardingDetail>, Problem> {
    let AnswerChange { version, question, answer } = json(body)?;
    step(&site, &text, version, Step::Edit { question, answer }).await
}

/// Takes it that the summary is right.
#[utoipa::path(
    post, path = "/api/v1/onboarding/{id}/confirm", tag = "onboarding", request_body = OnboardingVersion,
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = OnboardingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn confirm(
    State(site): State<Site>,
    Path(text): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<OnboardingDetail>, Problem> {
    let OnboardingVersion { version } = json(body)?;
    step(&site, &text, version, Step::Confirm).await
}

/// Returns what the answers say together (ONB-2).
#[utoipa::path(
    get, path = "/api/v1/onboarding/{id}/summary", tag = "onboarding",
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, description = "The answers, read", body = serde_json::Value),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn summary(
    State(site): State<Site>,
    Path(text): Path<String>,
) -> Result<Json<besunny::core::onboarding::Brief>, Problem> {
    let (found, template) =
        site.besunny().onboarding(site.scope(), site.user(), id(&text)?).await?;
    Ok(Json(found.conversation.brief(template)?))
}

/// Generates the profile of what was confirmed; a model that fails leaves the answers alone.
#[utoipa::path(
    post, path = "/api/v1/onboarding/{id}/generate", tag = "onboarding", request_body = ProfileGeneration,
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = OnboardingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn generate(
    State(site): State<Site>,
    Path(text): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<OnboardingDetail>, Problem> {
    let ProfileGeneration { version, model } = json(body)?;
    let by = if model { Generation::Model } else { Generation::Answers };
    let at = (id(&text)?, version);
    let next = site.besunny().generate_profile(site.scope(), site.user(), at, by).await?;
    shown(&site, &next).await
}

/// Changes fields of what was generated.
#[utoipa::path(
    put, path = "/api/v1/onboarding/{id}/profile", tag = "onboarding", request_body = ProfileChange,
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = OnboardingDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn profile(
    State(site): State<Site>,
    Path(text): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<OnboardingDetail>, Problem> {
    let ProfileChange { version, edits } = json(body)?;
    let at = (id(&text)?, version);
    let next = site.besunny().edit_profile(site.scope(), site.user(), at, edits).await?;
    shown(&site, &next).await
}

/// Says what would be wrong with the profile after edits; nothing is changed.
#[utoipa::path(
    post, path = "/api/v1/onboarding/{id}/validate", tag = "onboarding", request_body = EditsBody,
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = ProfileProblems),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn validate(
    State(site): State<Site>,
    Path(text): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ProfileProblems>, Problem> {
    let EditsBody { edits } = json(body)?;
    let (found, _) = site.besunny().onboarding(site.scope(), site.user(), id(&text)?).await?;
    let problems = match found.with_edits(edits, site.clock().now()) {
        Ok(_) => Vec::new(),
        Err(OnboardingError::Profile(problems)) => problems,
        Err(other) => return Err(other.into()),
    };
    let problem = |it: besunny::core::profile::Problem| FieldProblem {
        field: it.field.to_string(),
        message: it.to_string(),
        fix: it.fix(),
    };
    Ok(Json(ProfileProblems { problems: problems.into_iter().map(problem).collect() }))
}

/// Says what saving would change: of the project, and of recent documents.
#[utoipa::path(
    get, path = "/api/v1/onboarding/{id}/preview", operation_id = "preview_onboarding", tag = "onboarding",
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = ProposalDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn preview(
    State(site): State<Site>,
    Path(text): Path<String>,
) -> Result<Json<ProposalDetail>, Problem> {
    let (found, _) = site.besunny().onboarding(site.scope(), site.user(), id(&text)?).await?;
    let proposal = site.besunny().propose_onboarded(site.scope(), &found).await?;
    Ok(Json(ProposalDetail::of(&site, &proposal).await?))
}

/// Saves the project, if it is still the one that the preview showed.
#[utoipa::path(
    post, path = "/api/v1/onboarding/{id}/save", tag = "onboarding", request_body = OnboardingSave,
    params(("id" = Uuid, Path, description = "The onboarding")),
    security(("token" = [])),
    responses(
        (status = 200, body = ProjectDetail),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
pub(in crate::web) async fn save(
    State(site): State<Site>,
    Path(text): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ProjectDetail>, Problem> {
    let OnboardingSave { version, seen } = json(body)?;
    let at = (id(&text)?, version);
    let saved = site.besunny().save_onboarding(site.scope(), site.user(), at, &seen).await?;
    Ok(Json(ProjectDetail::read(&site, saved.id).await?))
}

async fn step(
    site: &Site,
    text: &str,
    version: u64,
    step: Step,
) -> Result<Json<OnboardingDetail>, Problem> {
    let at = (id(text)?, version);
    let next = site.besunny().step_onboarding(site.scope(), site.user(), at, step).await?;
    shown(site, &next).await
}

async fn shown(site: &Site, next: &Onboarding) -> Result<Json<OnboardingDetail>, Problem> {
    Ok(Json(OnboardingDetail::read(site, next.id).await?))
}
