//! Whether a change of a mailbox is announced.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::later;
use crate::mailbox::Change;
use crate::mailbox::labels::LabelId;

/// The one watch that a mailbox can have in a project.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    live: Option<Live>,
    last_notice_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
struct Live {
    topic: String,
    filter: LabelFilter,
    expires_at: DateTime<Utc>,
}

/// Which changes a watch is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LabelFilter {
    All,
    Include(Vec<LabelId>),
    Exclude(Vec<LabelId>),
}

impl LabelFilter {
    fn admits(&self, change: &Change) -> bool {
        let touches = |labels: &[LabelId]| labels.iter().any(|one| change.labels.contains(one));
        match self {
            Self::All => true,
            Self::Include(labels) => touches(labels),
            Self::Exclude(labels) => !touches(labels),
        }
    }
}

impl Watch {
    /// Starts a watch or renews it; what was there is replaced.
    pub(crate) fn start(&mut self, topic: String, filter: LabelFilter, expires_at: DateTime<Utc>) {
        self.live = Some(Live { topic, filter, expires_at });
    }

    pub(crate) fn stop(&mut self) {
        self.live = None;
    }

    pub(crate) fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.live.as_ref().map(|live| live.expires_at)
    }

    /// The topic to notify; faster changes than one an interval are dropped, as Gmail does.
    pub(crate) fn admit(
        &mut self,
        change: &Change,
        now: DateTime<Utc>,
        interval: Duration,
    ) -> Option<String> {
        let live = self.live.as_ref().filter(|live| live.expires_at > now)?;
        let too_soon = self.last_notice_at.is_some_and(|last| later(last, interval) > now);
        if too_soon || !live.filter.admits(change) {
            return None;
        }
        self.last_notice_at = Some(now);
        Some(live.topic.clone())
    }
}
