//! A model server that speaks `OpenAI`'s interface, simulated.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_ai::openai::{OpenAi, OpenAiConfig, Price};
use besunny_core::language::LanguageModel;
use besunny_simulator::{
    Config, Damage, Fault, FaultRule, ModelFault, Operation, RateRefusal, RefusalFault, RetryAfter,
    Simulator, WireFault,
};
use besunny_testkit::conformance::language::{LanguageWorld, Mishap, PRICE, Sent, World, cases};
use libtest_mimic::Trial;
use secrecy::SecretString;
use serde_json::Value;

pub(crate) fn trials() -> Vec<Trial> {
    super::trials("openai", cases(), |_| None, || Box::pin(OpenAiWorld::fresh()))
}

#[derive(Debug)]
struct OpenAiWorld {
    simulator: Simulator,
    model: Arc<OpenAi>,
}

impl OpenAiWorld {
    async fn fresh() -> World {
        let simulator = Simulator::start(Config::default()).await.expect("a free port");
        let settings = simulator.control().settings().model;
        let micros = PRICE * 1_000_000;
        let config = OpenAiConfig {
            price: Price { input_micros: micros, output_micros: micros },
            timeout: Duration::from_millis(300),
            ..OpenAiConfig::new(&format!("{}/v1", simulator.base_url()), &settings.models[0])
        };
        let key = SecretString::from(settings.api_key);
        let clock = Arc::new(besunny::SystemClock::default());
        let model = OpenAi::new(config, Some(&key), clock).expect("a configuration");
        Arc::new(Self { simulator, model: Arc::new(model) })
    }
}

fn fault(mishap: Mishap) -> Fault {
    let refusal = Fault::Refusal;
    match mishap {
        Mishap::Says(content) => Fault::Model(ModelFault::Says { content }),
        Mishap::TooMany(wait) => refusal(RefusalFault::RateLimited {
            refusal: RateRefusal::TooManyRequests,
            retry_after: wait.map_or(RetryAfter::Absent, RetryAfter::Seconds),
        }),
        Mishap::NoCredit => Fault::Model(ModelFault::NoCredit),
        Mishap::Down => refusal(RefusalFault::HtmlError { status: 502 }),
        Mishap::Cut => Fault::Wire(WireFault::CutBody),
        Mishap::Silence => Fault::Wire(WireFault::Stall),
        Mishap::BadKey => refusal(RefusalFault::EmptyError { status: 401 }),
        Mishap::NoModel => refusal(RefusalFault::EmptyError { status: 404 }),
        Mishap::Declined => Fault::Model(ModelFault::Refuses),
        Mishap::Filtered => Fault::Model(ModelFault::Filtered),
        Mishap::EndedEarly => Fault::Model(ModelFault::CutAnswer),
        Mishap::AskTooLong => Fault::Model(ModelFault::PromptTooLong),
        Mishap::NoText => Fault::Model(ModelFault::NoContent),
        Mishap::NoChoice => Fault::Model(ModelFault::EmptyChoices),
        Mishap::Garbage => Fault::Damage(Damage::InvalidJson),
        other => panic!("the world cannot do {other:?}"),
    }
}

#[async_trait]
impl LanguageWorld for OpenAiWorld {
    fn model(&self) -> Arc<dyn LanguageModel> {
        Arc::<OpenAi>::clone(&self.model)
    }

    async fn next(&self, mishap: Mishap) {
        let rule = FaultRule::once(Operation::CreateChatCompletion, fault(mishap));
        self.simulator.control().add_fault(rule);
    }

    async fn asks(&self) -> Vec<Sent> {
        self.simulator.control().asks().iter().map(sent).collect()
    }
}

fn sent(request: &Value) -> Sent {
    let text = |place: usize, role| {
        let message = &request["messages"][place];
        let content = message["content"].as_str().filter(|_| message["role"] == role);
        content.unwrap_or_default().to_owned()
    };
    let format = &request["response_format"]["json_schema"];
    Sent {
        instructions: text(0, "system"),
        input: text(1, "user"),
        strict_schema: (format["strict"] == true).then(|| format["schema"].clone()),
        max_output_tokens: request["max_completion_tokens"].as_u64().unwrap_or_default(),
    }
}
