//! Runners that serve as processes of their own, so that their work is not counted with that of who asks.
use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use axum::{body::Bytes, http::HeaderMap};
use besunny::{
    Besunny, Refused, SystemClock,
    core::{account::Provider, clock::Clock, push::Delivery, scheduler::Noted},
};
use serde_json::Value;

/// A runner that serves until its input ends.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where it is and what one must know to ask, as it printed it.
    pub(crate) entry: Value,
}

impl Server {
    /// Starts one of ours.
    pub(crate) fn start(runner: &str, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["runner", runner]).args(arguments);
        Self::of(command)
    }

    /// Starts one of whoever; it must speak as ours do.
    pub(crate) fn of(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("no input")?;
        let mut output = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        Ok(Self { child, input, output, entry: serde_json::from_str(&line)? })
    }

    /// Kills it, whatever it is doing.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it; returns what it says of itself.
    pub(crate) fn end(mut self) -> Result<Value> {
        drop(self.input);
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(self.child.wait()?.success(), "a server of the measurement failed");
        Ok(serde_json::from_str(&line)?)
    }
}

/// Takes a call of a provider as the reference server does.
pub(crate) async fn take(
    engine: &Besunny,
    provider: &Provider,
    path: &str,
    (headers, body): (&HeaderMap, &Bytes),
) -> Result<Noted, Refused> {
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let received_at = SystemClock::default().now();
    engine.receive(provider, &Delivery { path, headers: &headers, body, received_at }).await
}
