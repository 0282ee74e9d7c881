//! `besunny feedback`: what a person says of decisions, and the way back (CLS-9).
//!
//! The answers in JSON are those of REST, so a script that knows one knows the other.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use besunny::{
    Outcome, Seen,
    core::{
        address::Username,
        ids::{CommitId, DocumentId, ProjectId, RuleId, UserId},
        project::Project,
        repository::{DocumentFilter, StateFilter},
        standing::{MatchKind, NewRule, Says},
    },
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Answer, Refusal};
use crate::{
    home::{self, DEFAULT_USER, Home},
    web::{
        document::DocumentSummary,
        feedback::{ActLine, Done},
        project::Projects,
        rule::{Foresight, RuleLine},
    },
};

/// So many acts and documents are listed unless another number is asked for.
const LISTED: usize = 25;

/// Says where documents belong.
#[derive(Debug, Args)]
pub(super) struct Feedback {
    /// Whose documents they are, and who says it
    #[arg(long, value_name = "NAME", default_value = DEFAULT_USER, global = true)]
    user: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what waits in review, and what was done last
    List {
        /// How many of each
        #[arg(long, value_name = "N", default_value_t = LISTED)]
        limit: usize,
    },
    /// Put documents into a project
    Assign {
        #[command(flatten)]
        documents: Documents,
        /// The project, by name
        #[arg(long, value_name = "NAME")]
        project: String,
    },
    /// Take documents out of their project: not this one
    Unassign(Documents),
    /// Say that documents are in the right project
    Confirm(Documents),
    /// Say that documents belong to no project
    None(Documents),
    /// Never route what matches into a project again
    Never(Rule),
    /// Always route what matches into a project
    Always(Rule),
    /// Show the rules, or remove one
    Rules {
        /// Remove this rule
        #[arg(long, value_name = "ID")]
        remove: Option<RuleId>,
    },
    /// Bring back what was before an act
    Undo {
        /// The act, as `list` names it
        #[arg(value_name = "ACT")]
        act: CommitId,
    },
}

#[derive(Debug, Args)]
struct Documents {
    /// The documents, by id; one act for all of them
    #[arg(value_name = "DOCUMENT", required = true)]
    documents: Vec<DocumentId>,
}

#[derive(Debug, Args)]
#[group(skip)]
struct Rule {
    /// The project, by name
    #[arg(long, value_name = "NAME")]
    project: String,
    #[command(flatten)]
    of: Of,
    /// Show what would change, and change nothing
    #[arg(long)]
    preview: bool,
    /// Also route what waits in review and matches
    #[arg(long, conflicts_with = "preview")]
    apply: bool,
}

/// What a rule looks at.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// Mail of this address
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    /// Mail of this domain and those below it
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Mail of the thread with this message id
    #[arg(long, value_name = "MESSAGE-ID")]
    thread: Option<String>,
    /// Mail with this subject
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
}

/// The open store, and the person who speaks.
struct Desk {
    home: Home,
    user: UserId,
    projects: Arc<[Project]>,
    names: Projects,
}

impl Feedback {
    pub(super) async fn run(self, db: &Path) -> Result<Answer, Refusal> {
        let name = Username::parse(&self.user)
            .map_err(|error| Refusal::usage("user", format!("{}: {error}", self.user)))?;
        home::exists(db)?;
        let home = Home::open(PathBuf::from(db), |builder, _| Ok(builder)).await?;
        let user = home.somebody(&name).await?;
        let projects = home.besunny.store().projects(&home.scope, user).await?;
        let names = Projects::among(Arc::clone(&projects));
        let desk = Desk { home, user, projects, names };
        let answer = desk.answer(self.verb).await;
        desk.home.close().await?;
        answer
    }
}

impl Desk {
    async fn answer(&self, verb: Verb) -> Result<Answer, Refusal> {
        let feedback = self.home.besunny.feedback(&self.home.scope, self.user);
        match verb {
            Verb::List { limit } => self.list(limit).await,
            Verb::Assign { documents, project } => {
                let project = self.project(&project)?;
                self.done(&feedback.assign(&documents.seen(), project).await?)
            }
            Verb::Unassign(documents) => self.done(&feedback.unassign(&documents.seen()).await?),
            Verb::Confirm(documents) => self.done(&feedback.confirm(&documents.seen()).await?),
            Verb::None(documents) => self.done(&feedback.decline(&documents.seen()).await?),
            Verb::Never(rule) => self.rule(Says::Never, rule).await,
            Verb::Always(rule) => self.rule(Says::Always, rule).await,
            Verb::Rules { remove: None } => self.rules().await,
            Verb::Rules { remove: Some(rule) } => self.done(&feedback.withdraw(rule).await?),
            Verb::Undo { act } => self.done(&feedback.undo(act).await?),
        }
    }

