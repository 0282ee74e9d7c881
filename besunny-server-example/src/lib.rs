//! The reference server of BeSunny, built on the facade alone.
//!
//! `command` is the command line, one module a command; `home` opens the store and wires the
//! engine for all of them; `config` and `access` are the settings of the server.

pub mod access;
pub mod command;
pub mod config;
pub mod gmail;
pub mod home;
pub mod hosting;
mod log;
mod project_file;
pub mod web;
