//! What every language model promises: [`LanguageModel`].
use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    cause::describe,
    language::{
        Answer, Ask, LanguageError, LanguageErrorKind as Kind, LanguageModel, Schema, Usage,
    },
    untrusted::Untrusted,
};
use serde_json::{Value, json};

use super::{Broken, Case, Outcome, check, check_equal, clause};

/// A model, and the server behind it.
#[async_trait]
pub trait LanguageWorld: Debug + Send + Sync {
    /// Returns the adapter under test; its price is [`PRICE`] for every token.
    fn model(&self) -> Arc<dyn LanguageModel>;
    /// Makes the next call end like this.
    async fn next(&self, mishap: Mishap);
    /// Returns what the server was asked so far.
    async fn asks(&self) -> Vec<Sent>;
}

/// A world of which each case gets a fresh one.
pub type World = Arc<dyn LanguageWorld>;

/// What a token costs in every world, in millionths.
pub const PRICE: u64 = 3;

/// An ask as the server saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// What to do.
    pub instructions: String,
    /// What to do it with.
    pub input: String,
    /// The schema, if it must be kept.
    pub strict_schema: Option<Value>,
    /// The most tokens of the answer.
    pub max_output_tokens: u64,
}

/// How a call ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mishap {
    /// The model writes this.
    Says(String),
    /// Too many requests; come again after so many seconds.
    TooMany(Option<u64>),
    /// The credit is used up.
    NoCredit,
    /// The server fails.
    Down,
    /// The answer is cut in its middle.
    Cut,
    /// Nothing comes, longer than anybody waits.
    Silence,
    /// The key is not accepted.
    BadKey,
    /// The model is not there.
    NoModel,
    /// The model declines.
    Declined,
    /// A filter holds the answer back.
    Filtered,
    /// The answer ends at the most tokens that were allowed.
    EndedEarly,
    /// The ask is longer than the model reads.
    AskTooLong,
    /// The answer has no text.
    NoText,
    /// The answer offers nothing to choose from.
    NoChoice,
    /// The answer is no JSON.
    Garbage,
}

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    vec![
        clause("language.answer.whole", whole),
        clause("language.answer.usage", usage),
        clause("language.schema.strict", strict),
        clause("language.ask.apart", apart),
        clause("language.calls.once", once),
        clause("language.errors.rate-limited", rate_limited),
        clause("language.errors.limit-reached", |world| {
            kinds(world, &[(Mishap::NoCredit, Kind::LimitReached)])
        }),
        clause("language.errors.unavailable", unavailable),
        clause("language.errors.unauthorized", |world| {
            kinds(world, &[(Mishap::BadKey, Kind::Unauthorized)])
        }),
        clause("language.errors.misconfigured", |world| {
            kinds(world, &[(Mishap::NoModel, Kind::Misconfigured)])
        }),
        clause("language.errors.refused", refused),
        clause("language.errors.too-long", too_long),
        clause("language.errors.malformed", malformed),
        clause("language.errors.no-content", no_content),
    ]
}

/// Stands in asks and answers, and must stand nowhere else.
const CANARY: &str = "canary-7d1e";

fn schema() -> Schema {
    let json = json!({
        "type": "object",
        "properties": { "answer": { "type": "string" } },
        "required": ["answer"],
        "additionalProperties": false,
    });
    Schema { name: "answer".to_owned(), json }
}

async fn ask(world: &World) -> Result<Answer, LanguageError> {
    let schema = schema();
    let input = format!("The word is {CANARY}.");
    let ask = Ask {
        instructions: "Say the word.",
        input: Untrusted::new(&input),
        schema: &schema,
        max_output_tokens: 321,
        temperature: 0.1,
    };
    world.model().generate(&ask).await
}

async fn failing(world: &World, mishap: Mishap) -> Result<LanguageError, Broken> {
    world.next(mishap.clone()).await;
    let answer = ask(world).await;
    answer.err().ok_or_else(|| Broken::new(format!("{mishap:?} was answered")))
}

