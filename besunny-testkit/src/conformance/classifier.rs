//! What every classifier promises: [`Classifier`].
use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use besunny_core::{
    cause::describe,
    classify::{Classifier, ClassifyError, Question, Verdict},
    ids::{TenantId, UserId},
    mail::{self, Caps, Mail},
    project::{Project, Signals},
};
use chrono::DateTime;

use super::{Broken, Case, Outcome, Power, check, check_equal, clause};
use crate::samples::document;

/// A classifier, and a hand on what it wants.
///
/// The mail of the suite names the project it is about by its code and its people, so that rules need
/// no further hint.
#[async_trait]
pub trait ClassifierWorld: Debug + Send + Sync {
    /// Returns the classifier under test.
    fn classifier(&self) -> Arc<dyn Classifier>;
    /// Makes it want this project, whether or not it is offered.
    async fn want(&self, project: &Project);
    /// Lets what it depends on fail from now on.
    async fn fail(&self);
    /// Returns why the world cannot do something.
    fn lacks(&self, power: Power) -> Option<&'static str>;
}

/// A world of which each case gets a fresh one.
pub type World = Arc<dyn ClassifierWorld>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    vec![
        clause("classifier.choice.offered", offered),
        clause("classifier.choice.none", none),
        clause("classifier.verdict.repeatable", repeatable),
        clause("classifier.errors.no-guess", no_guess).needing(Power::Fail),
        clause("classifier.errors.no-content", no_content).needing(Power::Fail),
    ]
}

/// Stands in the mail, and may stand in no error.
const CANARY: &str = "canary-9b3e";

/// The projects of the suite, with what speaks for each.
const PROJECTS: [(&str, &str, &str); 3] = [
    ("Harbour Lights", "HL-17", "harbour.example"),
    ("Orchard", "OR-4", "orchard.example"),
    ("Night Train", "NT-9", "train.example"),
];

fn projects() -> Result<Vec<Project>, Broken> {
    let (tenant, owner) = (TenantId::derived(&[b"acme"]), UserId::derived(&[b"ann"]));
    let made = PROJECTS.iter().map(|(name, code, domain)| {
        let project = Project::new(tenant, owner, name, DateTime::UNIX_EPOCH);
        let signals = Signals {
            codes: vec![(*code).to_owned()],
            people: vec![format!("ines@{domain}")],
            ..Signals::default()
        };
        Ok(Project { signals, ..project.map_err(|error| Broken::new(error.to_string()))? })
    });
    made.collect()
}

/// Reads a mail that is about one of the projects.
fn mail_about((name, code, domain): (&str, &str, &str)) -> Result<Mail, Broken> {
    read(&format!("ines@{domain}"), &format!("{name}, {code}"), &format!("All of it: {CANARY}."))
}

pub(super) fn read(from: &str, subject: &str, text: &str) -> Result<Mail, Broken> {
    let id = subject.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let raw = format!(
        "From: {from}\nTo: ann@x.example\nSubject: {subject}\nMessage-ID: <{id}@suite.example>\n\n\
         {text}\n"
    );
    mail::read(raw.as_bytes(), &Caps::default()).map_err(|error| Broken::new(error.to_string()))
}

async fn classify(
    world: &World,
    mail: &Mail,
    candidates: &[Project],
) -> Result<Verdict, ClassifyError> {
    let document = document("suite", mail, DateTime::UNIX_EPOCH);
    let question = Question { document: &document, mail, thread: &[] };
    world.classifier().classify(&question, candidates).await
}

/// A mail about one project, whichever are offered: that one is chosen if it is among them, and
/// never if it is not.
async fn offered(world: World) -> Outcome {
    let projects = projects()?;
    for (about, project) in PROJECTS.into_iter().zip(&projects) {
        let mail = mail_about(about)?;
        world.want(project).await;
        let verdict = classify(&world, &mail, &projects).await?;
        check_equal(&verdict.choice, &Some(project.id), &format!("the choice of {}", about.0))?;
        let others: Vec<Project> =
            projects.iter().filter(|other| other.id != project.id).cloned().collect();
        let verdict = classify(&world, &mail, &others).await?;
        let is_other = |id| others.iter().any(|other| other.id == id);
        check(verdict.choice.is_none_or(is_other), "a project is chosen that was not offered")?;
        let is_named = |found: &&besunny_core::classify::Alternative| !is_other(found.project);
        check_equal(&verdict.alternatives.iter().find(is_named), &None, "others not offered")?;
    }
    Ok(())
}

async fn none(world: World) -> Outcome {
    let (projects, mail) = (projects()?, mail_about(PROJECTS[0])?);
    world.want(&projects[0]).await;
    let verdict = classify(&world, &mail, &[]).await?;
    check_equal(&verdict.choice, &None, "the choice when nothing is offered")
}

/// What it took may differ; what it says may not.
async fn repeatable(world: World) -> Outcome {
    let (projects, mail) = (projects()?, mail_about(PROJECTS[0])?);
    world.want(&projects[0]).await;
    let first = classify(&world, &mail, &projects).await?;
    for _ in 0..3 {
        let again = classify(&world, &mail, &projects).await?;
        check_equal(&Verdict { made: first.made.clone(), ..again }, &first, "the same question")?;
    }
    Ok(())
}

async fn failing(world: &World) -> Result<ClassifyError, Broken> {
    let (projects, mail) = (projects()?, mail_about(PROJECTS[0])?);
    world.want(&projects[0]).await;
    world.fail().await;
    let verdict = classify(world, &mail, &projects).await;
    verdict.err().ok_or_else(|| Broken::new("a failure looks like a verdict"))
}

async fn no_guess(world: World) -> Outcome {
    failing(&world).await.map(drop)
}

async fn no_content(world: World) -> Outcome {
    let error = failing(&world).await?;
    let shown = format!("{error:?} {}", describe(&error));
    check(!shown.contains(CANARY), "an error shows the content of a mail")
}
