//! The real engine on real stores and faulty neighbours.

mod budget;
mod simulation;
