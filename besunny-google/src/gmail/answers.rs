//! Gmail's answers for whoever feeds them at random; only with the feature `fuzzing`.
use super::{history, listing, message};

/// Larger mails are left to their headers; small, so that random bytes get there.
const MOST: usize = 4_096;

/// Reads `answer` as each of Gmail's answers; what is refused is fine, and nothing may panic.
pub fn read_as_any(answer: &[u8]) {
    drop(history::read(answer));
    drop(listing::read(answer));
    drop(message::whole(answer, "17", MOST));
    drop(message::headers(answer, "17"));
}
