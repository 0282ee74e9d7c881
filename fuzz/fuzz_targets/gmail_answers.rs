//! Any answer in the place of one of Gmail's is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: &[u8]| besunny_google::read_as_any(answer));
