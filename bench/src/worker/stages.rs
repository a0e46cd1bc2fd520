//! What each stage of a request takes: the profiling build of the module, in wasmtime.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, anyhow, ensure};
use lookback::abi::Status;
use lookback::stage::Stage;
use lookback_bench::fixture::Fixture;
use lookback_bench::protocol::StageTime;
use wasmtime::{Config, Engine, Linker, Memory, Module, Store, TypedFunc};

use crate::native::read;

/// Requests before the clock counts.
const WARM_UP: usize = 3;

/// Runs a request of each fixture and search so many times; gives the median time of each stage of each.
pub fn times(model: &Path, module: &Path, runs: usize, requests: &[(&Path, &str)]) -> Result<Vec<Vec<StageTime>>> {
    ensure!(runs > 0, "stages are timed over at least one run");
    let (bundle, shard) = (read(model, "bundle.lbb")?, read(model, "shard.lbs")?);
    let failed = |error: wasmtime::Error| anyhow!("the profiling build does not run: {error:#}");
    let mut profiled = Profiled::open(module, &bundle, &shard).map_err(failed)?;
    let mut all = Vec::with_capacity(requests.len());
    for (fixture, search) in requests {
        let request = Fixture::read(fixture)?.request(fixture, search)?;
        for _ in 0..WARM_UP {
            profiled.rank(&request).map_err(failed)?;
        }
        let mut of_stage = vec![Vec::with_capacity(runs); Stage::ALL.len()];
        let mut before = profiled.nanoseconds().map_err(failed)?;
        for _ in 0..runs {
            profiled.rank(&request).map_err(failed)?;
            let now = profiled.nanoseconds().map_err(failed)?;
            for (times, (now, before)) in of_stage.iter_mut().zip(now.iter().zip(&before)) {
                times.push(now - before);
            }
            before = now;
        }
        let median = |times: &mut Vec<f64>| {
            times.sort_unstable_by(f64::total_cmp);
            times[times.len() / 2] / 1e6
        };
        let named = Stage::ALL.iter().zip(&mut of_stage);
        let named = named.map(|(stage, times)| StageTime { stage: stage.name().into(), milliseconds: median(times) });
        all.push(named.collect());
    }
    Ok(all)
}

/// The profiling build with a model in it.
struct Profiled {
    store: Store<()>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    rank: TypedFunc<(u32, u32), u32>,
    free: TypedFunc<u32, u32>,
    stage_ns: TypedFunc<u32, f64>,
}

impl Profiled {
    fn open(module: &Path, bundle: &[u8], shard: &[u8]) -> wasmtime::Result<Profiled> {
        let mut config = Config::new();
        // As the host has it.
        config.epoch_interruption(true).wasm_relaxed_simd(false);
        let engine = Engine::new(&config)?;
        let module = Module::from_file(&engine, module)?;
        let mut linker = Linker::new(&engine);
        let started = Instant::now();
        linker.func_wrap("lookback", "now", move || started.elapsed().as_nanos() as f64)?;
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = linker.instantiate(&mut store, &module)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| wasmtime::Error::msg("the module exports no memory"))?;
        let function = |store: &mut Store<()>, name: &str| instance.get_typed_func::<(u32, u32), u32>(store, name);
        let load_bundle = function(&mut store, "load_bundle")?;
        let push_shard = function(&mut store, "push_shard")?;
        let rank = function(&mut store, "rank")?;
        let init = instance.get_typed_func::<(), ()>(&mut store, "init")?;
        init.call(&mut store, ())?;
        let alloc = instance.get_typed_func(&mut store, "alloc")?;
        let free = instance.get_typed_func(&mut store, "free")?;
        let stage_ns = instance.get_typed_func(&mut store, "stage_ns")?;
        let mut profiled = Profiled { store, memory, alloc, rank, free, stage_ns };
        profiled.call(&load_bundle, bundle)?;
        profiled.call(&push_shard, shard)?;
        Ok(profiled)
    }

    fn rank(&mut self, request: &[u8]) -> wasmtime::Result<()> {
        let rank = self.rank.clone();
        let pointer = self.call(&rank, request)?;
        done(self.free.call(&mut self.store, pointer)?)
    }

    fn call(&mut self, function: &TypedFunc<(u32, u32), u32>, input: &[u8]) -> wasmtime::Result<u32> {
        let pointer = self.alloc.call(&mut self.store, input.len() as u32)?;
        self.memory.write(&mut self.store, pointer as usize, input)?;
        done(function.call(&mut self.store, (pointer, input.len() as u32))?)?;
        Ok(pointer)
    }

    fn nanoseconds(&mut self) -> wasmtime::Result<Vec<f64>> {
        let stages = Stage::ALL.map(|stage| stage as u32);
        stages.into_iter().map(|stage| self.stage_ns.call(&mut self.store, stage)).collect()
    }
}

fn done(status: u32) -> wasmtime::Result<()> {
    if status == Status::Ok as u32 { Ok(()) } else { Err(wasmtime::Error::msg(format!("it gave status {status}"))) }
}
