//! The module in wasmtime by its raw exports, as any host could run it.

use lookback::abi::Status;
use lookback::shard::Delta;
use wasmtime::{Cache, Config, Engine, Instance, Memory, Module, Store};

use crate::support::Result;

pub struct Compiled {
    engine: Engine,
    module: Module,
}

impl Compiled {
    /// Compiled once on this machine, and then found.
    pub fn cached(wasm: &[u8]) -> Result<Compiled> {
        Compiled::by(Engine::new(Config::new().cache(Some(Cache::from_file(None)?)))?, wasm)
    }

    /// Compiled anew.
    pub fn anew(wasm: &[u8]) -> Result<Compiled> {
        Compiled::by(Engine::default(), wasm)
    }

    fn by(engine: Engine, wasm: &[u8]) -> Result<Compiled> {
        let module = Module::new(&engine, wasm)?;
        Ok(Compiled { engine, module })
    }

    /// An instance that is ready for calls.
    pub fn start(&self) -> Result<Running> {
        let mut store = Store::new(&self.engine, ());
        let instance = Instance::new(&mut store, &self.module, &[])?;
        let memory = instance.get_memory(&mut store, "memory").ok_or("the module exports no memory")?;
        instance.get_typed_func::<(), ()>(&mut store, "init")?.call(&mut store, ())?;
        Ok(Running { store, instance, memory })
    }

    /// An instance with a bundle, a shard, and deltas on it.
    pub fn load(&self, bundle: &[u8], shard: &[u8], deltas: &[Delta]) -> Result<Running> {
        let mut running = self.start()?;
        running.call("load_bundle", bundle)?;
        running.call("push_shard", shard)?;
        for delta in deltas {
            running.call("apply_delta", delta.bytes())?;
        }
        Ok(running)
    }

    /// Compiled code that needs no compiler, and what loads it.
    pub fn serialized(&self) -> Result<(Engine, Vec<u8>)> {
        Ok((self.engine.clone(), self.module.serialize()?))
    }
}

pub struct Running {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Running {
    /// Allocates, calls, and frees but for a shard that the module took.
    pub fn call(&mut self, export: &str, input: &[u8]) -> Result<Vec<u8>> {
        let len = input.len() as u32;
        let pointer = self.number("alloc", len)?;
        self.memory.write(&mut self.store, pointer as usize, input)?;
        let function = self.instance.get_typed_func::<(u32, u32), u32>(&mut self.store, export)?;
        let status = Status::from_code(function.call(&mut self.store, (pointer, len))?);
        let output = self.output()?;
        if status != Some(Status::Ok) {
            return Err(format!("{export}: {status:?}, {}", String::from_utf8_lossy(&output)).into());
        }
        if export != "push_shard" {
            self.number("free", pointer)?;
        }
        Ok(output)
    }

    fn output(&mut self) -> Result<Vec<u8>> {
        let read = |running: &mut Running, export| -> Result<usize> {
            let function = running.instance.get_typed_func::<(), u32>(&mut running.store, export)?;
            Ok(function.call(&mut running.store, ())? as usize)
        };
        let (start, len) = (read(self, "output_ptr")?, read(self, "output_len")?);
        Ok(self.memory.data(&self.store)[start..start + len].to_vec())
    }

    fn number(&mut self, export: &str, argument: u32) -> Result<u32> {
        let function = self.instance.get_typed_func::<u32, u32>(&mut self.store, export)?;
        Ok(function.call(&mut self.store, argument)?)
    }
}
