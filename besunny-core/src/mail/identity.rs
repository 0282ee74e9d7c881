//! Which mail this is, however it was delivered.
use memchr::memchr_iter;
use sha2::{Digest, Sha256};

/// Hashes a mail so that each way of delivery gives the same value.
///
/// SHA-256 over the raw bytes with CRLF folded to LF and trailing line ends left out: an mbox file
/// stores LF and a blank line at the end, an API gives CRLF and none.
#[must_use]
pub fn content_hash(raw: &[u8]) -> [u8; 32] {
    let mut hash = ContentHash::default();
    hash.update(raw);
    hash.finish()
}

/// The same hash over a mail that comes in pieces.
#[derive(Clone, Debug, Default)]
pub struct ContentHash {
    hash: Sha256,
    /// Line ends that count only if something follows them.
    line_ends: Vec<u8>,
}

impl ContentHash {
    /// Takes in the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let Some(last) = piece.iter().rposition(|byte| !is_line_end(byte)) else {
            return self.line_ends.extend_from_slice(piece);
        };
        let first = piece.iter().position(|byte| !is_line_end(byte)).unwrap_or(last);
        let mut line_ends = std::mem::take(&mut self.line_ends);
        line_ends.extend_from_slice(&piece[..first]);
        self.fold(&line_ends);
        self.fold(&piece[first..=last]);
        self.line_ends.extend_from_slice(&piece[last + 1..]);
    }

    /// Returns the hash of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }

    /// Hashes bytes with CRLF as LF; a CRLF is never parted between two calls.
    fn fold(&mut self, bytes: &[u8]) {
        let mut start = 0;
        for cr in memchr_iter(b'\r', bytes) {
            if bytes.get(cr + 1) == Some(&b'\n') {
                self.hash.update(&bytes[start..cr]);
                start = cr + 1;
            }
        }
        self.hash.update(&bytes[start..]);
    }
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
        fn pieces_do_not_matter(text in "[a\r\n]{0,40}", cut in 0_usize..40) {
            let (head, tail) = text.as_bytes().split_at(cut.min(text.len()));
            let mut pieces = ContentHash::default();
            pieces.update(head);
            pieces.update(tail);
            prop_assert_eq!(pieces.finish(), content_hash(text.as_bytes()));
        }

        #[test]
        fn line_ends_do_not_matter(lines in prop::collection::vec("[ -~]{0,20}", 0..20)) {
            prop_assert_eq!(
                content_hash(lines.join("\n").as_bytes()),
                content_hash((lines.join("\r\n") + "\r\n").as_bytes())
            );
        }
    }
}
