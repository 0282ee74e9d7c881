//! Says when the first mail has found its project.
use std::{sync::OnceLock, time::Duration};

use async_trait::async_trait;
use besunny::core::event::{Event, EventSink, News, PublishError};
use serde_json::json;

use crate::command::answer::Speaker;

/// Hears of every event and speaks of the first routed mail.
#[derive(Debug)]
pub(super) struct First {
    began: std::time::Instant,
    seen: OnceLock<Duration>,
    speaker: Speaker,
}

impl First {
    #[expect(clippy::disallowed_methods, reason = "people are told how long they have waited")]
    pub(super) fn begin(speaker: Speaker) -> Self {
        Self { began: std::time::Instant::now(), seen: OnceLock::new(), speaker }
    }
}

#[async_trait]
impl EventSink for First {
    async fn publish(&self, events: &[Event]) -> Result<(), PublishError> {
        let is_routed = |event: &Event| matches!(event.news, News::DocumentRouted { .. });
        if self.seen.get().is_none() && events.iter().any(is_routed) {
            let after = self.began.elapsed();
            if self.seen.set(after).is_ok() {
                let seconds = after.as_secs_f64();
                self.speaker.event(&json!({ "event": "first_routed", "seconds": seconds }));
                self.speaker
                    .note(&format!("The first mail found its project after {seconds:.1} s"));
            }
        }
        Ok(())
    }
}
