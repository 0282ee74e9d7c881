//! Packing documents on a thread of their own, while the writer is busy with what it has.
//!
//! Hashing, writing JSON and compressing take about as long as SQLite takes to store the result, so
//! they are done beside it, in parts.
use std::{collections::HashSet, sync::Arc};

use besunny_core::{
    commit::{Commit, Effect},
    document::NewDocument,
};
use tokio::sync::mpsc;

use crate::{
    blobs::{Blob, Packer},
    failure::Failure,
};

/// So many documents make a part: as many as the longest statement writes.
const PART: usize = crate::rows::MANY;
/// So many parts wait to be written at most: a page of mails, packed while what refers to no
/// document is written. They take less memory than the commit that is packed.
const PARTS: usize = 8;

/// The packed documents of a commit, in order, as they become ready.
#[derive(Debug)]
pub(super) struct Packing(mpsc::Receiver<Result<Vec<Packed>, Failure>>);

/// A document's long content.
#[derive(Debug)]
pub(super) struct Packed {
    /// SHA-256 of the bytes as they came.
    pub(super) raw: [u8; 32],
    /// SHA-256 of the JSON of what was read out of them.
    pub(super) content: [u8; 32],
    /// What the commit has not brought before.
    pub(super) blobs: Vec<Blob>,
}

impl Packing {
    /// Begins to pack the documents of `commit`; it ends early when nobody takes them.
    pub(super) fn begin(commit: &Arc<Commit>) -> Self {
        let (parts, packed) = mpsc::channel(PARTS);
        if documents(commit).next().is_some() {
            let commit = Arc::clone(commit);
            tokio::task::spawn_blocking(move || pack(&commit, &parts));
        }
        Self(packed)
    }

    /// Returns the next part, empty after the last.
    pub(super) async fn next(&mut self) -> Result<Vec<Packed>, Failure> {
        self.0.recv().await.unwrap_or(Ok(Vec::new()))
    }
}

fn documents(commit: &Commit) -> impl Iterator<Item = &NewDocument> {
    commit.effects.iter().flat_map(|effect| match effect {
        Effect::Store { documents, .. } => documents.as_slice(),
        Effect::Transcribe(new) => std::slice::from_ref(&new.document),
        Effect::Hold { .. }
        | Effect::Meet(_)
        | Effect::Post(_)
        | Effect::Staff { .. }
        | Effect::Prefer { .. }
        | Effect::Ignore { .. }
        | Effect::Quarantine { .. }
        | Effect::Leave(_)
        | Effect::Detect(_)
        | Effect::Decide(_)
        | Effect::Enqueue(_)
        | Effect::Defer { .. }
        | Effect::Label { .. }
        | Effect::Watch(_)
        | Effect::Act(_) => &[],
    })
}

fn pack(commit: &Commit, parts: &mpsc::Sender<Result<Vec<Packed>, Failure>>) {
    let mut press = match Press::new() {
        Ok(press) => press,
        Err(failure) => return drop(parts.blocking_send(Err(failure))),
    };
    let mut documents = documents(commit).peekable();
    while documents.peek().is_some() {
        let part = documents.by_ref().take(PART).map(|new| press.pack(new)).collect();
        // Nobody takes the parts of a commit that was refused.
        if parts.blocking_send(part).is_err() {
            return;
        }
    }
}

/// Packs one document after the other.
struct Press<'a> {
    packer: Packer,
    brought: HashSet<[u8; 32]>,
    /// The same mail comes once for each of its owners, one after the other.
    last: Option<(&'a NewDocument, [[u8; 32]; 2])>,
}

impl<'a> Press<'a> {
    fn new() -> Result<Self, Failure> {
        Ok(Self { packer: Packer::new()?, brought: HashSet::new(), last: None })
    }

    fn pack(&mut self, new: &'a NewDocument) -> Result<Packed, Failure> {
        if let Some((last, [raw, content])) = self.last
            && Arc::ptr_eq(&last.mail, &new.mail)
            && last.raw == new.raw
        {
            return Ok(Packed { raw, content, blobs: Vec::new() });
        }
        let json = serde_json::to_vec(&*new.mail).map_err(Failure::unwritable)?;
        let mut blobs = Vec::with_capacity(2 + new.mail.attachments.len());
        let raw = self.bring(&new.raw, &mut blobs)?;
        let content = self.bring(&json, &mut blobs)?;
        for attachment in &new.mail.attachments {
            self.bring_hashed(&attachment.content, attachment.sha256, &mut blobs)?;
        }
        self.last = Some((new, [raw, content]));
        Ok(Packed { raw, content, blobs })
    }

    fn bring(&mut self, bytes: &[u8], blobs: &mut Vec<Blob>) -> Result<[u8; 32], Failure> {
        let sha256 = crate::blobs::sha256(bytes);
        self.bring_hashed(bytes, sha256, blobs)?;
        Ok(sha256)
    }

    fn bring_hashed(
        &mut self,
        bytes: &[u8],
        sha256: [u8; 32],
        blobs: &mut Vec<Blob>,
    ) -> Result<(), Failure> {
        if self.brought.insert(sha256) {
            blobs.push(self.packer.pack(bytes, sha256)?);
        }
        Ok(())
    }
}
