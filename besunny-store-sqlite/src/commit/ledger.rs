//! What a commit changes, decided in memory from what was loaded; no I/O.
use std::{collections::BTreeSet, time::Duration};

use besunny_core::{
    commit::{Basis, Commit, Decision, Effect, FIRST_VERSION, NewTranscript, PassBasis, Recorded},
    document::{DocumentState, NewDocument, Origin},
    event::DocumentAt,
    history::Fact,
    ids::{DocumentId, TenantId},
    item::ItemState,
    label::Answer,
    repository::RepositoryError,
    source::{ItemId, ItemRef},
};

use super::{
    Place,
    facts::{Facts, Held},
    sheet::{Born, ItemRow, Sheet},
};

/// A commit under way.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    facts: Facts,
    sheet: Sheet<'a>,
    /// Documents of the commit so far, also those that were there.
    seen: usize,
}

impl<'a> Ledger<'a> {
    /// Begins with what is stored; a decision on another version is a conflict.
    pub(super) fn open(
        tenant: TenantId,
        place: Option<Place>,
        commit: &'a Commit,
        mut facts: Facts,
    ) -> Result<Self, RepositoryError> {
        for effect in &commit.effects {
            if let Effect::Transcribe(new) = effect {
                let held = facts.documents.get(&new.document.id);
                if held.map_or(0, |held| held.version) != new.expected {
                    return Err(RepositoryError::Conflict);
                }
            }
            let Some((document, expected)) = effect.pinned() else { continue };
            let held = facts.documents.get(&document);
            let held = held.ok_or(RepositoryError::Missing("document"))?;
            if held.version != expected {
                return Err(RepositoryError::Conflict);
            }
        }
        let mut sheet = Sheet::new(tenant, place, commit.at);
        if let (Some(place), Basis::Pass(pass)) = (place, &commit.basis) {
            mark(place, pass, &mut facts, &mut sheet);
        }
        Ok(Self { facts, sheet, seen: 0 })
    }

    /// Applies effects in order; those that only a pass can have are nothing without one.
    pub(super) fn apply(&mut self, effects: &'a [Effect]) {
        for effect in effects {
            match (effect, self.sheet.place) {
                (Effect::Store { item, documents }, Some(place)) => {
                    self.store(place, item, documents);
                }
                // What it says is written beside the sheet, by `meetings`.
                (Effect::Hold { item, .. }, Some(_)) => self.stored(item),
                (Effect::Ignore { item, reason, policy }, Some(place)) => {
                    let state = ItemState::Ignored(reason.clone());
                    let row = ItemRow { revision: item.revision.as_ref(), state, policy: *policy };
                    self.sheet.items.insert(&item.id, row);
                    self.unlink(place, &item.id, &[]);
                }
                (Effect::Quarantine { item, reason }, Some(_)) => {
                    let state = ItemState::Quarantined(reason.clone());
                    self.sheet.items.insert(item, ItemRow { revision: None, state, policy: 0 });
                }
                (Effect::Leave(item), Some(place)) => self.leave(place, item),
                (Effect::Detect(found), Some(_)) => self.sheet.detections.push(found),
                (Effect::Decide(decision), _) => self.decide(decision),
                (Effect::Enqueue(job), _) => self.sheet.jobs.push((job, Duration::ZERO)),
                (Effect::Defer { job, by }, _) => self.sheet.jobs.push((job, *by)),
                (Effect::Label { answer, .. }, _) => self.label(answer),
                (Effect::Watch(watch), Some(_)) => self.sheet.watch = Some(watch),
                // An act is written beside the sheet, by `feedback`, and a meeting by `meetings`.
                (Effect::Transcribe(new), _) => self.transcribe(new),
                // Rooms, postings and wishes are written by `postings`.
                (
                    Effect::Act(_)
                    | Effect::Meet(_)
                    | Effect::Post(_)
                    | Effect::Staff { .. }
                    | Effect::Prefer { .. },
                    _,
                )
                | (
                    Effect::Store { .. }
                    | Effect::Hold { .. }
                    | Effect::Ignore { .. }
                    | Effect::Quarantine { .. }
                    | Effect::Leave(_)
                    | Effect::Detect(_)
                    | Effect::Watch(_),
                    None,
                ) => {}
            }
        }
    }

