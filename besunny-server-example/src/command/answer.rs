//! What a command says in the end, to people and to programs.
use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::{Value, json};

/// The exit code of a finding: something is missing, refused or failed.
pub(super) const FINDING: u8 = 1;
/// The exit code of wrong usage or configuration.
pub(super) const USAGE: u8 = 2;

/// The end of a command that did its work.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// For programs; one object, or null where all has been said on the way.
    pub json: Value,
    /// For people; lines without the last line end.
    pub text: String,
    /// Whether something is missing, refused or failed.
    pub is_finding: bool,
}

/// The end of a command that did not do its work: what is wrong, with which thing, and the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    kind: &'static str,
    message: String,
    code: u8,
}

impl Answer {
    /// Makes the answer of a command that found nothing wrong.
    #[must_use]
    pub fn done(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), is_finding: false }
    }
}

impl Refusal {
    /// Something is missing, refused or failed.
    pub fn finding(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: FINDING }
    }

    /// The command line or the settings are wrong.
    pub fn usage(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: USAGE }
    }

    /// Returns the error as programs see it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "kind": self.kind, "message": self.message })
    }

    /// Returns what is wrong, for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Knows who listens: a person or a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    pub(super) json: bool,
}

impl Speaker {
    /// Says how a command ended, and returns the exit code that says the same.
    pub(super) fn answer(self, done: &Result<Answer, Refusal>) -> ExitCode {
        let (code, said) = match done {
            Ok(answer) => (if answer.is_finding { FINDING } else { 0 }, self.tell(answer)),
            Err(refusal) => (refusal.code, self.refuse(refusal)),
        };
        // Nobody is left to be told, as when a pipe is closed: the exit code still says it.
        drop(said);
        code.into()
    }

    fn tell(self, answer: &Answer) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json && !answer.json.is_null() {
            writeln!(out, "{}", answer.json)?;
        } else if !answer.text.is_empty() {
            writeln!(out, "{}", answer.text)?;
        }
        out.flush()
    }

    fn refuse(self, refusal: &Refusal) -> io::Result<()> {
        if self.json {
            let mut out = io::stdout().lock();
            writeln!(out, "{}", json!({ "error": refusal.to_json() }))?;
            return out.flush();
        }
        writeln!(io::stderr(), "besunny: {}", refusal.message)
    }

    /// Tells a person something on the way.
    pub(super) fn note(self, text: &str) {
        if !self.json {
            drop(writeln!(io::stderr(), "{text}"));
        }
    }

    /// Tells a program something on the way: one JSON object as a line of stderr.
    pub(super) fn event(self, event: &Value) {
        if self.json {
            drop(writeln!(io::stderr(), "{event}"));
        }
    }
}
