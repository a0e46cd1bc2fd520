//! The bytes of shards and deltas: a header, a BLAKE3 hash over everything else, then columns. Little endian.
//!
//! Shard, format version 1:
//!
//! | offset | what |
//! | --- | --- |
//! | 0 | magic `LBSHARD\0` |
//! | 8 | u32 format version |
//! | 12 | u32 element type: 1 = f32, 2 = f16 |
//! | 16 | u32 embedding dimension d |
//! | 20 | u32 feature count F |
//! | 24 | u64 rows |
//! | 32 | embedding version, UTF-8, zero padded to 32 bytes |
//! | 64 | BLAKE3 of bytes 0..64 and 96.. |
//! | 96 | columns |
//!
//! Columns start at multiples of 16, zeros between: item `u64[rows]` strictly ascending, category `u32[rows]`,
//! feature `f32[rows·F]`, embedding `element[rows·d]`.
//!
//! A delta has magic `LBDELTA\0`, the same header, then at 96 the base shard's hash (32 bytes) and the number of
//! deleted items (u64), and at 144 the columns of the new rows and a last column of deleted items `u64`, ascending.

use half::f16;

use super::{Columns, Embeddings, Row, ShardHeader};

/// Version of the shard and delta formats.
pub const FORMAT_VERSION: u32 = 1;

pub(super) const SHARD: Kind = Kind { magic: *b"LBSHARD\0", name: "shard", columns_at: 96 };
pub(super) const DELTA: Kind = Kind { magic: *b"LBDELTA\0", name: "delta", columns_at: 144 };

const HASH_AT: usize = 64;
const HASHED_AGAIN_AT: usize = 96;
const MAX_WIDTH: usize = 4096;

/// How an embedding's numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE 754 binary16).
    F16,
}

impl ElementType {
    fn code(self) -> u32 {
        match self {
            ElementType::F32 => 1,
            ElementType::F16 => 2,
        }
    }

    fn size(self) -> usize {
        match self {
            ElementType::F32 => 4,
            ElementType::F16 => 2,
        }
    }
}

/// Why bytes or rows are not a shard or delta.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ShardError {
    /// Another kind of file.
    #[error(
        "not a {kind}: expected a file that starts with {magic}, got {got} bytes that do not; check which file was sent"
    )]
    NotThisFile {
        /// shard or delta.
        kind: &'static str,
        /// Its first letters.
        magic: String,
        /// Length of what came.
        got: usize,
    },
    /// A version this build does not read.
    #[error(
        "{kind} of format version {got}, but this build reads version {FORMAT_VERSION}; write it again with a tool of this release"
    )]
    Version {
        /// shard or delta.
        kind: &'static str,
        /// Version that came.
        got: u32,
    },
    /// The length does not fit the header.
    #[error("{kind} is truncated or oversized: its header asks for {expected} bytes, got {got}; send the whole file")]
    Length {
        /// shard or delta.
        kind: &'static str,
        /// Length the header asks for.
        expected: u128,
        /// Length that came.
        got: usize,
    },
    /// The hash does not fit the bytes.
    #[error("{kind} is damaged: its BLAKE3 hash does not match its bytes; send the file again")]
    Hash {
        /// shard or delta.
        kind: &'static str,
    },
    /// A header field makes no sense.
    #[error("{kind} header: {field} is {got}, expected {expected}")]
    Header {
        /// shard or delta.
        kind: &'static str,
        /// The field.
        field: &'static str,
        /// What is allowed.
        expected: String,
        /// What came.
        got: String,
    },
    /// Items out of order or repeated.
    #[error("items must strictly ascend, but {next} follows {previous}; write each item once")]
    Order {
        /// The earlier item.
        previous: u64,
        /// The one after it.
        next: u64,
    },
    /// A NaN or an infinity.
    #[error("item {item}: {field} holds {value}, expected finite numbers; mend the row where the shard is made")]
    NotFinite {
        /// The item.
        item: u64,
        /// features or embedding.
        field: &'static str,
        /// What it holds.
        value: f32,
    },
    /// A row of another width.
    #[error("item {item}: {field} has {got} numbers, expected {expected}")]
    Width {
        /// The item.
        item: u64,
        /// features or embedding.
        field: &'static str,
        /// Width of the shard.
        expected: usize,
        /// Width of the row.
        got: usize,
    },
    /// The delta is for another shard.
    #[error(
        "delta applies to the shard with hash {expected}, but the loaded one has {got}; push the full shard, or the deltas in between"
    )]
    Base {
        /// Hash the delta names.
        expected: String,
        /// Hash of the shard.
        got: String,
    },
    /// The delta's header differs from the shard's.
    #[error("delta has {field} {delta}, the shard has {shard}; a delta cannot change it, push a full shard")]
    DeltaHeader {
        /// The field.
        field: &'static str,
        /// The delta's.
        delta: String,
        /// The shard's.
        shard: String,
    },
}

