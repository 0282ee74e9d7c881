//! Standing rules: listed, tried out, accepted, removed.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    response::Response,
};
use besunny::core::{
    ids::{ProjectId, RuleId},
    preview::{PREVIEW_DOCUMENTS, Turn},
    standing::{MatchKind, NewRule, Says, StandingRule},
};
use serde::Deserialize;

use super::{
    Frame, Place, Refusal,
    document::{Clock, project},
    mark, show,
    told::{self, Done, Told},
};
use crate::web::{
    Site,
    access::Session,
    document, guard,
    problem::Problem,
    project::{ProjectName, Projects},
    rule::{Foresight, RuleLine},
};

#[derive(Template)]
#[template(path = "rules.html")]
struct Page {
    frame: Frame,
    rules: Vec<RuleLine>,
    choices: Vec<ProjectName>,
    clock: Clock,
    told: Option<String>,
}

#[derive(Template)]
#[template(path = "rule_preview.html")]
struct PreviewPage {
    frame: Frame,
    asked: Names,
    rule: RuleLine,
    foresight: Foresight,
    bound: usize,
    /// How many of those that would be routed wait in review.
    waiting: usize,
}

/// What the hidden fields of the accepting form say.
struct Names {
    says: &'static str,
    kind: &'static str,
}

/// A rule as a form asks for it: about a text, or about what a document is like.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    form_token: String,
    says: Says,
    kind: MatchKind,
    project: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    document: Option<String>,
    #[serde(default)]
    apply: Option<String>,
}

/// A form that says nothing but where it comes from.
#[derive(Debug, Deserialize)]
pub(super) struct Removal {
    form_token: String,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    done: Result<Query<Done>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Done { done }) = done?;
    let told = Told::read(&site, &session, done, "/rules").await?;
    let rules = site.besunny().store().rules(site.scope(), site.user()).await?;
    let projects = Projects::of(&site).await?;
    let mut rules: Vec<&StandingRule> = rules.iter().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse((rule.at, rule.id)));
    show(&Page {
        frame: Frame::of(&site, &session, Place::Rules).await?,
        rules: rules.into_iter().map(|rule| RuleLine::of(rule, &projects)).collect(),
        choices: projects.sorted(),
        clock: Clock::of(&site),
        told: told.map(|told| told.render()).transpose()?,
    })
}

pub(super) async fn preview(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    form: Result<Form<Asked>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(asked) = form?;
    guard::own_form(&session, &asked.form_token)?;
    let wanted = asked.wanted(&site).await?;
    let feedback = site.besunny().feedback(site.scope(), site.user());
    let preview = feedback.preview(wanted.clone()).await?;
    let people = (site.user(), site.user());
    let rule = StandingRule::new(site.scope().tenant(), wanted, people, site.clock().now())
        .map_err(besunny::Error::from)?;
    let projects = Projects::of(&site).await?;
    let says = match rule.says {
        Says::Never => "never",
        Says::Always => "always",
    };
    show(&PreviewPage {
        frame: Frame::of(&site, &session, Place::Rules).await?,
        asked: Names { says, kind: rule.of.kind().as_str() },
        rule: RuleLine::of(&rule, &projects),
        waiting: preview.changes.iter().filter(|change| change.turn == Turn::Routed).count(),
        foresight: Foresight::of(&preview, &projects),
        bound: PREVIEW_DOCUMENTS,
    })
}

pub(super) async fn accept(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    form: Result<Form<Asked>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(asked) = form?;
    guard::own_form(&session, &asked.form_token)?;
    let wanted = asked.wanted(&site).await?;
    let feedback = site.besunny().feedback(site.scope(), site.user());
    let outcome = feedback.accept(wanted, asked.apply.is_some()).await?;
    Ok(told::to("/rules", &outcome.act))
}

pub(super) async fn withdraw(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<Removal>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Removal { form_token }) = form?;
    guard::own_form(&session, &form_token)?;
    let id: RuleId = id.parse().map_err(|_unreadable| Problem::missing("rule"))?;
    let outcome = site.besunny().feedback(site.scope(), site.user()).withdraw(id).await?;
    Ok(told::to("/rules", &outcome.act))
}

impl Asked {
    async fn wanted(&self, site: &Site) -> Result<NewRule, Problem> {
        let project: ProjectId =
            project(&self.project)?.ok_or_else(|| Problem::missing("project"))?;
        let of = match &self.document {
            None => self.kind.of_text(&self.value),
            Some(id) => {
                let document = document::own(site, document::id(id)?).await?;
                let mail = document::content(site, document.id).await?.mail;
                let of = self.kind.of_mail(&mail);
                of.ok_or_else(|| Problem::bad_request("The mail says nothing of that kind."))?
            }
        };
        Ok(NewRule { project, says: self.says, of })
    }
}
