//! `besunny replay`: what another model would have decided, with what was known then (ML-5).
use std::path::{Path, PathBuf};

use besunny::core::{
    address::Username,
    chronicle::{Decided, DecidedBy},
    classify::Stage,
    contender::Contender,
    document::{DocumentState, ReviewReason},
    label::Truth,
    replay::{LeftOut, Order, Replay as Outcome, ReplayError, Row, Would, is_right},
};
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::{Answer, Refusal, describe, feedback::plain};
use crate::{
    config::Config,
    home::{self, DEFAULT_USER, Home},
    web::project::Projects,
};

/// A subject is cut after so many characters, so that a line of the table stays one line.
const SUBJECT: usize = 48;

/// Shows what another model would have decided, and changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// Decisions from here on: a date such as 2026-06-01, or an instant such as 2026-06-01T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: DateTime<Utc>,
    /// And before this [default: all later ones]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<DateTime<Utc>>,
    /// Who decides: rules, learned, learned@VERSION or language
    #[arg(long, value_name = "MODEL")]
    with: Contender,
    /// Whose documents
    #[arg(long, value_name = "NAME", default_value = DEFAULT_USER)]
    user: String,
    /// At most so many decisions, the oldest first
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// List also what would stay where it is
    #[arg(long)]
    all: bool,
    /// The settings, for the promised precision and the language model
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Replay {
    pub(super) async fn run(self, db: &Path) -> Result<Answer, Refusal> {
        if self.until.is_some_and(|until| until <= self.since) {
            let message = "--until is not after --since: name a later time, or leave it out";
            return Err(Refusal::usage("usage", message));
        }
        let name = Username::parse(&self.user)
            .map_err(|error| Refusal::usage("user", format!("--user {:?}: {error}", self.user)))?;
        let config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        if let Some(finding) = config.findings().into_iter().next() {
            return Err(finding.into());
        }
        home::stands(db).await?;
        let home = Home::open(db, |builder, clock| config.wire(builder, clock)).await?;
        let answer = self.answer(&home, &name).await;
        home.close().await?;
        answer
    }

    async fn answer(&self, home: &Home, name: &Username) -> Result<Answer, Refusal> {
        let owner = home.somebody(name).await?;
        let Self { since, until, with, limit, all, .. } = *self;
        let order = Order { owner, since, until, with, limit, all };
        let replay = home.besunny.replay_decisions(&home.scope, &order).await.map_err(refused)?;
        let projects = home.besunny.store().projects(&home.scope, owner).await?;
        let changed = projects.iter().filter(|project| project.created_at >= since).count();
        let table = Table { names: Projects::among(projects), replay: &replay };
        let text = table.text(with, changed);
        Ok(Answer::done(table.json(&order), text))
    }
}

/// Reads a date as its first instant, or an instant.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let date = text.parse::<NaiveDate>().map(|date| date.and_time(NaiveTime::MIN).and_utc());
    date.or_else(|_| DateTime::parse_from_rfc3339(text).map(|at| at.to_utc())).map_err(|error| {
        format!(
            "{error}: write a date such as 2026-06-01, or an instant such as 2026-06-01T08:00:00Z"
        )
    })
}

fn refused(error: ReplayError) -> Refusal {
    match error {
        ReplayError::Store(error) => error.into(),
        ReplayError::Broken | ReplayError::Unreachable(_) => {
            Refusal::finding("model", describe(&error))
        }
        ReplayError::NoLearner
        | ReplayError::NoLanguage
        | ReplayError::NotAllowed
        | ReplayError::NoVersion(_) => Refusal::usage("model", describe(&error)),
    }
}

/// The table of differences.
struct Table<'a> {
    names: Projects,
    replay: &'a Outcome,
}

