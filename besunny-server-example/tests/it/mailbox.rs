//! Small mailboxes, written by the tests.
use std::fmt::Write;

/// Writes one mail; equal numbers make equal mails.
pub(crate) fn mail(number: usize) -> String {
    format!(
        "From: Ann <ann{number}@example.org>\nTo: owner@example.org\nSubject: Mail {number}\n\
         Date: Mon, 1 Jun 2026 09:30:00 +0200\nMessage-ID: <{number}@example.org>\n\n\
         Text of mail {number}.\n"
    )
}

/// Writes a mailbox file of these mails.
pub(crate) fn mbox(mails: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for mail in mails {
        write!(text, "From ann@example.org Mon Jun  1 09:30:00 2026\n{mail}\n").unwrap();
    }
    text
}

/// Writes a mailbox file of the mails with these numbers.
pub(crate) fn numbered(numbers: impl IntoIterator<Item = usize>) -> String {
    mbox(numbers.into_iter().map(mail))
}
