//! The real engine on real stores and faulty neighbours.
#![cfg(test)]

mod crash;
mod scene;
mod simulation;
mod sync;
