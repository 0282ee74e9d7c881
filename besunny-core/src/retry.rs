//! The one retry table (ARCHITECTURE.md L9): what a failure of each kind leads to.
//!
//! Adapters never retry. The worker asks here, once for each failed piece of work; the table is
//! shown in `ARCHITECTURE.md`.
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    scheduler::{JobRest, PauseReason, Rest},
    source::SourceErrorKind,
};

/// A way of waiting longer after each failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub base: Duration,
    /// The longest wait.
    pub cap: Duration,
}

/// Too many requests: Google asks for `min(2^n s + jitter, 64 s)` (reference: Gmail quota page).
pub const RATE_LIMITED: Backoff = Backoff::seconds(1, 64);
/// The source is down: G-9's base and factor; the cap keeps an outage of hours cheap.
pub const UNAVAILABLE: Backoff = Backoff::seconds(1, 600);
/// The answer makes no sense: often a bug on either side, so it is asked rarely.
pub const MALFORMED: Backoff = Backoff::seconds(5, 900);
/// A daily limit is lifted by time of day, not by patience.
pub const LIMIT_REACHED: Backoff = Backoff::seconds(3600, 3600);
/// A watch that waits for a person is asked for again so often: nobody lifts its pause, and what
/// was allowed at the provider should be noticed.
pub const WATCH_PAUSED: Duration = Duration::from_hours(1);
/// A round begun again: the first two times at once, then ever slower.
pub const REWOUND: Backoff = Backoff::seconds(1, 300);
/// Whoever worked on a stream died or hung twice in a row; the cap is that of a source that is down.
pub const ABANDONED: Backoff = Backoff::seconds(1, 600);
/// Work on a stream panicked: a bug, as likely as not ours, so it is asked rarely.
pub const PANICKED: Backoff = MALFORMED;
/// Our own store failed.
pub const STORE: Backoff = Backoff::seconds(1, 60);
/// A job failed (JOB-4: 60 s for a classification).
pub const JOB: Backoff = Backoff::seconds(5, 600);
/// A job is given up after so many failures that no patience heals, or ends of whoever did it (F12).
pub const JOB_ATTEMPTS: u32 = 5;

/// A document waits for a classifier that is out through so many failures, then a person sees it:
/// ten waits of a server that is down are 8 to 17 minutes.
pub const OUTAGE_ATTEMPTS: u32 = 11;
/// A person sees a document sooner if the next look is later than this.
pub const OUTAGE_WAIT: Duration = UNAVAILABLE.cap;
/// Documents that a person may decide on meanwhile are asked about again after so long.
pub const OUTAGE_OVER: Duration = UNAVAILABLE.cap;

impl Backoff {
    const fn seconds(base: u64, cap: u64) -> Self {
        Self { base: Duration::from_secs(base), cap: Duration::from_secs(cap) }
    }

    /// Returns the wait after `attempt` failures: factor 2, full jitter over the upper half (G-9).
    ///
    /// `luck` is a number from 0 to 1 that differs between streams and attempts.
    #[must_use]
    pub fn wait(&self, attempt: u32, luck: f64) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.saturating_sub(1).min(31));
        let longest = self.base.saturating_mul(factor).min(self.cap);
        longest.div_f64(2.0) + longest.div_f64(2.0).mul_f64(luck.clamp(0.0, 1.0))
    }
}

/// A failure of work on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What kind of failure it was.
    pub kind: SourceErrorKind,
    /// How long the source asked us to wait.
    pub retry_after: Option<Duration>,
    /// How often work has failed in a row, this one included.
    pub attempt: u32,
}

/// Returns when a stream is due again after a failure, or what it waits for.
#[must_use]
pub fn after(failed: Failed, luck: f64) -> Rest {
    if let Some(reason) = PauseReason::of(failed.kind) {
        return Rest::Paused(reason);
    }
    let backoff = match failed.kind {
        SourceErrorKind::RateLimited => RATE_LIMITED,
        SourceErrorKind::LimitReached => LIMIT_REACHED,
        SourceErrorKind::Malformed => MALFORMED,
        SourceErrorKind::PageExpired => REWOUND,
        SourceErrorKind::Unavailable
        | SourceErrorKind::Unauthorized
        | SourceErrorKind::Forbidden
        | SourceErrorKind::StreamGone
        | SourceErrorKind::Misconfigured => UNAVAILABLE,
    };
    let wait = backoff.wait(failed.attempt, luck);
    failed.retry_after.map_or(Rest::After(wait), |asked| Rest::Asked(asked.max(wait)))
}

