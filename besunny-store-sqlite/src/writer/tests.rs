//! What is written together, and what waits.
use futures::FutureExt;

use super::*;

/// A change of nothing.
struct Nothing;

impl Waiting for Nothing {
    fn is_abandoned(&self) -> bool {
        false
    }

    fn apply<'c>(&'c mut self, _: Turn<'c>) -> BoxFuture<'c, bool> {
        async { true }.boxed()
    }

    fn failure(&self) -> Option<Failure> {
        None
    }

    fn answer(self: Box<Self>, _: Option<&Failure>, _: &Arc<Path>) {}
}

#[tokio::test]
async fn what_can_wait_is_written_with_what_is_in_a_hurry() {
    let (queue, mut waiting) = mpsc::channel(QUEUE);
    let mut batch = Batch::default();
    queue.try_send(Message::Change(Pace::Later, Box::new(Nothing))).unwrap();
    assert_eq!(batch.gather(&mut waiting).now_or_never(), None, "it waits for others");
    for pace in [Pace::Now, Pace::Together] {
        queue.try_send(Message::Change(pace, Box::new(Nothing))).unwrap();
        assert_eq!(batch.gather(&mut waiting).now_or_never(), Some(true));
    }
    assert_eq!(batch.changes.len(), 3);
}

#[tokio::test]
async fn what_can_wait_is_written_when_nothing_else_comes_and_when_the_queue_ends() {
    let (queue, mut waiting) = mpsc::channel(QUEUE);
    let mut batch = Batch::default();
    queue.try_send(Message::Change(Pace::Later, Box::new(Nothing))).unwrap();
    assert!(batch.gather(&mut waiting).await);
    assert_eq!(std::mem::take(&mut batch.changes).len(), 1);
    queue.try_send(Message::Change(Pace::Later, Box::new(Nothing))).unwrap();
    drop(queue);
    assert_eq!(batch.gather(&mut waiting).now_or_never(), Some(true));
    assert_eq!(std::mem::take(&mut batch.changes).len(), 1);
    assert_eq!(batch.gather(&mut waiting).now_or_never(), Some(false));
}
