//! Builds by cargo, with its own progress on screen, and the files they made.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{command, lines};

/// What one target of a build made.
pub struct Artifact {
    pub name: String,
    pub files: Vec<PathBuf>,
    pub executable: Option<PathBuf>,
    /// Nothing had changed since the last build.
    pub fresh: bool,
}

/// The cargo that runs xtask.
pub fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Adds `--message-format` to a `cargo build` or `cargo rustc` with its arguments up to `--`.
pub fn build(command: &mut Command) -> Result<Vec<Artifact>> {
    command.arg("--message-format=json-render-diagnostics");
    let mut artifacts = Vec::new();
    let ok = lines(command, |line| artifacts.extend(artifact(line)))?;
    if !ok {
        bail!("the build failed; cargo's messages say why");
    }
    Ok(artifacts)
}

/// `lookback`, the command line; `prepare` adds the native core and the ONNX reader, which take minutes to compile.
pub fn lookback(prepare: bool) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--release", "-p", "lookback-host", "--bin", "lookback"]);
    if prepare {
        command.args(["--features", "prepare"]);
    }
    executable(&mut command)
}

/// Runs a build that makes the executable `lookback`, and returns its place.
pub fn executable(command: &mut Command) -> Result<PathBuf> {
    build(command)?
        .into_iter()
        .filter(|artifact| artifact.name == "lookback")
        .find_map(|artifact| artifact.executable)
        .context("cargo built no executable named `lookback`; host/Cargo.toml should have a [[bin]] of that name")
}

fn artifact(line: &str) -> Option<Artifact> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    Some(Artifact {
        name: message["target"]["name"].as_str()?.to_owned(),
        files: message["filenames"].as_array()?.iter().filter_map(|file| file.as_str().map(PathBuf::from)).collect(),
        executable: message["executable"].as_str().map(PathBuf::from),
        fresh: message["fresh"].as_bool()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_read_from_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"lookback"},"filenames":["/t/lookback.wasm"],"executable":null,"fresh":true}"#;
        let artifact = artifact(line).unwrap();
        assert_eq!(artifact.name, "lookback");
        assert_eq!(artifact.files, [PathBuf::from("/t/lookback.wasm")]);
        assert!(artifact.fresh && artifact.executable.is_none());
    }

    #[test]
    fn other_messages_are_not_artifacts() {
        assert!(artifact(r#"{"reason":"build-finished","success":true}"#).is_none());
        assert!(artifact("not json").is_none());
    }
}
