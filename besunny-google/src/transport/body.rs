//! Bodies: read as a stream, never beyond a cap, and only one large one at a time.
//!
//! Any number of small answers may be under way. Whoever finds that his answer is larger waits for
//! the others with what he has read so far, and keeps the lane until the answer is decoded. So the
//! bytes in flight are bounded whatever the mailboxes hold.
use std::{sync::Arc, time::Duration};

use besunny_core::clock::Clock;
use bytes::Bytes;
use reqwest::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::exchange::{Broken, broken, within};

/// Answers up to this size are small: 64 of them under way are 64 MiB.
pub(super) const SMALL: usize = 1 << 20;

/// A complete body, or a piece of one; a large one keeps the lane as long as a piece of it lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    bytes: Bytes,
    lane: Option<Arc<OwnedSemaphorePermit>>,
}

/// What a body is read under.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    /// The most bytes that are taken.
    pub(super) cap: usize,
    pub(super) lane: &'a Arc<Semaphore>,
    pub(super) clock: &'a dyn Clock,
    /// Time for what comes after the first [`SMALL`] bytes.
    pub(super) large: Duration,
}

/// Where pieces of a body come from.
pub(super) trait Pieces: Send {
    /// Returns how long the body is, when that is known before.
    fn expected(&self) -> Option<u64>;
    /// Returns the next piece, `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Broken>> + Send;
}

impl Pieces for Response {
    fn expected(&self) -> Option<u64> {
        self.content_length()
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        self.chunk().await.map_err(|error| broken(&error))
    }
}

/// A body of which the small part is read.
#[derive(Debug)]
pub(super) struct Begun<P> {
    bytes: Vec<u8>,
    /// Where the rest comes from; `None` when there is none.
    rest: Option<P>,
}

/// Reads the small part of a body.
pub(super) async fn begin<P: Pieces>(mut from: P, rules: &Rules<'_>) -> Result<Begun<P>, Broken> {
    let expected = usize::try_from(from.expected().unwrap_or_default()).unwrap_or(usize::MAX);
    if expected > rules.cap {
        return Err(Broken::TooLarge);
    }
    let mut bytes = Vec::with_capacity(expected.min(SMALL));
    let ended = pour(&mut from, &mut bytes, SMALL.min(rules.cap)).await?;
    Ok(Begun { bytes, rest: (!ended).then_some(from) })
}

impl<P: Pieces> Begun<P> {
    /// Reads the rest, when it is this body's turn.
    pub(super) async fn finish(self, rules: &Rules<'_>) -> Result<Body, Broken> {
        let Self { mut bytes, rest } = self;
        let Some(mut from) = rest else {
            return Ok(Body { bytes: bytes.into(), lane: None });
        };
        if bytes.len() > rules.cap {
            return Err(Broken::TooLarge);
        }
        let lane = Arc::clone(rules.lane).acquire_owned().await;
        let lane = lane.map_err(|_closed| Broken::Cut(None))?;
        let expected = usize::try_from(from.expected().unwrap_or_default()).unwrap_or_default();
        bytes.reserve_exact(expected.min(rules.cap).saturating_sub(bytes.len()));
        let pouring = pour(&mut from, &mut bytes, rules.cap);
        if within(rules.clock, rules.large, pouring).await? {
            Ok(Body { bytes: bytes.into(), lane: Some(Arc::new(lane)) })
        } else {
            Err(Broken::TooLarge)
        }
    }
}

