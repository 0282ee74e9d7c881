//! The agenda: what is coming up, day by day, and which of it bots go to.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{State, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use besunny::core::{
    meeting::MeetingStatus,
    posting::{BotPolicy, ChoiceKind},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Deserialize;

use super::{Frame, Place, Refusal, show};
use crate::web::{
    Site,
    access::Session,
    bot::{Policy, words},
    guard,
    meeting::{MeetingEntry, Span},
};

/// What ended so long ago is still shown: its transcript may be on its way.
const BEHIND: TimeDelta = TimeDelta::hours(12);
/// The policies, in the order in which they are offered.
const POLICIES: [BotPolicy; 5] = [
    BotPolicy::InvitedOnly,
    BotPolicy::OrganizerOnly,
    BotPolicy::ExternalOnly,
    BotPolicy::All,
    BotPolicy::Never,
];

#[derive(Template)]
#[template(path = "agenda.html")]
struct Page {
    frame: Frame,
    days: Vec<Day>,
    is_cut: bool,
    /// What the person said of bots; none where nobody sends any.
    policy: Option<BotPolicy>,
    now: DateTime<Utc>,
}

/// The meetings of a day.
struct Day {
    date: NaiveDate,
    /// How far away it is, in words.
    name: String,
    meetings: Vec<MeetingEntry>,
}

/// What is wanted of bots from now on.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    form_token: String,
    policy: BotPolicy,
}

/// What is marked on a meeting, and how.
pub(super) struct Chip {
    class: &'static str,
    words: &'static str,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
) -> Result<Response, Refusal> {
    let now = site.clock().now();
    let agenda = Span::since(now - BEHIND).read(&site).await?;
    let policy = match site.besunny().bot_provider() {
        Some(_) => Some(Policy::read(&site).await?.policy),
        None => None,
    };
    let frame = Frame::of(&site, &session, Place::Agenda).await?;
    let mut days: Vec<Day> = Vec::new();
    for meeting in agenda.meetings {
        let date = meeting.starts_at.date_naive();
        if let Some(day) = days.last_mut().filter(|day| day.date == date) {
            day.meetings.push(meeting);
        } else {
            let name = name(date, now.date_naive());
            days.push(Day { date, name, meetings: vec![meeting] });
        }
    }
    show(&Page { frame, days, is_cut: agenda.next.is_some(), policy, now })
}

/// Keeps which meetings bots go to.
pub(super) async fn policy(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    form: Result<Form<Wanted>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Wanted { form_token, policy }) = form?;
    guard::own_form(&session, &form_token)?;
    Policy { policy }.save(&site).await?;
    Ok(Redirect::to("/agenda").into_response())
}

fn name(date: NaiveDate, today: NaiveDate) -> String {
    let written = date.format("%A, %-d %B");
    match (date - today).num_days() {
        ..-1 => format!("Under way since {written}"),
        -1 => format!("Yesterday, {}", date.format("%-d %B")),
        0 => format!("Today, {}", date.format("%-d %B")),
        1 => format!("Tomorrow, {}", date.format("%-d %B")),
        _ => written.to_string(),
    }
}

impl Page {
    fn policies(&self) -> [(&'static str, &'static str, bool); 5] {
        POLICIES.map(|policy| {
            (policy.as_str(), words::policy_name(policy), Some(policy) == self.policy)
        })
    }
}

impl MeetingEntry {
    /// Writes the time of the day at which it begins.
    pub(super) fn begins(&self) -> String {
        self.starts_at.format("%H:%M").to_string()
    }

    pub(super) fn machine(&self) -> String {
        self.starts_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    pub(super) fn lasts(&self) -> String {
        let minutes = (self.ends_at - self.starts_at).num_minutes();
        match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes} min"),
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        }
    }

    pub(super) fn is_off(&self) -> bool {
        self.status == MeetingStatus::Cancelled
    }

    pub(super) fn is_under_way(&self, now: &DateTime<Utc>) -> bool {
        !self.is_off() && (self.starts_at..self.ends_at).contains(now)
    }

    /// Says what a person looks for: whether it takes place, where, and what its bot does.
    pub(super) fn chips(&self, now: &DateTime<Utc>) -> Vec<Chip> {
        let status = match self.status {
            MeetingStatus::Cancelled => Some(Chip { class: "bad", words: "Cancelled" }),
            MeetingStatus::Tentative => Some(Chip { class: "busy", words: "Tentative" }),
            MeetingStatus::Planned => None,
        };
        let time = match self.ends_at <= *now {
            true => Some(Chip { class: "plain", words: "Over" }),
            false if self.is_under_way(now) => Some(Chip { class: "good", words: "Now" }),
            false => None,
        };
        let platform = self.link.as_ref().map(|it| Chip { class: "plain", words: it.platform });
        status.into_iter().chain(time).chain(platform).chain(self.bot_chip()).collect()
    }

    fn bot_chip(&self) -> Option<Chip> {
        let can_join = self.link.as_ref()?.bot_capable;
        let chip = |class, words| Some(Chip { class, words });
        match (self.bot, self.choice) {
            (Some(bot), _) if bot.is_denied => chip("bad", "Recording denied"),
            (Some(bot), _) => chip(words::status_class(bot.status), words::status_name(bot.status)),
            (None, Some(ChoiceKind::KeepOut)) => chip("plain", "Bots kept out"),
            (None, Some(ChoiceKind::Send)) => chip("busy", "Bot wanted"),
            (None, None) if !self.asks_for_bot || self.is_off() => None,
            (None, None) if can_join => chip("busy", "A bot is invited"),
            (None, None) => chip("plain", "No bot can join there"),
        }
    }
}