/// Why a job failed, as far as the table asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobFailure {
    /// A source failed.
    Source {
        /// What kind of failure it was.
        kind: SourceErrorKind,
        /// How long the source asked us to wait.
        retry_after: Option<Duration>,
    },
    /// Our own store failed, or nobody here has the adapter: time heals it.
    Outage,
    /// It ended whoever did it, so often that it is not tried again.
    Abandoned,
    /// Anything else: no patience heals it.
    Other,
}

impl JobFailure {
    /// Says whether no patience heals it; after [`JOB_ATTEMPTS`] of these the job is given up.
    #[must_use]
    pub const fn is_strike(self) -> bool {
        match self {
            Self::Source { kind, .. } => matches!(kind, SourceErrorKind::Malformed),
            Self::Outage => false,
            Self::Abandoned | Self::Other => true,
        }
    }
}

/// How often a job has failed, the last failure included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// In any way; the wait follows from it.
    pub attempt: u32,
    /// In a way that no patience heals.
    pub strikes: u32,
}

impl JobFailure {
    /// Returns it for a job that waits for as long as it takes: what nobody can pause is asked rarely.
    #[must_use]
    pub const fn unpaused(self) -> Self {
        match self {
            Self::Source { kind, retry_after } if PauseReason::of(kind).is_some() => {
                Self::Source { kind: SourceErrorKind::LimitReached, retry_after }
            }
            Self::Source { .. } | Self::Outage | Self::Abandoned | Self::Other => self,
        }
    }
}

/// Says whether patience may heal a failure of a classifier before a person should see the document.
#[must_use]
pub fn is_worth_waiting(failure: JobFailure, Tries { attempt, strikes }: Tries) -> bool {
    match after_job(failure, Tries { attempt, strikes }, 1.0) {
        JobRest::GivenUp(_) => false,
        JobRest::After(_) if failure.is_strike() => true,
        JobRest::After(wait) => attempt < OUTAGE_ATTEMPTS && wait <= OUTAGE_WAIT,
    }
}

/// Returns what becomes of a job after a failure.
///
/// A source decides as it does for a stream; what a stream would wait for makes a dead letter, and
/// so do [`JOB_ATTEMPTS`] failures that no patience heals, whatever happened between them.
#[must_use]
pub fn after_job(failure: JobFailure, Tries { attempt, strikes }: Tries, luck: f64) -> JobRest {
    let wait = match failure {
        JobFailure::Source { kind, retry_after } => {
            match after(Failed { kind, retry_after, attempt }, luck) {
                Rest::Paused(reason) => return JobRest::GivenUp(Some(reason)),
                Rest::After(wait) | Rest::Asked(wait) => wait,
            }
        }
        JobFailure::Abandoned => return JobRest::GivenUp(None),
        JobFailure::Outage | JobFailure::Other => JOB.wait(attempt, luck),
    };
    if failure.is_strike() && strikes >= JOB_ATTEMPTS {
        return JobRest::GivenUp(None);
    }
    JobRest::After(wait)
}

/// The longest wait that is believed: more is a mistake of whoever asked for it.
const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// Reads a `Retry-After` field: seconds, or until a date (RFC 9110, section 10.2.3).
///
/// A date is compared with `now`; give the sender's own clock where the answer shows it.
#[must_use]
pub fn asked_wait(field: &str, now: DateTime<Utc>) -> Option<Duration> {
    let field = field.trim();
    let wait = match field.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (http_date(field)? - now).to_std().unwrap_or_default(),
    };
    Some(wait.min(LONGEST_ASKED))
}

/// Reads a date of HTTP (RFC 9110, section 5.6.7).
#[must_use]
pub fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.to_utc())
}

