//! Model, ports and decisions of BeSunny: no I/O, no clock, no spawn.
//!
//! Everything here is a pure function over data, or a port that others implement. Read
//! [`source`] for what a provider promises, [`repository`] and [`scheduler`] for what a store
//! promises, [`sync`] for the one loop between them, and [`worker`] for what runs it.

pub mod account;
pub mod adapter;
pub mod address;
pub mod bot;
pub mod budget;
pub mod cadence;
pub mod calendar;
pub mod cause;
pub mod chronicle;
pub mod classify;
pub mod clock;
pub mod commit;
pub mod contender;
pub mod document;
pub mod event;
pub mod experiment;
pub mod failure;
pub mod feedback;
pub mod history;
pub mod ids;
pub mod intake;
pub mod item;
pub mod job;
pub mod label;
pub mod language;
pub mod learner;
pub mod mail;
pub mod meeting;
pub mod message;
pub mod onboarding;
pub mod posting;
pub mod preview;
pub mod profile;
pub mod project;
pub mod promise;
pub mod push;
pub mod replay;
pub mod report;
pub mod repository;
pub mod retry;
pub mod scheduler;
pub mod settings;
pub mod shadow;
pub mod source;
pub mod standing;
pub mod stop;
pub mod sync;
pub mod tenant;
pub mod token;
pub mod track;
pub mod transcript;
pub mod untrusted;
mod url;
pub mod worker;
