//! `cargo xtask demo`: from a fresh clone to ranked candidates.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};

use crate::module::Builds;
use crate::process::{Spinner, command, elapsed, stream};
use crate::root::{root, shown, state};
use crate::setup::{Method, toolchain};
use crate::{cargo, data, wasm};

const STEPS: usize = 4;

pub fn run() -> Result<()> {
    let model = root().join("models/ml-100k");
    let bundle = model.join("bundle.lbb");
    if !bundle.is_file() {
        bail!("{} is not there; `cargo xtask train` makes it", shown(&bundle));
    }
    println!("The first run compiles for some minutes; the next ones take seconds.");
    let started = Instant::now();
    step(1, "a compiler for WebAssembly", || {
        let toolchain = toolchain(Method::Auto, &Builds::read()?.module.target)?;
        println!("      {}", toolchain.describe());
        Ok(())
    })?;
    let (module, lookback) = step(2, "the module and its host, compiled side by side", compile)?;
    step(3, "MovieLens 100K", || data::ensure(&lookback))?;
    step(4, "three people's candidates, ranked in the sandbox", || {
        stream(
            command(&lookback)
                .args(["demo", "--data", &shown(&data::folder()), "--model"])
                .arg(shown(&model))
                .arg("--module")
                .arg(shown(&module)),
        )
    })?;
    println!("\nAll of it: {}", elapsed(started));
    Ok(())
}

/// Much of the module's build runs on one core, so the host's is done beside it.
fn compile() -> Result<(PathBuf, PathBuf)> {
    fs::create_dir_all(state()).with_context(|| format!("cannot create {}", shown(&state())))?;
    let log = state().join("module-build.log");
    println!("      the host's build is shown, the module's is in {}", shown(&log));
    thread::scope(|scope| {
        let module = scope.spawn(|| wasm::make(Method::Auto, Some(&log)));
        let lookback = cargo::lookback(false);
        if let Err(error) = &lookback {
            eprintln!("      the host does not compile ({error:#}); waiting for the module's build to end");
        }
        let module = if module.is_finished() {
            module.join()
        } else {
            let spinner = Spinner::start("the module is still compiling");
            let made = module.join();
            spinner.done();
            made
        };
        let module = module.map_err(|_| anyhow!("the module's build panicked; see {}", shown(&log)))?;
        Ok((module?, lookback?))
    })
}

fn step<T>(number: usize, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    println!("\n[{number}/{STEPS}] {what}");
    let value = work()?;
    println!("      done in {}", elapsed(started));
    Ok(value)
}
