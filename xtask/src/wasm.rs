//! `cargo xtask wasm`: the module, as wasm-pack.toml says.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use wasmparser::{Parser, Payload};

use crate::cargo::build;
use crate::module::{Builds, Module};
use crate::process::elapsed;
use crate::root::{shown, state};
use crate::setup::{Method, Options, toolchain};

pub fn run(options: &Options) -> Result<()> {
    make(options.method, None).map(drop)
}

/// Builds the module and returns its place. Cargo's progress goes to the screen, or to `log`.
pub fn make(method: Method, log: Option<&Path>) -> Result<PathBuf> {
    place(&Builds::read()?.module, method, log, None)
}

/// Builds the module that times its stages, which never ships, and returns its place.
pub fn make_profiling(method: Method) -> Result<PathBuf> {
    let mut module = Builds::read()?.module;
    module.name.push_str("-profiling");
    module.features.push("stages".to_owned());
    // Cargo gives both the same file, and would build each anew after the other.
    place(&module, method, None, Some(&state().join("profiling")))
}

/// Builds a module and puts what ships of it into its place.
fn place(module: &Module, method: Method, log: Option<&Path>, target: Option<&Path>) -> Result<PathBuf> {
    let started = Instant::now();
    let built = compile(module, method, log, target)?;
    let place = state().join(format!("{}.wasm", module.name));
    let bytes = fs::read(&built.file).with_context(|| format!("cannot read {}", shown(&built.file)))?;
    let bytes = without_custom_sections(&bytes).with_context(|| format!("{} does not read", shown(&built.file)))?;
    let changed = put(&bytes, &place)?;
    let news = match (changed, built.fresh) {
        (false, true) => "up to date".to_owned(),
        (false, false) => format!("built in {}, the same bytes as before", elapsed(started)),
        (true, _) => format!("built in {}", elapsed(started)),
    };
    println!("{}: {} ({} gzip'd), {news}", shown(&place), megabytes(bytes.len()), megabytes(gzip_size(&bytes)?));
    Ok(place)
}

/// A file that cargo made.
pub struct Built {
    /// With the sections that wasm-bindgen and debuggers read.
    pub file: PathBuf,
    /// Nothing had changed since the last build.
    pub fresh: bool,
}

pub fn compile(module: &Module, method: Method, log: Option<&Path>, target: Option<&Path>) -> Result<Built> {
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
    let file = artifact
        .files
        .into_iter()
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .with_context(|| format!("cargo made no .wasm file from {}", module.package))?;
    Ok(Built { file, fresh: artifact.fresh })
}

/// A module without names and debugging information, which no engine needs.
fn without_custom_sections(module: &[u8]) -> Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(module.len());
    let mut done = 0;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let end = match &payload {
            Payload::Version { range, .. } => range.end,
            Payload::CustomSection(section) => {
                done = section.range().end;
                continue;
            }
            section => match section.as_section() {
                Some((_, range)) => range.end,
                None => continue,
            },
        };
        kept.extend_from_slice(&module[done..end]);
        done = end;
    }
    Ok(kept)
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

pub fn gzip_size(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

pub fn megabytes(bytes: usize) -> String {
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
    fn only_custom_sections_are_taken_out() {
        let head = b"\0asm\x01\0\0\0";
        let (types, custom) = (b"\x01\x04\x01\x60\0\0", b"\0\x05\x04name");
        let functions = b"\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";
        let whole = [&head[..], custom, types, custom, functions, custom].concat();
        assert_eq!(without_custom_sections(&whole).unwrap(), [&head[..], types, functions].concat());
        assert!(without_custom_sections(&whole[..whole.len() - 2]).is_err());
        assert!(without_custom_sections(b"no module").is_err());
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(megabytes(73_400), "73.4 kB");
        assert_eq!(megabytes(6_512_345), "6.51 MB");
        assert!(gzip_size(&[0; 100_000]).unwrap() < 1000);
    }
}
