//! What a stream remembers: a live lane, at most one scan, whose turn it is.
//!
//! The live lane follows the change log from a durable cursor. A scan lists everything, then sweeps
//! what it did not meet. Both lanes take turns, so that new items never wait for a long listing
//! (ARCHITECTURE.md L3). All of it is pure: a step is chosen from the track, and the track moves on by
//! consuming methods; the loop in [`sync`](crate::sync) does the reading.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::source::{Cursor, ItemId, Next, PageToken, Relist, Scope, Sweep};

/// A round that was begun so often without ending gives up its cursor and lists anew.
pub const MAX_REWINDS: u32 = 8;

/// Grows with every commit on a stream.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(pub u64);

/// Names one listing; items met carry it. It is the version at which the listing began.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ScanId(pub u64);

/// What a stream remembers between passes; stored as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The lane that follows the change log, once there is a cursor.
    pub live: Option<Live>,
    /// The listing under way.
    pub scan: Option<Scan>,
    /// Whose turn it is when both lanes have work.
    pub turn: Lane,
    /// Whether a new listing is due once no scan is under way.
    pub relist: bool,
    /// Items of the page that could not be fetched, each with how often in a row.
    #[serde(default, skip_serializing_if = "Failing::is_empty")]
    pub failing: Failing,
    /// The same of items that were asked for again; they wait for new ones then.
    #[serde(default, skip_serializing_if = "Failing::is_empty")]
    pub asked_failing: Failing,
}

/// How often in a row each item could not be fetched; at most as many items as a page names.
pub type Failing = BTreeMap<ItemId, u32>;

/// The lane that follows the change log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The durable cursor; it moves only when a round is complete.
    pub cursor: Cursor,
    /// The round under way.
    pub round: Option<Round>,
    /// The scope in which the cursor is valid.
    pub scope: Scope,
    /// How often the round was begun again without ending.
    pub rewinds: u32,
}

/// The listing under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Marks what this listing met.
    pub id: ScanId,
    /// The scope that is listed.
    pub scope: Scope,
    /// What to do with what it did not meet.
    pub sweep: Sweep,
    /// Whether a person has accepted a mass removal.
    pub accepted: bool,
    /// How far it is.
    pub phase: Phase,
    /// How often the listing was begun again without ending.
    pub rewinds: u32,
    /// How far it is, for people.
    pub progress: Progress,
}

/// How far a scan is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading pages; `None` before the first.
    Listing(Option<Round>),
    /// Forgetting what was not met, by id; `None` before the first batch.
    Sweeping(Option<ItemId>),
    /// So much was not met that a person decides (ARCHITECTURE.md L3).
    Held(Missing),
}

/// How much a complete listing did not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Members of the stream that were not met.
    pub unseen: u64,
    /// All members of the stream.
    pub members: u64,
}

/// Numbers of a scan for people: progress and time to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When the scan began.
    pub begun_at: DateTime<Utc>,
    /// How many items were listed.
    pub listed: u64,
    /// About how many there are, when the source says so; exact once all are listed.
    pub total: Option<u64>,
}

/// Page tokens of one round, watched for going in circles.
///
/// By Brent's method: `mark` is set anew at every power of two, so a circle of any length is met
/// within three times its length, and only one token is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The page to read next.
    pub page: PageToken,
    pages: u64,
    mark: PageToken,
}

/// A source that hands out page tokens in a circle would be read for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the page tokens repeat")]
pub struct TokensRepeat;

/// One of the two lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The change log.
    #[default]
    Live,
    /// The listing.
    Scan,
}

/// What the next pass does; derived, never stored.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Take the head, then begin to list.
    Begin,
    /// Read the change log.
    Follow(&'a Live),
    /// Read a page of the listing.
    List(&'a Scan, Option<&'a PageToken>),
    /// Forget a batch of what the listing did not meet.
    Sweep(&'a Scan, Option<&'a ItemId>),
    /// Wait for a person, since a mass removal is held and there is no log to follow.
    Wait,
}

