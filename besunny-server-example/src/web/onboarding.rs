//! Onboarding as programs and pages read it: where the conversation is, what was generated of it,
//! and what saving would change.
use std::collections::BTreeMap;

use besunny::{
    Place, Proposal, Rehearsal, Shift,
    core::{
        ids::{OnboardingId, ProjectId},
        onboarding::{self, Dropped, Generated, Onboarding, Question, Source, Stage, Template},
        profile::{Change, Edits, Field, Profile},
    },
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Site,
    document::DocumentSummary,
    problem::Problem,
    project::{ProjectName, Projects},
};

/// An onboarding: what is asked, what was answered, what was generated.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OnboardingDetail {
    /// Its id.
    pub id: Uuid,
    /// Given back with every step; grows with each.
    pub version: u64,
    /// How far it is.
    pub stage: StageName,
    /// The project it is about; absent until a new one was saved.
    pub project: Option<Uuid>,
    /// The question that is asked; absent once everything is answered.
    pub question: Option<Asked>,
    /// All questions, with what was answered.
    pub answers: Vec<Asked>,
    /// What was generated of the answers as they are.
    pub generated: Option<GeneratedDetail>,
    /// When it changed last.
    pub changed_at: DateTime<Utc>,
}

/// How far an onboarding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// A question is asked.
    Asking,
    /// Everything is answered and can be looked over.
    Summary,
    /// The summary is right.
    Confirmed,
}

/// A question with its answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Asked {
    /// Names it.
    pub key: String,
    /// Its number, from 1.
    pub number: usize,
    /// What is asked.
    pub text: String,
    /// How an answer looks.
    pub example: String,
    /// Whether it must be answered.
    pub required: bool,
    /// The answer as it was written; absent before it was given.
    pub answer: Option<String>,
}

/// What was generated, with the person's edits in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GeneratedDetail {
    /// `answers` or `model`.
    #[schema(value_type = String)]
    pub by: &'static str,
    /// Which model.
    pub model: Option<String>,
    /// Why no model had a part in it, when one was asked.
    pub reason: Option<String>,
    /// What the model named and no answer did; it was left out.
    pub dropped: Vec<FieldLine>,
    /// The fields that the person changed.
    pub edited: Vec<String>,
    /// Each field as lines; give back those that shall change.
    pub fields: BTreeMap<String, Vec<String>>,
    /// The same as one object.
    #[schema(value_type = Object)]
    pub profile: Profile,
}

/// One line of a field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldLine {
    /// The field.
    pub field: String,
    /// The line.
    pub text: String,
}

/// What would be saved, and what that would change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProposalDetail {
    /// Given back with the save, which is refused when the project has changed since.
    pub seen: String,
    /// The fields that would differ from what is stored.
    pub changes: Vec<FieldChange>,
    /// What would become of recent documents.
    pub would_change: WouldChange,
    /// Each field as it would be.
    pub fields: BTreeMap<String, Vec<String>>,
}

/// How a field would differ.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// Lines that come.
    pub added: Vec<String>,
    /// Lines that go.
    pub removed: Vec<String>,
}

/// What the rules would do with recent documents; nothing was done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WouldChange {
    /// How many documents were weighed.
    pub weighed: usize,
    /// How many were left out, since a person has decided on them.
    pub decided: usize,
    /// Those that the rules would put elsewhere.
    pub shifts: Vec<ShiftLine>,
}

/// A document that the rules would put elsewhere.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShiftLine {
    /// The document as it is.
    pub document: DocumentSummary,
    /// Where the rules put it now.
    pub before: PlaceLine,
    /// Where they would.
    pub after: PlaceLine,
}

/// Where the rules put a document.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlaceLine {
    /// Whether they are sure enough; otherwise it is a suggestion in the review queue.
    pub is_routed: bool,
    /// The project; absent when nothing speaks for any.
    pub project: Option<ProjectName>,
}

/// Fields as a person wants them.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditsBody {
    /// Each field by its lines; the others stay.
    #[schema(value_type = std::collections::HashMap<String, Vec<String>>)]
    pub edits: Edits,
}

impl OnboardingDetail {
    pub(super) fn of(onboarding: &Onboarding, template: &Template) -> Self {
        let conversation = &onboarding.conversation;
        let asked = |(place, question): (usize, &Question)| Asked {
            key: question.key.to_string(),
            number: place + 1,
            text: question.text.to_string(),
            example: question.example.to_string(),
            required: question.required,
            answer: conversation.answer(&question.key).map(|it| it.expose().clone()),
        };
        let answers: Vec<Asked> = template.questions.iter().enumerate().map(asked).collect();
        let now = conversation.question(template).map(|question| &question.key);
        Self {
            id: onboarding.id.as_uuid(),
            version: onboarding.version,
            stage: StageName::of(conversation.stage()),
            project: onboarding.project.map(|project| project.as_uuid()),
            question: answers
                .iter()
                .find(|it| Some(it.key.as_str()) == now.map(|key| &**key))
                .cloned(),
            answers,
            generated: onboarding.generated.as_ref().map(|it| detail(it, onboarding)),
            changed_at: onboarding.changed_at,
        }
    }