/// Which of the two files.
pub(super) struct Kind {
    pub magic: [u8; 8],
    pub name: &'static str,
    pub columns_at: usize,
}

/// Checks one row against a header before it is stored.
pub(super) fn check_row(header: &ShardHeader, row: &Row) -> Result<(), ShardError> {
    for (field, values, expected) in
        [("features", &row.features, header.feature_count), ("embedding", &row.embedding, header.dimension)]
    {
        if values.len() != expected {
            return Err(ShardError::Width { item: row.item, field, expected, got: values.len() });
        }
    }
    Ok(())
}

fn check_header(kind: &'static str, header: &ShardHeader) -> Result<(), ShardError> {
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

/// Writes one file; `after_header` fills bytes 96 to `columns_at`.
fn encode(
    kind: &Kind,
    header: &ShardHeader,
    after_header: &[u8],
    columns: &Columns,
    deleted: Option<&[u64]>,
) -> Result<Vec<u8>, ShardError> {
    check_header(kind.name, header)?;
    let mut out = Vec::new();
    out.extend_from_slice(&kind.magic);
    for word in [FORMAT_VERSION, header.element.code(), header.dimension as u32, header.feature_count as u32] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&(columns.items.len() as u64).to_le_bytes());
    out.extend_from_slice(header.embedding_version.as_bytes());
    out.resize(HASHED_AGAIN_AT, 0);
    out.extend_from_slice(after_header);
    out.resize(kind.columns_at, 0);
    column(&mut out, columns.items.iter().map(|value| value.to_le_bytes()));
    column(&mut out, columns.categories.iter().map(|value| value.to_le_bytes()));
    column(&mut out, columns.features.iter().map(|value| value.to_le_bytes()));
    match &columns.embeddings {
        Embeddings::F32(values) => column(&mut out, values.iter().map(|value| value.to_le_bytes())),
        Embeddings::F16(values) => column(&mut out, values.iter().map(|value| value.to_le_bytes())),
    }
    if let Some(deleted) = deleted {
        column(&mut out, deleted.iter().map(|value| value.to_le_bytes()));
    }
    let hash = hash(&out);
    out[HASH_AT..HASHED_AGAIN_AT].copy_from_slice(&hash);
    Ok(out)
}

fn column<const N: usize>(out: &mut Vec<u8>, values: impl Iterator<Item = [u8; N]>) {
    out.resize(out.len().next_multiple_of(16), 0);
    for value in values {
        out.extend_from_slice(&value);
    }
}

pub(super) fn encode_shard(header: &ShardHeader, columns: &Columns) -> Result<Vec<u8>, ShardError> {
    encode(&SHARD, header, &[], columns, None)
}

pub(super) fn encode_delta(
    header: &ShardHeader,
    base: &[u8; 32],
    columns: &Columns,
    deleted: &[u64],
) -> Result<Vec<u8>, ShardError> {
    let mut after_header = base.to_vec();
    after_header.extend_from_slice(&(deleted.len() as u64).to_le_bytes());
    encode(&DELTA, header, &after_header, columns, Some(deleted))
}

/// Reads little-endian fields; the caller has checked that the bytes are long enough.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

struct Opened {
    header: ShardHeader,
    hash: [u8; 32],
    columns: Columns,
    deleted: Vec<u64>,
}

