//! The signals that ask a server to stop.
use crate::command::Refusal;

/// Waits for the wish to stop: SIGTERM of a supervisor, SIGINT of a keyboard.
#[derive(Debug)]
pub(super) struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
}

#[cfg(unix)]
impl Stop {
    pub(super) fn listen() -> Result<Self, Refusal> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Refusal::finding("system", format!("signals cannot be heard: {error}"))
            })
        };
        Ok(Self { signals: [listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?] })
    }

    pub(super) async fn wanted(&mut self) {
        let [terminate, interrupt] = &mut self.signals;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    pub(super) fn listen() -> Result<Self, Refusal> {
        Ok(Self {})
    }

    pub(super) async fn wanted(&mut self) {
        drop(tokio::signal::ctrl_c().await);
    }
}
