//! `besunny import`: mail and calendars from files on this machine, taken in to the last item.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use besunny::core::{
    account::{Account, Intake, NewAccount},
    address::Username,
    classify::Rules,
    ids::UserId,
    settings::Settings,
    track::Missing,
};
use serde_json::json;

use self::{
    census::{Census, Tallied},
    drive::{JOBS, LEASE, Reading},
    place::{Place, Source},
    progress::{Counted, Progress},
};
use super::{Answer, Refusal, answer::Speaker};
use crate::{
    home::{DEFAULT_USER, Home},
    project_file::Projects,
};

mod census;
mod drive;
mod place;
mod progress;

/// Takes in mail or a calendar from files on this machine.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    #[command(flatten)]
    source: Source,
    /// Whose mail it is [default: owner]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Projects to route into, as `[[project]]` tables of a TOML file
    #[arg(long, value_name = "FILE")]
    projects: Option<PathBuf>,
    /// Accept that a large part of the source is gone, and forget it
    #[arg(long)]
    accept_removals: bool,
}

impl Import {
    pub(super) async fn run(self, db: &Path, speaker: Speaker) -> Result<Answer, Refusal> {
        let place = self.source.find()?;
        let user = self.user.as_deref().map(username).transpose()?;
        let projects = self.projects.as_deref().map(Projects::read).transpose()?;
        let progress = Arc::new(Progress::new(speaker));
        let home = Home::open(db, |builder, _| {
            Ok(builder
                .observer(Arc::clone(&progress) as _)
                .classifier(Counted::new(Rules, Arc::clone(&progress)))
                .settings(Settings { lease_for: LEASE, jobs: JOBS, ..Settings::default() }))
        });
        let home = home.await?;
        let begun = home.clock.now();
        let owner = owner(&home, &place, user).await?;
        if let Some(projects) = projects {
            projects.put(&home, owner).await?;
        }
        let account = connect(&home, &place, owner).await?;
        let before = Census::take(&home, &account).await?;
        let reading = Reading { home: &home, account: &account, progress: &progress };
        let read = reading.to_the_end(self.accept_removals).await;
        progress.end();
        let tallied = Census::take(&home, &account).await?.since(&before);
        let refusal = match read {
            Err(refusal) => Some(refusal),
            Ok(Some(missing)) => Some(held(&place, missing)),
            Ok(None) => nothing_found(&place, &tallied),
        };
        let seconds = (home.clock.now() - begun).as_seconds_f64();
        home.close().await?;
        Ok(answer(&place, &tallied, seconds, refusal.as_ref()))
    }
}

fn username(name: &str) -> Result<Username, Refusal> {
    Username::parse(name).map_err(|error| {
        let message = format!(
            "--user {name:?} is no username: {error}; use 3 to 30 ASCII letters and digits, \
             beginning with a letter"
        );
        Refusal::usage("usage", message)
    })
}

/// Says whose mail it is: who it was given to before, or who is named now.
async fn owner(home: &Home, place: &Place, user: Option<Username>) -> Result<UserId, Refusal> {
    let known = home.besunny.store().accounts(&home.scope).await?;
    let same = |account: &&Account| {
        account.provider == place.kind.provider() && account.subject == place.subject
    };
    let known = known.iter().find(same).map(|account| account.owner);
    match (known, user) {
        (Some(owner), None) => Ok(owner),
        (None, None) => {
            let name = Username::parse(DEFAULT_USER);
            let name = name.map_err(|error| Refusal::finding("user", error.to_string()))?;
            home.user(&name).await
        }
        (None, Some(name)) => home.user(&name).await,
        (Some(owner), Some(name)) => {
            let named = home.besunny.store().named(&home.scope, std::slice::from_ref(&name));
            if named.await?.get(&name) == Some(&owner) {
                return Ok(owner);
            }
            let message = format!(
                "{} was imported for somebody else than {name}: leave out --user, or use another \
                 database",
                place.shown()
            );
            Err(Refusal::usage("usage", message))
        }
    }
}

async fn connect(home: &Home, place: &Place, owner: UserId) -> Result<Account, Refusal> {
    let grant = NewAccount {
        owner,
        provider: place.kind.provider(),
        subject: place.subject.clone(),
        intake: Intake::Whole,
    };
    match home.besunny.connect(&home.scope, grant).await {
        Err(besunny::Error::Source(error)) => Err(place.unreadable(&super::describe(&error))),
        done => Ok(done?),
    }
}

fn held(place: &Place, missing: Missing) -> Refusal {
    let Missing { unseen, members } = missing;
    let message = format!(
        "{unseen} of {members} {} held are no longer in {}; nothing of them was forgotten: \
         bring the file back, or import again with --accept-removals",
        place.kind.items(),
        place.shown()
    );
    Refusal::finding("held_removal", message)
}

/// A file full of something else would otherwise look like an empty mailbox.
fn nothing_found(place: &Place, tallied: &Tallied) -> Option<Refusal> {
    (tallied.seen() == 0 && place.should_have_items()).then(|| {
        let message = format!(
            "{} is not empty, yet no {} were found in it: {}",
            place.shown(),
            place.kind.items(),
            place.expectation()
        );
        Refusal::finding("no_mail", message)
    })
}

fn answer(place: &Place, tallied: &Tallied, seconds: f64, refusal: Option<&Refusal>) -> Answer {
    let Tallied { stored, ignored, quarantined, unchanged, removed } = *tallied;
    let seen = tallied.seen();
    let seconds = (seconds * 1000.0).round() / 1000.0;
    let mut json = json!({
        "seen": seen,
        "stored": stored,
        "ignored": ignored,
        "quarantined": quarantined,
        "unchanged": unchanged,
        "removed": removed,
        "seconds": seconds,
    });
    let mut text = format!(
        "{}: {seen} {} seen in {seconds} s: {stored} stored, {ignored} ignored, \
         {quarantined} quarantined, {unchanged} unchanged; {removed} removed",
        place.shown(),
        place.kind.items()
    );
    if let Some(refusal) = refusal {
        json["error"] = refusal.to_json();
        text.push_str("\nFinding: ");
        text.push_str(refusal.message());
    }
    Answer { json, text, is_finding: refusal.is_some() }
}
