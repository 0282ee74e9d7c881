//! What the machine takes for things that are not ours, measured beside the engine.
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::share::as_ms;

/// Measures the disk beside the engine: a small write, made durable, now and then.
#[derive(Debug)]
pub(crate) struct Probe {
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<Vec<f64>>>,
}

impl Probe {
    pub(crate) fn start(folder: PathBuf) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || probe(&folder, &ends));
        Self { is_over, thread }
    }

    /// Returns how long each write took, in ms.
    pub(crate) fn end(self) -> Result<Vec<f64>> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_panicked| anyhow::anyhow!("the probe of the disk panicked"))?
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
fn probe(folder: &Path, is_over: &AtomicBool) -> Result<Vec<f64>> {
    /// Rarely enough not to be in the way.
    const PAUSE: Duration = Duration::from_millis(20);
    let mut file = std::fs::File::create(folder.join("probe"))?;
    let mut took = Vec::new();
    while took.is_empty() || !is_over.load(Ordering::Relaxed) {
        file.write_all(&[0; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        took.push(as_ms(began.elapsed()));
        std::thread::sleep(PAUSE);
    }
    Ok(took)
}

/// Measures how long it takes to wake a waiting thread and be woken by it, in ms.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the wall clock")]
pub(crate) fn handoffs() -> Vec<f64> {
    /// Enough for a median.
    const TIMES: usize = 1_000;
    /// Between two statements both threads sleep.
    const PAUSE: Duration = Duration::from_micros(500);
    let (ask, asked) = std::sync::mpsc::channel::<()>();
    let (answer, answered) = std::sync::mpsc::channel::<()>();
    let echo = std::thread::spawn(move || while asked.recv().is_ok() && answer.send(()).is_ok() {});
    let once = |_| {
        std::thread::sleep(PAUSE);
        let began = Instant::now();
        (ask.send(()).is_ok() && answered.recv().is_ok()).then(|| as_ms(began.elapsed()))
    };
    let took = (0..TIMES).filter_map(once).collect();
    drop(ask);
    drop(echo.join());
    took
}
