//! Taking a page in: what it does not carry is fetched while what was fetched is written.
use futures::{
    FutureExt,
    stream::{FuturesUnordered, StreamExt},
};

use super::{
    ATTEMPTS, Counts, Facts, PATIENCE, Pass, Plan, Road, SyncError,
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
/// The same by weight: two parts are in memory at most, one that is written and one that is read.
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

/// The end of something under way.
enum Done<'w, T> {
    Fetched(&'w [ItemId], Result<Vec<Fetched<T>>, SourceError>),
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
        let troubles = Troubles::new(reads.failing(&at.track), &wanted);
        let counts = Counts::default();
        let mut taken = Taken { facts, version: at.version, counts, troubles };
        self.gather(lease, at, &wanted, &mut taken).await?;
        let lost = self.settle(lease, &mut taken.troubles, &mut taken.facts).await;
        let track = match &lost {
            Some(_) => reads.after(at.track.clone(), taken.troubles.counts),
            None => reads.after(moved, Failing::new()),
        };
        (taken.facts.more, taken.facts.in_part) = (more, lost.is_some());
        let pass = self.commit(lease, taken.version, track, taken.facts).await?;
        match lost {
            Some(error) => Err(error.into()),
            None => Ok(Pass { counts: taken.counts + pass.counts, ..pass }),
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
        let mut under_way = FuturesUnordered::new();
        let (mut fetching, mut writing) = (0, false);
        loop {
            let is_end = fetching == 0 && batches.len() == 0;
            if !writing && !is_end && taken.facts.fill_a_part() {
                let written = self.write(lease, taken.version, at.track.clone(), taken.part());
                under_way.push(written.map(Done::Written).boxed());
                writing = true;
            }
            while fetching < limits.fetch_concurrency.max(1)
                && !taken.facts.fill_a_part()
                && !taken.troubles.are_too_many()
                && let Some(ids) = batches.next()
            {
                let fetched = self.source.fetch(&lease.at, ids);
                under_way.push(fetched.map(move |answer| Done::Fetched(ids, answer)).boxed());
                fetching += 1;
            }
            if !writing && taken.troubles.are_refused() {
                return Ok(());
            }
            match under_way.next().await {
                None => return Ok(()),
                Some(Done::Written(written)) => {
                    let (version, counts) = written?;
                    (taken.version, taken.counts) = (version, taken.counts + counts);
                    writing = false;
                }
                Some(Done::Fetched(ids, answer)) => {
                    fetching -= 1;
                    match answer {
                        Ok(items) => {
                            taken.troubles.over(ids);
                            taken.facts.add(ids, items, self.plan);
                        }
                        Err(error) => taken.troubles.failed(ids, error),
                    }
                }
            }
        }
    }

    /// Asks alone for each item that failed in so many passes in a row, and gives up those that fail
    /// again.
    ///
    /// Only failures of the item count: an outage of the listing is no fault of it, nor is what became
    /// of its neighbours.
    ///
    /// Returns the error that ends the pass, if any item is left that deserves another attempt.
    async fn settle(
        &self,
        lease: &Lease,
        troubles: &mut Troubles<'_>,
        facts: &mut Facts<P::Reading>,
    ) -> Option<SourceError> {
        let mut lost = None;
        for (ids, error) in std::mem::take(&mut troubles.failed) {
            let concerns_item = error.concerns_item();
            let (old, new): (Vec<_>, Vec<_>) =
                ids.iter().partition(|id| concerns_item && troubles.before(id) >= ATTEMPTS);
            if !new.is_empty() {
                lost = Some(graver(lost, error));
            }
            for id in old {
                match self.source.fetch(&lease.at, std::slice::from_ref(id)).await {
                    Ok(items) => {
                        troubles.over(std::slice::from_ref(id));
                        facts.add(std::slice::from_ref(id), items, self.plan);
                    }
                    Err(error) if error.concerns_item() => {
                        let alone = facts.is_empty();
                        if troubles.before(id) >= if alone { PATIENCE } else { ATTEMPTS } {
                            troubles.over(std::slice::from_ref(id));
                            facts.give_up(id.clone(), &error);
                        } else {
                            lost = Some(graver(lost, error));
                        }
                    }
                    Err(error) => lost = Some(graver(lost, error)),
                }
            }
        }
        lost
    }
}

impl<R> Taken<'_, R> {
    /// Takes out what was read so far, as a part that is not the end of its page.
    fn part(&mut self) -> Facts<R> {
        let mut part = std::mem::take(&mut self.facts);
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
