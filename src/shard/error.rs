//! What can be wrong with a shard or delta.

use super::format::FORMAT_VERSION;

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
    /// A category beyond the one that the header calls the largest.
    #[error(
        "item {item} has category {got}, but the header says that {largest} is the largest; write the file again with a tool of this release"
    )]
    Category {
        /// The item.
        item: u64,
        /// The header's.
        largest: u32,
        /// The row's.
        got: u32,
    },
    /// The header's largest category is none of the rows'.
    #[error(
        "the header says that {header} is the largest category, the rows' is {rows}; write the file again with a tool of this release"
    )]
    LargestCategory {
        /// The header's.
        header: u32,
        /// The rows'.
        rows: u32,
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
