//! The module: compiled once, checked to import nothing and to speak this host's ABI.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs};

use lookback::abi::ABI_VERSION;
use wasm_encoder::MemoryType;
use wasmtime::{Cache, CacheConfig};

use crate::error::ModuleError;
use crate::image::{self, Split};
use crate::instance::Instance;
use crate::precompiled::Precompiled;
use crate::runtime::{self, Image, Runtime};

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
    code: Precompiled,
    /// The memory that the module starts with, as a module of its own.
    image: Vec<u8>,
    globals: Vec<String>,
    memory: MemoryType,
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
        let Split { code, image, globals, memory } = image::split(bytes)?;
        let engine = runtime::compiling(open(cache)?)?;
        let compiled = wasmtime::Module::from_binary(&engine, &code)
            .map_err(|error| ModuleError::Compile(format!("{error:#}")))?;
        let inner = Inner { code: Precompiled::of(&compiled)?, image, globals, memory, size: bytes.len() };
        let trial = Runtime::new(engine, compiled, inner.globals.clone(), memory)?;
        let got = Instance::abi_version(&trial, &trial.image(&inner.image, Vec::new())?)?;
        if got != ABI_VERSION {
            return Err(ModuleError::AbiVersion { expected: ABI_VERSION, got });
        }
        Ok(Module { inner: Arc::new(inner) })
    }

    /// Size of the `.wasm` file in bytes.
    pub fn size(&self) -> usize {
        self.inner.size
    }

    /// An engine of its own with room for so many instances, and the image to start the first one from.
    pub(crate) fn runtime(&self, instances: usize) -> Result<(Runtime, Image), ModuleError> {
        let engine = runtime::pooled(instances)?;
        let code = self.inner.code.load(&engine)?;
        let runtime = Runtime::new(engine, code, self.inner.globals.clone(), self.inner.memory)?;
        let image = runtime.image(&self.inner.image, Vec::new())?;
        Ok((runtime, image))
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
