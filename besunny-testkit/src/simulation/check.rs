//! The independent check: what the world holds against what the store says.
use std::collections::{BTreeMap, BTreeSet};

use besunny_core::{
    document::{Document, DocumentState},
    feedback::{Act, Move},
    history::{Entry, Fact},
    ids::{CommitId, DocumentId, EventId, StreamId, TenantId, UserId},
    item::{Item, ItemState},
    label::{Answer, Said, Teacher, Truth},
    message::Filing,
    repository::{Accounts, BATCH, DocumentFilter, Documents, Feedback, ItemFilter, Models},
    source::ItemId,
    tenant::TenantScope,
};

mod meetings;

use meetings::{check_agendas, check_transcripts, is_transcript};

use super::{
    nodes::{APART, CONSENT_AFTER},
    stage::{Stage, lock, now},
    truth::{Known, MailboxTruth},
};

/// What must not be (ARCHITECTURE.md, I1 to I5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// I1: an item did not end in the state it should.
    Lost(String),
    /// I2: an effect happened twice.
    Doubled(String),
    /// I3: a row crossed a tenant's wall.
    CrossTenant(String),
    /// I4: a position went backwards.
    Regressed(String),
    /// I5: something did not drain after the faults stopped.
    Stuck(String),
}

/// Compares world and store after the end of a history.
pub(super) fn check(stage: &Stage) -> Vec<Violation> {
    let truth = stage.truth.lock();
    let mut violations: Vec<Violation> =
        stage.faults.regressions().into_iter().map(Violation::Regressed).collect();
    violations.extend(truth.seen.iter().cloned());
    for scope in lock(&stage.tenants).iter() {
        let found = Found::of(stage, &truth, *scope);
        violations.extend(check_items(stage, &truth, *scope, &found));
        violations.extend(check_documents(&truth, *scope, &found));
        violations.extend(check_histories(stage, *scope, &found));
        violations.extend(check_people(stage, *scope, &found));
        violations.extend(check_labels(stage, &truth, *scope, &found));
        violations.extend(check_filing(stage, &truth, *scope, &found));
        violations.extend(check_agendas(stage, &truth, *scope));
        violations.extend(check_transcripts(stage, &truth, *scope, &found));
    }
    violations.extend(check_events(stage, &truth));
    violations
}

/// What the store says of a tenant.
struct Found {
    documents: Vec<Document>,
    items: BTreeMap<(usize, ItemId), Item>,
    streams: BTreeMap<usize, StreamId>,
}

impl Found {
    fn of(stage: &Stage, truth: &Known, scope: TenantScope) -> Self {
        let mut documents = Vec::new();
        loop {
            let before = documents.last().map(|last: &Document| last.id);
            let page = DocumentFilter { before, limit: 500, ..DocumentFilter::default() };
            let found = now(stage.store.documents(&scope, &page));
            if found.is_empty() {
                break;
            }
            documents.extend(found);
        }
        let (mut items, mut streams) = (BTreeMap::new(), BTreeMap::new());
        for status in now(stage.store.streams(&scope)) {
            let place =
                truth.mailboxes.iter().position(|mailbox| mailbox.account == status.account);
            let Some(place) = place else { continue };
            streams.insert(place, status.id);
            let members = now(stage.store.items(&scope, status.id, ItemFilter::All, None));
            items.extend(members.into_iter().map(|item| ((place, item.id.clone()), item)));
        }
        Self { documents, items, streams }
    }
}

/// I1: every item at the source is in the state it should be in, and no other is held.
fn check_items(stage: &Stage, truth: &Known, scope: TenantScope, found: &Found) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (place, mailbox) in truth.mailboxes.iter().enumerate() {
        if mailbox.scope != scope {
            continue;
        }
        let (present, poisoned) =
            stage.mail.with(&mailbox.subject, |mailbox| (mailbox.in_scope(), mailbox.poisoned()));
        for id in &present {
            let item = found.items.get(&(place, id.clone()));
            let want = wanted(truth, mailbox, id, poisoned.contains(id));
            let got = item.map_or("missing", |item| item.state.as_str());
            // An item that was poisoned after it was read stays what it was.
            let was_read = poisoned.contains(id) && got != "missing";
            if got != want && !was_read {
                let line = &mailbox.items[id];
                violations.push(Violation::Lost(format!("{line} ({id}) is {got}, not {want}")));
            }
        }
        let held = found.items.keys().filter(|(at, _)| *at == place).map(|(_, id)| id);
        let extra = held.filter(|id| !present.contains(*id));
        violations.extend(extra.map(|id| Violation::Lost(format!("{id} is held, but gone"))));
    }
    violations
}

