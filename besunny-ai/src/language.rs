//! The router by language model (CLS-1 to CLS-6): asks, checks the answer, and decides nothing.
//!
//! 1. `lineup` chooses the candidates that are shown and gives them aliases; the model never sees an
//!    id or an owner. `question` writes them down with the item as delimited data, within a budget.
//! 2. The model is asked once, and once more when its answer cannot be read (`answer`). After some
//!    failures in a row it is left alone for a while (`breaker`).
//! 3. `grounds` checks what the model quotes: passages that do not stand in the item are dropped, and
//!    the word of a stranger weighs only if it shares words with what the project is about.
//!
//! A model that does whatever a mail says can therefore name an offered project, and not more: a
//! choice without grounds is a suggestion to a person (ARCHITECTURE.md L8).
use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use besunny_core::{
    classify::{Alternative, Classifier, ClassifyError, Making, Outage, Question, Rules, Verdict},
    clock::Clock,
    language::{Ask, LanguageError, LanguageErrorKind, LanguageModel, Usage},
    project::Project,
    source::SourceErrorKind,
    untrusted::Untrusted,
};
use sha2::{Digest, Sha256};

mod answer;
mod breaker;
mod grounds;
mod kept;
mod lineup;
mod question;
mod sample;

use self::{
    answer::{Odd, Reading},
    breaker::{Breaker, Resting},
    kept::Kept,
    lineup::Lineup,
    question::Written,
};

/// What the model is told to do; another text is another version.
const PROMPT: &str = include_str!("../prompts/route-v1.md");
/// The version of [`PROMPT`], and of how items are written down.
const VERSION: &str = "language/1";

/// How much is asked, how often, and how much is remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct LanguageSettings {
    /// The most candidates that are shown (CLS-2).
    pub candidates: usize,
    /// An ask has about so many tokens at most; what is longer is shown by its head and its tail.
    pub input_tokens: usize,
    /// The most tokens of an answer (CLS-5).
    pub output_tokens: u32,
    /// How freely the model chooses its words (CLS-5).
    pub temperature: f32,
    /// After so many failures in a row the model is left alone.
    pub break_after: u32,
    /// After so long it is tried again.
    pub probe_after: Duration,
    /// So many answers are remembered.
    pub kept: usize,
}

impl Default for LanguageSettings {
    fn default() -> Self {
        Self {
            candidates: 30,
            // Caps the cost of one item (security notes, C7).
            input_tokens: 8_000,
            output_tokens: 1_000,
            temperature: 0.1,
            // An outage is clear after five; half a minute is as long as one answer may take.
            break_after: 5,
            probe_after: Duration::from_secs(30),
            // Some megabytes; what is asked again is asked soon, by a retry or a replay.
            kept: 4_096,
        }
    }
}

/// What was asked so far, and what that cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Answers of the model, those that could not be used among them.
    pub answers: u64,
    /// Asks that were made because the answer before could not be read.
    pub repairs: u64,
    /// Asks that came to nothing.
    pub failures: u64,
    /// Questions that were answered from memory.
    pub remembered: u64,
    /// Questions that were not asked because the model had failed before.
    pub held_back: u64,
    /// What the answers used.
    pub usage: Usage,
}

/// Asks a language model which project an item belongs to.
#[derive(Debug)]
pub struct LanguageRouter {
    model: Arc<dyn LanguageModel>,
    clock: Arc<dyn Clock>,
    settings: LanguageSettings,
    name: String,
    prompt_sha256: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    kept: Kept,
    totals: Totals,
}

/// Why there is no verdict; never shows anything of the item or of an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// It failed too often just now.
    #[error("the language model is not asked for now: it failed {failures} times in a row")]
    Resting {
        /// How often.
        failures: u32,
        /// After so long it is tried again.
        wait: Duration,
    },
    /// It did not answer.
    #[error(transparent)]
    Model(#[from] LanguageError),
    /// Its answer could not be used, and neither could a second one.
    #[error("the answer of the language model cannot be used, nor can a second one: {0}")]
    Senseless(&'static str),
}

impl Unanswered {
    /// Returns what the retry table is asked; none when it failed on the item, and not in general.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Model(error) => {
                let kind = error.kind.in_table()?;
                Some(Outage { kind, retry_after: error.retry_after })
            }
            Self::Resting { wait, .. } => {
                Some(Outage { kind: SourceErrorKind::Unavailable, retry_after: Some(*wait) })
            }
            Self::Senseless(_) => None,
        }
    }
}

/// An answer that was read, and what it took.
#[derive(Clone, Debug)]
struct Told {
    reading: Reading,
    made: Making,
}

impl LanguageRouter {
    /// Asks `model`.
    #[must_use]
    pub fn new(
        model: Arc<dyn LanguageModel>,
        clock: Arc<dyn Clock>,
        settings: LanguageSettings,
    ) -> Self {
        let name = format!("{VERSION}:{}", model.model());
        let state = State {
            breaker: Breaker::new(settings.break_after, settings.probe_after),
            kept: Kept::new(settings.kept),
            totals: Totals::default(),
        };
        let prompt_sha256 = hexadecimal(&Sha256::digest(PROMPT));
        Self { model, clock, settings, name, prompt_sha256, state: Mutex::new(state) }
    }

