//! The simulator over real HTTP, rule by rule.

#![cfg(test)]

mod accounts;
mod attendee;
mod batch;
mod calendar;
mod channels;
mod clock;
mod control;
mod damage;
mod discovery;
mod endpoint;
mod faults;
mod history;
mod http;
mod labels;
mod loading;
mod messages;
mod model;
mod oauth;
mod payload;
mod program;
mod push;
mod quota;
mod scene;
mod search;
mod shapes;
mod wire;
