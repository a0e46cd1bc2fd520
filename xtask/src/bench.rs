//! `cargo xtask bench`: what a request costs, against other runtimes, as a page with figures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::cargo::{build, cargo};
use crate::npm::{self, Project};
use crate::process::{command, output, quietly, stream};
use crate::python::{self, Python};
use crate::root::{root, shown, state};
use crate::setup::Method;
use crate::test::FEATURES;
use crate::wasm;

#[derive(Args)]
pub struct Options {
    /// Few cells and few rounds: under 3 minutes once everything is built
    #[arg(long)]
    quick: bool,
    /// The page to write; its figures go into a folder of the same name beside it [default: docs/performance.md; with
    /// --quick target/lookback/performance.md]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Assumed price of a core for an hour, for the note on cost that goes beside the page [default: 0.04]
    #[arg(long, value_name = "PRICE")]
    core_hour_price: Option<f64>,
}

const MODEL: &str = "models/simulated";
const WORKER: &str = "lookback-worker";
/// The worker of the same Rust, by name of the variant, and how it is compiled.
const NATIVE: [(&str, &[&str]); 2] = [("native-128", SIMD_128), ("native-all", &["-Ctarget-cpu=native"])];

/// Elsewhere what every CPU of the architecture has is 128-bit SIMD.
#[cfg(target_arch = "x86_64")]
const SIMD_128: &[&str] = &["-Ctarget-feature=+sse4.2,+ssse3"];
#[cfg(not(target_arch = "x86_64"))]
const SIMD_128: &[&str] = &[];

pub fn run(options: &Options) -> Result<()> {
    let folder = state().join("bench/performance");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", shown(&folder)))?;
    let python = python::setup()?;
    let profiling = wasm::make_profiling(Method::Auto)?;
    let module = wasm::make(Method::Auto, None)?;
    let programs = Programs::build(&folder)?;
    let node = node()?;

    println!("\nwriting the peers' graphs and the requests");
    let (graphs, fixtures) = (folder.join("graphs"), folder.join("fixtures"));
    let model = root().join(MODEL);
    stream(python_of(&python, "performance-graphs").arg("--model").arg(&model).arg("--output").arg(&graphs))?;
    let mut written = command(&programs.driver);
    written.arg("fixtures").arg("--model").arg(&model).arg("--fixtures").arg(&fixtures);
    written.args(options.quick.then_some("--quick"));
    let fixture_files = output(&mut written)?;
    quietly(
        python_of(&python, "performance-draws").arg("--model").arg(&model).args(fixture_files.lines()),
        "searching exactly, to compare with",
    )?;

    println!("\nmeasuring; a quiet machine gives quiet numbers");
    let mut run = command(&programs.driver);
    run.arg("run").arg("--model").arg(&model).arg("--fixtures").arg(&fixtures);
    run.arg("--module").arg(&module).arg("--profiling").arg(&profiling).arg("--graphs").arg(&graphs);
    run.arg("--worker").arg(&programs.worker).arg("--tract").arg("--start").arg(&programs.start);
    for (name, program) in &programs.native {
        run.arg(format!("--{name}")).arg(program);
    }
    run.arg("--python").arg(python.interpreter());
    python.environment(&mut run);
    if let Some(node) = &node {
        run.arg("--node").arg(node);
    }
    run.args(options.quick.then_some("--quick"));
    let results = folder.join("results.json");
    run.arg("--output").arg(&results);
    if results.is_file() {
        fs::remove_file(&results).with_context(|| format!("cannot remove {}", shown(&results)))?;
    }
    let measured = stream(&mut run);
    // Where variants did not agree there are results, and the page says which of them are wrong.
    if !results.is_file() {
        return measured;
    }
    let versions = versions(&python, node.is_some())?;
    fs::write(folder.join("versions.json"), serde_json::to_string_pretty(&versions)?)?;
    page(&python, &folder, options)?;
    measured
}