    /// Returns what was asked since it was made, and what that cost.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.state().totals
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, written: &Written, lineup: &Lineup<'_>) -> Result<Told, Unanswered> {
        let key = self.key(written, lineup);
        {
            let mut state = self.state();
            if let Some(reading) = state.kept.get(&key) {
                state.totals.remembered += 1;
                let made = self.making(self.model.model().to_owned());
                return Ok(Told { reading, made });
            }
        }
        let begun = self.clock.now();
        let (first, mut made) = self.generate(written, &written.input).await?;
        let reading = if let Ok(reading) = answer::read(&first, lineup) {
            reading
        } else {
            self.state().totals.repairs += 1;
            let again = written.again(&first);
            let (second, more) = self.generate(written, &again).await?;
            made.input_tokens = made.input_tokens.saturating_add(more.input_tokens);
            made.output_tokens = made.output_tokens.saturating_add(more.output_tokens);
            made.cost_micros = made.cost_micros.saturating_add(more.cost_micros);
            answer::read(&second, lineup).map_err(|Odd(why)| Unanswered::Senseless(why))?
        };
        made.took = (self.clock.now() - begun).to_std().unwrap_or_default();
        self.state().kept.put(key, reading.clone());
        Ok(Told { reading, made })
    }

    /// Asks the model once, unless it failed too often just now.
    async fn generate(
        &self,
        written: &Written,
        input: &str,
    ) -> Result<(Untrusted<String>, Making), Unanswered> {
        {
            let mut state = self.state();
            if let Err(Resting { failures, wait }) = state.breaker.admit(self.clock.now()) {
                state.totals.held_back += 1;
                return Err(Unanswered::Resting { failures, wait });
            }
        }
        let ask = Ask {
            instructions: PROMPT,
            input: Untrusted::new(input),
            schema: &written.schema,
            max_output_tokens: self.settings.output_tokens,
            temperature: self.settings.temperature,
        };
        let answer = self.model.generate(&ask).await;
        let mut state = self.state();
        match answer {
            Ok(answer) => {
                state.breaker.succeeded();
                state.totals.answers += 1;
                state.totals.usage = state.totals.usage.plus(answer.usage);
                let Usage { input_tokens, output_tokens, cost_micros } = answer.usage;
                let count = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
                let made = Making {
                    input_tokens: count(input_tokens),
                    output_tokens: count(output_tokens),
                    cost_micros,
                    ..self.making(answer.model)
                };
                Ok((answer.text, made))
            }
            Err(error) => {
                state.totals.failures += 1;
                if concerns_item(error.kind) {
                    state.breaker.succeeded();
                } else {
                    state.breaker.failed(self.clock.now(), error.retry_after);
                }
                Err(error.into())
            }
        }
    }

    fn making(&self, model: String) -> Making {
        let prompt_sha256 = Some(self.prompt_sha256.clone());
        Making { model: Some(model), prompt_sha256, ..Making::default() }
    }

    /// Names everything that an answer depends on.
    fn key(&self, written: &Written, lineup: &Lineup<'_>) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.name.as_str(), &self.prompt_sha256, &written.input] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        for project in lineup.projects() {
            hash.update(project.id.as_bytes());
        }
        hash.finalize().into()
    }

    /// Makes a verdict of what was told; whatever it says, only candidates are in it.
    fn verdict(&self, told: Told, question: &Question<'_>, lineup: &Lineup<'_>) -> Verdict {
        let Told { reading, made } = told;
        let found = grounds::weigh(&reading, question.mail, lineup);
        let alternatives = reading.others.iter().filter_map(|(place, confidence)| {
            let project = lineup.project(*place)?.id;
            let is_other = Some(project) != found.choice;
            is_other.then_some(Alternative { project, confidence: *confidence })
        });
        let mut alternatives: Vec<Alternative> = alternatives.collect();
        alternatives.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        Verdict {
            classifier: self.name.clone(),
            choice: found.choice,
            confidence: found.confidence,
            evidence: found.evidence,
            alternatives,
            made,
        }
    }
}

/// Says whether a failure is about what was asked, and not about the model.
const fn concerns_item(kind: LanguageErrorKind) -> bool {
    matches!(kind, LanguageErrorKind::Refused | LanguageErrorKind::TooLong)
}

#[async_trait]
impl Classifier for LanguageRouter {
    async fn classify(
        &self,
        question: &Question<'_>,
        candidates: &[Project],
    ) -> Result<Verdict, ClassifyError> {
        let rules = Rules.classify(question, candidates).await?;
        let lineup = Lineup::new(candidates, question.mail, &rules, self.settings.candidates);
        if lineup.is_empty() {
            let told = Told { reading: Reading::default(), made: Making::default() };
            return Ok(self.verdict(told, question, &lineup));
        }
        let written = Written::new(question, &lineup, self.settings.input_tokens);
        match self.ask(&written, &lineup).await {
            Ok(told) => Ok(self.verdict(told, question, &lineup)),
            Err(error) => {
                let outage = error.outage();
                Err(ClassifyError::new(self.name.clone(), error).during(outage))
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

#[cfg(test)]
mod tests;
