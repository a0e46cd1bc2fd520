//! One instance of the module: its own memory, its limits, and calls that move bytes in and out.

use lookback::abi::Status;
use lookback::wire::{self, Message};
use wasmtime::{Memory, ResourceLimiter, Store, TypedFunc, UpdateDeadline, WasmParams, WasmResults};

use crate::deadline::Deadline;
use crate::error::{Degraded, ModuleError};
use crate::module::{Module, cause};

const TABLE_LIMIT: usize = 100_000;

/// An export that takes bytes and gives a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    LoadBundle,
    PushShard,
    ApplyDelta,
    Rank,
    Explain,
}

impl Call {
    const ALL: [Call; 5] = [Call::LoadBundle, Call::PushShard, Call::ApplyDelta, Call::Rank, Call::Explain];

    pub fn name(self) -> &'static str {
        match self {
            Call::LoadBundle => "load_bundle",
            Call::PushShard => "push_shard",
            Call::ApplyDelta => "apply_delta",
            Call::Rank => "rank",
            Call::Explain => "explain",
        }
    }
}

/// How a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The module said no; the instance is as it was before.
    Refused { status: Status, message: String },
    /// The instance is lost.
    Lost(Degraded),
}

impl From<Degraded> for Failure {
    fn from(degraded: Degraded) -> Failure {
        Failure::Lost(degraded)
    }
}

pub(crate) struct Instance {
    module: Module,
    store: Store<Limits>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, u32>,
    output_ptr: TypedFunc<(), u32>,
    output_len: TypedFunc<(), u32>,
    calls: [TypedFunc<(u32, u32), u32>; Call::ALL.len()],
    /// Which of the host's shards it holds.
    pub generation: u64,
}

impl Instance {
    /// Instantiates the module and runs its constructors.
    pub fn start(module: &Module, memory_limit: usize, deadline: Deadline) -> Result<Instance, ModuleError> {
        let (mut store, raw) = instantiate(module, memory_limit, deadline)?;
        let mut exports = Exports { store: &mut store, raw };
        let memory = exports.memory()?;
        let init: TypedFunc<(), ()> = exports.get("init")?;
        let alloc = exports.get("alloc")?;
        let free = exports.get("free")?;
        let output_ptr = exports.get("output_ptr")?;
        let output_len = exports.get("output_len")?;
        let mut calls = Vec::with_capacity(Call::ALL.len());
        for call in Call::ALL {
            calls.push(exports.get(call.name())?);
        }
        let Ok(calls) = calls.try_into() else { unreachable!("one function was pushed for each call") };
        let running = module.ticker().run();
        init.call(&mut store, ()).map_err(|error| ModuleError::Start(reason(&store, &error).to_string()))?;
        drop(running);
        Ok(Instance {
            module: module.clone(),
            store,
            memory,
            alloc,
            free,
            output_ptr,
            output_len,
            calls,
            generation: 0,
        })
    }

    /// The version of the raw exports, asked of an instance of its own.
    pub fn abi_version(module: &Module) -> Result<u32, ModuleError> {
        let deadline = Deadline::within(crate::host::START_LIMIT);
        let (mut store, raw) = instantiate(module, crate::host::DEFAULT_MEMORY_LIMIT, deadline)?;
        let version: TypedFunc<(), u32> = Exports { store: &mut store, raw }.get("abi_version")?;
        let _running = module.ticker().run();
        version.call(&mut store, ()).map_err(|error| ModuleError::Start(reason(&store, &error).to_string()))
    }

    /// Sends a message and reads the answer.
    pub fn ask<Q: Message, A: Message>(&mut self, call: Call, question: &Q, deadline: Deadline) -> Result<A, Failure> {
        let answer = self.call(call, &wire::encode(question), deadline)?;
        wire::decode(&answer).map_err(|error| Degraded::BadAnswer(error.to_string()).into())
    }

