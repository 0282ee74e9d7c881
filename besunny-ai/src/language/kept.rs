//! Answers that are remembered, the newest ones only.
use std::collections::{HashMap, VecDeque};

use super::answer::Reading;

/// A bounded memory, in the order of arrival.
#[derive(Debug)]
pub(super) struct Kept {
    most: usize,
    answers: HashMap<[u8; 32], Reading>,
    order: VecDeque<[u8; 32]>,
}

impl Kept {
    pub(super) fn new(most: usize) -> Self {
        Self { most, answers: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, key: &[u8; 32]) -> Option<Reading> {
        self.answers.get(key).cloned()
    }

    pub(super) fn put(&mut self, key: [u8; 32], reading: Reading) {
        if self.most == 0 || self.answers.insert(key, reading).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut kept = Kept::new(2);
        for key in [[1; 32], [2; 32], [1; 32], [3; 32]] {
            kept.put(key, Reading::default());
        }
        let known = [[1; 32], [2; 32], [3; 32]].map(|key| kept.get(&key).is_some());
        assert_eq!(known, [false, true, true]);
    }
}
