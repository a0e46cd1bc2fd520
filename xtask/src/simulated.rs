//! The simulated platform in data/simulated: its log has what MovieLens lacks.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::lock::Lock;
use crate::process::{command, stream};
use crate::root::root;

pub fn folder() -> PathBuf {
    root().join("data/simulated")
}

/// Simulates, and makes examples, where that is not done yet.
pub fn ensure(lookback: &Path) -> Result<()> {
    if is_ready() {
        return Ok(());
    }
    let _lock = Lock::take(&root().join("data"), "simulated")?;
    if !has("simulation.json") {
        stream(command(lookback).args(["simulate", "--output"]).arg(folder()))?;
    }
    if !has("examples.json") {
        stream(command(lookback).args(["examples", "--logged", "--data"]).arg(folder()))?;
    }
    Ok(())
}

/// Both steps write their report last.
fn is_ready() -> bool {
    has("simulation.json") && has("examples.json")
}

fn has(file: &str) -> bool {
    folder().join(file).is_file()
}