/// What is measured with.
struct Programs {
    driver: PathBuf,
    /// Runs the module and tract.
    worker: PathBuf,
    /// Measures start and memory.
    start: PathBuf,
    native: Vec<(&'static str, PathBuf)>,
}

impl Programs {
    fn build(folder: &Path) -> Result<Programs> {
        let mut all = cargo();
        all.args(["build", "--release", "--bins", "--example", "start"]).args(FEATURES);
        let made = build(&mut all)?;
        let executable = |name: &str| {
            let artifact = made.iter().find(|artifact| artifact.name == name);
            artifact.and_then(|artifact| artifact.executable.clone()).with_context(|| format!("cargo built no {name}"))
        };
        let (driver, worker, start) = (executable("lookback-bench")?, executable(WORKER)?, executable("start")?);
        let mut native = Vec::new();
        for (name, flags) in NATIVE {
            println!("building the core natively: {name}");
            let mut one = cargo();
            one.args(["build", "--release", "-p", "lookback-bench", "--no-default-features", "--bin", WORKER]);
            one.arg("--target-dir").arg(folder.join(name)).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
            let made = build(&mut one)?;
            let executable = made.into_iter().filter(|one| one.name == WORKER).find_map(|one| one.executable);
            native.push((name, executable.with_context(|| format!("cargo built no {WORKER}"))?));
        }
        Ok(Programs { driver, worker, start, native })
    }
}

/// The folder of the workers in Node with what they need; none where there is no Node.
fn node() -> Result<Option<PathBuf>> {
    if !npm::is_there() {
        println!("node or npm is not on the PATH: V8 and onnxruntime-web are left out");
        return Ok(None);
    }
    Ok(Some(Project::install(&root().join("bench/node"))?.folder().to_path_buf()))
}

fn python_of(python: &Python, name: &str) -> std::process::Command {
    let mut command = python.command();
    command.args(["-m", "lookback_training", name]);
    command
}

/// What was compared with what.
fn versions(python: &Python, with_node: bool) -> Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    versions.insert("lookback".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    for name in ["wasmtime", "tract-onnx"] {
        let version = locked(&lock, name).with_context(|| format!("Cargo.lock has no {name}"))?;
        versions.insert(name.to_owned(), version);
    }
    versions.insert("rustc".to_owned(), output(command("rustc").arg("--version"))?.replace("rustc ", ""));
    let print = "import onnxruntime; print(onnxruntime.__version__)";
    versions.insert("onnxruntime".to_owned(), output(python.command().args(["-c", print]))?);
    if with_node {
        versions.insert("node".to_owned(), output(command("node").arg("--version"))?);
        versions.insert("v8".to_owned(), output(command("node").args(["-p", "process.versions.v8"]))?);
        let file = root().join("bench/node/package.json");
        let package: Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
        let version = package["dependencies"]["onnxruntime-web"].as_str();
        let version = version.with_context(|| format!("{} names no onnxruntime-web", shown(&file)))?;
        versions.insert("onnxruntime-web".to_owned(), version.to_owned());
    }
    Ok(versions)
}

/// The version of a package in the text of Cargo.lock.
pub fn locked(lock: &str, name: &str) -> Option<String> {
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{name}\""));
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

fn page(python: &Python, folder: &Path, options: &Options) -> Result<()> {
    let page = match &options.output {
        Some(output) => std::path::absolute(output).context("no such place")?,
        // What shows only a part must not stand where the whole is.
        None if options.quick => state().join("performance.md"),
        None => root().join("docs/performance.md"),
    };
    let fleet = page.with_file_name("fleet.md");
    let mut made_by = "cargo xtask bench".to_owned();
    let mut write = python_of(python, "performance-page");
    if options.quick {
        made_by.push_str(" --quick");
    }
    if let Some(price) = options.core_hour_price {
        made_by.push_str(&format!(" --core-hour-price {price}"));
        write.args(["--core-hour-price", &price.to_string()]);
    }
    write
        .arg("--model")
        .arg(root().join(MODEL))
        .arg("--results")
        .arg(folder)
        .arg("--output")
        .arg(&page)
        .arg("--fleet")
        .arg(&fleet);
    stream(write.args(["--command", &made_by]))?;
    println!("\nwritten to {} and {}", shown(&page), shown(&fleet));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_lock() {
        let lock =
            "[[package]]\nname = \"a\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"a-b\"\nversion = \"4.5.6\"\n";
        assert_eq!(locked(lock, "a").as_deref(), Some("1.2.3"));
        assert_eq!(locked(lock, "a-b").as_deref(), Some("4.5.6"));
        assert_eq!(locked(lock, "b"), None);
    }
}
