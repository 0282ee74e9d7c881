//! The real engine on real stores and faulty neighbours.

mod crash;
mod simulation;
