//! What every source that calls back promises: [`Push`], and [`Receiver`] of what it sends.
use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    ids::WatchId,
    push::{About, Delivery, Notice, PublicKey, Push, Receiver, Rejected, Watch, WatchRequest},
    source::StreamRef,
};
use chrono::{DateTime, TimeDelta, Utc};

mod receiver;
mod watches;

use super::{Broken, Case, Outcome, Power, check, check_equal, clause};

/// A provider that calls back, the adapter, and the door where its calls arrive.
#[async_trait]
pub trait PushWorld: Debug + Send + Sync {
    /// Returns the adapter under test.
    fn push(&self) -> Arc<dyn Push>;
    /// Returns what checks and reads the calls.
    fn receiver(&self) -> Arc<dyn Receiver>;
    /// Returns the provider's published keys; none where a secret is shared.
    async fn keys(&self) -> Vec<PublicKey>;
    /// Returns what is watched.
    fn stream(&self) -> StreamRef;
    /// Returns the present instant of provider and adapter.
    fn now(&self) -> DateTime<Utc>;
    /// Lets so much time pass.
    async fn advance(&self, by: Duration);
    /// Changes what is watched; returns the calls that arrived since the last change, and of it.
    async fn change(&self) -> Vec<Call>;
    /// Returns calls in the provider's name that somebody else made.
    async fn forged(&self) -> Vec<Forged>;
    /// Returns a genuine call with another body, as only the provider could send it.
    fn rewritten(&self, call: &Call, body: &[u8]) -> Call;
    /// Lets the next call to the provider end as unavailable, before it has any effect.
    async fn fail_next(&self);
    /// Returns why the world cannot do something.
    fn lacks(&self, power: Power) -> Option<&'static str>;
}

/// A call as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The path of the request.
    pub path: String,
    /// Its headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// A call that is not what it says.
#[derive(Clone, Debug)]
pub struct Forged {
    /// What is wrong with it.
    pub name: String,
    /// The call.
    pub call: Call,
    /// Whether that is seen without its body.
    pub before_body: bool,
}

/// A world of which each case gets a fresh one, without a watch.
pub type World = Arc<dyn PushWorld>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    let mut cases = watches::cases();
    cases.extend(receiver::cases());
    cases
}

impl Call {
    /// Hands the call to a receiver.
    ///
    /// # Errors
    /// What the receiver says.
    pub fn reach(
        &self,
        receiver: &dyn Receiver,
        keys: &[PublicKey],
    ) -> Result<Vec<Notice>, Rejected> {
        self.deliver(|delivery| receiver.receive(delivery, keys))
    }

    /// Hands the call to whoever reads it.
    pub fn deliver<T>(&self, read: impl FnOnce(&Delivery<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let (path, body) = (self.path.as_str(), self.body.as_slice());
        read(&Delivery { path, headers: &headers, body, received_at: self.received_at })
    }
}

/// A watch is asked for so long; providers grant what they like.
const ASKED: TimeDelta = TimeDelta::days(7);

async fn start(world: &World, name: &str) -> Result<Watch, Broken> {
    Ok(world.push().start_watch(&request(world, name), world.now()).await?)
}

fn request(world: &World, name: &str) -> WatchRequest {
    let id = WatchId::derived(&[name.as_bytes()]);
    WatchRequest { id, stream: world.stream(), until: world.now() + ASKED }
}

/// Changes what is watched; returns whom the receiver takes the calls to be about.
async fn heard(world: &World) -> Result<Vec<About>, Broken> {
    let calls = world.change().await;
    let (receiver, keys) = (world.receiver(), world.keys().await);
    let mut about = Vec::new();
    for call in &calls {
        let notices = call.reach(&*receiver, &keys);
        let notices = notices.map_err(|why| Broken::new(format!("a call is refused: {why}")))?;
        about.extend(notices.into_iter().map(|notice| notice.about));
    }
    Ok(about)
}

/// Says whether a notice leads to the stream of the watch.
fn leads_to(about: &About, world: &World, watch: &Watch) -> bool {
    match about {
        About::Watch(id) => *id == watch.id,
        About::Bot(_) => false,
        About::Subject(subject) => {
            subject.as_str().eq_ignore_ascii_case(world.stream().subject.as_str())
        }
    }
}

async fn check_calls(world: &World, watch: &Watch, when: &str) -> Outcome {
    let about = heard(world).await?;
    check(!about.is_empty(), format_args!("nobody calls {when}"))?;
    let stray = about.iter().find(|about| !leads_to(about, world, watch));
    check(stray.is_none(), format_args!("a call is about {stray:?} {when}"))
}

async fn check_silence(world: &World, when: &str) -> Outcome {
    let calls = world.change().await.len();
    check_equal(&calls, &0, &format!("calls {when}"))
}
