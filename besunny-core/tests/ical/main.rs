//! Reads every public test calendar, and compares what takes place with Python's libraries (CAL-6).
#![cfg(test)]

mod python;
mod rules;
mod whole_set;
