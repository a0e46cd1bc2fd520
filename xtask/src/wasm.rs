//! `cargo xtask wasm`: the module, as wasm-pack.toml says.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cargo::build;
use crate::module::Module;
use crate::process::elapsed;
use crate::root::{root, shown, state};
use crate::setup::{Method, Options, toolchain};

pub fn run(options: &Options) -> Result<()> {
    make(options.method, None).map(drop)
}

/// Builds the module and returns its place. Cargo's progress goes to the screen, or to `log`.
pub fn make(method: Method, log: Option<&Path>) -> Result<PathBuf> {
    compile(&Module::read(&root().join("wasm-pack.toml"))?, method, log, None)
}

/// Builds the module that times its stages, which never ships, and returns its place.
pub fn make_profiling(method: Method) -> Result<PathBuf> {
    let mut module = Module::read(&root().join("wasm-pack.toml"))?;
    module.name.push_str("-profiling");
    module.features.push("stages".to_owned());
    // Cargo gives both the same file, and would build each anew after the other.
    compile(&module, method, None, Some(&state().join("profiling")))
}

fn compile(module: &Module, method: Method, log: Option<&Path>, target: Option<&Path>) -> Result<PathBuf> {
    let started = Instant::now();
    let toolchain = toolchain(method, &module.target)?;

    let mut cargo = toolchain.cargo();
    cargo
        .args(["rustc", "-p", &module.package, "--lib", "--crate-type", "cdylib"])
        .args(["--target", &module.target, "--profile", &module.profile])
        .env("CARGO_ENCODED_RUSTFLAGS", module.encoded_rustflags());
    if let Some(target) = target {
        cargo.arg("--target-dir").arg(target);
    }
    if !module.features.is_empty() {
        cargo.args(["--features", &module.features.join(",")]);
    }
    if let Some(log) = log {
        let file = fs::File::create(log).with_context(|| format!("cannot write {}", shown(log)))?;
        cargo.stderr(file);
    }
    let artifact = build(&mut cargo)
        .with_context(|| log.map_or_else(|| "the module".to_owned(), |log| format!("the module, see {}", shown(log))))?
        .into_iter()
        .find(|artifact| artifact.name == module.package.replace('-', "_"))
        .with_context(|| format!("cargo built no library of {}", module.package))?;
    let built = artifact
        .files
        .iter()
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .with_context(|| format!("cargo made no .wasm file from {}", module.package))?;

    let place = state().join(format!("{}.wasm", module.name));
    let bytes = fs::read(built).with_context(|| format!("cannot read {}", shown(built)))?;
    let changed = put(&bytes, &place)?;
    let news = match (changed, artifact.fresh) {
        (false, true) => "up to date".to_owned(),
        (false, false) => format!("built in {}, the same bytes as before", elapsed(started)),
        (true, _) => format!("built in {}", elapsed(started)),
    };
    println!("{}: {} ({} gzip'd), {news}", shown(&place), megabytes(bytes.len()), megabytes(gzip_size(&bytes)?));
    Ok(place)
}

/// Writes the file in one step, unless it holds these bytes; returns whether it did.
fn put(bytes: &[u8], place: &Path) -> Result<bool> {
    if fs::read(place).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let fresh = place.with_extension(format!("wasm.{}", std::process::id()));
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&fresh, bytes).with_context(|| format!("cannot write {}", shown(&fresh)))?;
    fs::rename(&fresh, place).with_context(|| format!("cannot write {}", shown(place)))?;
    Ok(true)
}

fn gzip_size(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

fn megabytes(bytes: usize) -> String {
    if bytes < 100_000 { format!("{:.1} kB", bytes as f64 / 1e3) } else { format!("{:.2} MB", bytes as f64 / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("m.wasm");
        assert!(put(b"one", &place).unwrap());
        assert!(!put(b"one", &place).unwrap());
        assert!(put(b"two", &place).unwrap());
        assert_eq!(fs::read(&place).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(megabytes(73_400), "73.4 kB");
        assert_eq!(megabytes(6_512_345), "6.51 MB");
        assert!(gzip_size(&[0; 100_000]).unwrap() < 1000);
    }
}
