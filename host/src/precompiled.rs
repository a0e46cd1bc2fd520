//! Compiled modules as bytes: the one place that hands wasmtime machine code which it does not check.

use std::io::{self, Write};

use wasmtime::{Engine, Module};

use crate::error::ModuleError;

/// A compiled module that this process compiled itself.
pub(crate) struct Precompiled {
    bytes: Vec<u8>,
}

impl Precompiled {
    /// Keeps a compiled module for engines that compile alike.
    pub fn of(module: &Module) -> Result<Precompiled, ModuleError> {
        Ok(Precompiled { bytes: module.serialize().map_err(|error| ModuleError::Compile(format!("{error:#}")))? })
    }

    /// Compiles a module, outside of every cache.
    pub fn compile(engine: &Engine, wasm: &[u8]) -> Result<Precompiled, ModuleError> {
        let bytes = engine.precompile_module(wasm).map_err(|error| ModuleError::Compile(format!("{error:#}")))?;
        Ok(Precompiled { bytes })
    }

    /// Loads the module into the process's own memory.
    pub fn load(&self, engine: &Engine) -> Result<Module, ModuleError> {
        // SAFETY: the bytes come from wasmtime's serialization in this process (the field is private, and both ways to
        // fill it are above), and nothing has changed them since. Another kind of engine is refused by wasmtime.
        unsafe { Module::deserialize(engine, &self.bytes) }.map_err(|error| ModuleError::Compile(format!("{error:#}")))
    }

    /// Loads the module from a file that its memory is then mapped from, copy-on-write, by all of its instances.
    pub fn map(self, engine: &Engine) -> Result<Module, ModuleError> {
        let file = self.into_file().map_err(ModuleError::Image)?;
        // SAFETY: the bytes are wasmtime's, as above. The file has no name: it was unlinked when it was made (or never
        // had one), and its only handle goes to wasmtime, so that nobody else can write to it while it is mapped.
        unsafe { Module::deserialize_open_file(engine, file) }
            .map_err(|error| ModuleError::Compile(format!("{error:#}")))
    }

    fn into_file(self) -> io::Result<std::fs::File> {
        let mut file = tempfile::tempfile()?;
        file.write_all(&self.bytes)?;
        Ok(file)
    }
}
