//! Seeded decisions: the same seed and the same questions give the same answers.

/// A stream of numbers that depends on its seed only.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, salt: &str) -> Self {
        Self(mix(seed, &[hash(salt)]))
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        scramble(self.0)
    }

    /// A number from 1 to `most`.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        1 + self.roll() % most.max(1)
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        happens(self.roll(), probability)
    }
}

/// One number from a seed and the question asked.
pub(crate) fn mix(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(scramble(seed.wrapping_add(GOLDEN)), |state, part| {
        scramble(state.rotate_left(17) ^ part.wrapping_add(GOLDEN))
    })
}

/// Whether a roll falls under a probability.
pub(crate) fn happens(roll: u64, probability: f64) -> bool {
    let fraction = u32::try_from(roll >> 32).map_or(1.0, |high| f64::from(high) / 4_294_967_296.0);
    fraction < probability
}

/// FNV-1a: short, stable between releases of the toolchain.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The increment of `SplitMix64`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of `SplitMix64`.
fn scramble(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
