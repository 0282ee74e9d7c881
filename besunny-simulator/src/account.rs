//! One user of the simulated world.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::agenda::Agenda;
use crate::dice;
use crate::lock::Guarded;
use crate::mailbox::Mailbox;
use crate::pubsub::watch::Watch;
use crate::quota::Meter;

#[derive(Debug)]
pub(crate) struct Account {
    /// The address, in lower case.
    pub(crate) address: String,
    /// Google's number for the user: the `sub` of tokens.
    pub(crate) user_id: String,
    pub(crate) mailbox: Guarded<Mailbox>,
    pub(crate) watch: Guarded<Watch>,
    pub(crate) agenda: Guarded<Agenda>,
    pub(crate) meter: Guarded<Meter>,
    attachment_reads: AtomicU64,
}

impl Account {
    pub(crate) fn new(seed: u64, address: &str) -> Self {
        let number = dice::mix(seed, &[dice::hash(address)]);
        Self {
            address: address.to_owned(),
            user_id: format!("1{number:020}"),
            mailbox: Guarded::new(Mailbox::new(seed, address)),
            watch: Guarded::default(),
            agenda: Guarded::new(Agenda::of(address)),
            meter: Guarded::default(),
            attachment_reads: AtomicU64::new(0),
        }
    }

    /// A number that is new each time; attachment ids are made of it.
    pub(crate) fn next_read(&self) -> u64 {
        self.attachment_reads.fetch_add(1, Ordering::Relaxed)
    }
}