    /// Sends bytes and gives the bytes that the module left.
    pub fn call(&mut self, call: Call, input: &[u8], deadline: Deadline) -> Result<Vec<u8>, Failure> {
        let module = self.module.clone();
        let _running = module.ticker().run();
        self.store.data_mut().begin(deadline);
        self.store.set_epoch_deadline(1);

        let limit = self.store.data().memory_limit;
        let len = u32::try_from(input.len()).map_err(|_| Degraded::OutOfMemory { limit })?;
        let alloc = self.alloc.clone();
        let pointer = self.run(&alloc, len)?;
        if pointer == 0 {
            return Err(Degraded::OutOfMemory { limit }.into());
        }
        self.memory
            .write(&mut self.store, pointer as usize, input)
            .map_err(|_| Degraded::BadAnswer(format!("alloc({len}) gave {pointer}, beyond the memory")))?;
        let function = self.calls[call as usize].clone();
        let code = self.run(&function, (pointer, len))?;
        let output = self.output()?;
        let free = self.free.clone();
        self.run(&free, pointer)?;

        match Status::from_code(code) {
            Some(Status::Ok) => Ok(output),
            Some(status) => Err(Failure::Refused { status, message: String::from_utf8_lossy(&output).into_owned() }),
            None => Err(Degraded::BadAnswer(format!("{} gave status {code}", call.name())).into()),
        }
    }

    fn output(&mut self) -> Result<Vec<u8>, Degraded> {
        let (pointer, len) = (self.output_ptr.clone(), self.output_len.clone());
        let (pointer, len) = (self.run(&pointer, ())?, self.run(&len, ())?);
        let memory = self.memory.data(&self.store);
        let output = memory.get(pointer as usize..).and_then(|rest| rest.get(..len as usize));
        output
            .map(<[u8]>::to_vec)
            .ok_or_else(|| Degraded::BadAnswer(format!("{len} bytes at {pointer}, beyond the memory")))
    }

    fn run<P: WasmParams, R: WasmResults>(&mut self, function: &TypedFunc<P, R>, parameters: P) -> Result<R, Degraded> {
        function.call(&mut self.store, parameters).map_err(|error| reason(&self.store, &error))
    }
}

fn instantiate(
    module: &Module,
    memory_limit: usize,
    deadline: Deadline,
) -> Result<(Store<Limits>, wasmtime::Instance), ModuleError> {
    let limits = Limits { memory_limit, memory_refused: false, deadline, deadline_passed: false };
    let mut store = Store::new(module.engine(), limits);
    store.limiter(|limits| limits);
    store.epoch_deadline_callback(|mut store| {
        let limits = store.data_mut();
        if limits.deadline.left().is_none() {
            limits.deadline_passed = true;
            return Err(wasmtime::Error::msg("the deadline passed"));
        }
        Ok(UpdateDeadline::Continue(1))
    });
    store.set_epoch_deadline(1);
    let _running = module.ticker().run();
    match wasmtime::Instance::new(&mut store, module.compiled(), &[]) {
        Ok(raw) => Ok((store, raw)),
        Err(error) => Err(ModuleError::Start(reason(&store, &error).to_string())),
    }
}

fn reason(store: &Store<Limits>, error: &wasmtime::Error) -> Degraded {
    let limits = store.data();
    if limits.deadline_passed {
        Degraded::DeadlinePassed(limits.deadline.limit)
    } else if limits.memory_refused {
        Degraded::OutOfMemory { limit: limits.memory_limit }
    } else {
        Degraded::Trapped(cause(error))
    }
}

/// What an instance may take, and whether it tried to take more.
struct Limits {
    memory_limit: usize,
    memory_refused: bool,
    deadline: Deadline,
    deadline_passed: bool,
}

impl Limits {
    fn begin(&mut self, deadline: Deadline) {
        self.memory_refused = false;
        self.deadline = deadline;
        self.deadline_passed = false;
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= self.memory_limit;
        self.memory_refused |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_LIMIT)
    }
}

struct Exports<'a> {
    store: &'a mut Store<Limits>,
    raw: wasmtime::Instance,
}

impl Exports<'_> {
    fn memory(&mut self) -> Result<Memory, ModuleError> {
        self.raw
            .get_memory(&mut *self.store, "memory")
            .ok_or_else(|| ModuleError::Export { name: "memory", reason: "it exports no memory of that name".into() })
    }

    fn get<P: WasmParams, R: WasmResults>(&mut self, name: &'static str) -> Result<TypedFunc<P, R>, ModuleError> {
        self.raw
            .get_typed_func(&mut *self.store, name)
            .map_err(|error| ModuleError::Export { name, reason: format!("{error:#}") })
    }
}
