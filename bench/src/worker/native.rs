//! The core, compiled for this machine: an encoded request in, an encoded response out.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lookback::Ranker;
use lookback::request::{Gsu, Request};
use lookback::response::Response;
use lookback::wire;
use lookback_bench::fixture::Fixture;

use crate::serve::{Variant, logits};

/// The core's ranker.
pub struct Native {
    ranker: Ranker,
    request: Vec<u8>,
    response: Vec<u8>,
}

impl Native {
    /// Loads a model directory.
    pub fn open(model: &Path) -> Result<Native> {
        let mut ranker = Ranker::new();
        ranker.load_bundle(&read(model, "bundle.lbb")?)?;
        ranker.push_shard(read(model, "shard.lbs")?)?;
        Ok(Native { ranker, request: Vec::new(), response: Vec::new() })
    }
}

impl Variant for Native {
    fn prepare(&mut self, fixture: &Path, search: Gsu) -> Result<Option<usize>> {
        self.request = Fixture::read(fixture)?.request(fixture, search.name())?;
        Ok(None)
    }

    fn run(&mut self) -> Result<Duration> {
        let started = Instant::now();
        let request: Request = wire::decode(&self.request)?;
        self.response = wire::encode(&self.ranker.rank(&request)?);
        Ok(started.elapsed())
    }

    fn logits(&self) -> Result<Vec<f32>> {
        let response: Response = wire::decode(&self.response)?;
        logits(&wire::decode(&self.request)?, &response)
    }
}

/// A file of a model directory.
pub fn read(model: &Path, file: &str) -> Result<Vec<u8>> {
    let path = model.join(file);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}
