//! A hash over everything that happens, in order: equal seeds must give equal hashes.
use std::sync::atomic::{AtomicU64, Ordering};

/// A running hash (FNV-1a, 64 bit): small, fast, and not meant to resist anybody.
#[derive(Debug)]
pub(super) struct Trace {
    hash: AtomicU64,
    /// Whether every line is shown, to compare two runs that should be equal.
    shown: bool,
}

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Set this variable to see every line of a trace on stderr.
const SHOW: &str = "BESUNNY_SIM_TRACE";

#[expect(clippy::print_stderr, reason = "shown only to who asks for it")]
fn show(line: &str) {
    eprintln!("{line}");
}

impl Default for Trace {
    fn default() -> Self {
        Self { hash: AtomicU64::new(OFFSET), shown: std::env::var_os(SHOW).is_some() }
    }
}

impl Trace {
    /// Takes in a line.
    pub(super) fn line(&self, line: &str) {
        for byte in line.bytes() {
            self.byte(byte);
        }
        self.byte(b'\n');
        if self.shown {
            show(line);
        }
    }

    /// Takes in a number.
    pub(super) fn number(&mut self, number: u64) {
        number.to_be_bytes().into_iter().for_each(|byte| self.byte(byte));
    }

    fn byte(&self, byte: u8) {
        let hash = self.hash.load(Ordering::Relaxed);
        self.hash.store((hash ^ u64::from(byte)).wrapping_mul(PRIME), Ordering::Relaxed);
    }

    /// Returns the hash so far.
    pub(super) fn hash(&self) -> u64 {
        self.hash.load(Ordering::Relaxed)
    }
}
