//! How long wasmtime takes from the module's bytes to a first answer, and what other engines are timed with.

use std::time::{Duration, Instant};

use lookback::request::Request;
use lookback::shard::Shard;
use lookback::wire;
use serde_json::{Value, json};
use wasmtime::Module;

use crate::folder::Folder;
use crate::module::Compiled;
use crate::support::Result;

/// Ranks after the first; the middle one of them counts.
const LATER: usize = 20;

pub fn of(
    folder: &Folder,
    wasm: &[u8],
    bundle: &[u8],
    shard: &Shard,
    question: &Request,
    runs: usize,
) -> Result<Value> {
    let question = wire::encode(question);
    let mut measured = Vec::new();
    for _ in 0..runs {
        measured.push(run(wasm, bundle, shard, &question)?);
    }
    Ok(json!({
        "bundle": folder.bytes("timed.lbb", bundle)?,
        "shard": folder.bytes("timed.lbs", shard.bytes())?,
        "request": folder.bytes("timed.request", &question)?,
        "rows": shard.len(),
        "later": LATER,
        "wasmtime": measured,
    }))
}

fn run(wasm: &[u8], bundle: &[u8], shard: &Shard, question: &[u8]) -> Result<Value> {
    let (compiled, compile) = timed(|| Compiled::anew(wasm))?;
    let (engine, code) = compiled.serialized()?;
    // SAFETY: wasmtime made these bytes a line above, with the same settings.
    let (_, precompiled) = timed(|| Ok(unsafe { Module::deserialize(&engine, &code) }?))?;
    let (mut running, instantiate) = timed(|| compiled.start())?;
    let (_, load_bundle) = timed(|| running.call("load_bundle", bundle))?;
    let (_, load_shard) = timed(|| running.call("push_shard", shard.bytes()))?;
    let (_, first_rank) = timed(|| running.call("rank", question))?;
    let mut later: Vec<f64> = Vec::new();
    for _ in 0..LATER {
        later.push(timed(|| running.call("rank", question))?.1);
    }
    later.sort_by(f64::total_cmp);
    Ok(json!({
        "compile": compile, "precompiled": precompiled, "instantiate": instantiate, "load_bundle": load_bundle,
        "load_shard": load_shard, "first_rank": first_rank, "later_rank": later[LATER / 2],
    }))
}

/// In milliseconds.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let started = Instant::now();
    let made = work()?;
    Ok((made, Duration::as_secs_f64(&started.elapsed()) * 1e3))
}
