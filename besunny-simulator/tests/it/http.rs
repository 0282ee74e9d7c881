//! A client that hides nothing: one connection a request, headers and bytes as they come.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, Uri, header};
use bytes::Bytes;
use futures::future;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The JSON of a good answer.
    #[track_caller]
    pub(crate) fn good(&self) -> Value {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// `(status, reason)` of an error in Google's envelope.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let error = &self.json()["error"];
        assert_eq!(error["code"], self.status, "{error}");
        let reason = error["errors"][0]["reason"].as_str().unwrap_or_default();
        (self.status, reason.to_owned())
    }
}

pub(crate) async fn send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Result<Reply, Failure> {
    let uri: Uri = url.parse()?;
    let authority = uri.authority().ok_or("no host")?.to_string();
    let stream = TcpStream::connect(&authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, &authority);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into())?;
    let exchange = async move {
        let answer = sender.send_request(request).await?;
        drop(sender);
        let (head, body) = answer.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await?;
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    };
    future::join(exchange, connection).await.0
}
