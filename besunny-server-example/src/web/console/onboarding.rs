//! Onboarding for people: one question at a time, a summary, and what saving would change.
//!
//! Every step is a form, so that it works without a script; with one, only the talk is replaced.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{FromRequestParts, Path, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use besunny::{
    Error, Generation, Step,
    core::{
        ids::{OnboardingId, ProjectId},
        onboarding::Onboarding,
        profile::Edits,
    },
};
use serde::Deserialize;

use super::{
    Frame, Place, Refusal, fields,
    fields::{FieldLines, FieldsForm},
    mark, refuse, show,
};
use crate::web::{
    Site,
    access::Session,
    guard,
    onboarding::{Asked, GeneratedDetail, OnboardingDetail, ProposalDetail, id, project_id},
    problem::Problem,
};

#[derive(Template)]
#[template(path = "onboarding.html")]
struct Page {
    frame: Frame,
    talk: Talk,
}

/// The part of the page that a step replaces.
#[derive(Template)]
#[template(path = "onboarding_talk.html")]
struct Talk {
    onboarding: OnboardingDetail,
    form_token: String,
    proposal: Option<ProposalDetail>,
    fields: Vec<FieldLines>,
    /// Where the talk goes on for those who wait for it alone.
    is_piece: bool,
    /// What a refused step said, and what was typed.
    refused: Option<Refused>,
}

/// A step that was not taken, shown where it was tried.
struct Refused {
    problem: Problem,
    typed: String,
}

/// What a step sends.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    form_token: String,
    version: u64,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    question: String,
    #[serde(default)]
    seen: String,
}

/// What a beginning sends.
#[derive(Debug, Deserialize)]
pub(super) struct Begin {
    form_token: String,
    #[serde(default)]
    project: String,
}

pub(super) async fn begin(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    form: Result<Form<Begin>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(begin) = form?;
    guard::own_form(&session, &begin.form_token)?;
    let project = (!begin.project.is_empty()).then(|| project_id(&begin.project)).transpose()?;
    let talk = site.besunny().begin_onboarding(site.scope(), site.user(), project).await?;
    Ok(to_page(talk.id))
}

pub(super) async fn page(visit: Visit) -> Result<Response, Refusal> {
    let talk = visit.talk(id(&visit.text)?).await?;
    show(&Page { frame: visit.frame().await?, talk })
}

pub(super) async fn answer(
    visit: Visit,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Response> {
    visit.step(form, |sent| Step::Answer(sent.answer.clone())).await
}

pub(super) async fn back(
    visit: Visit,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Response> {
    visit.step(form, |_| Step::Back).await
}

pub(super) async fn edit(
    visit: Visit,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Response> {
    let edit =
        |sent: &Sent| Step::Edit { question: sent.question.clone(), answer: sent.answer.clone() };
    visit.step(form, edit).await
}

/// Confirms the summary, and generates the profile at once.
pub(super) async fn confirm(
    visit: Visit,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(sent) = form?;
        guard::own_form(&visit.session, &sent.form_token)?;
        let at = (id(&visit.text)?, sent.version);
        let (besunny, scope, user) = (visit.site.besunny(), visit.site.scope(), visit.site.user());
        let confirmed = besunny.step_onboarding(scope, user, at, Step::Confirm).await?;
        let at = (confirmed.id, confirmed.version);
        let done = besunny.generate_profile(scope, user, at, Generation::Model).await?;
        visit.shown(&done).await
    };
    answer.await.map_err(refuse_above(&visit.headers))
}

/// Takes over what the person changed of the generated fields.
pub(super) async fn profile(
    visit: Visit,
    form: Result<Form<FieldsForm>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(form) = form?;
        guard::own_form(&visit.session, form.form_token())?;
        let at = (id(&visit.text)?, form.version()?);
        let edits: Edits = form.edits();
        let (besunny, scope, user) = (visit.site.besunny(), visit.site.scope(), visit.site.user());
        match besunny.edit_profile(scope, user, at, edits).await {
            Ok(next) => visit.shown(&next).await,
            Err(Error::Onboarding(error)) if !guard::is_htmx(&visit.headers) => {
                let mut talk = visit.talk(at.0).await?;
                talk.fields = form.lines();
                visit.refused(talk, error.into(), String::new()).await
            }
            Err(error) => Err(error.into()),
        }
    };
    answer.await.map_err(refuse_above(&visit.headers))
}

pub(super) async fn save(
    visit: Visit,
    form: Result<Form<Sent>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(sent) = form?;
        guard::own_form(&visit.session, &sent.form_token)?;
        let at = (id(&visit.text)?, sent.version);
        let (besunny, scope, user) = (visit.site.besunny(), visit.site.scope(), visit.site.user());
        let saved = besunny.save_onboarding(scope, user, at, &sent.seen).await?;
        Ok::<_, Refusal>(go(&visit.headers, &project_path(saved.id)))
    };
    answer.await.map_err(refuse_above(&visit.headers))
}

pub(super) async fn discard(
    visit: Visit,
    form: Result<Form<Begin>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(sent) = form?;
    guard::own_form(&visit.session, &sent.form_token)?;
    let (store, scope, user) =
        (visit.site.besunny().store(), visit.site.scope(), visit.site.user());
    store.drop_onboarding(scope, user, id(&visit.text)?).await?;
    Ok(Redirect::to("/projects").into_response())
}

