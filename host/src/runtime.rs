//! An engine with the module's code in it, and the images that its instances start from.

use std::sync::Arc;

use wasm_encoder::MemoryType;
use wasmtime::{Cache, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Val};

use crate::deadline::Ticker;
use crate::error::ModuleError;
use crate::image;
use crate::instance::TABLE_LIMIT;
use crate::module::cause;
use crate::precompiled::Precompiled;

/// Code that instances run, in one engine. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct Runtime {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    code: wasmtime::Module,
    globals: Vec<String>,
    memory: MemoryType,
    ticker: Ticker,
}

/// What a memory and the globals hold when an instance starts.
pub(crate) struct Image {
    pub module: wasmtime::Module,
    /// Values of the mutable globals, in the order of [`Runtime::globals`]; none for the image that a module starts
    /// with, whose globals are right as they are.
    pub globals: Vec<Val>,
}

/// The settings on which compiled code depends; every engine has them.
fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    // Its results may differ from one CPU to the next.
    config.wasm_relaxed_simd(false);
    config
}

/// An engine to compile with.
pub(crate) fn compiling(cache: Option<Cache>) -> Result<Engine, ModuleError> {
    Engine::new(config().cache(cache)).map_err(|error| ModuleError::Start(cause(&error)))
}

/// Bytes of memory that are written back as the image has them when an instance goes, so that the next instance of the image
/// finds its pages where they were; more than a request of thousands of events writes.
const KEEP_RESIDENT: usize = 16 << 20;

/// An engine that keeps room for so many instances, each of the code and its image.
pub(crate) fn pooled(instances: usize) -> Result<Engine, ModuleError> {
    let slots = u32::try_from(instances).unwrap_or(u32::MAX / 2);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots.saturating_mul(2))
        .total_memories(slots)
        .total_tables(slots)
        .table_elements(TABLE_LIMIT);
    // Where the kernel cannot tell which pages were written, all that are kept would be.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(KEEP_RESIDENT).pagemap_scan(Enabled::Yes);
    }
    Engine::new(config().allocation_strategy(InstanceAllocationStrategy::Pooling(pool)))
        .map_err(|error| ModuleError::Start(cause(&error)))
}

impl Runtime {
    pub fn new(
        engine: Engine,
        code: wasmtime::Module,
        globals: Vec<String>,
        memory: MemoryType,
    ) -> Result<Runtime, ModuleError> {
        let ticker = Ticker::start(&engine).map_err(|error| ModuleError::Start(error.to_string()))?;
        Ok(Runtime { inner: Arc::new(Inner { engine, code, globals, memory, ticker }) })
    }

    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub fn code(&self) -> &wasmtime::Module {
        &self.inner.code
    }

    pub fn ticker(&self) -> &Ticker {
        &self.inner.ticker
    }

    /// Export names of the mutable globals.
    pub fn globals(&self) -> &[String] {
        &self.inner.globals
    }

    /// Makes an image module ready to start instances from.
    pub fn image(&self, wasm: &[u8], globals: Vec<Val>) -> Result<Image, ModuleError> {
        let compiled = Precompiled::compile(self.engine(), wasm)?;
        Ok(Image { module: compiled.map(self.engine())?, globals })
    }

    /// The image of a memory that holds these bytes.
    pub fn image_of(&self, memory: &[u8], globals: Vec<Val>) -> Result<Image, ModuleError> {
        self.image(&image::of_memory(self.inner.memory, memory), globals)
    }
}
