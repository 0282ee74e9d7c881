//! Any bytes are a mail or a typed error, and the segments cover the text.
#![no_main]

use besunny_core::mail::{self, Caps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let Ok(mail) = mail::read(raw, &Caps::default()) else { return };
    let text: String = mail.segments().map(|segment| segment.text).collect();
    assert_eq!(&text, mail.text.expose());
    assert!(!text.contains(['\0', '\r']));
});
