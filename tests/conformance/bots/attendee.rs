//! Attendee over HTTP, simulated.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_attendee::{Attendee, AttendeeConfig};
use besunny_core::bot::{BotChat, BotPresence, BotProvider, BotRecords, BotRef, RecordingControl};
use besunny_simulator::{
    Act, ClockMode, Config, Damage, Fault, FaultRule, RateRefusal, RefusalFault, RetryAfter,
    Simulator, WireFault,
};
use besunny_testkit::conformance::{
    Power,
    bot::{BotWorld, Mishap, Scene, World},
};
use chrono::{DateTime, Utc};
use secrecy::SecretString;

#[derive(Debug)]
pub(crate) struct AttendeeWorld {
    simulator: Simulator,
    attendee: Arc<Attendee>,
}

impl AttendeeWorld {
    pub(crate) async fn fresh() -> World {
        let start_at = "2026-06-01T08:00:00Z".parse().ok();
        let config = Config { clock: ClockMode::Manual, start_at, ..Config::default() };
        let simulator = Simulator::start(config).await.expect("a free port");
        let key = simulator.control().settings().attendee.api_key;
        let attendee = Arc::new(adapter(&simulator, key));
        Arc::new(Self { simulator, attendee })
    }

    fn fault(&self, fault: Fault) {
        let rule = FaultRule {
            operation: None,
            account: None,
            message: None,
            skip: 0,
            times: Some(1),
            fault,
        };
        self.simulator.control().add_fault(rule);
    }
}

fn adapter(simulator: &Simulator, key: String) -> Attendee {
    let clock = Arc::new(besunny::SystemClock::default());
    let config = AttendeeConfig::at(&simulator.base_url());
    Attendee::new(config, &SecretString::from(key), clock).expect("a configuration")
}

#[async_trait]
impl BotWorld for AttendeeWorld {
    fn provider(&self) -> Arc<dyn BotProvider> {
        Arc::<Attendee>::clone(&self.attendee)
    }

    fn records(&self) -> Arc<dyn BotRecords> {
        Arc::<Attendee>::clone(&self.attendee)
    }

    fn chat(&self) -> Option<Arc<dyn BotChat>> {
        Some(Arc::<Attendee>::clone(&self.attendee))
    }

    fn presence(&self) -> Option<Arc<dyn BotPresence>> {
        Some(Arc::<Attendee>::clone(&self.attendee))
    }

    fn control(&self) -> Option<Arc<dyn RecordingControl>> {
        Some(Arc::<Attendee>::clone(&self.attendee))
    }

    fn locked_out(&self) -> Arc<dyn BotProvider> {
        Arc::new(adapter(&self.simulator, "no such key".to_owned()))
    }

    fn now(&self) -> DateTime<Utc> {
        self.simulator.control().now()
    }

    async fn advance(&self, by: Duration) {
        self.simulator.control().advance(by);
    }

    fn meeting(&self, number: usize) -> String {
        format!("https://meet.google.com/abc-defg-{number:03}?authuser=0")
    }

    async fn play(&self, at: &BotRef, scene: Scene) {
        let named = |name: &str| name.to_owned();
        let act = match scene {
            Scene::Lobby => Act::Waits,
            Scene::LetIn => Act::LetIn,
            Scene::TurnedAway => Act::TurnedAway,
            Scene::Says { name, text } => Act::Says { name: named(name), text },
            Scene::Amends(text) => Act::Amends { text },
            Scene::Writes { name, text } => Act::Writes { name: named(name), text },
            Scene::Comes(name) => Act::Comes { name: named(name) },
            Scene::Goes(name) => Act::Goes { name: named(name) },
            Scene::Ends => Act::Ends,
            Scene::Prepared => Act::Prepared,
            Scene::Breaks => Act::Breaks,
        };
        self.simulator.control().bots().play(at.as_str(), &act).expect("a bot that is there");
    }

    async fn next(&self, mishap: Mishap) {
        self.fault(match mishap {
            Mishap::TooMany(seconds) => Fault::Refusal(RefusalFault::RateLimited {
                refusal: RateRefusal::TooManyRequests,
                retry_after: RetryAfter::Seconds(seconds),
            }),
            Mishap::Down => Fault::Refusal(RefusalFault::HtmlError { status: 502 }),
            Mishap::Garbage => Fault::Damage(Damage::InvalidJson),
            Mishap::LostReply => Fault::Wire(WireFault::DropAnswer),
        });
    }

    async fn kill_pages(&self) {
        self.simulator.control().kill_page_tokens();
    }

    fn lacks(&self, _power: Power) -> Option<&'static str> {
        None
    }
}
