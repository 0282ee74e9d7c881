//! Mails that try to choose their project themselves, each with a twin that does not try.
//!
//! A mail gets nowhere by its own instruction if it goes where its twin goes, or nowhere. The texts
//! are our own; what they imitate are published kinds of prompt injection and of forged mail.
use besunny_core::mail::Flag;

mod forged;
mod orders;

/// What somebody who attacks knows of the project he aims at.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its code.
    pub code: String,
    /// The address of one of its people.
    pub person: String,
    /// The id of a mail that is in it, without brackets.
    pub message_id: String,
    /// Its id, which nobody outside should know.
    pub id: String,
}

/// A mail that tries to choose its project.
#[derive(Clone, Debug)]
pub struct Deceit {
    /// What it tries, and where.
    pub name: String,
    /// The mail.
    pub raw: Vec<u8>,
    /// The same mail without the attempt.
    pub twin: Vec<u8>,
    /// What must be noted while it is read.
    pub flags: Vec<Flag>,
    /// Whether its sender's domain imitates the target's.
    pub imitates: bool,
}

impl Target {
    /// Returns a target whose names have letters that can be imitated.
    #[must_use]
    pub fn marina(id: &str) -> Self {
        Self {
            name: "Marina Lights".to_owned(),
            code: "MRL-7".to_owned(),
            person: "ines@marina.example".to_owned(),
            message_id: "1@marina.example".to_owned(),
            id: id.to_owned(),
        }
    }
}

impl Deceit {
    fn new(name: impl Into<String>, raw: impl Into<Vec<u8>>, twin: impl Into<Vec<u8>>) -> Self {
        let (raw, twin) = (raw.into(), twin.into());
        Self { name: name.into(), raw, twin, flags: Vec::new(), imitates: false }
    }

    fn flagged(mut self, flags: &[Flag]) -> Self {
        self.flags.extend_from_slice(flags);
        self
    }

    fn imitating(mut self) -> Self {
        self.imitates = true;
        self
    }
}

/// Returns every mail of the corpus; their message ids differ.
#[must_use]
pub fn mails(target: &Target) -> Vec<Deceit> {
    let mut all = orders::mails(target);
    all.extend(forged::mails(target));
    for (number, deceit) in all.iter_mut().enumerate() {
        let id = |twin: &str| format!("Message-ID: <{twin}{number}@stranger.test>\r\n");
        deceit.raw.splice(0..0, id("try").into_bytes());
        deceit.twin.splice(0..0, id("twin").into_bytes());
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use besunny_core::mail::{self, Caps};

    use super::*;

    #[test]
    fn the_corpus_has_a_hundred_mails_and_more_that_can_be_read() {
        let all = mails(&Target::marina("0198a1b2-0000-7000-8000-000000000001"));
        let names: BTreeSet<&str> = all.iter().map(|deceit| deceit.name.as_str()).collect();
        assert!(names.len() >= 100 && names.len() == all.len(), "{} of {}", names.len(), all.len());
        for deceit in &all {
            let read = mail::read(&deceit.raw, &Caps::default()).unwrap();
            for flag in &deceit.flags {
                assert!(
                    read.flags.contains(*flag),
                    "{}: {flag:?} not in {:?}",
                    deceit.name,
                    read.flags
                );
            }
            let twin = mail::read(&deceit.twin, &Caps::default()).unwrap();
            assert!(
                !twin.flags.iter().any(Flag::is_suspicious),
                "{}: {:?}",
                deceit.name,
                twin.flags
            );
            assert_ne!(deceit.raw, deceit.twin, "{}", deceit.name);
        }
    }
}
