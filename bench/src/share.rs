//! Shares of what was measured.
use std::time::Duration;

/// Returns the value below which so many of a hundred are.
pub(crate) fn share(values: &[f64], hundredths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

pub(crate) fn as_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}
