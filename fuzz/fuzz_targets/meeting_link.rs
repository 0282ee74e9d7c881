//! A meeting link found anywhere leads to a known host, and is found again in its own address.
#![no_main]

use besunny_core::meeting::MeetingLink;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for link in [MeetingLink::of_url(text), MeetingLink::find_in(text)].into_iter().flatten() {
        let host = link.url.expose().split('/').nth(2).unwrap_or_default();
        assert!(!host.contains(['@', '\\', '[', '%']));
        let again = MeetingLink::of_url(link.url.expose());
        assert_eq!(again.map(|again| again.key), Some(link.key));
    }
});
