//! `besunny inspect ics`: what a calendar file comes to between two days (CAL-6).
use std::path::{Path, PathBuf};

use besunny::core::{
    calendar::{
        CalendarEvent, EventTime, EventUid,
        ics::{self, Caps, IcsError, IcsFile},
        series::{Allowance, OCCURRENCES, Occurrence, Window, agenda},
    },
    meeting::MeetingLink,
};
use chrono::{NaiveDate, NaiveTime, SecondsFormat};
use serde_json::{Value, json};

use super::{Answer, Refusal, read};

/// A calendar file and the days that are asked for.
#[derive(Debug, clap::Args)]
pub(in crate::command) struct Ics {
    /// The file; `-` reads stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The first day, in UTC
    #[arg(long, value_name = "DATE")]
    from: NaiveDate,
    /// The day after the last, in UTC
    #[arg(long, value_name = "DATE")]
    to: NaiveDate,
}

impl Ics {
    pub(super) fn run(&self) -> Result<Answer, Refusal> {
        let start_of = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let window = Window { from: start_of(self.from), to: start_of(self.to) };
        if window.from >= window.to {
            return Err(Refusal::usage("usage", "--to must be a later day than --from"));
        }
        let caps = Caps::default();
        let raw = read(&self.file, caps.bytes)?;
        let file = ics::read(&raw, &caps).map_err(|error| refused(&self.file, &error))?;
        check_readable(&self.file, &file)?;
        let events = file.entries.iter().map(|entry| &entry.event);
        let found = agenda(events, &window, &mut Allowance::default());
        if found.is_cut {
            return Err(too_many(&self.file, found.found.len()));
        }
        let mut answer =
            json!({ "events": found.found.iter().map(occurrence).collect::<Vec<_>>() });
        if !file.unreadable.is_empty() {
            let line = |bad: &ics::Unreadable| {
                json!({
                    "uid": bad.uid.as_ref().map(EventUid::as_str),
                    "line": bad.line,
                    "why": bad.why.to_string(),
                })
            };
            answer["unreadable"] = file.unreadable.iter().map(line).collect();
        }
        let text = answer.to_string();
        Ok(Answer::done(answer, text))
    }
}

/// Refuses a file of which nothing can be read.
fn check_readable(path: &Path, file: &IcsFile) -> Result<(), Refusal> {
    match file.unreadable.first() {
        Some(first) if file.entries.is_empty() => {
            let (name, count) = (path.display(), file.unreadable.len());
            let message = format!(
                "none of the {count} events of {name} can be read; the first, in line {}: {}",
                first.line, first.why
            );
            Err(Refusal::finding("no_event", message))
        }
        _ => Ok(()),
    }
}

/// Refuses what is too much to show, or to find.
fn too_many(path: &Path, found: usize) -> Refusal {
    let why = if found >= OCCURRENCES {
        format!("has more than {OCCURRENCES} occurrences in these days")
    } else {
        "has a rule that takes too long to follow".to_owned()
    };
    let message = format!("{} {why}; ask for other or fewer days", path.display());
    Refusal::finding("too_many", message)
}

fn refused(path: &Path, error: &IcsError) -> Refusal {
    let kind = match error {
        IcsError::TooLarge { .. } => "too_large",
        IcsError::Empty => "empty",
        IcsError::NotCalendar => "not_calendar",
        IcsError::CutOff { .. } => "cut_off",
        IcsError::TooManyEvents { .. }
        | IcsError::TooManyZones { .. }
        | IcsError::TooDeep { .. }
        | IcsError::LineTooLong { .. } => "refused",
    };
    Refusal::finding(kind, format!("{} is no calendar that can be read: {error}", path.display()))
}

fn occurrence(occurrence: &Occurrence<'_>) -> Value {
    json!({
        "uid": occurrence.event.uid.as_str(),
        "summary": occurrence.event.title,
        "start": shown(&occurrence.starts),
        "end": shown(&occurrence.ends),
        "all_day": occurrence.starts.is_day(),
        "recurrence_id": occurrence.original.as_ref().map(shown),
        "status": occurrence.status,
        "link": link(occurrence.event),
    })
}

/// Returns the address to join by.
fn link(event: &CalendarEvent) -> Option<String> {
    MeetingLink::of_event(event).map(|link| link.url.into_exposed())
}

fn shown(time: &EventTime) -> String {
    match time {
        EventTime::Day(day) => day.to_string(),
        EventTime::At { at, .. } => at.to_rfc3339_opts(SecondsFormat::Secs, false),
    }
}
