//! The real engine on real stores and faulty neighbours.
#![cfg(test)]

mod abandoned;
mod budget;
mod crash;
mod decisions;
mod failing;
mod feedback;
mod gmail;
mod newcomers;
mod onward;
mod scene;
mod simulation;
mod sync;
