//! The bytes of shards and deltas: a header, a BLAKE3 hash over everything else, then columns. Little endian.
//!
//! Shard, format version 2:
//!
//! | offset | what |
//! | --- | --- |
//! | 0 | magic `LBSHARD\0` |
//! | 8 | u32 format version |
//! | 12 | u32 element type: 1 = f32, 2 = f16, 3 = int8 |
//! | 16 | u32 embedding dimension d |
//! | 20 | u32 feature count F |
//! | 24 | u64 rows |
//! | 32 | embedding version, UTF-8, zero padded to 32 bytes |
//! | 64 | u32 largest category, 0 without rows |
//! | 68 | zeros |
//! | 96 | BLAKE3 of bytes 0..96 and 128.. |
//! | 128 | columns |
//!
//! Columns start at multiples of 16, zeros between: item `u64[rows]` strictly ascending, category `u32[rows]`,
//! feature `f32[rows·F]`, for int8 the scale `f32[rows]`, embedding `element[rows·d]`. An int8 embedding is its whole
//! numbers times its row's scale, which is max |x| / 127.
//!
//! A delta has magic `LBDELTA\0`, the same header, then at 128 the base shard's hash (32 bytes) and the number of
//! deleted items (u64), and at 176 the columns of the new rows and a last column of deleted items `u64`, ascending.
//!
//! Opening a file looks at its header, its length and its hash, and at no row: the columns are read where they lie.

use super::element::ElementType;
use super::{ShardError, ShardHeader};

/// Version of the shard and delta formats.
pub const FORMAT_VERSION: u32 = 2;

pub(super) const SHARD: Kind = Kind { magic: *b"LBSHARD\0", name: "shard", columns_at: 128 };
pub(super) const DELTA: Kind = Kind { magic: *b"LBDELTA\0", name: "delta", columns_at: 176 };

const VERSION_AT: usize = 32;
const CATEGORY_AT: usize = 64;
const ZEROS_AT: usize = 68;
const HASH_AT: usize = 96;
const HASHED_AGAIN_AT: usize = 128;
const DELETIONS_AT: usize = 160;
const MAX_WIDTH: usize = 4096;

/// Which of the two files.
pub(super) struct Kind {
    pub magic: [u8; 8],
    pub name: &'static str,
    pub columns_at: usize,
}

impl Kind {
    fn has_deletions(&self) -> bool {
        self.columns_at == DELTA.columns_at
    }
}

/// Where each column starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub rows: usize,
    pub items: usize,
    pub categories: usize,
    pub features: usize,
    pub scales: usize,
    pub embeddings: usize,
    pub deleted: usize,
    pub deletions: usize,
}

/// What a file says before its columns.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub header: ShardHeader,
    pub largest_category: u32,
    pub hash: [u8; 32],
    pub layout: Layout,
}

pub(super) fn check_header(kind: &'static str, header: &ShardHeader) -> Result<(), ShardError> {
    let wrong = |field, expected: String, got: String| Err(ShardError::Header { kind, field, expected, got });
    let version = header.embedding_version.as_bytes();
    if version.is_empty() || version.len() > 32 || version.contains(&0) {
        return wrong(
            "embedding version",
            "1 to 32 bytes without zeros".into(),
            format!("{:?}", header.embedding_version),
        );
    }
    if header.dimension == 0 || header.dimension > MAX_WIDTH {
        return wrong("embedding dimension", format!("1 to {MAX_WIDTH}"), header.dimension.to_string());
    }
    if header.feature_count > MAX_WIDTH {
        return wrong("feature count", format!("0 to {MAX_WIDTH}"), header.feature_count.to_string());
    }
    Ok(())
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..HASH_AT]).update(&bytes[HASHED_AGAIN_AT..]);
    *hasher.finalize().as_bytes()
}

pub(super) fn hex(hash: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}

/// Writes what comes before the columns of `rows` rows; a delta's base and number of deletions are `after_hash`.
pub(super) fn start(
    kind: &Kind,
    header: &ShardHeader,
    rows: usize,
    largest_category: u32,
    after_hash: &[u8],
) -> Result<Vec<u8>, ShardError> {
    check_header(kind.name, header)?;
    let mut out = Vec::new();
    out.extend_from_slice(&kind.magic);
    for word in [FORMAT_VERSION, header.element.code(), header.dimension as u32, header.feature_count as u32] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&(rows as u64).to_le_bytes());
    out.extend_from_slice(header.embedding_version.as_bytes());
    out.resize(CATEGORY_AT, 0);
    out.extend_from_slice(&largest_category.to_le_bytes());
    out.resize(HASHED_AGAIN_AT, 0);
    out.extend_from_slice(after_hash);
    out.resize(kind.columns_at, 0);
    Ok(out)
}

