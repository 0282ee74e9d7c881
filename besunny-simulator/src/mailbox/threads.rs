//! Which messages belong together.
//!
//! Gmail joins a message to a thread when its `References` or `In-Reply-To` names a message of
//! the thread and the subjects match (developers.google.com/workspace/gmail/api/guides/threads).

use std::collections::HashMap;

use super::HexId;
use super::envelope::Head;

#[derive(Debug, Default)]
pub(crate) struct Threads {
    by_message_id: HashMap<Box<str>, HexId>,
    subjects: HashMap<HexId, Box<str>>,
    sizes: HashMap<HexId, usize>,
}

impl Threads {
    /// The thread of a new message; its own id where it starts one.
    pub(crate) fn place(&mut self, id: HexId, head: &Head) -> HexId {
        let subject = bare_subject(&head.envelope.subject);
        let joined = head
            .references
            .iter()
            .filter_map(|reference| self.by_message_id.get(reference))
            .find(|thread| self.subjects.get(thread).is_some_and(|known| **known == *subject))
            .copied();
        let thread = joined.unwrap_or_else(|| {
            self.subjects.insert(id, subject.into());
            id
        });
        if let Some(message_id) = &head.envelope.message_id {
            self.by_message_id.entry(message_id.clone()).or_insert(thread);
        }
        *self.sizes.entry(thread).or_default() += 1;
        thread
    }

    /// Takes one message out of its thread.
    pub(crate) fn leave(&mut self, thread: HexId) {
        if let Some(size) = self.sizes.get_mut(&thread) {
            *size = size.saturating_sub(1);
            if *size == 0 {
                self.sizes.remove(&thread);
            }
        }
    }

    /// How many threads have messages.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len()
    }
}

/// A lower-case subject without the marks of replies and forwards.
fn bare_subject(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some(shorter) =
        ["re:", "fwd:", "fw:", "aw:", "wg:"].iter().find_map(|mark| rest.strip_prefix(mark))
    {
        rest = shorter.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_replies_are_no_part_of_a_subject() {
        for (subject, bare) in
            [("re: fwd: plan", "plan"), ("  plan ", "plan"), ("rest of it", "rest of it"), ("", "")]
        {
            assert_eq!(bare_subject(subject), bare);
        }
    }
}
