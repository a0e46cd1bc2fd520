//! The bundle: one model version — manifest, popularity tables, prepared graph — in one file.
//!
//! Layout: magic `LBBUNDLE`, u32 format version, u32 zero, u64 payload length, BLAKE3 of the payload
//! (32 bytes), then the payload, postcard. Little endian.

use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::graph::PreparedGraph;
use crate::popularity::Popularity;
use crate::request::Gsu;

/// Version of the bundle format.
pub const FORMAT_VERSION: u32 = 6;

const MAGIC: [u8; 8] = *b"LBBUNDLE";
const PAYLOAD_AT: usize = 56;
const MAX_SEQUENCE: u32 = 1024;

/// A demographic field that the model embeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserField {
    /// Name of the attribute.
    pub name: String,
    /// Known values; a value's index is its position + 1, 0 is unknown.
    pub values: Vec<String>,
}

/// What a model version is and how it wants its inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model.
    pub name: String,
    /// The space of embeddings it was trained in; only a shard of this version is read.
    pub embedding_version: String,
    /// Embedding dimension d.
    pub embedding_dim: u32,
    /// Names of the F item features.
    pub item_features: Vec<String>,
    /// Names of the categories; a category's index is its position + 1, 0 is unknown.
    pub categories: Vec<String>,
    /// Names of the surfaces; index as for categories.
    pub surfaces: Vec<String>,
    /// Demographic fields.
    pub user_fields: Vec<UserField>,
    /// Events that GSU picks for each candidate, K.
    pub k: u32,
    /// Length of the recent sequence.
    pub recent: u32,
    /// Length of the skip sequence.
    pub skips: u32,
    /// Heads of ESU.
    pub heads: u32,
    /// The search that a request without one gets.
    pub default_gsu: Gsu,
    /// From logits to probabilities.
    pub calibration: Calibration,
}

/// One model version.
#[derive(Clone, Debug)]
pub struct Bundle {
    manifest: Manifest,
    popularity: Popularity,
    graph: PreparedGraph,
    card: String,
    hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Payload {
    manifest: Manifest,
    popularity: Popularity,
    graph: PreparedGraph,
    card: String,
}

/// Why bytes are not a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Another kind of file.
    #[error(
        "not a bundle: expected a file that starts with LBBUNDLE, got {0} bytes that do not; check which file was sent"
    )]
    NotThisFile(usize),
    /// A version this build does not read.
    #[error(
        "bundle of format version {0}, but this build reads version {FORMAT_VERSION}; prepare the model again with a tool of this release"
    )]
    Version(u32),
    /// The length does not fit the header.
    #[error("bundle is truncated or oversized: expected {expected} bytes, got {got}; send the whole file")]
    Length {
        /// Length the header asks for.
        expected: u128,
        /// Length that came.
        got: usize,
    },
    /// The hash does not fit the bytes.
    #[error("bundle is damaged: its BLAKE3 hash does not match its bytes; send the file again")]
    Hash,
    /// The payload is not a bundle's.
    #[error("bundle cannot be decoded ({0}); prepare the model again with a tool of this release")]
    Payload(String),
    /// A manifest field makes no sense.
    #[error("manifest: {field} is {got}, expected {expected}; mend the manifest and prepare the bundle again")]
    Manifest {
        /// The field.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What came.
        got: String,
    },
}

impl Bundle {
    /// Puts a bundle together; `card` is the model card, a JSON document that the core carries and does not read.
    pub fn new(
        manifest: Manifest,
        popularity: Popularity,
        graph: PreparedGraph,
        card: String,
    ) -> Result<Bundle, BundleError> {
        let mut bundle = Bundle { manifest, popularity, graph, card, hash: [0; 32] };
        bundle.check()?;
        bundle.hash = *blake3::hash(&bundle.payload()).as_bytes();
        Ok(bundle)
    }

