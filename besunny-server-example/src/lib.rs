//! The reference server of BeSunny, built on the facade alone.

pub mod command;
pub mod web;
