//! The real binary: its contract, on small mailboxes, under `kill -9`, and on real mail.
#![cfg(test)]

mod binary;
mod contract;
mod import;
mod inspect;
mod killed;
mod mailbox;
mod real_mail;
mod serve;
mod settings;
mod verify;
