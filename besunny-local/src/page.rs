//! Pages of a listing that is held in memory.
use std::ops::Range;

use besunny_core::source::{Entries, ItemRef, PageToken, SourceError, SourceErrorKind};

/// Says that a page token leads nowhere any more.
pub(crate) fn expired() -> SourceError {
    SourceError::new(SourceErrorKind::PageExpired, "local.list")
}

/// Returns where a page begins, and the fingerprint of the listing it belongs to.
pub(crate) fn begin(token: &PageToken) -> Result<(usize, &str), SourceError> {
    let (from, fingerprint) = token.as_str().split_once('/').ok_or_else(expired)?;
    Ok((from.parse().map_err(|error| expired().because(error))?, fingerprint))
}

/// Returns one page of a listing.
pub(crate) fn entries<T>(
    all: &[T],
    page: Range<usize>,
    fingerprint: &str,
    named: impl Fn(&T) -> ItemRef,
) -> Entries {
    let rest = all.get(page.start..).unwrap_or_default();
    let items = rest.iter().take(page.len()).map(named).collect();
    let next = (rest.len() > page.len())
        .then(|| PageToken::from_source(format!("{}/{fingerprint}", page.end)));
    Entries { items, next, total: u64::try_from(all.len()).ok() }
}
