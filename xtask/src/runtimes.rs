//! `cargo xtask engines`: the module on every engine; and the tests of the examples, each in its own runtime.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::bench::locked;
use crate::cargo::{build, cargo};
use crate::counts::Counts;
use crate::lock::Lock;
use crate::npm::Project;
use crate::process::{command, quietly, stream};
use crate::root::{root, shown, state};
use crate::setup::Method;
use crate::test::FEATURES;
use crate::{debian, pack, wasm};

#[derive(Args)]
pub struct Options {
    /// Fresh processes that each runtime starts against the clock
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Seed of the questions that are made up
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Model directories whose answers are compared [default: models/ml-100k and models/simulated]
    #[arg(long, value_name = "DIR")]
    model: Vec<PathBuf>,
    /// The page to write [default: docs/engines.md; with --model target/lookback/engines.md]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const MODELS: [&str; 2] = ["models/ml-100k", "models/simulated"];
/// Debian's packages, and the program of each.
const BROWSERS: [(&str, &str); 2] = [("chromium", "chromium"), ("firefox-esr", "firefox-esr")];

pub fn run(options: &Options) -> Result<()> {
    let own = !options.model.is_empty();
    let models = if own {
        options.model.iter().map(std::path::absolute).collect::<Result<_, _>>()?
    } else {
        MODELS.map(PathBuf::from).to_vec()
    };
    let page = match &options.output {
        Some(output) => std::path::absolute(output)?,
        None if own => state().join("engines.md"),
        None => root().join("docs/engines.md"),
    };
    let ready = prepare(options.runs, options.seed, &models)?;
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let wasmtime = locked(&lock, "wasmtime").context("Cargo.lock has no wasmtime")?;
    println!("\nmeasuring; a quiet machine gives quiet numbers");
    let mut report = ready.project.command("node");
    report.arg("report.js").arg(options.runs.to_string()).arg(&page).arg(&ready.module).arg(wasmtime);
    stream(&mut report)?;
    println!("\nwrote {}", shown(&page));
    Ok(())
}

pub fn test(filter: Option<&str>) -> Result<Counts> {
    let ready = prepare(1, 1, &MODELS.map(PathBuf::from))?;
    ready.project.test(&["examples.test.js", "identical.test.js"], filter)
}

/// The runtimes with the package installed, and questions with wasmtime's answers.
struct Ready {
    project: Project,
    module: PathBuf,
    /// Another run would write what this one reads.
    _lock: Lock,
}

fn prepare(runs: u32, seed: u64, models: &[PathBuf]) -> Result<Ready> {
    let lock = Lock::take(&state(), "runtimes")?;
    debian::programs(&BROWSERS)?;
    let module = wasm::make(Method::Auto, None)?;
    let package = pack::make(Method::Auto)?;
    let project = Project::install(&root().join("tests/runtimes"))?;
    let mut questions = command(engines()?);
    questions.arg(state().join("engines")).arg(&module).args([runs.to_string(), seed.to_string()]).args(models);
    quietly(&mut questions, "asking wasmtime")?;
    quietly(
        project.command("node").arg("install.js").arg(package.tarball),
        "installing the package into the examples",
    )?;
    Ok(Ready { project, module, _lock: lock })
}

/// The host's example that makes questions and answers them.
fn engines() -> Result<PathBuf> {
    let made = build(cargo().args(["build", "--release", "--example", "engines"]).args(FEATURES))?;
    let example = made.into_iter().find(|artifact| artifact.name == "engines");
    example.and_then(|artifact| artifact.executable).context("cargo built no example named `engines`")
}