    async fn list(&self, limit: usize) -> Result<Answer, Refusal> {
        let store = self.home.besunny.store();
        let filter = DocumentFilter {
            owner: Some(self.user),
            state: Some(StateFilter::NeedsReview),
            limit,
            ..DocumentFilter::default()
        };
        let waiting = store.documents(&self.home.scope, &filter).await?;
        let waiting: Vec<_> =
            waiting.iter().map(|document| DocumentSummary::of(document, &self.names)).collect();
        let acts = store.acts(&self.home.scope, self.user, None, limit).await?;
        let acts = ActLine::all(&acts, &self.names);
        let mut lines = vec![format!("{} in review", waiting.len())];
        lines.extend(waiting.iter().map(line));
        lines.push(format!("{} done last", acts.len()));
        lines.extend(acts.iter().map(|act| {
            format!(
                "  {}  {}  {} of {} documents",
                act.id,
                act.at.to_rfc3339(),
                act.deed,
                act.moved
            )
        }));
        Ok(Answer::done(json!({ "waiting": waiting, "acts": acts }), lines.join("\n")))
    }

    async fn rule(&self, says: Says, rule: Rule) -> Result<Answer, Refusal> {
        let wanted = NewRule { project: self.project(&rule.project)?, says, of: rule.of.read() };
        let feedback = self.home.besunny.feedback(&self.home.scope, self.user);
        if !rule.preview {
            return self.done(&feedback.accept(wanted, rule.apply).await?);
        }
        let preview = Foresight::of(&feedback.preview(wanted).await?, &self.names);
        let mut lines = vec![format!(
            "{} of the newest {} documents would change; nothing was changed",
            preview.changes.len(),
            preview.looked_at
        )];
        lines.extend(preview.changes.iter().map(|change| {
            let project = change.to.as_ref().or(change.from.as_ref());
            let project = project.map_or("", |project| project.name.as_str());
            format!(
                "  {}  {} {} {project}",
                change.document,
                plain(&change.title),
                change.in_words()
            )
        }));
        Ok(Answer::done(json!(preview), lines.join("\n")))
    }

    async fn rules(&self) -> Result<Answer, Refusal> {
        let rules = self.home.besunny.store().rules(&self.home.scope, self.user).await?;
        let rules: Vec<_> = rules.iter().map(|rule| RuleLine::of(rule, &self.names)).collect();
        let mut lines = vec![format!("{} rules", rules.len())];
        lines.extend(rules.iter().map(|rule| {
            let (words, project) = (rule.in_words(), &rule.project.name);
            format!("  {}  {words} {project}: {}", rule.id, plain(&rule.value))
        }));
        Ok(Answer::done(json!({ "rules": rules }), lines.join("\n")))
    }

    fn done(&self, outcome: &Outcome) -> Result<Answer, Refusal> {
        let done = Done::of(outcome, &self.names);
        let mut lines = vec![format!("{}: act {}", done.act.deed, done.act.id)];
        lines.extend(done.documents.iter().map(line));
        if !done.related.is_empty() {
            lines.push(format!("{} more of this conversation could follow", done.related.len()));
            lines.extend(done.related.iter().map(line));
        }
        let json: Value = serde_json::to_value(&done)
            .map_err(|error| Refusal::finding("system", error.to_string()))?;
        Ok(Answer::done(json, lines.join("\n")))
    }

    /// Finds a project by its name, whatever its case.
    fn project(&self, name: &str) -> Result<ProjectId, Refusal> {
        let wanted = name.trim().to_lowercase();
        let found = self.projects.iter().find(|project| project.name.to_lowercase() == wanted);
        found.map(|project| project.id).ok_or_else(|| {
            Refusal::finding("missing", format!("there is no project `{}` here", plain(name)))
        })
    }
}

impl Documents {
    fn seen(&self) -> Vec<Seen> {
        let seen = |document: &DocumentId| Seen { document: *document, version: None };
        self.documents.iter().map(seen).collect()
    }
}

impl Of {
    fn read(self) -> besunny::core::standing::Match {
        let texts = [
            (MatchKind::Sender, self.sender),
            (MatchKind::Domain, self.domain),
            (MatchKind::Thread, self.thread),
            (MatchKind::Subject, self.subject),
        ];
        let given = texts.into_iter().find_map(|(kind, text)| Some(kind.of_text(&text?)));
        given.unwrap_or_else(|| MatchKind::Sender.of_text(""))
    }
}

fn line(document: &DocumentSummary) -> String {
    let project = document.project.as_ref().map_or("-", |project| project.name.as_str());
    let (title, author) = (plain(&document.title), plain(&document.author));
    format!("  {}  {project}  {title}  {author}", document.id)
}

/// Takes out what would steer a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}
