//! Any value of any header field that is understood is read, alone and within its line.
#![no_main]

use besunny_core::mail::{self, Caps};
use libfuzzer_sys::fuzz_target;

/// The fields that are understood.
const FIELDS: [&str; 18] = [
    "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "In-Reply-To",
    "References", "List-Id", "Auto-Submitted", "Return-Path", "Delivered-To", "X-Original-To",
    "Authentication-Results", "Content-Type",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (field, value) = input;
    let name = FIELDS[usize::from(field) % FIELDS.len()];
    let raw = [name.as_bytes(), b": ", value, b"\r\n\r\n"].concat();
    let Ok(mail) = mail::headers(&raw, &Caps::default()) else { return };
    assert!(!mail.subject.expose().contains(['\r', '\n']));
    assert!(mail.recipients.len() <= raw.len());
});
