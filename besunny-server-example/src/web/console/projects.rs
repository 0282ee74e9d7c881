//! Projects: how much is in each, what speaks for it, and what a change of that would do.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use besunny::{Error, core::onboarding::Onboarding};

use super::{
    Frame, Place, Refusal, fields,
    fields::{FieldLines, FieldsForm},
    mark, show,
};
use crate::web::{
    Site,
    access::Session,
    guard,
    onboarding::{ProposalDetail, project_id},
    problem::Problem,
    project::{Overview, ProjectDetail},
};

#[derive(Template)]
#[template(path = "projects.html")]
struct Page {
    frame: Frame,
    overview: Overview,
    /// Onboardings that have not become a project yet.
    open: Vec<Open>,
}

/// An onboarding that can be gone on with.
struct Open {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    frame: Frame,
    project: ProjectDetail,
    fields: Vec<FieldLines>,
    /// What the fields as they stand in the form would change.
    proposal: Option<ProposalDetail>,
    problem: Option<Problem>,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
) -> Result<Response, Refusal> {
    let frame = Frame::of(&site, &session, Place::Projects).await?;
    let all = site.besunny().store().onboardings(site.scope(), site.user()).await?;
    let open = all.iter().filter(|it| it.project.is_none()).map(Open::of).collect();
    show(&Page { frame, overview: Overview::of(&site).await?, open })
}

pub(super) async fn project(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let project = ProjectDetail::read(&site, project_id(&id)?).await?;
    let fields = FieldLines::all(&project.fields);
    let frame = Frame::of(&site, &session, Place::Projects).await?;
    show(&ProjectPage { frame, project, fields, proposal: None, problem: None })
}

/// Shows what the fields of the form would change; nothing is saved.
pub(super) async fn preview(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<FieldsForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form?;
    guard::own_form(&session, form.form_token())?;
    let id = project_id(&id)?;
    match site.besunny().propose(site.scope(), site.user(), id, &form.edits()).await {
        Ok(proposal) => {
            let proposal = ProposalDetail::of(&site, &proposal).await?;
            again(&site, &session, id, &form, Ok(proposal)).await
        }
        Err(Error::Onboarding(error)) => again(&site, &session, id, &form, Err(error.into())).await,
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn save(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<FieldsForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(form) = form?;
    guard::own_form(&session, form.form_token())?;
    let id = project_id(&id)?;
    let proposal = site.besunny().propose(site.scope(), site.user(), id, &form.edits()).await;
    let saved = match proposal {
        Ok(proposal) => site.besunny().save(site.scope(), proposal, form.seen()).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(project) => Ok(Redirect::to(&format!("/projects/{}", project.id)).into_response()),
        Err(error @ (Error::Onboarding(_) | Error::Store(_))) => {
            again(&site, &session, id, &form, Err(error.into())).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows the form as it was sent, with what it would change or why it cannot be.
async fn again(
    site: &Site,
    session: &Session,
    id: besunny::core::ids::ProjectId,
    form: &FieldsForm,
    outcome: Result<ProposalDetail, Problem>,
) -> Result<Response, Refusal> {
    let project = ProjectDetail::read(site, id).await?;
    let frame = Frame::of(site, session, Place::Projects).await?;
    let (proposal, problem) = match outcome {
        Ok(proposal) => (Some(proposal), None),
        Err(problem) => (None, Some(problem)),
    };
    let status = problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let page = ProjectPage { frame, project, fields: form.lines(), proposal, problem };
    Ok((status, show(&page)?).into_response())
}

impl Open {
    fn of(onboarding: &Onboarding) -> Self {
        let name = onboarding.conversation.answer("project_name");
        let name = name.map_or_else(|| "A new project".to_owned(), |name| name.expose().clone());
        Self { id: onboarding.id.to_string(), name }
    }
}
