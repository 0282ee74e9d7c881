//! The reference server of BeSunny, built on the facade alone.
//!
//! `command` is the command line, one module a command; `home` opens the store and wires the
//! engine for all of them; `config`, `token`, `gmail`, `channels`, `language` and `attendee` are the settings of
//! the server.

pub mod attendee;
pub mod channels;
pub mod command;
pub mod config;
pub mod gmail;
pub mod home;
pub mod hosting;
pub mod language;
mod log;
mod project_file;
mod secret;
pub mod token;
pub mod web;