fn wanted(truth: &Known, mailbox: &MailboxTruth, id: &ItemId, poisoned: bool) -> &'static str {
    if poisoned {
        return "quarantined";
    }
    let mail = &truth.mails[&mailbox.items[id]];
    if truth.owners(mailbox, mail).is_empty() { "ignored" } else { "stored" }
}

/// I1, I2, I3: each mail that is there is one document for each of its owners, decided on.
fn check_documents(truth: &Known, scope: TenantScope, found: &Found) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut seen: BTreeSet<(String, UserId)> = BTreeSet::new();
    for document in &found.documents {
        let line = line(document);
        let owner = document.owner;
        if !truth.people.iter().any(|((of, _), id)| *of == scope.tenant() && *id == owner) {
            violations.push(Violation::CrossTenant(format!("{line} belongs to a stranger")));
        }
        if !is_transcript(document) && !is_of_tenant(truth, scope.tenant(), &line) {
            violations.push(Violation::CrossTenant(format!("{line} was never sent here")));
        }
        if !seen.insert((line.clone(), owner)) {
            violations.push(Violation::Doubled(format!("{line} is two documents")));
        }
        if document.state == DocumentState::Pending {
            violations.push(Violation::Lost(format!("{line} was never decided on")));
        }
    }
    for (place, mailbox) in truth.mailboxes.iter().enumerate() {
        for ((_, id), item) in found.items.iter().filter(|((at, _), _)| *at == place) {
            if item.state != ItemState::Stored || mailbox.scope != scope {
                continue;
            }
            let Some(line) = mailbox.items.get(id) else { continue };
            for owner in truth.owners(mailbox, &truth.mails[line]) {
                let there = found.documents.iter().any(|document| {
                    document.owner == owner
                        && self::line(document) == *line
                        && document.removed_at.is_none()
                });
                if !there {
                    let what = format!("{line} is no document of {owner}");
                    violations.push(Violation::Lost(what));
                }
            }
        }
    }
    violations
}

/// Returns the name of the mail a document was made of.
fn line(document: &Document) -> String {
    document.title.expose().split(' ').next().unwrap_or_default().to_owned()
}

fn is_of_tenant(truth: &Known, tenant: TenantId, line: &str) -> bool {
    truth.mailboxes.iter().any(|mailbox| {
        mailbox.scope.tenant() == tenant && mailbox.items.values().any(|other| other == line)
    })
}

/// I1, I2: what was stored is marked at its source, by one call for each claim, and nothing else is.
fn check_filing(stage: &Stage, truth: &Known, scope: TenantScope, found: &Found) -> Vec<Violation> {
    let mut violations = Vec::new();
    let intake = Stage::intake();
    for (place, mailbox) in truth.mailboxes.iter().enumerate() {
        let Some(stream) = found.streams.get(&place).filter(|_| mailbox.scope == scope) else {
            continue;
        };
        let (marks, want) = (stage.marks.of(&mailbox.subject), intake.filing(mailbox.intake));
        for (id, marked) in &marks {
            let line = &mailbox.items[id];
            let claims = stage.faults.claims(*stream, id);
            if marked.calls > claims {
                let what = format!("{line} was marked {} times, not {claims}", marked.calls);
                violations.push(Violation::Doubled(what));
            }
            if truth.owners(mailbox, &truth.mails[line]).is_empty() {
                violations.push(Violation::Lost(format!("{line} is marked and nobody's")));
            }
        }
        let stored = found.items.iter().filter(|((at, _), item)| {
            *at == place && item.state == ItemState::Stored && *want != Filing::None
        });
        for ((_, id), _) in stored {
            if marks.get(id).is_none_or(|marked| marked.filing != *want) {
                violations.push(Violation::Lost(format!("{id} was stored and never marked")));
            }
        }
    }
    violations
}

