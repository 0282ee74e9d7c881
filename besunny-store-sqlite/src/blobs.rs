//! Bytes by their SHA-256: packed, stored once, unpacked.
use std::sync::Arc;

use besunny_core::repository::RepositoryError;
use sha2::{Digest, Sha256};

use crate::{
    column::Table,
    failure::Failure,
    rows::{Insert, insert},
};

pub(crate) const BLOBS: Table = Table("blobs");

pub(crate) const INSERT: Insert = insert!(
    "tenant",
    "INSERT INTO blobs (tenant, sha256, packing, size_bytes, bytes)",
    "(?, ?, ?, ?, ?)",
    " ON CONFLICT (tenant, sha256) DO NOTHING"
);

/// The fastest level: mail shrinks to less than half with it, and higher ones gain little.
const LEVEL: i32 = 1;
/// Shorter bytes are not worth the time.
const WORTH_PACKING: usize = 256;

/// How stored bytes hold what they stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Zstd,
}

impl Packing {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Zstd => "zstd",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Plain, Self::Zstd].into_iter().find(|packing| packing.as_str() == name)
    }
}

/// Bytes as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) sha256: [u8; 32],
    pub(crate) packing: Packing,
    pub(crate) size_bytes: usize,
    pub(crate) bytes: Vec<u8>,
}

/// Returns the name of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Packs bytes; one context serves many.
pub(crate) struct Packer(zstd::bulk::Compressor<'static>);

impl Packer {
    pub(crate) fn new() -> Result<Self, Failure> {
        zstd::bulk::Compressor::new(LEVEL).map(Self).map_err(Failure::unwritable)
    }

    /// Packs `bytes` with their hash.
    pub(crate) fn pack(&mut self, bytes: &[u8], sha256: [u8; 32]) -> Result<Blob, Failure> {
        let size_bytes = bytes.len();
        if size_bytes >= WORTH_PACKING {
            let packed = self.0.compress(bytes).map_err(Failure::unwritable)?;
            if packed.len() < size_bytes {
                return Ok(Blob { sha256, packing: Packing::Zstd, size_bytes, bytes: packed });
            }
        }
        Ok(Blob { sha256, packing: Packing::Plain, size_bytes, bytes: bytes.to_vec() })
    }
}

/// Larger bytes are unpacked on a thread of their own: that takes longer than a task may block.
const LARGE_BYTES: usize = 1 << 20;

/// Bytes as a row holds them.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) packing: String,
    pub(crate) size_bytes: i64,
    pub(crate) bytes: Vec<u8>,
}

/// Unpacks bytes; one context serves many.
pub(crate) struct Unpacker(zstd::bulk::Decompressor<'static>);

impl Unpacker {
    /// Unpacks bytes as they were stored.
    pub(crate) fn unpack(&mut self, stored: Stored) -> Result<Vec<u8>, RepositoryError> {
        let size_bytes: usize = BLOBS.number("size_bytes", stored.size_bytes)?;
        let unpacked = match BLOBS.parsed("packing", Packing::parse(&stored.packing))? {
            Packing::Plain => Some(stored.bytes),
            Packing::Zstd => self.0.decompress(&stored.bytes, size_bytes).ok(),
        };
        BLOBS.parsed("bytes", unpacked.filter(|bytes| bytes.len() == size_bytes))
    }
}

/// Unpacks bytes as they were stored.
pub(crate) async fn unpack(stored: Stored) -> Result<Vec<u8>, RepositoryError> {
    let size_bytes = BLOBS.number("size_bytes", stored.size_bytes)?;
    unpacking(size_bytes, move |unpacker| unpacker.unpack(stored)).await
}

/// Does work that unpacks `size_bytes` in all.
pub(crate) async fn unpacking<T: Send + 'static>(
    size_bytes: usize,
    work: impl FnOnce(&mut Unpacker) -> Result<T, RepositoryError> + Send + 'static,
) -> Result<T, RepositoryError> {
    let work = move || {
        let context = zstd::bulk::Decompressor::new();
        let context = context.map_err(|error| Failure::Database(Arc::new(error)))?;
        work(&mut Unpacker(context))
    };
    if size_bytes < LARGE_BYTES {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(|_stopped| Failure::Closed)?
}
