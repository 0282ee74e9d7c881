//! A language model that says what a test wrote down for it.
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    language::{Answer, Ask, LanguageError, LanguageErrorKind, LanguageModel, Usage},
    untrusted::Untrusted,
};

/// Every answer uses so much.
pub const USAGE: Usage = Usage { input_tokens: 100, output_tokens: 10, cost_micros: 7 };

/// What becomes of an ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The model writes this.
    Says(String),
    /// The model does not answer, and may ask to wait.
    Fails(LanguageErrorKind, Option<Duration>),
}

/// What was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// What to do.
    pub instructions: String,
    /// What to do it with.
    pub input: String,
    /// The form of the answer.
    pub schema: serde_json::Value,
}

/// A model that says its lines in order, and the last one for ever.
#[derive(Debug, Default)]
pub struct ScriptedModel {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Line>,
    heard: Vec<Heard>,
}

impl ScriptedModel {
    /// Takes the lines; without any the model is unavailable.
    #[must_use]
    pub fn new(lines: impl IntoIterator<Item = Line>) -> Self {
        let lines = lines.into_iter().collect();
        Self { state: Mutex::new(State { lines, heard: Vec::new() }) }
    }

    /// Adds a line.
    pub fn then(&self, line: Line) {
        self.state().lines.push_back(line);
    }

    /// Returns what was asked so far.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.state().heard.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LanguageModel for ScriptedModel {
    fn model(&self) -> &'static str {
        "scripted"
    }

    async fn generate(&self, ask: &Ask<'_>) -> Result<Answer, LanguageError> {
        let mut state = self.state();
        state.heard.push(Heard {
            instructions: ask.instructions.to_owned(),
            input: (*ask.input.expose()).to_owned(),
            schema: ask.schema.json.clone(),
        });
        let line = match state.lines.len() {
            0 => Line::Fails(LanguageErrorKind::Unavailable, None),
            1 => state.lines[0].clone(),
            _ => state.lines.pop_front().unwrap_or_else(|| Line::Says(String::new())),
        };
        match line {
            Line::Says(text) => Ok(Answer {
                text: Untrusted::new(text),
                model: "scripted-2026".to_owned(),
                usage: USAGE,
            }),
            Line::Fails(kind, wait) => Err(LanguageError::of(kind).with_retry_after(wait)),
        }
    }
}
