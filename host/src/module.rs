//! The module: compiled once, checked to import nothing and to speak this host's ABI.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs};

use lookback::abi::ABI_VERSION;
use wasmtime::{Cache, CacheConfig, Config, Engine};

use crate::deadline::Ticker;
use crate::error::ModuleError;
use crate::instance::Instance;

/// Where compiled modules are kept between runs. Compiling takes seconds, loading a compiled module milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CompileCache {
    /// wasmtime's folder in the user's cache folder.
    #[default]
    User,
    /// This folder, an absolute path. Whoever can write to it can run code in this process.
    Folder(PathBuf),
    /// Nowhere: compile each time.
    Off,
}

/// The compiled module. Cheap to clone; clones share the code.
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    compiled: wasmtime::Module,
    ticker: Ticker,
    size: usize,
}

impl Module {
    /// Reads and compiles a `.wasm` file, with [`CompileCache::User`].
    pub fn load(path: impl AsRef<Path>) -> Result<Module, ModuleError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| ModuleError::Read { path: path.to_owned(), source })?;
        Module::from_bytes(&bytes)
    }

    /// Compiles a module, with [`CompileCache::User`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Module, ModuleError> {
        Module::compile(bytes, &CompileCache::User)
    }

    /// Compiles a module, or takes it from the cache.
    pub fn compile(bytes: &[u8], cache: &CompileCache) -> Result<Module, ModuleError> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        // Its results may differ from one CPU to the next.
        config.wasm_relaxed_simd(false);
        config.cache(open(cache)?);
        let engine = Engine::new(&config).map_err(|error| ModuleError::Start(cause(&error)))?;
        let compiled = wasmtime::Module::from_binary(&engine, bytes)
            .map_err(|error| ModuleError::Compile(format!("{error:#}")))?;
        let imports: Vec<String> =
            compiled.imports().map(|import| format!("{}.{}", import.module(), import.name())).collect();
        if !imports.is_empty() {
            return Err(ModuleError::Imports(imports.join(", ")));
        }
        let ticker = Ticker::start(&engine).map_err(|error| ModuleError::Start(error.to_string()))?;
        let module = Module { inner: Arc::new(Inner { engine, compiled, ticker, size: bytes.len() }) };
        let got = Instance::abi_version(&module)?;
        if got != ABI_VERSION {
            return Err(ModuleError::AbiVersion { expected: ABI_VERSION, got });
        }
        Ok(module)
    }

    /// Size of the `.wasm` file in bytes.
    pub fn size(&self) -> usize {
        self.inner.size
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn compiled(&self) -> &wasmtime::Module {
        &self.inner.compiled
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.inner.ticker
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Module").field("size", &self.inner.size).finish_non_exhaustive()
    }
}

fn open(cache: &CompileCache) -> Result<Option<Cache>, ModuleError> {
    let mut config = CacheConfig::new();
    match cache {
        CompileCache::Off => return Ok(None),
        CompileCache::User => {}
        CompileCache::Folder(folder) => {
            config.with_directory(folder);
        }
    }
    let cache = Cache::new(config).map_err(|error| ModuleError::Cache(format!("{error:#}")))?;
    Ok(Some(cache))
}

/// The innermost reason: wasmtime's outer ones tell of frames that a stripped module does not name.
pub(crate) fn cause(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}
