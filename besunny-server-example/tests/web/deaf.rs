//! Connections that say nothing, or half of something, do not keep the others from an answer.
use std::{net::SocketAddr, time::Duration};

use besunny_server::hosting::connection::{Limits, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

use super::stage::{HOST, Stage};

/// Short, since the test waits for it; nothing is measured against it.
const SHORT: Duration = Duration::from_millis(200);
/// No test lasts so long.
const NEVER: Duration = Duration::from_hours(1);

const LIMITS: Limits = Limits { connections: 3, head: SHORT, body: NEVER, grace: NEVER };

struct Door {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinSet<()>,
}

impl Door {
    async fn open(limits: Limits) -> Self {
        let router = Stage::new(&[], &[]).await.router;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut served = JoinSet::new();
        served.spawn(serve(listener, router, limits, async { drop(stopped.await) }));
        Self { address, stop, served }
    }

    /// Connects and sends `text`.
    async fn say(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn assert_lives(&self) {
        let asked =
            format!("GET /health/live HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        let answer = rest(self.say(&asked).await).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// Reads until the server closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // Closing with unread bytes resets the connection, which is an end as well.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn sec_idle_connections_beyond_the_limit_make_nobody_wait_for_long() {
    let door = Door::open(LIMITS).await;
    let mut idle = Vec::new();
    for text in ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: "].repeat(3) {
        idle.push(door.say(text).await);
    }
    door.assert_lives().await;
    for stream in idle {
        let answer = rest(stream).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn sec_an_answered_connection_is_not_kept_for_ever() {
    let door = Door::open(LIMITS).await;
    let kept = door.say(&format!("GET /health/live HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    assert!(rest(kept).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn sec_a_body_that_does_not_come_is_given_up() {
    let door = Door::open(Limits { head: NEVER, body: SHORT, ..LIMITS }).await;
    for path in ["/webhooks/gmail", "/login"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\nk"
        );
        let answer = rest(door.say(&head).await).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
    }
    door.assert_lives().await;
}

#[tokio::test]
async fn ops_2_a_stop_cuts_off_who_does_not_end_in_time() {
    let mut door = Door::open(Limits { head: NEVER, grace: SHORT, ..LIMITS }).await;
    let unfinished = door.say("GET / HTTP/1.1\r\n").await;
    door.assert_lives().await;
    door.stop.send(()).unwrap();
    door.served.join_next().await.unwrap().unwrap();
    assert_eq!(rest(unfinished).await, "");
    assert!(TcpStream::connect(door.address).await.is_err());
}
