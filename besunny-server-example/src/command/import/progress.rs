//! How far an import is: a line for people, events for programs.
use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use besunny::core::{
    classify::{Classifier, ClassifyError, Question, Verdict},
    project::Project,
    scheduler::Lease,
    sync::{Counts, Pass},
    worker::Observer,
};
use serde_json::json;

use crate::command::answer::Speaker;

/// Decisions are told in steps of so many: each is a fraction of a millisecond.
const STEP: u64 = 100;

/// Sees pages and decisions go by, and tells of them.
#[derive(Debug)]
pub(super) struct Progress {
    speaker: Speaker,
    shows_line: bool,
    met: Mutex<Met>,
    decided: AtomicU64,
}

#[derive(Debug, Default)]
struct Met {
    counts: Counts,
    failures: u32,
    last_failure: Option<String>,
}

impl Progress {
    pub(super) fn new(speaker: Speaker) -> Self {
        let shows_line = !speaker.json && io::stderr().is_terminal();
        Self { speaker, shows_line, met: Mutex::default(), decided: AtomicU64::new(0) }
    }

    /// Returns how often reading failed, and why it failed last.
    pub(super) fn failures(&self) -> (u32, Option<String>) {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        (met.failures, met.last_failure.clone())
    }

    /// Ends the line for people.
    pub(super) fn end(&self) {
        if self.shows_line {
            drop(writeln!(io::stderr(), "\r\x1b[K"));
        }
    }

    fn decided(&self) {
        let decided = self.decided.fetch_add(1, Ordering::Relaxed) + 1;
        if decided.is_multiple_of(STEP) {
            self.speaker.event(&json!({ "event": "decided", "documents": decided }));
            self.line(&format!("{decided} mails routed"));
        }
    }

    fn line(&self, text: &str) {
        if self.shows_line {
            drop(write!(io::stderr(), "\r\x1b[K{text}"));
        }
    }
}

impl Observer for Progress {
    fn passed(&self, _: &Lease, pass: &Pass) {
        let counts = {
            let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
            met.counts = met.counts + pass.counts;
            met.counts
        };
        if pass.counts.seen() == 0 {
            return;
        }
        let Counts { stored, ignored, quarantined, unchanged, .. } = counts;
        self.speaker.event(&json!({
            "event": "page",
            "stored": stored,
            "ignored": ignored,
            "quarantined": quarantined,
            "unchanged": unchanged,
        }));
        self.line(&format!("{} mails read", counts.seen()));
    }

    fn failed(&self, _: &Lease, error: &str) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.failures += 1;
        met.last_failure = Some(error.to_owned());
    }
}

/// A classifier whose answers are counted.
#[derive(Debug)]
pub(super) struct Counted<C> {
    classifier: C,
    progress: Arc<Progress>,
}

impl<C> Counted<C> {
    pub(super) const fn new(classifier: C, progress: Arc<Progress>) -> Self {
        Self { classifier, progress }
    }
}

#[async_trait]
impl<C: Classifier> Classifier for Counted<C> {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        let verdict = self.classifier.classify(question, candidates).await?;
        self.progress.decided();
        Ok(verdict)
    }
}