/// I2, I4: versions count up by one, and a classifier decides once at most.
fn check_histories(stage: &Stage, scope: TenantScope, found: &Found) -> Vec<Violation> {
    let mut violations = Vec::new();
    for document in &found.documents {
        let history = now(stage.store.history(&scope, document.id));
        let versions: Vec<u64> = history.iter().map(|entry| entry.version).collect();
        let want: Vec<u64> = (1..=document.version).collect();
        if versions != want {
            let what = format!("{} has the versions {versions:?}", line(document));
            violations.push(Violation::Regressed(what));
        }
        let decided = |fact: &Fact| match fact {
            Fact::Decided { .. } | Fact::ClassifierFailed { .. } | Fact::Ruled { .. } => true,
            Fact::Stored { .. }
            | Fact::Transcribed { .. }
            | Fact::Amended { .. }
            | Fact::Assigned { .. }
            | Fact::Confirmed { .. }
            | Fact::Declined { .. }
            | Fact::Undone { .. }
            | Fact::Removed
            | Fact::Restored => false,
        };
        let reopened =
            |fact: &Fact| matches!(fact, Fact::Undone { state: DocumentState::Pending, .. });
        let count =
            |of: &dyn Fn(&Fact) -> bool| history.iter().filter(|entry| of(&entry.fact)).count();
        if count(&decided) > 1 + count(&reopened) {
            violations.push(Violation::Doubled(format!("{} was decided twice", line(document))));
        }
    }
    violations
}

/// CLS-8, CLS-9: where a person put a document, there it is, whatever happened since.
fn check_people(stage: &Stage, scope: TenantScope, found: &Found) -> Vec<Violation> {
    let moves = moves(stage, scope, found);
    let said: BTreeMap<DocumentId, DocumentState> =
        moves.into_iter().map(|made| (made.document, made.after)).collect();
    let overruled = |document: &&Document| {
        let said = said.get(&document.id).filter(|state| **state != DocumentState::Pending);
        said.is_some_and(|state| document.state != *state)
    };
    let overruled = found.documents.iter().filter(overruled);
    overruled
        .map(|document| Violation::Lost(format!("{}: a person overruled", line(document))))
        .collect()
}

/// Returns what people moved, oldest first.
fn moves(stage: &Stage, scope: TenantScope, found: &Found) -> Vec<Move> {
    acts(stage, scope, found).into_iter().flat_map(|act| act.moves).collect()
}

/// Returns what people did, oldest first for each owner.
fn acts(stage: &Stage, scope: TenantScope, found: &Found) -> Vec<Act> {
    let owners: BTreeSet<UserId> = found.documents.iter().map(|document| document.owner).collect();
    let acts = owners.into_iter().flat_map(|owner| {
        let mut acts = now(stage.store.acts(&scope, owner, None, usize::MAX));
        acts.reverse();
        acts
    });
    acts.collect()
}

/// I1, I2: every answer is in the log of the document's owner once, and the log has no gap.
fn check_labels(stage: &Stage, truth: &Known, scope: TenantScope, found: &Found) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut labels: BTreeMap<(UserId, DocumentId), Vec<Answer>> = BTreeMap::new();
    for ((_, _), owner) in truth.people.iter().filter(|((of, _), _)| *of == scope.tenant()) {
        let mut last = 0;
        loop {
            let lessons = now(stage.store.lessons(&scope, *owner, last, BATCH));
            if lessons.labels.is_empty() {
                break;
            }
            for label in lessons.labels {
                if label.seq != last + 1 {
                    let what = format!("label {} comes after {last}", label.seq);
                    violations.push(Violation::Regressed(what));
                }
                last = label.seq;
                labels.entry((*owner, label.answer.document)).or_default().push(label.answer);
            }
        }
    }
    let told = told(stage, scope, found);
    for document in &found.documents {
        let said = labels.remove(&(document.owner, document.id)).unwrap_or_default();
        let history = now(stage.store.history(&scope, document.id));
        let told = told.get(&document.id).map_or(&[][..], Vec::as_slice);
        violations.extend(compare_labels(document, &history, &said, told));
    }
    let strange = labels.keys().map(|(_, document)| format!("{document} was labelled by nobody"));
    violations.extend(strange.map(Violation::CrossTenant));
    violations
}

/// What a person told the log of a document, with the version of it that this made.
type Told = (u64, CommitId, UserId, Truth);

/// Returns, by document, what the acts of people told the log, oldest first.
fn told(stage: &Stage, scope: TenantScope, found: &Found) -> BTreeMap<DocumentId, Vec<Told>> {
    let mut told: BTreeMap<DocumentId, Vec<Told>> = BTreeMap::new();
    for act in acts(stage, scope, found) {
        for made in act.moves {
            let truth = made.truth.map(|truth| (made.version, act.id, act.by, truth));
            told.entry(made.document).or_default().extend(truth);
        }
    }
    told
}

