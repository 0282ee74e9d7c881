//! What calendars say against the meetings that follow, and what was said against the documents.
use std::collections::{BTreeMap, BTreeSet};

use besunny_core::{
    clock::Clock as _,
    document::{Document, DocumentKind},
    meeting::{Meeting, MeetingStatus},
    repository::{Accounts, AgendaFilter, BATCH, Documents, ItemFilter, Meetings},
    source::ItemId,
    tenant::TenantScope,
};
use chrono::TimeDelta;

use super::{Found, Known, Violation};
use crate::simulation::{
    stage::{Stage, now},
    truth::CalendarTruth,
};

/// A history is shorter than this.
const LONG: TimeDelta = TimeDelta::days(2);

/// I1, I2: each event that takes place is one meeting, at its time, and no other one takes place.
pub(super) fn check_agendas(stage: &Stage, truth: &Known, scope: TenantScope) -> Vec<Violation> {
    let mine = truth.calendars.iter().filter(|calendar| calendar.scope == scope);
    mine.flat_map(|calendar| {
        let mut violations: Vec<_> = check_members(stage, calendar).into_iter().collect();
        violations.extend(check_agenda(stage, calendar));
        violations
    })
    .collect()
}

fn check_members(stage: &Stage, calendar: &CalendarTruth) -> Option<Violation> {
    let streams = now(stage.store.streams(&calendar.scope));
    let stream = streams.into_iter().find(|status| status.account == calendar.account)?;
    let held = now(stage.store.items(&calendar.scope, stream.id, ItemFilter::All, None));
    let held: BTreeSet<ItemId> = held.into_iter().map(|item| item.id).collect();
    let there = stage.mail.with(&calendar.subject, |calendar| calendar.in_scope());
    let what = || format!("{} holds {there:?}, we {held:?}", calendar.subject);
    (held != there).then(|| Violation::Lost(what()))
}

fn check_agenda(stage: &Stage, calendar: &CalendarTruth) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut planned: BTreeMap<String, Vec<Meeting>> = BTreeMap::new();
    for meeting in agenda(stage, calendar) {
        if meeting.status != MeetingStatus::Cancelled {
            planned.entry(meeting.uid.as_str().to_owned()).or_default().push(meeting);
        }
    }
    for event in calendar.events.values() {
        let met = planned.remove(&event.uid).unwrap_or_default();
        let line = format!("{} of {}", event.uid, calendar.subject);
        violations.extend(match met.as_slice() {
            [] if event.is_on => Some(Violation::Lost(format!("{line} is no meeting"))),
            [_] if !event.is_on => Some(Violation::Lost(format!("{line} takes place"))),
            [one] if (one.starts_at, one.ends_at) != (event.starts_at, event.ends_at) => {
                Some(Violation::Lost(format!("{line} is at {}", one.starts_at)))
            }
            [] | [_] => None,
            _ => Some(Violation::Doubled(format!("{line} takes place twice"))),
        });
    }
    let strange = planned.into_keys().map(|uid| format!("{uid} in {}", calendar.subject));
    violations.extend(strange.map(Violation::CrossTenant));
    violations
}

fn agenda(stage: &Stage, calendar: &CalendarTruth) -> Vec<Meeting> {
    let end = stage.clock.now() + LONG;
    let mut filter = AgendaFilter { from: end - LONG * 2, to: end, after: None, limit: BATCH };
    let mut meetings: Vec<Meeting> = Vec::new();
    loop {
        let page = now(stage.store.agenda(&calendar.scope, calendar.owner, &filter));
        filter.after = page.last().map(|last| (last.starts_at, last.id));
        let is_last = page.len() < BATCH;
        meetings.extend(page);
        if is_last {
            return meetings;
        }
    }
}

/// I1, I2, I3: each line that a bot of the tenant heard is in a document, once in each, and no other is.
pub(super) fn check_transcripts(
    stage: &Stage,
    truth: &Known,
    scope: TenantScope,
    found: &Found,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    let (mut seen, mut heard) = (BTreeSet::new(), BTreeSet::new());
    for document in transcripts(found) {
        let title = document.title.expose();
        if !seen.insert((document.owner, title.clone())) {
            violations.push(Violation::Doubled(format!("{title} is two transcripts")));
        }
        let content = now(stage.store.content(&scope, document.id));
        let text = content.map(|content| content.mail.text.into_exposed()).unwrap_or_default();
        let mut lines = BTreeSet::new();
        for line in text.lines().filter_map(|line| line.split_once("Ada: ")).map(|(_, line)| line) {
            if !lines.insert(line.to_owned()) {
                violations.push(Violation::Doubled(format!("{line} is twice in {title}")));
            }
        }
        heard.extend(lines);
    }
    let mine = truth.said.values().filter(|(tenant, _)| *tenant == scope.tenant());
    let said: BTreeSet<String> = mine.flat_map(|(_, lines)| lines.iter().cloned()).collect();
    let lost = said.difference(&heard).map(|line| Violation::Lost(format!("{line} is lost")));
    violations.extend(lost);
    let strange = heard.difference(&said).map(|line| format!("{line} was not said here"));
    violations.extend(strange.map(Violation::CrossTenant));
    violations
}

fn transcripts(found: &Found) -> impl Iterator<Item = &Document> {
    found.documents.iter().filter(|document| is_transcript(document))
}

/// Says whether a document comes of a call, not of a mail.
pub(super) fn is_transcript(document: &Document) -> bool {
    document.kind == DocumentKind::MeetingTranscript
}
