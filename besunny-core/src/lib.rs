//! Model, ports and decisions of BeSunny: no I/O, no clock, no spawn.
//!
//! Everything here is a pure function over data, or a port that others implement.

pub mod address;
pub mod mail;
pub mod untrusted;