    /// Reads an onboarding of the person.
    pub(super) async fn read(site: &Site, id: OnboardingId) -> Result<Self, Problem> {
        let (found, template) = site.besunny().onboarding(site.scope(), site.user(), id).await?;
        Ok(Self::of(&found, template))
    }
}

fn detail(generated: &Generated, onboarding: &Onboarding) -> GeneratedDetail {
    let (by, model, reason) = match &generated.source {
        Source::Answers { reason } => ("answers", None, reason.clone()),
        Source::Model { model, .. } => ("model", Some(model.clone()), None),
    };
    let profile = generated.profile.clone().edited(&onboarding.edits);
    let profile = profile.unwrap_or_else(|_problems| generated.profile.clone());
    GeneratedDetail {
        by,
        model,
        reason,
        dropped: generated.dropped.iter().map(FieldLine::of).collect(),
        edited: onboarding.edits.keys().map(ToString::to_string).collect(),
        fields: fields(&profile),
        profile,
    }
}

impl StageName {
    const fn of(stage: Stage) -> Self {
        match stage {
            Stage::Asking { .. } => Self::Asking,
            Stage::Summary => Self::Summary,
            Stage::Confirmed => Self::Confirmed,
        }
    }
}

impl FieldLine {
    fn of(dropped: &Dropped) -> Self {
        Self { field: dropped.field.to_string(), text: dropped.text.expose().clone() }
    }
}

impl ProposalDetail {
    /// Looks what saving would change.
    pub(super) async fn of(site: &Site, proposal: &Proposal) -> Result<Self, Problem> {
        let project = proposal.project();
        let rehearsal = site.besunny().rehearse(site.scope(), site.user(), project).await?;
        let projects = Projects::of(site).await?;
        let named = |id: ProjectId| {
            let is_new = id == project.id;
            let name = || ProjectName { id: id.as_uuid(), name: project.name.clone() };
            if is_new { name() } else { projects.name(id) }
        };
        let Rehearsal { weighed, decided, shifts } = rehearsal;
        let shifts = shifts.iter().map(|shift| ShiftLine::of(shift, &projects, named)).collect();
        Ok(Self {
            seen: proposal.seen(),
            changes: proposal.changes().into_iter().map(FieldChange::from).collect(),
            would_change: WouldChange { weighed, decided, shifts },
            fields: fields(proposal.profile()),
        })
    }
}

impl ShiftLine {
    fn of(shift: &Shift, projects: &Projects, named: impl Fn(ProjectId) -> ProjectName) -> Self {
        let place = |place: Place| PlaceLine {
            is_routed: matches!(place, Place::Routed(_)),
            project: place.project().map(&named),
        };
        Self {
            document: DocumentSummary::of(&shift.document, projects),
            before: place(shift.before),
            after: place(shift.after),
        }
    }
}

impl From<Change> for FieldChange {
    fn from(change: Change) -> Self {
        let Change { field, added, removed } = change;
        Self { field: field.to_string(), added, removed }
    }
}

/// Returns every field as lines.
pub(super) fn fields(profile: &Profile) -> BTreeMap<String, Vec<String>> {
    Field::ALL.iter().map(|field| (field.to_string(), profile.lines(*field))).collect()
}

/// Reads the id of an onboarding; a text that is none names nothing.
pub(super) fn id(text: &str) -> Result<OnboardingId, Problem> {
    text.parse().map_err(|_no_id| Problem::missing("onboarding"))
}

/// Reads the id of a project.
pub(super) fn project_id(text: &str) -> Result<ProjectId, Problem> {
    text.parse().map_err(|_no_id| Problem::missing("project"))
}

/// Says what is wrong with a step, with which answer or field, and what to do.
impl From<onboarding::OnboardingError> for Problem {
    fn from(error: onboarding::OnboardingError) -> Self {
        use besunny::core::onboarding::OnboardingError as Wrong;

        use super::problem::Kind;
        let kind = match &error {
            Wrong::Answer(_)
            | Wrong::Profile(_)
            | Wrong::UnknownQuestion
            | Wrong::Unanswered(_) => Kind::BadRequest,
            Wrong::UnknownTemplate { .. }
            | Wrong::NotAsking
            | Wrong::AtStart
            | Wrong::NotReached(_)
            | Wrong::StillAsking
            | Wrong::NotConfirmed
            | Wrong::NotGenerated => Kind::Conflict,
        };
        let message = error.to_string();
        let mut letters = message.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string());
        Self::new(kind, format!("{}{}.", first.unwrap_or_default(), letters.as_str()), error.fix())
    }
}