async fn kinds(world: World, rows: &'static [(Mishap, Kind)]) -> Outcome {
    for (mishap, want) in rows {
        let error = failing(&world, mishap.clone()).await?;
        check_equal(&error.kind, want, &format!("the kind of {mishap:?}"))?;
    }
    Ok(())
}

async fn whole(world: World) -> Outcome {
    let text = format!("{{\"answer\":\"{CANARY} ä\\n\\u0001{}\"}}", "long ".repeat(200));
    world.next(Mishap::Says(text.clone())).await;
    let answer = ask(&world).await?;
    check_equal(answer.text.expose(), &text, "the text")?;
    check(!answer.model.is_empty(), "the model has no name")
}

async fn usage(world: World) -> Outcome {
    let Usage { input_tokens, output_tokens, cost_micros } = ask(&world).await?.usage;
    check(input_tokens > 0 && output_tokens > 0, "nothing was counted")?;
    check_equal(&cost_micros, &((input_tokens + output_tokens) * PRICE), "the cost")
}

async fn strict(world: World) -> Outcome {
    ask(&world).await?;
    let sent = world.asks().await.pop();
    check_equal(&sent.and_then(|sent| sent.strict_schema), &Some(schema().json), "the schema")
}

async fn apart(world: World) -> Outcome {
    ask(&world).await?;
    let sent = world.asks().await.pop().ok_or_else(|| Broken::new("nothing was sent"))?;
    check_equal(&sent.instructions, &"Say the word.".to_owned(), "the instructions")?;
    check_equal(&sent.input, &format!("The word is {CANARY}."), "the input")?;
    check_equal(&sent.max_output_tokens, &321, "the most tokens")
}

async fn once(world: World) -> Outcome {
    for mishap in [Mishap::Down, Mishap::TooMany(Some(0)), Mishap::Cut, Mishap::NoText] {
        let before = world.asks().await.len();
        failing(&world, mishap.clone()).await?;
        let calls = world.asks().await.len() - before;
        check(calls <= 1, format_args!("after {mishap:?} it was asked {calls} times"))?;
        ask(&world).await?;
    }
    Ok(())
}

async fn rate_limited(world: World) -> Outcome {
    let error = failing(&world, Mishap::TooMany(Some(17))).await?;
    check_equal(&error.kind, &Kind::RateLimited, "the kind")?;
    check_equal(&error.retry_after, &Some(Duration::from_secs(17)), "how long to wait")?;
    let error = failing(&world, Mishap::TooMany(None)).await?;
    check_equal(&error.retry_after, &None, "how long to wait")
}

async fn unavailable(world: World) -> Outcome {
    let rows = &[
        (Mishap::Down, Kind::Unavailable),
        (Mishap::Cut, Kind::Unavailable),
        (Mishap::Silence, Kind::Unavailable),
    ];
    kinds(world, rows).await
}

async fn refused(world: World) -> Outcome {
    let rows = &[(Mishap::Declined, Kind::Refused), (Mishap::Filtered, Kind::Refused)];
    kinds(world, rows).await
}

async fn too_long(world: World) -> Outcome {
    let rows = &[(Mishap::EndedEarly, Kind::TooLong), (Mishap::AskTooLong, Kind::TooLong)];
    kinds(world, rows).await
}

async fn malformed(world: World) -> Outcome {
    let rows = &[
        (Mishap::NoText, Kind::Malformed),
        (Mishap::NoChoice, Kind::Malformed),
        (Mishap::Garbage, Kind::Malformed),
    ];
    kinds(world, rows).await
}

async fn no_content(world: World) -> Outcome {
    for mishap in [
        Mishap::Down,
        Mishap::Cut,
        Mishap::Garbage,
        Mishap::BadKey,
        Mishap::NoModel,
        Mishap::Declined,
        Mishap::EndedEarly,
    ] {
        let error = failing(&world, mishap.clone()).await?;
        let shown = format!("{error:?} {}", describe(&error));
        check(!shown.contains(CANARY), format_args!("an error shows content after {mishap:?}"))?;
    }
    Ok(())
}
