//! Bytes by their SHA-256: packed, stored once, unpacked.
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

/// Unpacks bytes as they were stored.
pub(crate) async fn unpack(
    packing: &str,
    size_bytes: i64,
    bytes: Vec<u8>,
) -> Result<Vec<u8>, RepositoryError> {
    let size_bytes: usize = BLOBS.number("size_bytes", size_bytes)?;
    let unpacked = match BLOBS.parsed("packing", Packing::parse(packing))? {
        Packing::Plain => Some(bytes),
        Packing::Zstd if size_bytes < LARGE_BYTES => {
            zstd::bulk::decompress(&bytes, size_bytes).ok()
        }
        Packing::Zstd => {
            let unpack = move || zstd::bulk::decompress(&bytes, size_bytes).ok();
            let unpacked = tokio::task::spawn_blocking(unpack).await;
            unpacked.map_err(|_stopped| Failure::Closed)?
        }
    };
    BLOBS.parsed("bytes", unpacked.filter(|bytes| bytes.len() == size_bytes))
}
