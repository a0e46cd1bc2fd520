//! The module's raw interface: bytes in, bytes out, a status, and an error message that a person can read.
//!
//! The module imports nothing. It exports its `memory` and, all of `u32`:
//!
//! | export | what |
//! | --- | --- |
//! | `init()` | runs the module's constructors; call it once, first |
//! | `abi_version() -> version` | [`ABI_VERSION`] |
//! | `alloc(len) -> pointer` | `len` bytes for the caller to write to, zeroed; 0 when there is no memory |
//! | `free(pointer) -> status` | gives an allocation back |
//! | `load_bundle(pointer, len) -> status` | loads or replaces the bundle |
//! | `push_shard(pointer, len) -> status` | loads or replaces the shard, and takes its allocation over |
//! | `apply_delta(pointer, len) -> status` | applies a delta to the shard |
//! | `rank(pointer, len) -> status` | answers an encoded [`Request`](crate::request::Request) |
//! | `explain(pointer, len) -> status` | answers an encoded [`ExplainRequest`](crate::request::ExplainRequest) |
//! | `output_ptr()`, `output_len()` | where the last call left the encoded answer, or the error message (UTF-8) |
//!
//! Input lies in one allocation, from its start, and stays the caller's to free, but for a shard: `push_shard` leaves it
//! where the caller wrote it and reads it there. On [`Status::Ok`] the allocation is the module's, which frees it when
//! another shard takes its place; on any other status it stays the caller's.
//!
//! The output stays until the next call that has a status. On any status but [`Status::Ok`] the bundle and shard are as
//! they were before.

#[cfg(feature = "rank")]
use crate::ranker::{LoadError, RankError};
use crate::wire::WireError;

/// Version of the interface; it moves when an export changes.
pub const ABI_VERSION: u32 = 2;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Status {
    /// It worked.
    Ok = 0,
    /// The pointer is not one that `alloc` gave, or the length is beyond its allocation.
    BadPointer = 1,
    /// The bytes are not the message that the call takes.
    BadMessage = 2,
    /// The bytes are not a bundle, or its graph does not load.
    BadBundle = 3,
    /// The bytes are not a shard, or not one that the bundle can read; or a row that a request needs is damaged.
    BadShard = 4,
    /// The bytes are not a delta, or not one for the loaded shard.
    BadDelta = 5,
    /// Bundle and shard are of different embedding versions.
    EmbeddingVersion = 6,
    /// Bundle or shard is missing.
    NotLoaded = 7,
    /// The message is well-formed, the request is not.
    BadRequest = 8,
    /// The model failed on a request that passed every check.
    Internal = 9,
}

impl Status {
    /// The status of a number; `None` for one this version does not know.
    pub fn from_code(code: u32) -> Option<Status> {
        use Status::*;
        [Ok, BadPointer, BadMessage, BadBundle, BadShard, BadDelta, EmbeddingVersion, NotLoaded, BadRequest, Internal]
            .get(code as usize)
            .copied()
    }
}

/// The call that a load error came from decides how a mismatch of shapes is told.
#[cfg(feature = "rank")]
impl From<&LoadError> for Status {
    fn from(error: &LoadError) -> Status {
        match error {
            LoadError::Bundle(_) | LoadError::Graph(_) => Status::BadBundle,
            LoadError::Shard(_) | LoadError::ShardShape { .. } => Status::BadShard,
            LoadError::EmbeddingVersion { .. } => Status::EmbeddingVersion,
            LoadError::NoBase => Status::NotLoaded,
        }
    }
}

#[cfg(feature = "rank")]
impl From<&RankError> for Status {
    fn from(error: &RankError) -> Status {
        match error {
            RankError::NotLoaded(_) => Status::NotLoaded,
            RankError::Request(_) => Status::BadRequest,
            RankError::Graph(_) => Status::Internal,
            RankError::Shard(_) => Status::BadShard,
        }
    }
}

impl From<&WireError> for Status {
    fn from(_: &WireError) -> Status {
        Status::BadMessage
    }
}
