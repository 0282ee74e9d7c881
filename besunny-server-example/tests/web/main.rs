//! REST, console and webhooks, over SQLite and mail from a file, without a port.
#![cfg(test)]

mod access;
mod agenda;
mod api;
mod bots;
mod calls;
mod console;
mod deaf;
#[path = "../shared/delivery.rs"]
mod delivery;
mod feedback;
mod hostile;
mod jobs;
mod learning;
mod onboarding;
mod openapi;
mod pushes;
mod stage;
mod webhook;
