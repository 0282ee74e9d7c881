//! `besunny model`: what was learned of a person, and the way back.
use std::path::{Path, PathBuf};

use besunny::core::{
    address::Username,
    ids::UserId,
    promise::Promise,
    repository::{MadeBy, ModelRecord},
};
use serde_json::{Map, Value, json};

use super::{Answer, Refusal};
use crate::{
    home::{self, DEFAULT_USER, Home},
    web::{access::hexadecimal, report::Comparison},
};

/// What can be done with models.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Model {
    /// List the models of a person, the newest first
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// Write the state of a model into a file
    Export {
        #[command(flatten)]
        whose: Whose,
        /// Which model [default: the newest]
        #[arg(long, value_name = "VERSION")]
        version: Option<u32>,
        /// The file; one that is there is replaced
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Compare shadows and arms of experiments with what people have said since
    Report {
        /// Only of this person [default: all]
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Go back to an earlier model; what was said since is skipped
    Rollback {
        #[command(flatten)]
        whose: Whose,
        /// Which model
        #[arg(long, value_name = "VERSION")]
        to: u32,
    },
}

/// Whose models are meant.
#[derive(Debug, clap::Args)]
pub(super) struct Whose {
    /// The person [default: owner]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

impl Model {
    pub(super) async fn run(self, db: &Path) -> Result<Answer, Refusal> {
        home::exists(db)?;
        let home = Home::open(db, |builder, _| Ok(builder)).await?;
        let done = self.perform(&home).await;
        home.close().await?;
        done
    }

    async fn perform(self, home: &Home) -> Result<Answer, Refusal> {
        match self {
            Self::List { whose } => list(home, &whose).await,
            Self::Export { whose, version, to } => export(home, &whose, version, &to).await,
            Self::Report { user } => report(home, user).await,
            Self::Rollback { whose, to } => roll_back(home, &whose, to).await,
        }
    }
}

impl Whose {
    fn name(&self) -> &str {
        self.user.as_deref().unwrap_or(DEFAULT_USER)
    }

    async fn id(&self, home: &Home) -> Result<UserId, Refusal> {
        let name = Username::parse(self.name())
            .map_err(|error| Refusal::usage("user", format!("--user: {error}")))?;
        home.somebody(&name).await
    }

    /// Names the version that is not there, and the way to those that are.
    fn lacks(&self, version: u32) -> impl FnOnce(besunny::Error) -> Refusal {
        let name = self.name().to_owned();
        move |error| {
            if !matches!(error, besunny::Error::Missing(_)) {
                return error.into();
            }
            Refusal::finding(
                "missing",
                format!(
                    "there is no version {version} of the model of {name}: \
                     `besunny model list --user {name}` shows those that are kept"
                ),
            )
        }
    }
}

async fn list(home: &Home, whose: &Whose) -> Result<Answer, Refusal> {
    let user = whose.id(home).await?;
    let models = home.besunny.store().models(&home.scope, user).await?;
    let json = json!({
        "user": whose.name(),
        "models": models.iter().map(to_json).collect::<Vec<_>>(),
    });
    let lines: Vec<String> = models.iter().map(to_text).collect();
    let text = if lines.is_empty() {
        format!("nothing was learned of {} yet", whose.name())
    } else {
        lines.join("\n")
    };
    Ok(Answer::done(json, text))
}

async fn export(
    home: &Home,
    whose: &Whose,
    version: Option<u32>,
    to: &Path,
) -> Result<Answer, Refusal> {
    let user = whose.id(home).await?;
    let models = home.besunny.store().models(&home.scope, user).await?;
    let version = version.or_else(|| models.first().map(|newest| newest.version));
    let version = version.ok_or_else(|| {
        Refusal::finding("model", format!("nothing was learned of {} yet", whose.name()))
    })?;
    let (record, state) =
        home.besunny.model_state(&home.scope, user, version).await.map_err(whose.lacks(version))?;
    std::fs::write(to, &state).map_err(|error| {
        Refusal::finding("unwritable", format!("{} cannot be written: {error}", to.display()))
    })?;
    let mut json = to_json(&record);
    json["file"] = to.display().to_string().into();
    Ok(Answer::done(json, format!("{} written to {}", to_text(&record), to.display())))
}

async fn report(home: &Home, user: Option<String>) -> Result<Answer, Refusal> {
    let owner = match user {
        Some(_) => Some(Whose { user }.id(home).await?),
        None => None,
    };
    let comparison = Comparison::of(&home.besunny.report(&home.scope, owner).await?);
    Ok(Answer::done(json!(comparison), comparison.in_words()))
}

async fn roll_back(home: &Home, whose: &Whose, to: u32) -> Result<Answer, Refusal> {
    let user = whose.id(home).await?;
    let record = home.besunny.roll_back(&home.scope, user, to).await.map_err(whose.lacks(to))?;
    let text = format!("version {} is as version {to} and in use", record.version);
    Ok(Answer::done(to_json(&record), text))
}

fn to_json(model: &ModelRecord) -> Value {
    let promises = model.promises.iter().map(|(name, promise)| (name.to_owned(), kept(promise)));
    json!({
        "version": model.version,
        "parent": model.parent,
        "made_by": model.made_by.as_str(),
        "learner": model.learner,
        "answers": model.seq,
        "sha256": hexadecimal(&model.sha256),
        "size_bytes": model.size_bytes,
        "made_at": model.made_at.to_rfc3339(),
        "promises": promises.collect::<Map<_, _>>(),
    })
}

/// Says how a promise was kept, and from which confidence on its choices are followed.
fn kept(promise: &Promise) -> Value {
    let (judged, right) = promise.judged();
    let needed = promise.threshold().project;
    json!({
        "promised": promise.level(),
        "judged": judged,
        "right": right,
        "needed": needed.is_finite().then_some(needed),
    })
}

fn to_text(model: &ModelRecord) -> String {
    let made = match (model.made_by, model.parent) {
        (MadeBy::RollingBack, Some(parent)) => format!("as version {parent}"),
        (MadeBy::Learning | MadeBy::RollingBack, _) => format!("learned {} answers", model.seq),
    };
    format!(
        "version {}: {made}, {} bytes, {}",
        model.version,
        model.size_bytes,
        model.made_at.format("%Y-%m-%d %H:%M UTC")
    )
}