    /// Returns what is to be written.
    pub(super) fn close(self) -> Sheet<'a> {
        let Self { facts, mut sheet, .. } = self;
        sheet.documents = facts.documents;
        sheet
    }

    fn stored(&mut self, item: &'a ItemRef) {
        let (revision, state) = (item.revision.as_ref(), ItemState::Stored);
        self.sheet.items.insert(&item.id, ItemRow { revision, state, policy: 0 });
    }

    fn store(&mut self, place: Place, item: &'a ItemRef, documents: &'a [NewDocument]) {
        self.stored(item);
        for new in documents {
            self.store_document(place, &item.id, new);
        }
        let kept: Vec<DocumentId> = documents.iter().map(|new| new.id).collect();
        self.unlink(place, &item.id, &kept);
    }

    /// Makes a document, or gives one that exists another origin.
    fn store_document(&mut self, place: Place, item: &ItemId, new: &'a NewDocument) {
        let nth = self.seen;
        self.seen += 1;
        let link = (place.account, item.clone());
        let restored = if let Some(held) = self.facts.documents.get_mut(&new.id) {
            held.removed_at.take().is_some()
        } else {
            let origin = Origin { account: place.account, item: item.clone() };
            self.bear(new, nth, Fact::Stored { origin });
            false
        };
        if restored {
            self.record(new.id, &DocumentState::Pending, Fact::Restored);
        }
        let held = self.facts.documents.get_mut(&new.id);
        if held.is_some_and(|held| held.origins.insert(link)) {
            self.facts.linked.entry(item.clone()).or_default().insert(new.id);
            self.sheet.linked(new.id, item);
        }
    }

    fn bear(&mut self, new: &'a NewDocument, nth: usize, fact: Fact) {
        let born = Recorded::birth(self.sheet.tenant, new, fact, self.sheet.at);
        self.sheet.history.push(born.entry);
        self.sheet.events.push(born.event);
        self.sheet.born.push(Born { new, nth, is_new: true });
        let held = Held {
            owner: new.owner,
            version: FIRST_VERSION,
            removed_at: None,
            origins: BTreeSet::new(),
        };
        self.facts.documents.insert(new.id, held);
    }

    /// Makes the document of a meeting, or writes it anew.
    fn transcribe(&mut self, new: &'a NewTranscript) {
        let nth = self.seen;
        self.seen += 1;
        let (document, meeting) = (&new.document, new.meeting);
        if self.facts.documents.contains_key(&document.id) {
            self.record(document.id, &DocumentState::Pending, Fact::Amended { meeting });
            self.sheet.born.push(Born { new: document, nth, is_new: false });
        } else {
            self.bear(document, nth, Fact::Transcribed { meeting });
        }
    }

    /// Takes an item out of the stream; when no stream holds it, it is removed.
    fn leave(&mut self, place: Place, item: &'a ItemId) {
        let Some(holders) = self.facts.holders.get_mut(item) else { return };
        if !holders.remove(&place.stream) {
            return;
        }
        self.sheet.left.push(item);
        if !holders.is_empty() {
            return;
        }
        let row = ItemRow { revision: None, state: ItemState::Removed, policy: 0 };
        self.sheet.items.insert(item, row);
        self.unlink(place, item, &[]);
    }

    /// Takes an item from all documents but `kept`; one without any item left is removed.
    fn unlink(&mut self, place: Place, item: &ItemId, kept: &[DocumentId]) {
        let Some(linked) = self.facts.linked.get_mut(item) else { return };
        let gone: Vec<DocumentId> =
            linked.iter().filter(|id| !kept.contains(id)).copied().collect();
        linked.retain(|id| kept.contains(id));
        let link = (place.account, item.clone());
        for document in gone {
            self.sheet.unlinked(document, item);
            let Some(held) = self.facts.documents.get_mut(&document) else { continue };
            if held.origins.remove(&link) && held.origins.is_empty() {
                held.removed_at = Some(self.sheet.at);
                self.record(document, &DocumentState::Pending, Fact::Removed);
            }
        }
    }

    fn decide(&mut self, decision: &'a Decision) {
        self.record(decision.document, &decision.state, decision.fact.clone());
        self.sheet.changed.insert(decision.document, Some(&decision.state));
    }

    fn label(&mut self, answer: &'a Answer) {
        let Some(held) = self.facts.documents.get(&answer.document) else { return };
        self.sheet.labels.push((held.owner, answer));
    }

    /// Writes history and event of a change; `state` matters to those of a decision only.
    fn record(&mut self, id: DocumentId, state: &DocumentState, fact: Fact) {
        let Some(held) = self.facts.documents.get_mut(&id) else { return };
        held.version += 1;
        let document = DocumentAt { id, owner: held.owner, version: held.version };
        let made = Recorded::of(self.sheet.tenant, document, self.sheet.at, state, fact);
        self.sheet.history.push(made.entry);
        self.sheet.events.push(made.event);
        self.sheet.changed.entry(id).or_default();
    }
}

/// Makes everything met a member, marked with the scan under way.
fn mark<'a>(place: Place, pass: &'a PassBasis, facts: &mut Facts, sheet: &mut Sheet<'a>) {
    sheet.mark = pass.mark.map_or(0, |scan| scan.0);
    for met in &pass.met {
        sheet.met.insert(&met.id);
        facts.holders.entry(met.id.clone()).or_default().insert(place.stream);
    }
}