/// Returns a number from 0 to 1 that follows from `seed`: jitter without randomness (L5).
#[must_use]
pub fn luck(seed: &[&[u8]]) -> f64 {
    let id = crate::ids::CommitId::derived(seed).as_uuid().as_u128();
    let bits = u32::try_from(id >> 96).unwrap_or(u32::MAX);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_waits_are_seconds_or_dates() {
        let now = "2026-06-01T08:00:00Z".parse().unwrap();
        let rows = [
            ("17", Some(17)),
            (" 0 ", Some(0)),
            ("Mon, 01 Jun 2026 08:00:17 GMT", Some(17)),
            ("Mon, 01 Jun 2026 07:00:00 GMT", Some(0)),
            ("99999999", Some(86_400)),
            ("", None),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("99999999999999999999999", None),
        ];
        for (field, want) in rows {
            let got = asked_wait(field, now).map(|wait| wait.as_secs());
            assert_eq!(got, want, "{field:?}");
        }
    }

    fn check(kind: SourceErrorKind, attempt: u32, asked: Option<u64>) -> String {
        let retry_after = asked.map(Duration::from_secs);
        match after(Failed { kind, retry_after, attempt }, 1.0) {
            Rest::After(wait) | Rest::Asked(wait) => format!("{}s", wait.as_secs()),
            Rest::Paused(reason) => reason.as_str().to_owned(),
        }
    }

    #[test]
    fn the_retry_table() {
        use SourceErrorKind as Kind;
        let rows = [
            (Kind::RateLimited, 1, None, "1s"),
            (Kind::RateLimited, 4, None, "8s"),
            (Kind::RateLimited, 20, None, "64s"),
            (Kind::RateLimited, 1, Some(17), "17s"),
            (Kind::Unavailable, 30, None, "600s"),
            (Kind::Unavailable, 90, None, "600s"),
            (Kind::Malformed, 1, None, "5s"),
            (Kind::LimitReached, 1, None, "3600s"),
            (Kind::Unauthorized, 1, Some(5), "reconnect"),
            (Kind::Forbidden, 1, None, "missing_permission"),
            (Kind::Misconfigured, 1, None, "misconfigured"),
            (Kind::StreamGone, 1, None, "stream_gone"),
        ];
        for (kind, attempt, asked, want) in rows {
            assert_eq!(check(kind, attempt, asked), want, "{kind:?} {attempt} {asked:?}");
        }
    }

    /// Writes a wait as people do.
    fn shown(wait: Duration) -> String {
        match wait.as_secs() {
            hours if hours >= 3600 => format!("{} h", hours / 3600),
            minutes if minutes > 64 => format!("{} min", minutes / 60),
            seconds => format!("{seconds} s"),
        }
    }

    fn range(backoff: Backoff) -> String {
        let (base, cap) = (shown(backoff.base), shown(backoff.cap));
        if base == cap { base } else { format!("{base} … {cap}") }
    }

    #[test]
    fn architecture_shows_the_very_table() {
        use SourceErrorKind as Kind;
        let text = include_str!("../../ARCHITECTURE.md");
        let kinds = [
            (Kind::RateLimited, Some(RATE_LIMITED)),
            (Kind::Unavailable, Some(UNAVAILABLE)),
            (Kind::Malformed, Some(MALFORMED)),
            (Kind::LimitReached, Some(LIMIT_REACHED)),
            (Kind::PageExpired, Some(REWOUND)),
            (Kind::Unauthorized, None),
            (Kind::Forbidden, None),
            (Kind::Misconfigured, None),
            (Kind::StreamGone, None),
        ];
        for (kind, backoff) in kinds {
            let name = format!("| `{kind:?}` |");
            let row = text.lines().find(|line| line.starts_with(&name)).expect("a row");
            let pauses = matches!(
                after(Failed { kind, retry_after: None, attempt: 1 }, 1.0),
                Rest::Paused(_)
            );
            assert_eq!((pauses, row.contains("| pauses")), (backoff.is_none(), pauses), "{row}");
            if let Some(backoff) = backoff {
                let longest = after(Failed { kind, retry_after: None, attempt: 40 }, 1.0);
                assert_eq!(longest, Rest::After(backoff.cap), "{kind:?}");
                assert!(row.contains(&range(backoff)), "{row} is not {}", range(backoff));
            }
        }
        let sentences = [
            format!(
                "A job that fails waits {}, and is given up after {JOB_ATTEMPTS} failures that no \
                 patience heals",
                range(JOB)
            ),
            format!("after {JOB_ATTEMPTS} such ends in a row it is given up"),
            format!("panicked outside of the source | a bug | waits {} |", range(PANICKED)),
            format!("from the second time in a row without a commit it waits {}", range(ABANDONED)),
            format!("after {} times without end it lists anew", crate::track::MAX_REWINDS),
            format!(
                "{} failures while its neighbours could be read, or {} alone",
                crate::sync::ATTEMPTS,
                crate::sync::PATIENCE
            ),
            format!("Our own store that fails is asked again after {}", range(STORE)),
        ];
        for sentence in sentences {
            assert!(text.contains(&sentence), "ARCHITECTURE.md does not say: {sentence}");
        }
    }

    #[test]
    fn the_retry_table_of_jobs() {
        use SourceErrorKind as Kind;
        let source = |kind, asked: Option<u64>| JobFailure::Source {
            kind,
            retry_after: asked.map(Duration::from_secs),
        };
        let rows = [
            (source(Kind::RateLimited, None), 1, 0, "1s"),
            (source(Kind::RateLimited, Some(17)), 1, 0, "17s"),
            (source(Kind::RateLimited, None), 30, 4, "64s"),
            (source(Kind::Unavailable, Some(1200)), 30, 4, "1200s"),
            (source(Kind::LimitReached, None), 30, 4, "3600s"),
            (source(Kind::PageExpired, None), 30, 4, "300s"),
            (source(Kind::Malformed, None), 1, 1, "5s"),
            (source(Kind::Malformed, None), 30, 4, "900s"),
            (source(Kind::Malformed, None), 5, 5, "given up"),
            (source(Kind::Malformed, None), 30, 5, "given up"),
            (source(Kind::Unauthorized, Some(5)), 1, 0, "given up: reconnect"),
            (source(Kind::Forbidden, None), 1, 0, "given up: missing_permission"),
            (source(Kind::Misconfigured, None), 1, 0, "given up: misconfigured"),
            (source(Kind::StreamGone, None), 1, 0, "given up: stream_gone"),
            (JobFailure::Outage, 1, 0, "5s"),
            (JobFailure::Outage, 30, 5, "600s"),
            (JobFailure::Abandoned, 1, 1, "given up"),
            (JobFailure::Other, 4, 4, "40s"),
            (JobFailure::Other, 30, 4, "600s"),
            (JobFailure::Other, 5, 5, "given up"),
        ];
        for (failure, attempt, strikes, want) in rows {
            let found = match after_job(failure, Tries { attempt, strikes }, 1.0) {
                JobRest::After(wait) => format!("{}s", wait.as_secs()),
                JobRest::GivenUp(None) => "given up".to_owned(),
                JobRest::GivenUp(Some(reason)) => format!("given up: {}", reason.as_str()),
            };
            assert_eq!(found, want, "{failure:?} {attempt} {strikes}");
        }
    }

    #[test]
    fn f22_an_outage_of_minutes_is_waited_for_and_a_longer_one_is_shown_to_a_person() {
        use SourceErrorKind as Kind;
        let source = |kind, asked: Option<u64>| JobFailure::Source {
            kind,
            retry_after: asked.map(Duration::from_secs),
        };
        let rows = [
            (source(Kind::Unavailable, None), 1, 0, true),
            (source(Kind::Unavailable, None), 10, 4, true),
            (source(Kind::Unavailable, None), 11, 0, false),
            (source(Kind::Unavailable, Some(300)), 1, 0, true),
            (source(Kind::RateLimited, Some(601)), 1, 0, false),
            (source(Kind::LimitReached, None), 1, 0, false),
            (source(Kind::Unauthorized, None), 1, 0, false),
            (source(Kind::Misconfigured, None), 1, 0, false),
            (JobFailure::Other, 4, 4, true),
            (JobFailure::Other, 40, 4, true),
            (JobFailure::Other, 5, 5, false),
        ];
        for (failure, attempt, strikes, want) in rows {
            let found = is_worth_waiting(failure, Tries { attempt, strikes });
            assert_eq!(found, want, "{failure:?} {attempt} {strikes}");
        }
        let waits: Vec<Duration> =
            (1..OUTAGE_ATTEMPTS).map(|attempt| UNAVAILABLE.wait(attempt, 1.0)).collect();
        let longest = waits.iter().sum::<Duration>().as_secs() / 60;
        assert_eq!(longest, 17);
    }

    #[test]
    fn jitter_follows_from_its_seed_and_stays_in_the_upper_half() {
        assert_eq!(luck(&[b"a"]).to_bits(), luck(&[b"a"]).to_bits());
        for n in 0_u32..1000 {
            let wait = RATE_LIMITED.wait(3, luck(&[&n.to_be_bytes()]));
            assert!((2.0..=4.0).contains(&wait.as_secs_f64()), "{wait:?}");
        }
    }
}
