//! How many requests a second one core serves: `cargo run --release -p besunny-simulator --example request_rate`.
//!
//! The simulator has a thread of its own; the clients share another one, so a rate is that of one
//! core at most. Arguments: messages (20000), seconds a measurement (3), connections (8).

use std::error::Error;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use besunny_simulator::{Config, Control, Delivery, Metering, Simulator};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

const ADDRESS: &str = "ann@example.test";

/// The size of the messages, in bytes.
const MESSAGE_BYTES: usize = 5_000;

fn main() -> Result<(), Failure> {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>());
    let mut next = |default| numbers.next().unwrap_or(Ok(default));
    let (messages, seconds, connections) = (next(20_000)?, next(3)?, next(8)?);
    let (ready, started) = oneshot::channel();
    thread::spawn(move || serve(ready));
    let client = runtime()?;
    let (base, control) = client.block_on(started)?;
    let loading = now();
    let ids = fill(&control, messages)?;
    let mut out = io::stdout();
    writeln!(out, "loaded {messages} messages in {:.2} s", loading.elapsed().as_secs_f64())?;
    let token = control.mailbox(ADDRESS)?.access_token()?;
    let start = control.mailbox(ADDRESS)?.history_id() - 1_000;
    let one = |format: &str| {
        ids.iter().map(|id| format!("messages/{id}?format={format}")).collect::<Vec<_>>()
    };
    let duration = Duration::from_secs(u64::try_from(seconds)?);
    for (name, paths) in [
        ("getProfile", vec!["profile".to_owned()]),
        ("messages.list, 100 a page", vec!["messages".to_owned()]),
        ("messages.list, 500 a page", vec!["messages?maxResults=500".to_owned()]),
        ("messages.list, a rare label", vec!["messages?labelIds=STARRED".to_owned()]),
        ("history.list", vec![format!("history?startHistoryId={start}")]),
        ("messages.get, minimal", one("minimal")),
        ("messages.get, metadata", one("metadata")),
        ("messages.get, full", one("full")),
        ("messages.get, raw", one("raw")),
    ] {
        let requests = paths.iter().map(|path| format!("/gmail/v1/users/me/{path}")).collect();
        let load = Load { base: base.clone(), token: token.clone(), requests };
        let count = client.block_on(load.run(connections, duration))?;
        let rate = count.checked_div(u64::try_from(seconds)?).unwrap_or_default();
        writeln!(out, "{name:<28} {rate:>7} requests/s")?;
    }
    Ok(())
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn serve(ready: oneshot::Sender<(String, Control)>) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut config = Config::default();
        config.settings.quota.metering = Metering::Off;
        config.settings.wire.log_entries = 1_000;
        let simulator = Simulator::start(config).await?;
        simulator.control().add_account(ADDRESS);
        let started = (simulator.base_url(), simulator.control().clone());
        ready.send(started).map_err(|_started| "nobody waits for the simulator")?;
        std::future::pending().await
    })
}

fn fill(control: &Control, messages: usize) -> Result<Vec<String>, Failure> {
    let mailbox = control.mailbox(ADDRESS)?;
    let line = "Words of a message that is neither short nor long.\r\n";
    let text = line.repeat(MESSAGE_BYTES / line.len());
    for number in 0..messages {
        let raw = format!(
            "From: Bob <bob@example.test>\r\nTo: {ADDRESS}\r\nSubject: message {number}\r\n\
             Message-ID: <{number}@example.test>\r\n\r\n{text}"
        );
        mailbox.deliver(raw, &Delivery::default())?;
    }
    Ok(mailbox.message_ids())
}

struct Load {
    base: String,
    token: String,
    requests: Vec<String>,
}

impl Load {
    async fn run(self, connections: usize, duration: Duration) -> Result<u64, Failure> {
        let end = now() + duration;
        let mut clients = JoinSet::new();
        for number in 0..connections {
            let stream = TcpStream::connect(self.base.trim_start_matches("http://")).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            let mut requests = self.requests.clone();
            let share = number * requests.len() / connections;
            requests.rotate_left(share);
            let token = format!("Bearer {}", self.token);
            clients.spawn(async move {
                tokio::select! {
                    count = ask(sender, &token, &requests, end) => count,
                    closed = connection => Err(closed.err().map_or("closed".into(), Into::into)),
                }
            });
        }
        let mut sum = 0;
        while let Some(count) = clients.join_next().await {
            sum += count??;
        }
        Ok(sum)
    }
}

async fn ask(
    mut sender: http1::SendRequest<Body>,
    token: &str,
    requests: &[String],
    end: Instant,
) -> Result<u64, Failure> {
    let mut count = 0;
    for path in requests.iter().cycle() {
        if now() >= end {
            break;
        }
        let request = Request::get(path).header("host", "127.0.0.1").header("authorization", token);
        let answer = sender.send_request(request.body(Body::empty())?).await?;
        if answer.status() != 200 {
            return Err(format!("{} for {path}", answer.status()).into());
        }
        to_bytes(Body::new(answer.into_body()), usize::MAX).await?;
        count += 1;
    }
    Ok(count)
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs the machine's clock")]
fn now() -> Instant {
    Instant::now()
}
