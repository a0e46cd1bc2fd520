//! wasm-bindgen's programs, of the version that xtask/bindgen/Cargo.lock names.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cargo::{build, cargo};
use crate::root::{root, state};

/// The command line: a module in, a module and its glue out.
pub fn command_line() -> Result<PathBuf> {
    program("bindgen")
}

/// What runs a module's tests in a browser.
pub fn test_runner() -> Result<PathBuf> {
    program("test-runner")
}

/// Builds it, the first time.
fn program(name: &str) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--release", "--locked", "--bins", "--manifest-path"]);
    command.arg(root().join("xtask/bindgen/Cargo.toml")).arg("--target-dir").arg(state().join("bindgen"));
    build(&mut command)
        .context("wasm-bindgen's programs, in xtask/bindgen")?
        .into_iter()
        .filter(|artifact| artifact.name == name)
        .find_map(|artifact| artifact.executable)
        .with_context(|| format!("cargo built no executable named `{name}`"))
}
