//! The connections of the server: how many there are at once, and how long each may keep us waiting.
//!
//! Whoever opens connections and says nothing, or half of something, must not make the server deaf
//! to the others.
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    serve::Listener,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    rt::{Sleep, Timer as _},
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

/// What a connection may take of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many are served at once; more wait until one ends.
    pub connections: usize,
    /// The head of a request is there in such a time, also that of the next on the same connection.
    pub head: Duration,
    /// The body of a request is there in such a time.
    pub body: Duration,
    /// Requests under way get so long to end once the server is to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Some systems allow a process 256 files; the store needs its own.
            connections: 200,
            // A head is one packet; browsers open another connection when they find one closed.
            head: Duration::from_secs(10),
            // A megabyte, the longest call of a provider, over a line of 300 kbit/s.
            body: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

/// Serves until `stop`; whoever does not end in time is cut off.
///
/// # Cancellation
/// When the future is dropped, every connection is cut off.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let seats = Arc::new(Semaphore::new(limits.connections));
    let (graceful, mut connections) = (GracefulShutdown::new(), JoinSet::new());
    tokio::pin!(stop);
    loop {
        let came = tokio::select! {
            came = next(&mut listener, &seats) => came,
            () = &mut stop => break,
        };
        let Some((seat, stream)) = came else { break };
        while connections.try_join_next().is_some() {}
        let connection = connection(stream, router.clone(), limits);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
            }
            drop(seat);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

/// Takes the next connection once there is a seat for it.
async fn next(
    listener: &mut TcpListener,
    seats: &Arc<Semaphore>,
) -> Option<(OwnedSemaphorePermit, TcpStream)> {
    let seat = Arc::clone(seats).acquire_owned().await.ok()?;
    let (stream, _) = Listener::accept(listener).await;
    Some((seat, stream))
}

fn connection(
    stream: TcpStream,
    router: Router,
    limits: Limits,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        service.call(request.map(|body| Body::new(Timely::new(body, limits.body))))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), service)
}

/// A body that is there in time, or fails.
struct Timely {
    body: Incoming,
    end: Pin<Box<dyn Sleep>>,
}

/// Why a body failed.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("the body did not come in time")]
    Late,
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

impl Timely {
    fn new(body: Incoming, within: Duration) -> Self {
        Self { body, end: TokioTimer::new().sleep(within) }
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| Ok(frame?)));
        }
        ready!(self.end.as_mut().poll(context));
        Poll::Ready(Some(Err(BodyError::Late)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
