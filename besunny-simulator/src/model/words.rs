//! Words, and a rough count of tokens.

use std::collections::BTreeSet;

/// English text has about four bytes a token.
const TOKEN_BYTES: usize = 4;
/// Shorter words say little.
const TELLING: usize = 4;

pub(super) fn tokens(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(TOKEN_BYTES)).unwrap_or(u64::MAX)
}

pub(super) fn bytes(tokens: u64) -> usize {
    usize::try_from(tokens).unwrap_or(usize::MAX).saturating_mul(TOKEN_BYTES)
}

/// The words that tell something, in lower case.
pub(super) fn telling(text: &str) -> BTreeSet<String> {
    let words =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= TELLING);
    words.map(str::to_lowercase).collect()
}
