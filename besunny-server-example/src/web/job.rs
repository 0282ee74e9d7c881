//! Jobs that were given up: what was to be done, why it was not, and what to do about it.
use besunny::core::{
    ids::JobId,
    job::Task,
    repository::{DeadJob, DeadJobFilter, RepositoryError},
    scheduler::PauseReason,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Site, problem::Problem};

/// A job that was given up.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GivenUp {
    /// Its id.
    pub id: Uuid,
    /// What was to be done.
    pub task: TaskKind,
    /// The document it is about.
    pub document: Option<Uuid>,
    /// The stream it is about.
    pub stream: Option<Uuid>,
    /// The item of the stream, by its id at the source.
    pub item: Option<String>,
    /// Why it was given up.
    pub error: String,
    /// What to do, in words.
    pub fix: &'static str,
}

/// A page of jobs that were given up, by id.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadJobs {
    /// The jobs.
    pub jobs: Vec<GivenUp>,
    /// The cursor of the next page; absent on the last one.
    pub next: Option<Uuid>,
}

/// A page has so many jobs; they fit on a screen that is scrolled a little.
const PAGE: usize = 50;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Finds the project of a document.
    Classify,
    /// Finds it again, after a classifier could not be asked.
    AskAgain,
    /// Marks a mail at its source as processed.
    File,
    /// Takes a route that nobody corrected for a right answer.
    Consent,
    /// Sees what meetings follow from a calendar event.
    Meet,
    /// Sees which bots a room needs.
    Staff,
    /// Sees which bots the coming meetings of a person need.
    StaffAll,
    /// Does what is to be done for a bot.
    Tend,
    /// Writes what was said in a meeting into its document.
    Transcribe,
}

impl DeadJobs {
    /// Reads the person's jobs that were given up after `after`.
    pub(super) async fn read(site: &Site, after: Option<Uuid>) -> Result<Self, RepositoryError> {
        let after = after.map(JobId::from_uuid);
        let filter = DeadJobFilter { after, limit: PAGE + 1, ..of(site) };
        let dead = site.besunny().store().dead_jobs(site.scope(), &filter).await?;
        let is_last = dead.len() <= PAGE;
        let jobs: Vec<GivenUp> = dead.into_iter().take(PAGE).map(GivenUp::of).collect();
        let next = jobs.last().filter(|_| !is_last).map(|job| job.id);
        Ok(Self { jobs, next })
    }
}

impl GivenUp {
    fn of(dead: DeadJob) -> Self {
        let (task, document, stream, item) = match dead.job.task {
            Task::Classify { document } => {
                (TaskKind::Classify, Some(document.as_uuid()), None, None)
            }
            Task::AskAgain { document, .. } => {
                (TaskKind::AskAgain, Some(document.as_uuid()), None, None)
            }
            Task::Consent { answer, .. } => {
                (TaskKind::Consent, Some(answer.document.as_uuid()), None, None)
            }
            Task::Meet { item, .. } => (TaskKind::Meet, None, None, Some(item.as_str().to_owned())),
            Task::Staff { .. } => (TaskKind::Staff, None, None, None),
            Task::StaffAll { .. } => (TaskKind::StaffAll, None, None, None),
            Task::Tend { .. } => (TaskKind::Tend, None, None, None),
            Task::Transcribe { .. } => (TaskKind::Transcribe, None, None, None),
            Task::File { stream, item } => {
                (TaskKind::File, None, Some(stream.as_uuid()), Some(item.as_str().to_owned()))
            }
        };
        let (id, error) = (dead.job.id.as_uuid(), dead.error);
        Self { id, task, document, stream, item, error, fix: fix(dead.waits_for) }
    }
}

/// Asks for the jobs of the person.
fn of(site: &Site) -> DeadJobFilter {
    DeadJobFilter { owner: Some(site.user()), ..DeadJobFilter::default() }
}

/// Makes sure that a job is one of the person's that were given up.
pub(super) async fn own(site: &Site, text: &str) -> Result<JobId, Problem> {
    let missing = || Problem::missing("job");
    let id: JobId = text.parse().ok().ok_or_else(missing)?;
    let filter = DeadJobFilter { job: Some(id), ..of(site) };
    let found = site.besunny().store().dead_jobs(site.scope(), &filter).await?;
    found.first().map(|_| id).ok_or_else(missing)
}

impl TaskKind {
    /// Names the task for people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Classify => "Find the project of a document",
            Self::AskAgain => "Find the project of a document again",
            Self::File => "Mark a mail at its source",
            Self::Meet => "Plan the meetings of a calendar event",
            Self::Staff => "Plan the bots of a meeting room",
            Self::StaffAll => "Plan the bots of all coming meetings",
            Self::Tend => "Look after a meeting bot",
            Self::Transcribe => "Write down what was said in a meeting",
            Self::Consent => "Learn from a route that nobody corrected",
        }
    }
}

const fn fix(waits_for: Option<PauseReason>) -> &'static str {
    match waits_for {
        Some(PauseReason::Reconnect) => {
            "The grant has ended: connect the account again, then try again."
        }
        Some(PauseReason::MissingPermission) => {
            "The grant does not cover marking mail: connect the account again and allow it, then try \
             again."
        }
        Some(PauseReason::Misconfigured) => {
            "The settings of this source are wrong: mend them, then try again."
        }
        Some(PauseReason::StreamGone) => "It is gone at the source; if it is back, try again.",
        None => "Look at the log of the server for the cause; once it is mended, try again.",
    }
}
