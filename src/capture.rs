//! Captures: a request with the response it got, kept to be looked at or answered again.

use serde::{Deserialize, Serialize};

use crate::request::Request;
use crate::response::Response;

/// One request with its response. A ranker with the bundle and shard whose hashes the response names answers the same
/// bits again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// The request.
    pub request: Request,
    /// Its response.
    pub response: Response,
}