/// A request about one onboarding.
pub(super) struct Visit {
    site: Site,
    session: Session,
    /// Which one, as the path names it.
    text: String,
    headers: HeaderMap,
}

impl FromRequestParts<Site> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let session = Extension::from_request_parts(parts, site).await;
        let Extension(session) = session.map_err(IntoResponse::into_response)?;
        let text = Path::from_request_parts(parts, site).await;
        let Path(text) = text.map_err(IntoResponse::into_response)?;
        Ok(Self { site: site.clone(), session, text, headers: parts.headers.clone() })
    }
}

impl Visit {
    /// Takes a step; what cannot be taken is said where it was tried, with what was typed.
    async fn step(
        &self,
        form: Result<Form<Sent>, FormRejection>,
        step: impl FnOnce(&Sent) -> Step,
    ) -> Result<Response, Response> {
        let answer = async {
            let Form(sent) = form?;
            guard::own_form(&self.session, &sent.form_token)?;
            let at = (id(&self.text)?, sent.version);
            let (besunny, scope) = (self.site.besunny(), self.site.scope());
            match besunny.step_onboarding(scope, self.site.user(), at, step(&sent)).await {
                Ok(next) => self.shown(&next).await,
                Err(Error::Onboarding(error)) if !guard::is_htmx(&self.headers) => {
                    let talk = self.talk(at.0).await?;
                    self.refused(talk, error.into(), sent.answer).await
                }
                Err(error) => Err(error.into()),
            }
        };
        answer.await.map_err(refuse_above(&self.headers))
    }

    /// Sends the talk as it is now, or the browser to it.
    async fn shown(&self, next: &Onboarding) -> Result<Response, Refusal> {
        if !guard::is_htmx(&self.headers) {
            return Ok(to_page(next.id));
        }
        let talk = self.talk(next.id).await?;
        show(&Talk { is_piece: true, ..talk })
    }

    /// Shows the page with what was typed and why it cannot be taken.
    async fn refused(
        &self,
        talk: Talk,
        problem: Problem,
        typed: String,
    ) -> Result<Response, Refusal> {
        let status = problem.status();
        let talk = Talk { refused: Some(Refused { problem, typed }), ..talk };
        let frame = self.frame().await?;
        Ok((status, show(&Page { frame, talk })?).into_response())
    }

    async fn talk(&self, id: OnboardingId) -> Result<Talk, Problem> {
        Talk::read(&self.site, &self.session, id).await
    }

    async fn frame(&self) -> Result<Frame, Refusal> {
        Frame::of(&self.site, &self.session, Place::Projects).await
    }
}

impl Talk {
    async fn read(site: &Site, session: &Session, id: OnboardingId) -> Result<Self, Problem> {
        let (found, template) = site.besunny().onboarding(site.scope(), site.user(), id).await?;
        let proposal = match site.besunny().propose_onboarded(site.scope(), &found).await {
            Ok(proposal) => Some(ProposalDetail::of(site, &proposal).await?),
            Err(Error::Onboarding(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let fields = proposal.as_ref().map(|it| FieldLines::all(&it.fields)).unwrap_or_default();
        let onboarding = OnboardingDetail::of(&found, template);
        let form_token = session.form_token().to_owned();
        Ok(Self { onboarding, form_token, proposal, fields, is_piece: false, refused: None })
    }

    /// Returns the questions before the one that is asked.
    fn earlier(&self) -> impl Iterator<Item = &Asked> {
        let before = self.onboarding.question.as_ref().map_or(usize::MAX, |asked| asked.number);
        self.onboarding.answers.iter().filter(move |asked| asked.number < before)
    }

    fn generated(&self) -> Option<&GeneratedDetail> {
        self.onboarding.generated.as_ref()
    }

    /// Returns what stands in the field of the question that is asked.
    fn typed<'t>(&'t self, asked: &'t Asked) -> &'t str {
        let refused = self.refused.as_ref().map(|refused| refused.typed.as_str());
        refused.or(asked.answer.as_deref()).unwrap_or_default()
    }
}

/// Answers htmx with a notice above the talk, which stays as it is with what was typed.
fn refuse_above(headers: &HeaderMap) -> impl FnOnce(Refusal) -> Response {
    let is_piece = guard::is_htmx(headers);
    let refuse = refuse(headers);
    move |refusal| {
        let mut response = refuse(refusal);
        if is_piece {
            let above = [("hx-retarget", "#notice"), ("hx-reswap", "innerHTML")];
            for (name, value) in above {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
        }
        response
    }
}

fn to_page(id: OnboardingId) -> Response {
    Redirect::to(&format!("/onboarding/{id}")).into_response()
}

fn project_path(id: ProjectId) -> String {
    format!("/projects/{id}")
}

/// Sends a browser to another page, whoever asked.
fn go(headers: &HeaderMap, path: &str) -> Response {
    if guard::is_htmx(headers) {
        return ([("hx-redirect", path)], "").into_response();
    }
    Redirect::to(path).into_response()
}
