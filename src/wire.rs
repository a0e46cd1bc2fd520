//! Messages across the module's border: four letters, a version, then postcard.

use serde::{Serialize, de::DeserializeOwned};

use crate::capture::Capture;
use crate::request::{ExplainRequest, Request};
use crate::response::{ExplainResponse, Response};

/// Version of every message's layout; it moves when any message changes.
pub const WIRE_VERSION: u32 = 3;

/// Bytes before the message itself: letters and version.
const HEAD: usize = 8;
/// Why no size fails: what serde cannot count, no message has.
const KNOWN_LENGTHS: &str = "every message has known lengths";

/// A message that crosses the border.
pub trait Message: Serialize + DeserializeOwned {
    /// The letters it starts with.
    const MAGIC: [u8; 4];
    /// Its name in errors.
    const NAME: &'static str;
}

impl Message for Request {
    const MAGIC: [u8; 4] = *b"LBRQ";
    const NAME: &'static str = "request";
}
impl Message for Response {
    const MAGIC: [u8; 4] = *b"LBRS";
    const NAME: &'static str = "response";
}
impl Message for ExplainRequest {
    const MAGIC: [u8; 4] = *b"LBXQ";
    const NAME: &'static str = "explain request";
}
impl Message for ExplainResponse {
    const MAGIC: [u8; 4] = *b"LBXS";
    const NAME: &'static str = "explain response";
}
impl Message for Capture {
    const MAGIC: [u8; 4] = *b"LBCP";
    const NAME: &'static str = "capture";
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Too short, or another kind of bytes.
    #[error(
        "not a {expected}: expected the letters {letters:?} and a version, got {got} bytes that do not start so; encode it with lookback::wire::encode"
    )]
    NotThisMessage {
        /// Name of the message.
        expected: &'static str,
        /// Its letters.
        letters: String,
        /// Length of what came.
        got: usize,
    },
    /// A version this build does not read.
    #[error(
        "{name} of wire version {got}, but this build reads version {WIRE_VERSION}; use the host and the module of one release"
    )]
    Version {
        /// Name of the message.
        name: &'static str,
        /// Version that came.
        got: u32,
    },
    /// The letters fit, the rest does not.
    #[error("{name} cannot be decoded ({reason}); it is truncated or damaged, send it again")]
    Damaged {
        /// Name of the message.
        name: &'static str,
        /// What the decoder said.
        reason: String,
    },
}

/// Number of bytes of a message.
pub fn encoded_len<M: Message>(message: &M) -> usize {
    HEAD + postcard::experimental::serialized_size(message).expect(KNOWN_LENGTHS)
}

/// Writes the bytes of a message to where they are needed.
///
/// # Panics
///
/// Where `to` is not of [`encoded_len`].
pub fn encode_to<M: Message>(message: &M, to: &mut [u8]) {
    let (head, body) = to.split_at_mut(HEAD);
    head.copy_from_slice([M::MAGIC, WIRE_VERSION.to_le_bytes()].as_flattened());
    let room = body.len();
    let written = postcard::to_slice(message, body).expect("there is room for the message").len();
    assert_eq!(written, room, "the message fills its room");
}

/// The bytes of a message.
pub fn encode<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; encoded_len(message)];
    encode_to(message, &mut bytes);
    bytes
}

/// The message in bytes, all of them.
pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, WireError> {
    let Some((head, body)) = bytes.split_at_checked(HEAD).filter(|(head, _)| head[..4] == M::MAGIC) else {
        return Err(WireError::NotThisMessage {
            expected: M::NAME,
            letters: String::from_utf8_lossy(&M::MAGIC).into_owned(),
            got: bytes.len(),
        });
    };
    let version = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if version != WIRE_VERSION {
        return Err(WireError::Version { name: M::NAME, got: version });
    }
    let damaged = |reason: String| WireError::Damaged { name: M::NAME, reason };
    let (message, rest) = postcard::take_from_bytes::<M>(body).map_err(|error| damaged(error.to_string()))?;
    if !rest.is_empty() {
        return Err(damaged(format!("{} bytes too many", rest.len())));
    }
    Ok(message)
}
