//! Any HTML becomes text within its cap.
#![no_main]

use besunny_core::mail::{self, Caps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|html: &str| {
    let caps = Caps { text_bytes: 1_000, ..Caps::default() };
    let found = mail::html_to_text(html, &caps);
    assert!(found.text.expose().len() <= caps.text_bytes + 1);
});
