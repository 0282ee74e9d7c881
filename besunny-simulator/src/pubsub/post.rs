//! One HTTP POST to somebody's endpoint.

use std::error::Error;

use axum::body::Body;
use axum::http::{Request, StatusCode, Uri, header};
use futures::future;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Failure = Box<dyn Error + Send + Sync>;

/// Posts with some headers over a connection of its own.
pub(crate) async fn send(
    endpoint: &str,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<StatusCode, Failure> {
    let uri: Uri = endpoint.parse()?;
    let host = uri.host().ok_or("the endpoint names no host")?;
    if uri.scheme_str() != Some("http") {
        return Err("only http:// endpoints are reached".into());
    }
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(header::HOST, uri.authority().map_or(host, |authority| authority.as_str()))
        .header(header::CONTENT_LENGTH, body.len());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Body::from(body))?;
    let exchange = async move { sender.send_request(request).await.map(|answer| answer.status()) };
    let (status, closed) = future::join(exchange, connection).await;
    if let (Err(_), Err(error)) = (&status, closed) {
        return Err(error.into());
    }
    Ok(status?)
}
