//! Any bytes are a calendar or refused, and what can be read can be expanded.
#![no_main]

use besunny_core::calendar::{
    ics,
    series::{Allowance, Window, agenda},
};
use chrono::DateTime;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let Ok(file) = ics::read(raw, &ics::Caps::default()) else { return };
    let events: Vec<_> = file.entries.into_iter().map(|entry| entry.event).collect();
    let window = Window { from: DateTime::UNIX_EPOCH, to: DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000) };
    let found = agenda(&events, &window, &mut Allowance::new(1_000, 100_000));
    assert!(found.found.len() <= 1_000);
    assert!(found.unreadable.is_empty());
    assert!(found.found.iter().all(|one| window.has(&one.starts, &one.ends)));
    assert!(found.found.is_sorted_by_key(|one| one.starts.instant()));
});
