//! `cargo xtask demo`: from a fresh clone to ranked candidates.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::process::{command, elapsed, stream};
use crate::root::{root, shown};
use crate::setup::Method;
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
    let module = step(1, "the WebAssembly module", || wasm::make(Method::Auto))?;
    let lookback = step(2, "the host", || cargo::lookback(false))?;
    step(3, "MovieLens 100K", || data::ensure(&lookback))?;
    step(4, "three people's candidates, ranked in the sandbox", || {
        stream(
            command(&lookback)
                .args(["demo", "--data", &shown(&data::folder()), "--model", &shown(&model), "--module"])
                .arg(shown(&module)),
        )
    })?;
    println!("\nAll of it: {}", elapsed(started));
    Ok(())
}

fn step<T>(number: usize, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    println!("\n[{number}/{STEPS}] {what}");
    let value = work()?;
    println!("      done in {}", elapsed(started));
    Ok(value)
}
