//! Reads every public test mail, and compares what is read with Python's parser (MAIL-11).
#![cfg(test)]

mod python;
mod whole_set;