/// Reads until the end or until there are more than `most` bytes; tells whether it was the end.
async fn pour(from: &mut impl Pieces, into: &mut Vec<u8>, most: usize) -> Result<bool, Broken> {
    while into.len() <= most {
        match from.next().await? {
            Some(piece) => into.extend_from_slice(&piece),
            None => return Ok(true),
        }
    }
    Ok(false)
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Hands the bytes to `decode`; the lane is free once the last piece has returned.
    pub(crate) fn decode<T>(self, decode: impl FnOnce(Bytes) -> T) -> T {
        let Self { bytes, lane } = self;
        let decoded = decode(bytes);
        drop(lane);
        decoded
    }

    #[cfg(test)]
    pub(super) fn of(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), lane: None }
    }

    /// Returns a piece of it.
    pub(super) fn piece(&self, range: std::ops::Range<usize>) -> Self {
        Self { bytes: self.bytes.slice(range), lane: self.lane.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use besunny_testkit::clock::ManualClock;
    use futures::{FutureExt, StreamExt, stream::FuturesUnordered};

    use super::*;

    const CAP: usize = 8 << 20;
    const PIECE: usize = 64 << 10;

    /// Bodies that are read at once, and the most bytes they ever held together.
    #[derive(Default)]
    struct Flight {
        held: AtomicUsize,
        most: AtomicUsize,
        large: AtomicUsize,
        most_large: AtomicUsize,
    }

    struct Scripted<'a> {
        flight: &'a Flight,
        left: usize,
        sent: usize,
        expected: Option<u64>,
        stalls: bool,
    }

    impl Pieces for Scripted<'_> {
        fn expected(&self) -> Option<u64> {
            self.expected
        }

        async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
            YieldOnce::default().await;
            if self.stalls {
                std::future::pending::<()>().await;
            }
            let size = self.left.min(PIECE);
            self.left -= size;
            let was_large = self.is_large();
            self.sent += size;
            if size == 0 {
                return Ok(None);
            }
            let held = self.flight.held.fetch_add(size, Ordering::Relaxed) + size;
            self.flight.most.fetch_max(held, Ordering::Relaxed);
            if !was_large && self.is_large() {
                let large = self.flight.large.fetch_add(1, Ordering::Relaxed) + 1;
                self.flight.most_large.fetch_max(large, Ordering::Relaxed);
            }
            Ok(Some(Bytes::from(vec![7; size])))
        }
    }

    impl Scripted<'_> {
        /// Says whether more was read than it takes to see that the body is large.
        fn is_large(&self) -> bool {
            self.sent > SMALL + PIECE
        }
    }

    impl Drop for Scripted<'_> {
        fn drop(&mut self) {
            self.flight.large.fetch_sub(usize::from(self.is_large()), Ordering::Relaxed);
            self.flight.held.fetch_sub(self.sent, Ordering::Relaxed);
        }
    }

    /// Lets the other bodies have their turn.
    #[derive(Default)]
    struct YieldOnce(bool);

    impl Future for YieldOnce {
        type Output = ();

        fn poll(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            if std::mem::replace(&mut self.0, true) {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }
    }

    fn scripted(flight: &Flight, size: usize) -> Scripted<'_> {
        Scripted { flight, left: size, sent: 0, expected: None, stalls: false }
    }

    async fn read(from: Scripted<'_>, rules: &Rules<'_>) -> Result<usize, Broken> {
        let body = begin(from, rules).await?.finish(rules).await?;
        Ok(body.decode(|bytes| bytes.len()))
    }

    fn check(body: Scripted<'_>) -> String {
        let (lane, clock) = (Arc::new(Semaphore::new(1)), ManualClock::default());
        let rules = Rules { cap: CAP, lane: &lane, clock: &clock, large: Duration::from_secs(9) };
        let outcome = read(body, &rules).now_or_never_after_yields();
        assert_eq!(lane.available_permits(), 1);
        match outcome {
            Ok(size) => size.to_string(),
            Err(broken) => broken.to_string(),
        }
    }

    trait Drive: Future + Sized {
        fn now_or_never_after_yields(self) -> Self::Output {
            futures::executor::block_on(self)
        }
    }

    impl<F: Future> Drive for F {}

    #[test]
    fn the_cap_holds_with_and_without_a_length() {
        let flight = Flight::default();
        let too_large = "the answer is larger than the call takes";
        for size in [0, 1, SMALL - 1, SMALL, SMALL + 1, CAP - 1, CAP] {
            assert_eq!(check(scripted(&flight, size)), size.to_string());
            let announced = Scripted { expected: Some(size as u64), ..scripted(&flight, size) };
            assert_eq!(check(announced), size.to_string());
        }
        for size in [CAP + 1, CAP * 4] {
            assert_eq!(check(scripted(&flight, size)), too_large);
            let announced = Scripted { expected: Some(size as u64), ..scripted(&flight, size) };
            assert_eq!(check(announced), too_large);
            let liar = Scripted { expected: Some(1), ..scripted(&flight, size) };
            assert_eq!(check(liar), too_large);
        }
        let most = flight.most.load(Ordering::Relaxed);
        assert!(most <= CAP + PIECE, "{most} bytes of an endless body were read");
    }

    #[test]
    fn only_one_large_body_is_read_at_a_time() {
        let (lane, clock) = (Arc::new(Semaphore::new(1)), ManualClock::default());
        let rules = Rules { cap: CAP, lane: &lane, clock: &clock, large: Duration::from_secs(9) };
        let flight = Flight::default();
        let done = Mutex::new(0);
        futures::executor::block_on(async {
            let mut reading: FuturesUnordered<_> = (0..20)
                .map(|number| {
                    let size = if number % 2 == 0 { CAP } else { SMALL / 2 };
                    read(scripted(&flight, size), &rules).map(|size| {
                        *done.lock().unwrap() += size.unwrap();
                    })
                })
                .collect();
            while reading.next().await.is_some() {}
        });
        assert_eq!(*done.lock().unwrap(), 10 * CAP + 10 * SMALL / 2);
        assert_eq!(flight.most_large.load(Ordering::Relaxed), 1);
        let most = flight.most.load(Ordering::Relaxed);
        assert!(most <= CAP + 20 * (SMALL + PIECE), "{most} bytes were in flight");
    }

    #[test]
    fn a_large_body_that_stalls_ends_and_frees_the_lane() {
        let (lane, clock) = (Arc::new(Semaphore::new(1)), ManualClock::default());
        let rules = Rules { cap: CAP, lane: &lane, clock: &clock, large: Duration::from_secs(9) };
        let flight = Flight::default();
        let stalled = Scripted { stalls: true, ..scripted(&flight, CAP) };
        let begun = Begun { bytes: vec![0; SMALL + 1], rest: Some(stalled) };
        let mut finish = Box::pin(begun.finish(&rules));
        assert!((&mut finish).now_or_never().is_none());
        assert_eq!(lane.available_permits(), 0);
        clock.advance(Duration::from_secs(9));
        let outcome = futures::executor::block_on(finish);
        assert_eq!(outcome.unwrap_err().to_string(), "no complete answer in time");
        assert_eq!(lane.available_permits(), 1);
    }
}
