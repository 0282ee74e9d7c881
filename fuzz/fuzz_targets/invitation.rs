//! Any calendar is an invitation or none.
#![no_main]

use besunny_core::mail::{self, Caps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|calendar: &str| {
    let caps = Caps { calendar_bytes: 10_000, ..Caps::default() };
    if let Some(found) = mail::read_invitation(calendar, &caps) {
        assert!(found.summary.is_none_or(|summary| summary.expose().len() <= caps.calendar_bytes));
    }
});
