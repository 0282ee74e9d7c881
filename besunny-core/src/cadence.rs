//! The one interval function (ARCHITECTURE.md L10): when a stream is looked at next.
use std::time::Duration;

/// A stream is looked at so often even where push is healthy (ARCHITECTURE.md L2).
pub const SAFETY_NET: Duration = Duration::from_mins(15);
/// Without push, each look that brings nothing makes the next one so much later (SYNC-4).
const STRETCH: f64 = 1.5;
/// The index behind a change log may lag the notice: look again so long after it (seen at Gmail).
const ECHOES: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];
/// Looks are spread by so much, so that streams do not march in step (SYNC-4).
const JITTER: f64 = 0.1;

/// What is known of a stream that was just read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// How many looks in a row brought nothing.
    pub looks: u32,
    /// How long ago a notice last came.
    pub noticed_ago: Option<Duration>,
    /// Whether the provider calls us.
    pub pushed: bool,
    /// The shortest sensible time between two looks.
    pub floor: Duration,
}

/// Returns after which time the stream is looked at next; `luck` is a number from 0 to 1.
#[must_use]
pub fn next_look(quiet: Quiet, luck: f64) -> Duration {
    let echo = quiet.noticed_ago.filter(|_| quiet.looks > 0).and_then(|ago| {
        ECHOES.iter().find_map(|echo| echo.checked_sub(ago).filter(|wait| !wait.is_zero()))
    });
    echo.unwrap_or_else(|| interval(quiet).mul_f64(1.0 - JITTER + 2.0 * JITTER * luck))
}

fn interval(quiet: Quiet) -> Duration {
    if quiet.pushed {
        return SAFETY_NET;
    }
    let stretch = STRETCH.powi(i32::try_from(quiet.looks.min(64)).unwrap_or(64));
    Duration::try_from_secs_f64(quiet.floor.as_secs_f64() * stretch)
        .unwrap_or(SAFETY_NET)
        .min(SAFETY_NET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(looks: u32, noticed_ago: Option<u64>, pushed: bool, want: u64) {
        let noticed_ago = noticed_ago.map(Duration::from_secs);
        let quiet = Quiet { looks, noticed_ago, pushed, floor: Duration::from_secs(30) };
        assert_eq!(next_look(quiet, 0.5).as_secs(), want, "{quiet:?}");
    }

    #[test]
    fn the_interval_table() {
        check(0, None, false, 30);
        check(1, None, false, 45);
        check(2, None, false, 67);
        check(99, None, false, 900);
        check(0, None, true, 900);
        check(9, None, true, 900);
    }

    #[test]
    fn an_empty_look_after_a_notice_is_repeated_after_2_5_and_15_seconds() {
        check(1, Some(0), true, 2);
        check(1, Some(2), true, 3);
        check(1, Some(5), true, 10);
        check(1, Some(15), true, 900);
        check(0, Some(0), true, 900);
    }
}
