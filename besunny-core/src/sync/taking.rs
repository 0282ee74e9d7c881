//! Taking a page in: what it does not carry is fetched while what was fetched is written.
use std::sync::Arc;

use futures::{
    FutureExt,
    future::{self, BoxFuture, Either},
    stream::{FuturesUnordered, StreamExt},
};

use super::{
    ATTEMPTS, Counts, FAILURES, Facts, PATIENCE, Pass, Plan, Road, SyncError,
    facts::{Sorted, sort},
    troubles::Troubles,
};
use crate::{
    repository::Position,
    scheduler::{Lease, PauseReason},
    source::{Fetched, ItemId, Page, SourceError},
    track::{Failing, Track, Version},
};

/// A page is committed in parts of so many items, so that its end has little left to write.
pub const PART_ITEMS: usize = 250;
/// The same by weight. Two parts are in memory at most, one that is written and one that is read; each
/// may be larger by what one fetch answers.
pub const PART_BYTES: usize = 4 << 20;

/// What a page holds: each counts its own failures.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reads {
    /// What the source says.
    New,
    /// What was asked for again.
    Asked,
}

/// How far a page has been taken in.
struct Taken<'w, R> {
    /// What was read and is not written yet.
    facts: Facts<R>,
    /// Where the stream stands in the store.
    version: Version,
    /// What was written.
    counts: Counts,
    /// What could not be fetched.
    troubles: Troubles<'w>,
}

/// A part that is being written.
type Writing<'a> = BoxFuture<'a, Result<(Version, Counts), SyncError>>;

/// What a fetch asked for, and its answer.
type Answered<'w, T> = (&'w [ItemId], Result<Vec<Fetched<T>>, SourceError>);

/// The end of something under way.
enum Done<'w, T> {
    Fetched(Answered<'w, T>),
    Written(Result<(Version, Counts), SyncError>),
}

impl<T: Send + Sync, P: Plan<T>> Road<'_, T, P> {
    /// Fetches what the page does not carry, in bounded parts, and commits each part.
    ///
    /// Only the last part moves the track. A failing item ends the pass once its neighbours were
    /// committed, also those that were under way; one that has failed often enough is quarantined.
    pub(super) async fn take(
        &self,
        lease: &Lease,
        at: &Position,
        (page, reads): (Page<T>, Reads),
        moved: Track,
    ) -> Result<Pass, SyncError> {
        let ids: Vec<ItemId> = page.changes.iter().map(|change| change.id().clone()).collect();
        let rules = self.plan.scope(&lease.account);
        let known = self.repository.known(&lease.scope, lease.stream, &ids, rules).await?;
        let Sorted { facts, wanted } = sort(page, &known, self.plan);
        let more = facts.more;
        let has_other_lane = reads.has_other_lane(&at.track);
        let troubles = Troubles::new(reads.failing(&at.track), &wanted, has_other_lane);
        let counts = Counts::default();
        let mut taken = Taken { facts, version: at.version, counts, troubles };
        self.gather(lease, at, &wanted, &mut taken).await?;
        let lost = self.settle(lease, &mut taken.troubles, &mut taken.facts).await;
        let track = match &lost {
            Some(_) => reads.after(at.track.clone(), taken.troubles.counts),
            None if reads.has_other_lane(&moved) => reads.after(moved, taken.troubles.counts),
            None => reads.after(moved, Failing::new()),
        };
        (taken.facts.more, taken.facts.in_part) = (more, lost.is_some());
        let pass = self.commit(lease, taken.version, track, taken.facts).await;
        match lost {
            // What the source asks for counts, whatever the store says: it may be a long wait.
            Some(error) => Err(error.into()),
            None => pass.map(|pass| Pass { counts: taken.counts + pass.counts, ..pass }),
        }
    }

    /// Fetches what is wanted, and writes each full part while the next one is fetched.
    ///
    /// Where the source refuses more than an item, what is under way is let go too: it would wait
    /// for as long as the source asks everybody to wait.
    async fn gather<'w>(
        &self,
        lease: &Lease,
        at: &Position,
        wanted: &'w [ItemId],
        taken: &mut Taken<'w, P::Reading>,
    ) -> Result<(), SyncError> {
        let limits = self.source.limits();
        let mut batches = wanted.chunks(limits.fetch_batch.max(1));
        let mut fetching = FuturesUnordered::new();
        let mut writing: Option<Writing<'_>> = None;
        loop {
            let is_end = fetching.is_empty() && batches.len() == 0;
            if writing.is_none() && !is_end && taken.facts.fill_a_part() {
                let written = self.write(lease, taken.version, at.track.clone(), taken.part());
                writing = Some(written.boxed());
            }
            while fetching.len() < limits.fetch_concurrency.max(1)
                && !taken.facts.fill_a_part()
                && !taken.troubles.are_too_many()
                && let Some(ids) = batches.next()
            {
                let fetched = self.source.fetch(&lease.at, ids);
                fetching.push(fetched.map(move |answer| (ids, answer)).boxed());
            }
            if taken.troubles.are_refused() {
                fetching.clear();
            }
            let is_full = taken.facts.fill_a_part();
            match next(&mut fetching, &mut writing, is_full).await {
                None => return Ok(()),
                Some(Done::Written(written)) => {
                    let (version, counts) = written?;
                    (taken.version, taken.counts) = (version, taken.counts + counts);
                    writing = None;
                }
                Some(Done::Fetched((ids, Ok(items)))) => {
                    taken.troubles.over(ids);
                    taken.facts.add(ids, items, self.plan);
                }
                Some(Done::Fetched((ids, Err(error)))) => taken.troubles.failed(ids, error),
            }
        }
    }

    /// Asks alone for each item that failed in so many passes in a row, and gives up those that fail
    /// again.
    ///
    /// Only failures of the item count: an outage of the listing is no fault of it, nor is what became
    /// of its neighbours.
    ///
    /// Nobody is asked once the source refused, nor after a few failures without an answer between: both
    /// would take long, and what was read waits to be committed.
    ///
    /// Returns the error that ends the pass, if any item is left that deserves another attempt.
    async fn settle(
        &self,
        lease: &Lease,
        troubles: &mut Troubles<'_>,
        facts: &mut Facts<P::Reading>,
    ) -> Option<SourceError> {
        let (mut lost, mut is_refused, mut unanswered) = (None, troubles.are_refused(), 0);
        for (ids, error) in std::mem::take(&mut troubles.failed) {
            let concerns_item = error.concerns_item();
            let (old, new): (Vec<_>, Vec<_>) =
                ids.iter().partition(|id| concerns_item && troubles.before(id) >= ATTEMPTS);
            let mut is_left = !new.is_empty();
            for id in old {
                if is_refused || unanswered >= FAILURES {
                    is_left = true;
                    break;
                }
                match self.source.fetch(&lease.at, std::slice::from_ref(id)).await {
                    Ok(items) => {
                        unanswered = 0;
                        troubles.over(std::slice::from_ref(id));
                        facts.add(std::slice::from_ref(id), items, self.plan);
                    }
                    Err(error) if error.concerns_item() => {
                        unanswered += 1;
                        let alone = facts.is_empty();
                        if troubles.before(id) >= if alone { PATIENCE } else { ATTEMPTS } {
                            troubles.over(std::slice::from_ref(id));
                            facts.give_up(id.clone(), &error);
                        } else {
                            lost = Some(graver(lost, error));
                        }
                    }
                    Err(error) => {
                        is_refused = true;
                        lost = Some(graver(lost, error));
                    }
                }
            }
            if is_left {
                lost = Some(graver(lost, error));
            }
        }
        lost
    }
}

