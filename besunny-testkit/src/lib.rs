//! Conformance suites, fakes, fault injection and deterministic simulation.
//!
//! [`conformance`] proves an adapter or a store; [`memory`] and [`scripted`] are a store and a mail
//! source that pass; [`simulation`] runs the whole engine on both under faults.

pub mod bell;
pub mod bots;
pub mod clock;
pub mod conformance;
pub mod crash;
pub mod data;
pub mod deceit;
pub mod differences;
pub mod hostile;
pub mod interposed;
pub mod language;
pub mod learner;
pub mod memory;
pub mod planted;
pub mod samples;
pub mod scripted;
pub mod seed;
pub mod simulation;
