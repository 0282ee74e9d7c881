//! The real engine on real stores and faulty neighbours.
#![cfg(test)]

mod abandoned;
mod attendee;
mod bots;
mod budget;
mod calendar;
mod crash;
mod deceit;
mod decisions;
mod failing;
mod feedback;
mod gmail;
mod google_calendar;
mod learning;
mod newcomers;
mod onward;
mod outage;
mod overlap;
mod panics;
mod replay;
mod scene;
mod shadow;
mod simulation;
mod slow;
mod sync;
