//! Starting and stopping: the listener and the tasks behind it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::config::Config;
use crate::control::{self, Control};
use crate::gateway::Shared;
use crate::world::World;
use crate::{attendee, batch, calendar, gmail, model, oauth, pubsub, refusal, wire};

/// A running outside world on 127.0.0.1.
///
/// It lives on the runtime that started it and stops when it is dropped.
///
/// ```
/// # async fn example() -> Result<(), besunny_simulator::StartError> {
/// use besunny_simulator::{Config, Simulator};
///
/// let simulator = Simulator::start(Config::default()).await?;
/// let credentials = simulator.control().add_account("ann@example.test");
/// println!("{} {}", simulator.base_url(), credentials.refresh_token);
/// simulator.stop().await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    control: Control,
    tasks: JoinSet<()>,
}

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It has no authentication of its own, so it never listens to the network.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl Simulator {
    /// Listens and serves until stopped or dropped.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let address = config.listen;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        let failed = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let world = Arc::new(World::new(&config));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, router(Shared::clone(&world))));
        tasks.spawn(pubsub::delivery::run(Shared::clone(&world)));
        tasks.spawn(attendee::webhook::run(Shared::clone(&world)));
        Ok(Self { address, control: Control::new(world), tasks })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The hand on this world.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Cuts all connections and frees the port.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

fn router(world: Shared) -> Router {
    let batch = batch::router(gmail::router().with_state(Shared::clone(&world)));
    Router::new()
        .merge(gmail::router())
        .merge(calendar::router())
        .merge(oauth::router())
        .merge(model::router())
        .merge(attendee::router())
        .merge(control::router())
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .with_state(world)
        .merge(batch)
}

/// Google's front end answers unknown paths with a page.
async fn unknown() -> Response {
    let page = refusal::error_page(StatusCode::NOT_FOUND);
    (StatusCode::NOT_FOUND, Html(page)).into_response()
}

async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, router.clone()));
                }
                // The client was gone already, or there are no file descriptors for now.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut on purpose")]
struct Severed;

async fn serve(stream: TcpStream, router: Router) {
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = service.call(request.map(Body::new));
        async move {
            let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
            match response.extensions().get::<wire::Cut>() {
                Some(_) => Err(Severed),
                None => Ok(response),
            }
        }
    });
    // Answers are written whole, so waiting for more to send would only cost time.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    // A broken connection is the client's affair, or a fault that was asked for.
    drop(connection.await);
}
