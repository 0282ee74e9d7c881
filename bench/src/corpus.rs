//! Generated mails: the same for a number, whoever asks.
use bytes::Bytes;

/// Bytes of a mail: the mean of Gmail messages in the reference measurements.
const MAIL_BYTES: usize = 5 << 10;

/// Writes a mail whose text compresses about as well as that of real ones.
pub(crate) fn raw_mail(number: usize) -> Bytes {
    let mut text = format!(
        "Message-ID: <{number}@example.org>\r\nDate: Mon, 1 Jun 2026 09:30:00 +0200\r\n\
         From: Bob Example <bob@example.org>\r\nTo: ann@example.com\r\n\
         Subject: Report {number} of the harbour works\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n"
    );
    let mut dice = spread(number);
    while text.len() < MAIL_BYTES {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let word = dice >> 48;
        let length = 2 + usize::try_from(word % 9).unwrap_or(0);
        let letters = (0..length).map(|at| {
            let letter = (word >> (at % 8)).wrapping_mul(31).wrapping_add(at as u64) % 26;
            char::from(b'a' + u8::try_from(letter).unwrap_or(0))
        });
        text.extend(letters);
        text.push_str(if dice.is_multiple_of(12) { "\r\n" } else { " " });
    }
    Bytes::from(text)
}

/// Spreads numbers over the whole range.
pub(crate) const fn spread(number: usize) -> u64 {
    (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