/// What a person asks of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steer {
    /// Go on after a pause, as soon as possible.
    Resume,
    /// List everything again.
    Relist,
    /// Accept the mass removal that is held.
    AcceptRemovals,
    /// Refuse it: what was not met is kept.
    KeepRemoved,
}

impl Track {
    /// Chooses the next step; a changed scope begins a new listing.
    #[must_use]
    pub fn step(&self, wanted: &Scope) -> Step<'_> {
        let scope = self
            .scan
            .as_ref()
            .map(|scan| &scan.scope)
            .or(self.live.as_ref().map(|live| &live.scope));
        if scope != Some(wanted) {
            return Step::Begin;
        }
        match (&self.live, &self.scan) {
            (Some(live), _) if self.follows() => Step::Follow(live),
            (_, Some(scan)) => match &scan.phase {
                Phase::Listing(round) => Step::List(scan, round.as_ref().map(|round| &round.page)),
                Phase::Sweeping(after) => Step::Sweep(scan, after.as_ref()),
                Phase::Held(_) if self.relist => Step::Begin,
                Phase::Held(_) => Step::Wait,
            },
            (_, None) => Step::Begin,
        }
    }

    /// Says whether nothing is under way: no round, no scan that could go on, no listing due.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.relist && !self.scans() && self.live.as_ref().is_none_or(|live| live.round.is_none())
    }

    /// Begins a listing; the live lane goes on from `head` when there is one.
    #[must_use]
    pub fn begun(
        id: ScanId,
        head: Option<Cursor>,
        wanted: &Scope,
        relist: Relist,
        now: DateTime<Utc>,
    ) -> Self {
        let live = head.map(|cursor| Live::at(cursor, *wanted));
        let scan = Scan {
            id,
            scope: *wanted,
            sweep: relist.sweep,
            accepted: false,
            phase: Phase::Listing(relist.start.map(Round::first)),
            rewinds: 0,
            progress: Progress { begun_at: now, listed: 0, total: None },
        };
        Self {
            live,
            scan: Some(scan),
            turn: Lane::Scan,
            relist: false,
            failing: Failing::new(),
            asked_failing: Failing::new(),
        }
    }

    /// Answers a lost log: a scan under way goes on, and its end begins the next one.
    #[must_use]
    pub fn log_lost(mut self) -> Self {
        self.live = None;
        self.relist = true;
        self
    }

    /// Forgets a dead page token: the round is read again from its start.
    ///
    /// A listing gets a new id, since marks made before its new start prove nothing. A live round
    /// that was rewound [`MAX_REWINDS`] times without ending is given up for a listing.
    #[must_use]
    pub fn rewound(mut self, id: ScanId) -> Self {
        match (self.follows(), &mut self.live, &mut self.scan) {
            (true, Some(live), _) => {
                live.round = None;
                live.rewinds += 1;
                if live.rewinds >= MAX_REWINDS {
                    return self.log_lost();
                }
            }
            (_, _, Some(scan)) => {
                scan.id = id;
                scan.rewinds += 1;
                scan.progress.listed = 0;
                scan.phase = Phase::Listing(None);
            }
            (_, _, None) => {}
        }
        self
    }

    /// Returns how often the round under way was begun again.
    #[must_use]
    pub fn rewinds(&self) -> u32 {
        let live = self.live.as_ref().map_or(0, |live| live.rewinds);
        live.max(self.scan.as_ref().map_or(0, |scan| scan.rewinds))
    }

    /// Moves past a followed page.
    pub fn followed(mut self, next: Next) -> Result<Self, TokensRepeat> {
        if let Some(live) = &mut self.live {
            match next {
                Next::Page(page) => live.round = Some(Round::after(live.round.take(), page)?),
                Next::Cursor { cursor, .. } => *live = Live::at(cursor, live.scope),
                Next::End => *live = Live::at(live.cursor.clone(), live.scope),
            }
        }
        self.turn = Lane::Scan;
        Ok(self)
    }

    /// Moves past a listed page of `count` items; the last one may bring the cursor.
    pub fn listed(
        mut self,
        next: Next,
        count: u64,
        total: Option<u64>,
    ) -> Result<Self, TokensRepeat> {
        if let Some(scan) = &mut self.scan {
            scan.progress.listed += count;
            let listed = scan.progress.listed;
            // A source may count less than it lists: then nobody knows how many there are.
            let total = total.or(scan.progress.total).filter(|total| *total >= listed);
            scan.progress.total = match next {
                Next::Page(_) => total,
                Next::Cursor { .. } | Next::End => Some(listed),
            };
            let round = match &mut scan.phase {
                Phase::Listing(round) => round.take(),
                Phase::Sweeping(_) | Phase::Held(_) => None,
            };
            scan.phase = match next {
                Next::Page(page) => Phase::Listing(Some(Round::after(round, page)?)),
                Next::Cursor { cursor, .. } => {
                    let scope = scan.scope;
                    if !self.relist {
                        self.live.get_or_insert_with(|| Live::at(cursor, scope));
                    }
                    Phase::Sweeping(None)
                }
                Next::End => Phase::Sweeping(None),
            };
        }
        self.turn = Lane::Live;
        Ok(self)
    }

    /// Holds the sweep for a person.
    #[must_use]
    pub fn held(mut self, missing: Missing) -> Self {
        if let Some(scan) = &mut self.scan {
            scan.phase = Phase::Held(missing);
        }
        self.turn = Lane::Live;
        self
    }

    /// Moves past a swept batch; `None` ends the scan.
    #[must_use]
    pub fn swept(mut self, last: Option<ItemId>) -> Self {
        match (last, &mut self.scan) {
            (Some(id), Some(scan)) => scan.phase = Phase::Sweeping(Some(id)),
            (_, _) => self.scan = None,
        }
        self.turn = Lane::Live;
        self
    }

    /// Takes in what a person asks.
    #[must_use]
    pub fn steered(mut self, steer: Steer) -> Self {
        match (steer, &mut self.scan) {
            (Steer::Relist, _) => self.relist = true,
            (Steer::AcceptRemovals, Some(scan @ Scan { phase: Phase::Held(_), .. })) => {
                scan.phase = Phase::Sweeping(None);
                scan.accepted = true;
            }
            (Steer::KeepRemoved, Some(Scan { phase: Phase::Held(_), .. })) => self.scan = None,
            (Steer::Resume | Steer::AcceptRemovals | Steer::KeepRemoved, _) => {}
        }
        self
    }

    /// Returns the mass removal that waits for a person.
    #[must_use]
    pub fn held_removal(&self) -> Option<Missing> {
        match self.scan.as_ref()?.phase {
            Phase::Held(missing) => Some(missing),
            Phase::Listing(_) | Phase::Sweeping(_) => None,
        }
    }

    fn follows(&self) -> bool {
        self.live.is_some() && (!self.scans() || self.turn == Lane::Live)
    }

    /// Says whether a scan is under way or due; a held one is neither.
    fn scans(&self) -> bool {
        self.scan.is_some() && (self.relist || self.held_removal().is_none())
            || self.scan.is_none() && self.relist
    }
}

impl Live {
    fn at(cursor: Cursor, scope: Scope) -> Self {
        Self { cursor, round: None, scope, rewinds: 0 }
    }
}

impl Round {
    /// Begins a round at `page`.
    #[must_use]
    pub fn first(page: PageToken) -> Self {
        Self { mark: page.clone(), page, pages: 1 }
    }

    fn after(round: Option<Self>, page: PageToken) -> Result<Self, TokensRepeat> {
        let Some(round) = round else { return Ok(Self::first(page)) };
        if page == round.mark || page == round.page {
            return Err(TokensRepeat);
        }
        let pages = round.pages + 1;
        let mark = if pages.is_power_of_two() { page.clone() } else { round.mark };
        Ok(Self { page, pages, mark })
    }
}

#[cfg(test)]
mod tests;
