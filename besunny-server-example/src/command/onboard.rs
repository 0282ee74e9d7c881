//! `besunny onboard`: a project from a file of answers, without a conversation.
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use besunny::{
    Generation, Proposal, Rehearsal, Step,
    core::{
        address::Username,
        ids::{OnboardingId, ProjectId, UserId},
        onboarding::{Onboarding, Source, Template},
        profile::Change,
    },
};
use serde_json::{Value, json};

use super::{Answer, Refusal};
use crate::{
    config,
    home::{self, DEFAULT_USER, Home},
};

/// Makes or changes a project by the answers in a file.
#[derive(Debug, clap::Args)]
pub(super) struct Onboard {
    /// The answers, as `question = "answer"` lines of a TOML file
    #[arg(long, value_name = "FILE")]
    answers: PathBuf,
    /// Whose project it is [default: owner]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Show what would be saved and what would change, and save nothing
    #[arg(long)]
    preview: bool,
}

/// The answers of a file, by question.
type Answers = BTreeMap<String, String>;

impl Onboard {
    pub(super) async fn run(self, db: &Path) -> Result<Answer, Refusal> {
        let answers: Answers = config::parse(&self.answers)?;
        let user = Username::parse(self.user.as_deref().unwrap_or(DEFAULT_USER))
            .map_err(|error| Refusal::usage("user", format!("--user: {error}")))?;
        home::exists(db)?;
        let home = Home::open(db, |builder, _| Ok(builder)).await?;
        let owner = home.user(&user).await?;
        let done = self.onboard(&home, owner, &answers).await;
        home.close().await?;
        done
    }

    async fn onboard(
        &self,
        home: &Home,
        owner: UserId,
        answers: &Answers,
    ) -> Result<Answer, Refusal> {
        let store = home.besunny.store();
        let name = answers.get("project_name").map(|name| name.trim().to_lowercase());
        let projects = store.projects(&home.scope, owner).await?;
        let known = projects.iter().find(|it| Some(it.name.to_lowercase()) == name);
        let known = known.map(|project| project.id);
        let begun = home.besunny.begin_onboarding(&home.scope, owner, known).await?;
        let is_new = begun.version == 1;
        let gone_through = self.go_through(home, &begun, answers).await;
        let done = match gone_through {
            Ok(onboarding) => self.finish(home, &onboarding, known.is_some()).await,
            Err(refusal) => Err(refusal),
        };
        if is_new && (self.preview || done.is_err()) {
            store.drop_onboarding(&home.scope, owner, begun.id).await?;
        }
        done
    }

    /// Answers every question, confirms, and generates by the answers alone.
    async fn go_through(
        &self,
        home: &Home,
        begun: &Onboarding,
        answers: &Answers,
    ) -> Result<Onboarding, Refusal> {
        let (besunny, scope, owner) = (&home.besunny, &home.scope, begun.owner);
        let (mut now, template) = besunny.onboarding(scope, owner, begun.id).await?;
        known_questions(&self.answers, answers, template)?;
        for question in template.questions.iter() {
            let answer = answers.get(question.key.as_ref()).cloned().unwrap_or_default();
            let is_asked = now.conversation.question(template) == Some(question);
            let step = if is_asked {
                Step::Answer(answer)
            } else {
                Step::Edit { question: question.key.to_string(), answer }
            };
            now = besunny.step_onboarding(scope, owner, at(&now), step).await?;
        }
        let confirmed = besunny.step_onboarding(scope, owner, at(&now), Step::Confirm).await?;
        let by = Generation::Answers;
        Ok(besunny.generate_profile(scope, owner, at(&confirmed), by).await?)
    }

    async fn finish(
        &self,
        home: &Home,
        onboarding: &Onboarding,
        is_known: bool,
    ) -> Result<Answer, Refusal> {
        let (besunny, scope) = (&home.besunny, &home.scope);
        let proposal = besunny.propose_onboarded(scope, onboarding).await?;
        let project = proposal.project().clone();
        let rehearsal = besunny.rehearse(scope, onboarding.owner, &project).await?;
        let seen = proposal.seen();
        let saved = if self.preview {
            None
        } else {
            let (owner, at) = (onboarding.owner, at(onboarding));
            Some(besunny.save_onboarding(scope, owner, at, &seen).await?.id)
        };
        let json = to_json(&proposal, &rehearsal, onboarding, saved);
        Ok(Answer::done(json, to_text(&proposal, &rehearsal, saved.is_some(), is_known)))
    }
}

fn at(onboarding: &Onboarding) -> (OnboardingId, u64) {
    (onboarding.id, onboarding.version)
}

fn known_questions(file: &Path, answers: &Answers, template: &Template) -> Result<(), Refusal> {
    let unknown = answers.keys().find(|key| template.find(key).is_none());
    let Some(unknown) = unknown else { return Ok(()) };
    let keys: Vec<&str> = template.questions.iter().map(|question| question.key.as_ref()).collect();
    let message = format!(
        "{} answers {unknown:?}, which is no question: the questions are {}",
        file.display(),
        keys.join(", ")
    );
    Err(Refusal::usage("config", message))
}

fn to_json(
    proposal: &Proposal,
    rehearsal: &Rehearsal,
    onboarding: &Onboarding,
    saved: Option<ProjectId>,
) -> Value {
    let by = onboarding.generated.as_ref().map(|generated| match generated.source {
        Source::Answers { .. } => "answers",
        Source::Model { .. } => "model",
    });
    let project = proposal.project();
    json!({
        "saved": saved.is_some(),
        "project": saved.map(|id| id.to_string()),
        "name": project.name,
        "by": by,
        "profile": proposal.profile(),
        "changes": proposal.changes(),
        "weighed": rehearsal.weighed,
        "would_change": rehearsal.shifts.len(),
    })
}

fn to_text(proposal: &Proposal, rehearsal: &Rehearsal, saved: bool, is_known: bool) -> String {
    let what = match (saved, is_known) {
        (true, true) => "changed",
        (true, false) => "made",
        (false, _) => "not saved",
    };
    let mut lines = vec![format!("{}: {what}", plain(&proposal.project().name))];
    for Change { field, added, removed } in proposal.changes() {
        lines.extend(removed.iter().map(|line| format!("  - {field}: {}", plain(line))));
        lines.extend(added.iter().map(|line| format!("  + {field}: {}", plain(line))));
    }
    let Rehearsal { weighed, shifts, .. } = rehearsal;
    lines.push(format!("The rules would put {} of {weighed} documents elsewhere.", shifts.len()));
    lines.join("\n")
}

/// Takes out what would steer a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Names the answer that cannot be taken, and the fix.
pub(crate) fn refused(error: &besunny::core::onboarding::OnboardingError) -> Refusal {
    Refusal::usage("answers", format!("{error}: {}", error.fix()))
}