    /// Reads a bundle file, all of it.
    pub fn decode(bytes: &[u8]) -> Result<Bundle, BundleError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(BundleError::NotThisFile(bytes.len()));
        }
        if let Some(version) = bytes.get(8..12) {
            let version = u32::from_le_bytes(version.try_into().expect("four bytes"));
            if version != FORMAT_VERSION {
                return Err(BundleError::Version(version));
            }
        }
        let Some((header, payload)) = bytes.split_at_checked(PAYLOAD_AT) else {
            return Err(BundleError::Length { expected: PAYLOAD_AT as u128, got: bytes.len() });
        };
        let length = u64::from_le_bytes(header[16..24].try_into().expect("eight bytes"));
        let expected = PAYLOAD_AT as u128 + u128::from(length);
        if expected != bytes.len() as u128 {
            return Err(BundleError::Length { expected, got: bytes.len() });
        }
        let hash = *blake3::hash(payload).as_bytes();
        if header[12..16] != [0; 4] || header[24..56] != hash {
            return Err(BundleError::Hash);
        }
        let damaged = |reason: String| BundleError::Payload(reason);
        let (payload, rest): (Payload, _) =
            postcard::take_from_bytes(payload).map_err(|error| damaged(error.to_string()))?;
        if !rest.is_empty() {
            return Err(damaged(format!("{} bytes too many", rest.len())));
        }
        let Payload { manifest, popularity, graph, card } = payload;
        let bundle = Bundle { manifest, popularity, graph, card, hash };
        bundle.check()?;
        Ok(bundle)
    }

    /// The bundle file.
    pub fn encode(&self) -> Vec<u8> {
        let payload = self.payload();
        let mut bytes = Vec::with_capacity(PAYLOAD_AT + payload.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        bytes.extend_from_slice(blake3::hash(&payload).as_bytes());
        bytes.extend_from_slice(&payload);
        bytes
    }

    fn payload(&self) -> Vec<u8> {
        let payload = Payload {
            manifest: self.manifest.clone(),
            popularity: self.popularity.clone(),
            graph: self.graph.clone(),
            card: self.card.clone(),
        };
        postcard::to_allocvec(&payload).expect("every part of a bundle has a known length")
    }

    /// What the model is and how it wants its inputs.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Popularity, for people of whom nothing is known.
    pub fn popularity(&self) -> &Popularity {
        &self.popularity
    }

    /// The graph.
    pub fn graph(&self) -> &PreparedGraph {
        &self.graph
    }

    /// The model card, a JSON document.
    pub fn card(&self) -> &str {
        &self.card
    }

    /// BLAKE3 of the payload: the model's version.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    fn check(&self) -> Result<(), BundleError> {
        let manifest = &self.manifest;
        let wrong = |field, expected, got: String| Err(BundleError::Manifest { field, expected, got });
        if manifest.embedding_version.is_empty() || manifest.embedding_version.len() > 32 {
            return wrong("embedding_version", "1 to 32 bytes", format!("{:?}", manifest.embedding_version));
        }
        if manifest.embedding_dim == 0 || manifest.embedding_dim > 4096 {
            return wrong("embedding_dim", "1 to 4096", manifest.embedding_dim.to_string());
        }
        for (field, length) in [("k", manifest.k), ("recent", manifest.recent), ("skips", manifest.skips)] {
            if length == 0 || length > MAX_SEQUENCE {
                return wrong(field, "1 to 1024", length.to_string());
            }
        }
        if manifest.heads == 0 || manifest.heads > 64 {
            return wrong("heads", "1 to 64", manifest.heads.to_string());
        }
        for (field, calibrator) in
            [("calibration.click", &manifest.calibration.click), ("calibration.save", &manifest.calibration.save)]
        {
            if let Err(got) = calibrator.check() {
                return wrong(field, "a finite and positive, b finite; or 1 to 4096 rising finite knots", got);
            }
        }
        if let Err(reason) = self.popularity.check() {
            return wrong("popularity", "probabilities, one per item, items ascending", reason);
        }
        Ok(())
    }
}
