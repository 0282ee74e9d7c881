//! The agenda: what is coming up, day by day.
use askama::Template;
use axum::{Extension, extract::State, response::Response};
use besunny::core::meeting::MeetingStatus;
use chrono::NaiveDate;

use super::{Frame, Place, Refusal, show};
use crate::web::{
    Site,
    access::Session,
    meeting::{MeetingEntry, Span},
};

#[derive(Template)]
#[template(path = "agenda.html")]
struct Page {
    frame: Frame,
    days: Vec<Day>,
    is_cut: bool,
}

/// The meetings of a day.
struct Day {
    date: NaiveDate,
    /// How far away it is, in words.
    name: String,
    meetings: Vec<MeetingEntry>,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
) -> Result<Response, Refusal> {
    let agenda = Span::default().read(&site).await?;
    let frame = Frame::of(&site, &session, Place::Agenda).await?;
    let today = site.clock().now().date_naive();
    let mut days: Vec<Day> = Vec::new();
    for meeting in agenda.meetings {
        let date = meeting.starts_at.date_naive();
        match days.last_mut().filter(|day| day.date == date) {
            Some(day) => day.meetings.push(meeting),
            None => days.push(Day { date, name: name(date, today), meetings: vec![meeting] }),
        }
    }
    show(&Page { frame, days, is_cut: agenda.next.is_some() })
}

fn name(date: NaiveDate, today: NaiveDate) -> String {
    let written = date.format("%A, %-d %B");
    match (date - today).num_days() {
        ..0 => format!("Under way since {written}"),
        0 => format!("Today, {}", date.format("%-d %B")),
        1 => format!("Tomorrow, {}", date.format("%-d %B")),
        _ => written.to_string(),
    }
}

impl MeetingEntry {
    /// Writes the time of the day at which it begins.
    fn begins(&self) -> String {
        self.starts_at.format("%H:%M").to_string()
    }

    fn machine(&self) -> String {
        self.starts_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    fn lasts(&self) -> String {
        let minutes = (self.ends_at - self.starts_at).num_minutes();
        match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes} min"),
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        }
    }

    fn is_off(&self) -> bool {
        self.status == MeetingStatus::Cancelled
    }

    fn is_open(&self) -> bool {
        self.status == MeetingStatus::Tentative
    }
}
