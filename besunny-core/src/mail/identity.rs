//! Which mail this is, however it was delivered.
use memchr::memchr_iter;
use sha2::{Digest, Sha256};

/// Hashes a mail so that each way of delivery gives the same value.
///
/// SHA-256 over the raw bytes with CRLF folded to LF and trailing line ends left out: an mbox file
/// stores LF and a blank line at the end, an API gives CRLF and none.
#[must_use]
pub fn content_hash(raw: &[u8]) -> [u8; 32] {
    let raw = without_trailing_line_ends(raw);
    let mut hash = Sha256::new();
    let mut start = 0;
    for cr in memchr_iter(b'\r', raw) {
        if raw.get(cr + 1) == Some(&b'\n') {
            hash.update(&raw[start..cr]);
            start = cr + 1;
        }
    }
    hash.update(&raw[start..]);
    hash.finalize().into()
}

fn without_trailing_line_ends(raw: &[u8]) -> &[u8] {
    let end = raw.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    &raw[..end.map_or(0, |last| last + 1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(one: &[u8], other: &[u8], same: bool) {
        assert_eq!(content_hash(one) == content_hash(other), same);
    }

    #[test]
    fn delivery_does_not_change_the_identity() {
        check(b"A: b\r\n\r\nc\r\n", b"A: b\n\nc", true);
        check(b"A: b\n\nc\n\n\n", b"A: b\r\n\r\nc", true);
        check(b"A: b\n\nc\rd", b"A: b\n\nc\nd", false);
        check(b"A: b\n\nc", b"A: b\n\nC", false);
        check(b"A: b\n\nc ", b"A: b\n\nc", false);
        check(b"\r\n", b"", true);
    }

    #[test]
    fn the_hash_is_plain_sha256_of_the_folded_bytes() {
        assert_eq!(content_hash(b"a\r\nb\n")[..], Sha256::digest(b"a\nb")[..]);
    }

    proptest! {
        #[test]
        fn line_ends_do_not_matter(lines in prop::collection::vec("[ -~]{0,20}", 0..20)) {
            prop_assert_eq!(
                content_hash(lines.join("\n").as_bytes()),
                content_hash((lines.join("\r\n") + "\r\n").as_bytes())
            );
        }
    }
}