impl Table<'_> {
    fn json(&self, order: &Order) -> Value {
        let replay = self.replay;
        let left_out = replay.left_out.iter().map(|(why, count)| (why.as_str(), json!(count)));
        let left_out: Map<_, _> = left_out.map(|(why, count)| (why.to_owned(), count)).collect();
        json!({
            "since": machine(order.since),
            "until": order.until.map(machine),
            "with": order.with.to_string(),
            "replayed": replay.replayed,
            "same": replay.same,
            "changed": replay.changed(),
            "left_out": left_out,
            "judged": replay.judged,
            "right_before": replay.before.right,
            "wrong_before": replay.before.wrong,
            "right_after": replay.after.right,
            "wrong_after": replay.after.wrong,
            "cost_micros": replay.cost_micros,
            "rows": replay.rows.iter().map(|row| self.row(row)).collect::<Vec<_>>(),
        })
    }

    fn row(&self, row: &Row) -> Value {
        let Decided { version, state, confidence, by, moment, .. } = &row.was;
        let would_be = row.would_be.as_ref().ok().map(|would| {
            let conclusion = would.conclusion.as_ref();
            let stage = conclusion.map_or("rule", |concluded| stage(concluded.ruling.stage));
            let sure = conclusion.map_or(1.0, |concluded| concluded.verdict.confidence);
            self.place(&would.state, sure, stage)
        });
        json!({
            "document": row.document,
            "version": version,
            "subject": row.title.expose(),
            "decided_at": machine(moment.at),
            "was": self.place(state, *confidence, decided_by(*by)),
            "would_be": would_be,
            "left_out": row.would_be.as_ref().err().map(|why| why.as_str()),
            "answer": row.answer.map(|truth| self.truth(truth)),
            "right": verdict_on(row),
        })
    }

    fn place(&self, state: &DocumentState, confidence: f64, decider: &str) -> Value {
        let (reason, suggestion) = match state {
            DocumentState::NeedsReview(review) => (Some(review.reason), review.suggestion),
            DocumentState::Pending | DocumentState::Routed(_) | DocumentState::NoProject { .. } => {
                (None, None)
            }
        };
        json!({
            "state": state.as_str(),
            "project": state.project().map(|id| self.names.name(id)),
            "reason": reason,
            "suggestion": suggestion.map(|id| self.names.name(id)),
            "confidence": confidence,
            "stage": decider,
        })
    }

    /// Says where a document belongs, as a person said.
    fn truth(&self, truth: Truth) -> String {
        match truth {
            Truth::To(project) => self.names.name(project).name,
            Truth::NotTo(project) => format!("not {}", self.names.name(project).name),
            Truth::Nowhere => "no project".to_owned(),
            Truth::Unsaid(_) => "nothing".to_owned(),
        }
    }

    fn text(&self, with: Contender, new_projects: usize) -> String {
        let replay = self.replay;
        let (replayed, same) = (replay.replayed, replay.same);
        let changed = replay.changed();
        let mut lines = vec![format!(
            "{replayed} decisions made again with {with}: {same} same, {changed} changed"
        )];
        if replay.rows.iter().any(|row| row.would_be.is_ok()) {
            lines.push(HEADS.to_owned());
        }
        for row in &replay.rows {
            if let Ok(would) = &row.would_be {
                lines.push(self.line(row, would));
            }
        }
        for (why, count) in &replay.left_out {
            lines.push(format!("left out: {count}, {}", why_left_out(*why)));
        }
        let (before, after) = (replay.before, replay.after);
        lines.push(format!(
            "{} were answered by a person since: {} right and {} wrong then, {} right and {} wrong \
             now; the others are left to a person",
            replay.judged, before.right, before.wrong, after.right, after.wrong
        ));
        lines.push(format!(
            "not pinned: what is said of a project today speaks for it, the settings are those of \
             today, a language model is asked anew; {new_projects} projects made since then were no \
             candidates before they were there"
        ));
        lines.join("\n")
    }

    fn line(&self, row: &Row, would: &Would) -> String {
        let sure = would.conclusion.as_ref().map_or(1.0, |it| it.verdict.confidence);
        let stage = would.conclusion.as_ref().map_or("rule", |it| stage(it.ruling.stage));
        let answer = row.answer.map_or_else(|| "-".to_owned(), |truth| self.truth(truth));
        let right = verdict_on(row).unwrap_or("-");
        let subject: String = plain(row.title.expose()).chars().take(SUBJECT).collect();
        format!(
            "{}  {}  {} -> {}  {:.2} -> {sure:.2}  {} -> {stage}  {}  {right}  {subject}",
            row.document,
            row.was.moment.at.format("%Y-%m-%d %H:%M"),
            plain(&self.name(&row.was.state)),
            plain(&self.name(&would.state)),
            row.was.confidence,
            decided_by(row.was.by),
            plain(&answer),
        )
    }

    /// Names where a document is.
    fn name(&self, state: &DocumentState) -> String {
        match state {
            DocumentState::Routed(route) => self.names.name(route.project).name,
            DocumentState::NeedsReview(review) if review.reason == ReviewReason::Nowhere => {
                "no project".to_owned()
            }
            DocumentState::NeedsReview(_) | DocumentState::Pending => "a person".to_owned(),
            DocumentState::NoProject { .. } => "no project".to_owned(),
        }
    }
}

/// The heads of the table.
const HEADS: &str =
    "document  decided  was -> would be  confidence  stage  a person said  right  subject";

fn machine(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Says who of the two was right, as far as a person has said.
fn verdict_on(row: &Row) -> Option<&'static str> {
    let (truth, would) = (row.answer?, row.would_be.as_ref().ok()?);
    Some(match (is_right(&row.was.state, truth), is_right(&would.state, truth)) {
        (Some(true), Some(true)) => "both",
        (Some(true), _) => "then",
        (_, Some(true)) => "now",
        (_, _) => "neither",
    })
}

const fn decided_by(by: DecidedBy) -> &'static str {
    match by {
        DecidedBy::Cascade(of) => stage(of),
        DecidedBy::Rule => "rule",
        DecidedBy::Nobody => "failed",
    }
}

const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::HardEvidence => "hard_evidence",
        Stage::Learned => "learned",
        Stage::Rules => "rules",
        Stage::Language => "language",
        Stage::Abstained => "abstained",
    }
}

const fn why_left_out(why: LeftOut) -> &'static str {
    match why {
        LeftOut::KnewLater => {
            "decided before answers that the model was taught: it would know its future"
        }
        LeftOut::ByRule => "decided by a standing rule, so no model was asked",
        LeftOut::Unreadable => "no longer readable",
        LeftOut::Failed => "the model failed: see the log",
        LeftOut::Limit => "more than --limit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_an_instant() {
        for (text, want) in [
            ("2026-06-01", Some("2026-06-01T00:00:00Z")),
            ("2026-06-01T08:30:00Z", Some("2026-06-01T08:30:00Z")),
            ("2026-06-01T08:30:00.25+02:00", Some("2026-06-01T06:30:00.250Z")),
            ("yesterday", None),
            ("2026-13-01", None),
            ("2026-06-01T08:30:00", None),
            ("", None),
        ] {
            assert_eq!(instant(text).ok().map(machine).as_deref(), want, "{text:?}");
        }
    }
}
