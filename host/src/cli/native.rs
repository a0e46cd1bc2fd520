//! The core run natively, where it was compiled in.

use anyhow::Result;
use lookback::request::{ExplainRequest, Request};
use lookback::response::{ExplainResponse, Response};

/// The core with a bundle and a shard in it.
pub trait Native: Sync {
    fn rank(&self, request: &Request) -> Result<Response>;
    fn explain(&self, request: &ExplainRequest) -> Result<ExplainResponse>;
}

#[cfg(feature = "native")]
impl Native for lookback::Ranker {
    fn rank(&self, request: &Request) -> Result<Response> {
        Ok(self.rank(request)?)
    }

    fn explain(&self, request: &ExplainRequest) -> Result<ExplainResponse> {
        Ok(self.explain(request)?)
    }
}

#[cfg(feature = "native")]
pub fn open(bundle: &[u8], shard: Vec<u8>) -> Result<Box<dyn Native>> {
    let mut ranker = lookback::Ranker::new();
    ranker.load_bundle(bundle)?;
    ranker.push_shard(shard)?;
    Ok(Box::new(ranker))
}

#[cfg(not(feature = "native"))]
pub fn open(_: &[u8], _: Vec<u8>) -> Result<Box<dyn Native>> {
    anyhow::bail!(
        "this `lookback` was built without the native core; `cargo build --release -p lookback-host --features native` builds one that has it"
    )
}
