//! Deliveries of the simulated Attendee, which signs by code of its own, as they arrive at a door.
use std::sync::Arc;

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use besunny_attendee::{Attendee, AttendeeConfig, AttendeeReceiver};
use besunny_core::bot::{BotProvider, BotReceiver, BotRef, NewBot, RecordingKind};
use besunny_simulator::{Act, AttendeeWebhook, Config, Simulator};
use besunny_testkit::conformance::{
    delivery::{DeliveryWorld, World, cases},
    push::Call,
};
use chrono::DateTime;
use libtest_mimic::Trial;
use secrecy::SecretString;
use tokio::{net::TcpListener, sync::mpsc};

pub(crate) fn trials() -> Vec<Trial> {
    super::super::trials("attendee-deliveries", cases(), |_| None, || Box::pin(fresh()))
}

/// What arrived, and what a forger makes of it.
#[derive(Debug)]
struct Arrived {
    calls: Vec<(Call, BotRef)>,
    unreadable: Vec<Call>,
    secret: String,
}

/// As HTTP's libraries write it.
const HEADER: &str = "x-webhook-signature";

type Door = mpsc::UnboundedSender<Call>;

async fn arrive(State(door): State<Door>, headers: HeaderMap, body: Bytes) {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let call = Call {
        path: "/hook".to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
        received_at: DateTime::UNIX_EPOCH,
    };
    door.send(call).expect("somebody looks at what arrives");
}

async fn fresh() -> World {
    let (door, mut arrived) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let router = Router::new().route("/hook", post(arrive)).with_state(door);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    let mut config = Config::default();
    let triggers = ["bot.state_change", "transcript.update", "chat_messages.update"];
    let triggers = triggers.map(str::to_owned).to_vec();
    config.settings.attendee.webhooks = vec![AttendeeWebhook { url, triggers }];
    let simulator = Simulator::start(config).await.expect("a free port");
    let settings = simulator.control().settings().attendee;
    let bot = call_a_bot(&simulator, &settings.api_key).await;
    simulator.control().settle().await;
    let mut calls = Vec::new();
    while let Ok(call) = arrived.try_recv() {
        calls.push((call, bot.clone()));
    }
    let unreadable = vec![signed_nothing(&settings.webhook_secret)];
    Arc::new(Arrived { calls, unreadable, secret: settings.webhook_secret })
}

/// A bot joins, and somebody speaks and writes, in letters and signs beyond ASCII.
async fn call_a_bot(simulator: &Simulator, key: &str) -> BotRef {
    let clock = Arc::new(besunny::SystemClock::default());
    let config = AttendeeConfig::at(&simulator.base_url());
    let attendee = Attendee::new(config, &SecretString::from(key.to_owned()), clock);
    let wanted = NewBot {
        meeting: "https://meet.google.com/abc-defg-hij".to_owned().into(),
        name: "Notes".to_owned(),
        join_at: None,
        dedup_key: "key".to_owned(),
        metadata: [("\u{ffee}k", "1"), ("\u{1f600}k", "déjà \u{1} \"vu\""), ("Aa", "\u{2028}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        greeting: None,
        recording: RecordingKind::None,
        callback: None,
    };
    let created = attendee.expect("a configuration").create(&wanted).await.expect("a bot");
    let bot = created.into_bot().at;
    for act in [
        Act::LetIn,
        Act::Says { name: "Zoë".to_owned(), text: "„Los“ 😀 \\ </script>".to_owned() },
        Act::Writes { name: "Ada".to_owned(), text: "https://example.org/\u{7f}".to_owned() },
        Act::Ends,
    ] {
        simulator.control().bots().play(bot.as_str(), &act).expect("the bot");
    }
    bot
}

/// `{}` with the signature that the simulator's own secret gives it.
fn signed_nothing(secret: &str) -> Call {
    assert_eq!(secret, Config::default().settings.attendee.webhook_secret);
    let signature = "PwsW4c0vrvtymOdQ6n7P7PSsbRXKCaU344HM5ZgJsTU=".as_bytes().to_vec();
    Call {
        path: "/hook".to_owned(),
        headers: vec![(HEADER.to_owned(), signature)],
        body: b"{}".to_vec(),
        received_at: DateTime::UNIX_EPOCH,
    }
}

impl Arrived {
    fn first(&self) -> Call {
        self.calls.first().expect("something arrived").0.clone()
    }
}

impl DeliveryWorld for Arrived {
    fn receiver(&self) -> Arc<dyn BotReceiver> {
        Arc::new(AttendeeReceiver)
    }

    fn secret(&self) -> SecretString {
        self.secret.clone().into()
    }

    fn other_secret(&self) -> SecretString {
        "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHNhbWUgbGVuZ3Q=".to_owned().into()
    }

    fn genuine(&self) -> Vec<(Call, BotRef)> {
        self.calls.clone()
    }

    fn unreadable(&self) -> Vec<Call> {
        self.unreadable.clone()
    }

    fn forged(&self) -> Vec<(&'static str, Call)> {
        let genuine = self.first();
        let with = |change: fn(&mut Call)| {
            let mut call = genuine.clone();
            change(&mut call);
            call
        };
        vec![
            ("another body", with(|call| call.body.extend(b" 1"))),
            (
                "another bot",
                with(|call| {
                    let text = String::from_utf8_lossy(&call.body).replace("bot_", "bot_x");
                    call.body = text.into_bytes();
                }),
            ),
            ("no body", with(|call| call.body.clear())),
            (
                "another signature",
                with(|call| {
                    for (name, value) in &mut call.headers {
                        if name == HEADER {
                            value.rotate_left(1);
                        }
                    }
                }),
            ),
        ]
    }

    fn unsigned(&self) -> Call {
        let mut call = self.first();
        call.headers.retain(|(name, _)| name != HEADER);
        call
    }
}