/// Waits for what ends next; while the next part is full, only for the one that is written.
async fn next<'w, T>(
    fetching: &mut FuturesUnordered<BoxFuture<'_, Answered<'w, T>>>,
    writing: &mut Option<Writing<'_>>,
    is_full: bool,
) -> Option<Done<'w, T>> {
    let Some(written) = writing else { return fetching.next().await.map(Done::Fetched) };
    if is_full {
        return Some(Done::Written(written.await));
    }
    Some(match future::select(&mut *written, fetching.next()).await {
        Either::Left((written, _)) => Done::Written(written),
        Either::Right((Some(answered), _)) => Done::Fetched(answered),
        Either::Right((None, written)) => Done::Written(written.await),
    })
}

impl<R> Taken<'_, R> {
    /// Takes out what was read so far, as a part that is not the end of its page.
    fn part(&mut self) -> Facts<R> {
        let mut part = std::mem::take(&mut self.facts);
        self.facts.held = Arc::clone(&part.held);
        (self.facts.earlier, part.in_part) = (part.met(), true);
        part
    }
}

impl Reads {
    const fn failing(self, track: &Track) -> &Failing {
        match self {
            Self::New => &track.failing,
            Self::Asked => &track.asked_failing,
        }
    }

    /// Says whether a page of a listing and one of the log are read by turns.
    const fn has_other_lane(self, track: &Track) -> bool {
        match self {
            Self::New => track.live.is_some() && track.scan.is_some(),
            Self::Asked => false,
        }
    }

    fn after(self, track: Track, failing: Failing) -> Track {
        match self {
            Self::New => Track { failing, ..track },
            Self::Asked => Track { asked_failing: failing, ..track },
        }
    }
}

/// Returns which of two failures a pass ends with: what waits for a person, then the longer wait.
fn graver(lost: Option<SourceError>, error: SourceError) -> SourceError {
    let weight = |error: &SourceError| (PauseReason::of(error.kind).is_some(), error.retry_after);
    match lost {
        Some(lost) if weight(&lost) >= weight(&error) => lost,
        Some(_) | None => error,
    }
}