/// Compares the log of a document, line by line, with what its history and people's acts make of it.
fn compare_labels(
    document: &Document,
    history: &[Entry],
    said: &[Answer],
    told: &[Told],
) -> Option<Violation> {
    let (consents, by_people): (Vec<Answer>, Vec<Answer>) =
        said.iter().cloned().partition(|answer| answer.by == Teacher::Consent);
    let line = line(document);
    let lost = |what: String| Some(Violation::Lost(format!("{line}: {what}")));
    let wanted: Vec<Answer> =
        told.iter().map(|told| by_person(document.id, history, *told)).collect();
    let double = |answers: &[Answer]| {
        answers.iter().enumerate().any(|(place, answer)| answers[..place].contains(answer))
    };
    if double(&by_people) || double(&consents) {
        return Some(Violation::Doubled(format!("{line}: an answer is in the log twice")));
    }
    if by_people != wanted {
        return lost(format!("the log says {by_people:?}, people said {wanted:?}"));
    }
    let silences = silences(document.id, history);
    let certain = silences.iter().filter(|silence| silence.is_certain).map(|it| &it.answer);
    if let Some(missing) = certain.into_iter().find(|answer| !consents.contains(answer)) {
        return lost(format!("nobody corrected it, and the log does not say {missing:?}"));
    }
    let may_be = |answer: &&Answer| !silences.iter().any(|silence| silence.answer == **answer);
    let strange = consents.iter().find(may_be)?;
    lost(format!("{strange:?} is in the log, and somebody spoke or nothing was routed"))
}

/// What a person's act says, with what classifiers had thought until then.
fn by_person(document: DocumentId, history: &[Entry], told: Told) -> Answer {
    let (version, act, by, truth) = told;
    let before = history.iter().take_while(|entry| entry.version < version).cloned();
    let said = Said::at_last(&before.collect::<Vec<Entry>>());
    Answer { document, truth, by: Teacher::Person(by), said, act: Some(act) }
}

/// A route of a classifier that may have been taken for right.
struct Silence {
    answer: Answer,
    /// Nothing happened to the document afterwards.
    is_certain: bool,
}

/// Returns the routes that nobody touched for as long as silence takes; clocks of nodes differ.
fn silences(document: DocumentId, history: &[Entry]) -> Vec<Silence> {
    let long = CONSENT_AFTER.saturating_sub(APART);
    let mut silences = Vec::new();
    for (place, entry) in history.iter().enumerate() {
        let Fact::Decided { state: DocumentState::Routed(route), .. } = &entry.fact else {
            continue;
        };
        let next = history.get(place + 1);
        let stood =
            next.is_none_or(|next| (next.at - entry.at).to_std().is_ok_and(|it| it >= long));
        if stood {
            let (truth, said) = (Truth::To(route.project), Said::of(&entry.fact));
            let (by, said) = (Teacher::Consent, said.unwrap_or_default());
            let answer = Answer { document, truth, by, said, act: None };
            silences.push(Silence { answer, is_certain: next.is_none() });
        }
    }
    silences
}

/// I2, I3: each change was published under one id, and only of documents of its tenant.
fn check_events(stage: &Stage, truth: &Known) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut changes: BTreeMap<EventId, (TenantId, DocumentId, &'static str)> = BTreeMap::new();
    let mut stored: BTreeMap<DocumentId, BTreeSet<EventId>> = BTreeMap::new();
    for event in lock(&stage.published).iter() {
        let what = (event.tenant, event.document, event.news.as_str());
        if *changes.entry(event.id).or_insert(what) != what {
            violations.push(Violation::Doubled(format!("event {} means two things", event.id)));
        }
        if event.news.as_str() == "document_stored" {
            stored.entry(event.document).or_default().insert(event.id);
        }
        if !truth.people.iter().any(|((of, _), id)| *of == event.tenant && *id == event.owner) {
            let what = format!("event {} tells a stranger", event.id);
            violations.push(Violation::CrossTenant(what));
        }
    }
    for scope in lock(&stage.tenants).iter() {
        for document in Found::of(stage, truth, *scope).documents {
            match stored.get(&document.id).map_or(0, BTreeSet::len) {
                1 => {}
                0 => violations.push(Violation::Lost(format!("{} untold", line(&document)))),
                _ => violations.push(Violation::Doubled(format!("{} told twice", line(&document)))),
            }
        }
    }
    violations
}
