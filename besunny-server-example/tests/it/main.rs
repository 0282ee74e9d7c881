//! The real binary: its contract, on small mailboxes, under `kill -9`, and on real mail.
#![cfg(test)]

mod binary;
mod calendar;
mod contract;
#[path = "../shared/delivery.rs"]
mod delivery;
#[cfg(feature = "demo")]
mod demo;
mod eval;
mod feedback;
mod import;
mod inspect;
mod killed;
#[cfg(feature = "demo")]
mod language;
mod mailbox;
mod onboard;
mod real_mail;
mod replay;
mod sample;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod server;
mod settings;
mod verify;
mod visitor;