/// Appends a column.
pub(super) fn column(out: &mut Vec<u8>, bytes: &[u8]) {
    out.resize(out.len().next_multiple_of(16), 0);
    out.extend_from_slice(bytes);
}

/// Writes the hash into its place.
pub(super) fn seal(out: &mut [u8]) {
    let hash = hash(out);
    out[HASH_AT..HASHED_AGAIN_AT].copy_from_slice(&hash);
}

/// Reads little-endian fields; the caller has checked that the bytes are long enough.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
pub(super) fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Checks header, length and hash, and says where the columns lie.
pub(super) fn open(kind: &Kind, bytes: &[u8]) -> Result<Opened, ShardError> {
    let name = kind.name;
    let wrong = |field, expected: &str, got: String| {
        Err(ShardError::Header { kind: name, field, expected: expected.into(), got })
    };
    if !bytes.starts_with(&kind.magic) {
        let magic = String::from_utf8_lossy(&kind.magic[..7]).into_owned();
        return Err(ShardError::NotThisFile { kind: name, magic, got: bytes.len() });
    }
    if bytes.len() >= 12 && word(bytes, 8) != FORMAT_VERSION {
        return Err(ShardError::Version { kind: name, got: word(bytes, 8) });
    }
    if bytes.len() < kind.columns_at {
        return Err(ShardError::Length { kind: name, expected: kind.columns_at as u128, got: bytes.len() });
    }
    let code = word(bytes, 12);
    let Some(&element) = ElementType::ALL.iter().find(|element| element.code() == code) else {
        return wrong("element type", "1 (f32), 2 (f16) or 3 (int8)", code.to_string());
    };
    let version = &bytes[VERSION_AT..CATEGORY_AT];
    let version = &version[..version.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)];
    let Ok(version) = std::str::from_utf8(version) else {
        return wrong("embedding version", "UTF-8", format!("{version:?}"));
    };
    let header = ShardHeader {
        embedding_version: version.to_string(),
        element,
        dimension: word(bytes, 16) as usize,
        feature_count: word(bytes, 20) as usize,
    };
    check_header(name, &header)?;
    if let Some(byte) = bytes[ZEROS_AT..HASH_AT].iter().find(|&&byte| byte != 0) {
        return wrong("bytes 68 to 96", "zeros", byte.to_string());
    }

    let rows = long(bytes, 24);
    let deletions = if kind.has_deletions() { long(bytes, DELETIONS_AT) } else { 0 };
    let (layout, end) = lay_out(kind, &header, rows, deletions);
    if end != bytes.len() as u128 {
        return Err(ShardError::Length { kind: name, expected: end, got: bytes.len() });
    }
    let stored: [u8; 32] = bytes[HASH_AT..HASHED_AGAIN_AT].try_into().expect("32 bytes");
    if hash(bytes) != stored {
        return Err(ShardError::Hash { kind: name });
    }
    Ok(Opened { header, largest_category: word(bytes, CATEGORY_AT), hash: stored, layout })
}

/// Where columns start, and where the last one ends. The places mean something only if the file is as long as that.
fn lay_out(kind: &Kind, header: &ShardHeader, rows: u64, deletions: u64) -> (Layout, u128) {
    let mut end = kind.columns_at as u128;
    let mut place = |width: usize, count: u64| {
        let start = end.next_multiple_of(16);
        end = start + width as u128 * u128::from(count);
        start as usize
    };
    let element = header.element;
    let items = place(8, rows);
    let categories = place(4, rows);
    let features = place(4 * header.feature_count, rows);
    let scales = if element.is_scaled() { place(4, rows) } else { 0 };
    let embeddings = place(element.size() * header.dimension, rows);
    let deleted = if kind.has_deletions() { place(8, deletions) } else { 0 };
    let (rows, deletions) = (rows as usize, deletions as usize);
    (Layout { rows, items, categories, features, scales, embeddings, deleted, deletions }, end)
}

/// The base that a delta names.
pub(super) fn base(delta: &[u8]) -> [u8; 32] {
    delta[HASHED_AGAIN_AT..DELETIONS_AT].try_into().expect("32 bytes")
}