fn decode(kind: &Kind, bytes: &[u8]) -> Result<Opened, ShardError> {
    let name = kind.name;
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
    let element = match word(bytes, 12) {
        1 => ElementType::F32,
        2 => ElementType::F16,
        other => {
            let expected = "1 (f32) or 2 (f16)".into();
            return Err(ShardError::Header { kind: name, field: "element type", expected, got: other.to_string() });
        }
    };
    let version = &bytes[32..64];
    let version = &version[..version.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)];
    let Ok(version) = std::str::from_utf8(version) else {
        let expected = "UTF-8".into();
        return Err(ShardError::Header {
            kind: name,
            field: "embedding version",
            expected,
            got: format!("{version:?}"),
        });
    };
    let header = ShardHeader {
        embedding_version: version.to_string(),
        element,
        dimension: word(bytes, 16) as usize,
        feature_count: word(bytes, 20) as usize,
    };
    check_header(name, &header)?;

    let deleted = if kind.columns_at == DELTA.columns_at { Some(long(bytes, 128)) } else { None };
    let rows = u128::from(long(bytes, 24));
    let widths = [8, 4, 4 * header.feature_count as u128, (element.size() * header.dimension) as u128];
    let mut spans: Vec<(u128, u128)> = Vec::with_capacity(5);
    let mut end = kind.columns_at as u128;
    for len in widths.iter().map(|width| width * rows).chain(deleted.map(|count| 8 * u128::from(count))) {
        let start = end.next_multiple_of(16);
        end = start + len;
        spans.push((start, end));
    }
    if end != bytes.len() as u128 {
        return Err(ShardError::Length { kind: name, expected: end, got: bytes.len() });
    }
    let stored: [u8; 32] = bytes[HASH_AT..HASHED_AGAIN_AT].try_into().expect("32 bytes");
    if hash(bytes) != stored {
        return Err(ShardError::Hash { kind: name });
    }

    // Every span lies within the bytes, so it fits a usize.
    let span = |index: usize| &bytes[spans[index].0 as usize..spans[index].1 as usize];
    let items = read(span(0), u64::from_le_bytes);
    let columns = Columns {
        categories: read(span(1), u32::from_le_bytes),
        features: read(span(2), f32::from_le_bytes),
        embeddings: match element {
            ElementType::F32 => Embeddings::F32(read(span(3), f32::from_le_bytes)),
            ElementType::F16 => Embeddings::F16(read(span(3), f16::from_le_bytes)),
        },
        items,
    };
    let deleted = if deleted.is_some() { read(span(4), u64::from_le_bytes) } else { Vec::new() };
    check_ascending(&columns.items)?;
    check_ascending(&deleted)?;
    check_finite(&header, &columns)?;
    Ok(Opened { header, hash: stored, columns, deleted })
}

fn read<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.chunks_exact(N).map(|chunk| value(chunk.try_into().expect("N bytes"))).collect()
}

fn check_ascending(items: &[u64]) -> Result<(), ShardError> {
    match items.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(ShardError::Order { previous: pair[0], next: pair[1] }),
        None => Ok(()),
    }
}

fn check_finite(header: &ShardHeader, columns: &Columns) -> Result<(), ShardError> {
    let wrong = |field, index: usize, width: usize, value: f32| {
        Err(ShardError::NotFinite { item: columns.items[index / width], field, value })
    };
    if let Some(index) = columns.features.iter().position(|value| !value.is_finite()) {
        return wrong("features", index, header.feature_count, columns.features[index]);
    }
    match &columns.embeddings {
        Embeddings::F32(values) => match values.iter().position(|value| !value.is_finite()) {
            Some(index) => wrong("embedding", index, header.dimension, values[index]),
            None => Ok(()),
        },
        Embeddings::F16(values) => match values.iter().position(|value| !value.is_finite()) {
            Some(index) => wrong("embedding", index, header.dimension, values[index].to_f32()),
            None => Ok(()),
        },
    }
}

pub(super) fn decode_shard(bytes: &[u8]) -> Result<(ShardHeader, [u8; 32], Columns), ShardError> {
    let opened = decode(&SHARD, bytes)?;
    Ok((opened.header, opened.hash, opened.columns))
}

pub(super) type DeltaParts = (ShardHeader, [u8; 32], Columns, Vec<u64>);

pub(super) fn decode_delta(bytes: &[u8]) -> Result<DeltaParts, ShardError> {
    let opened = decode(&DELTA, bytes)?;
    let base = bytes[96..128].try_into().expect("32 bytes");
    Ok((opened.header, base, opened.columns, opened.deleted))
}
