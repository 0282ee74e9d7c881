//! A provider in memory that calls back, in both manners.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use besunny_core::{
    clock::Clock,
    ids::AccountId,
    push::{PublicKey, Push, Receiver},
    source::{StreamKey, StreamRef, Subject},
};
use besunny_testkit::{
    bell::{Bell, Manner, signed},
    clock::ManualClock,
    conformance::{
        Power,
        push::{Call, Forged, PushWorld, World, cases},
    },
};
use chrono::{DateTime, Utc};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let groups = [
        super::trials(
            "bell-lengthened",
            cases(),
            |power| lacks(Manner::Lengthened, power),
            || Box::pin(async { BellWorld::fresh(Manner::Lengthened) }),
        ),
        super::trials(
            "bell-replaced",
            cases(),
            |power| lacks(Manner::Replaced, power),
            || Box::pin(async { BellWorld::fresh(Manner::Replaced) }),
        ),
    ];
    groups.into_iter().flatten().collect()
}

fn lacks(manner: Manner, power: Power) -> Option<&'static str> {
    match power {
        Power::Keys => Some("a secret is shared, so there are no keys"),
        Power::Lengthen if manner == Manner::Replaced => Some("another watch takes its place"),
        Power::Replace if manner == Manner::Lengthened => Some("the one watch is lengthened"),
        Power::ExpireLog
        | Power::KillPages
        | Power::Poison
        | Power::Hide
        | Power::Fail
        | Power::PageWise
        | Power::Reopen
        | Power::Lengthen
        | Power::Replace
        | Power::Bot(_) => None,
    }
}

#[derive(Debug)]
pub(crate) struct BellWorld {
    clock: Arc<ManualClock>,
    manner: Manner,
    bell: Arc<Bell>,
}

impl BellWorld {
    pub(crate) fn fresh(manner: Manner) -> World {
        let clock = Arc::new(ManualClock::default());
        let bell = Arc::new(Bell::new(Arc::clone(&clock), manner));
        Arc::new(Self { clock, manner, bell })
    }
}

#[async_trait]
impl PushWorld for BellWorld {
    fn push(&self) -> Arc<dyn Push> {
        Arc::<Bell>::clone(&self.bell)
    }

    fn receiver(&self) -> Arc<dyn Receiver> {
        Arc::<Bell>::clone(&self.bell)
    }

    async fn keys(&self) -> Vec<PublicKey> {
        Vec::new()
    }

    fn stream(&self) -> StreamRef {
        StreamRef {
            account: AccountId::derived(&[b"ann"]),
            subject: Subject::from_source("ann@example.com"),
            key: StreamKey::from_source("mailbox"),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn change(&self) -> Vec<Call> {
        self.bell.ring(&self.stream().subject)
    }

    async fn forged(&self) -> Vec<Forged> {
        let genuine = signed(br#"{"subject":"ann@example.com","position":1}"#.to_vec(), self.now());
        let stranger = genuine.headers.iter().map(|(name, _)| (name.clone(), b"guess".to_vec()));
        let stranger = Call { headers: stranger.collect(), ..genuine.clone() };
        let stolen = Call { body: br#"{"subject":"bob@example.com"}"#.to_vec(), ..genuine };
        let forged = |name: &str, call| Forged { name: name.to_owned(), call, before_body: true };
        vec![forged("a guessed proof", stranger), forged("the proof of another body", stolen)]
    }

    fn rewritten(&self, call: &Call, body: &[u8]) -> Call {
        signed(body.to_vec(), call.received_at)
    }

    async fn fail_next(&self) {
        self.bell.fail_next();
    }

    fn lacks(&self, power: Power) -> Option<&'static str> {
        lacks(self.manner, power)
    }
}
