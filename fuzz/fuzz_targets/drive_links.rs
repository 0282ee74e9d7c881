//! The id of a Drive link has letters, digits, `_` and `-` only, and stands in the URL.
#![no_main]

use besunny_core::mail::DriveLink;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|url: &str| {
    if let Some(link) = DriveLink::find(url) {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        assert!(!link.id.as_str().is_empty() && link.id.as_str().bytes().all(letters));
    }
});
