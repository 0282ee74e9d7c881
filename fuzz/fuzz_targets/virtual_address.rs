//! A virtual address that is recognised is built again and recognised again.
#![no_main]

use besunny_core::address::VirtualAddresses;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(rule) = VirtualAddresses::new("ai", ["besunny.ai"]) else { return };
    if let Some(found) = rule.recognise(text) {
        let again = rule.recognise(&rule.address_of(&found.username));
        assert_eq!(again.map(|again| again.username), Some(found.username));
    }
    assert!(rule.find_all(text).len() <= text.len());
});
