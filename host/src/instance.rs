//! One instance of the module: its own memory, its limits, and calls that move bytes in and out.

use lookback::abi::Status;
use lookback::wire::{self, Message};
use wasmtime::{Global, Memory, ResourceLimiter, Store, TypedFunc, UpdateDeadline, WasmParams, WasmResults};

use crate::deadline::Deadline;
use crate::error::{Degraded, ModuleError};
use crate::image::MEMORY;
use crate::module::cause;
use crate::runtime::{Image, Runtime};

/// Entries that tables may have.
pub(crate) const TABLE_LIMIT: usize = 100_000;

/// An export that takes bytes and gives a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    LoadBundle,
    PushShard,
    Rank,
    Explain,
}

impl Call {
    const ALL: [Call; 4] = [Call::LoadBundle, Call::PushShard, Call::Rank, Call::Explain];

    pub fn name(self) -> &'static str {
        match self {
            Call::LoadBundle => "load_bundle",
            Call::PushShard => "push_shard",
            Call::Rank => "rank",
            Call::Explain => "explain",
        }
    }
}

/// What a call is given: so many bytes, written where the module reads them.
pub(crate) struct Input<W> {
    len: usize,
    write: W,
}

impl Input<()> {
    /// These bytes.
    pub fn copied(bytes: &[u8]) -> Input<impl FnOnce(&mut [u8])> {
        Input { len: bytes.len(), write: |to: &mut [u8]| to.copy_from_slice(bytes) }
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

impl Failure {
    /// Why there is no answer of the module.
    pub fn into_reason(self) -> Degraded {
        match self {
            Failure::Refused { status, message } => Degraded::Failed { status, message },
            Failure::Lost(reason) => reason,
        }
    }
}

impl From<Degraded> for Failure {
    fn from(degraded: Degraded) -> Failure {
        Failure::Lost(degraded)
    }
}

pub(crate) struct Instance {
    runtime: Runtime,
    store: Store<Limits>,
    code: wasmtime::Instance,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, u32>,
    output_ptr: TypedFunc<(), u32>,
    output_len: TypedFunc<(), u32>,
    calls: [TypedFunc<(u32, u32), u32>; Call::ALL.len()],
    /// Which of the host's versions it holds.
    pub generation: u64,
}

impl Instance {
    /// An instance that goes on where the image was taken.
    pub fn start(
        runtime: &Runtime,
        image: &Image,
        memory_limit: usize,
        deadline: Deadline,
    ) -> Result<Instance, ModuleError> {
        let (mut store, code, memory) = instantiate(runtime, image, memory_limit, deadline)?;
        let mut exports = Exports { store: &mut store, code };
        let alloc = exports.get("alloc")?;
        let free = exports.get("free")?;
        let output_ptr = exports.get("output_ptr")?;
        let output_len = exports.get("output_len")?;
        let mut calls = Vec::with_capacity(Call::ALL.len());
        for call in Call::ALL {
            calls.push(exports.get(call.name())?);
        }
        let Ok(calls) = calls.try_into() else { unreachable!("one function was pushed for each call") };
        let runtime = runtime.clone();
        Ok(Instance { runtime, store, code, memory, alloc, free, output_ptr, output_len, calls, generation: 0 })
    }

    /// Runs the module's constructors; once, in the instance that images are taken of.
    pub fn init(&mut self) -> Result<(), ModuleError> {
        let init: TypedFunc<(), ()> = Exports { store: &mut self.store, code: self.code }.get("init")?;
        let runtime = self.runtime.clone();
        let _running = runtime.ticker().run(self.store.data().deadline);
        self.store.set_epoch_deadline(1);
        init.call(&mut self.store, ()).map_err(|error| ModuleError::Start(reason(&self.store, &error).to_string()))
    }

    /// The version of the raw exports, asked of an instance of its own.
    pub fn abi_version(runtime: &Runtime, image: &Image) -> Result<u32, ModuleError> {
        let deadline = Deadline::within(crate::host::START_LIMIT);
        let (mut store, code, _) = instantiate(runtime, image, crate::host::DEFAULT_MEMORY_LIMIT, deadline)?;
        let version: TypedFunc<(), u32> = Exports { store: &mut store, code }.get("abi_version")?;
        let _running = runtime.ticker().run(deadline);
        version.call(&mut store, ()).map_err(|error| ModuleError::Start(reason(&store, &error).to_string()))
    }

    /// What the instance holds now, for others to start from.
    pub fn image(&mut self) -> Result<Image, ModuleError> {
        let mut globals = Vec::with_capacity(self.runtime.globals().len());
        for name in self.runtime.globals() {
            let global = Exports { store: &mut self.store, code: self.code }.global(name)?;
            globals.push(global.get(&mut self.store));
        }
        self.runtime.image_of(self.memory.data(&self.store), globals)
    }

    /// Bytes of its memory; `None` beyond its end.
    pub fn bytes(&self, pointer: u32, len: u32) -> Option<&[u8]> {
        self.memory.data(&self.store).get(pointer as usize..)?.get(..len as usize)
    }

    /// Sends a message and reads the answer.
    pub fn ask<Q: Message, A: Message>(&mut self, call: Call, question: &Q, deadline: Deadline) -> Result<A, Failure> {
        let input = Input { len: wire::encoded_len(question), write: |to: &mut [u8]| wire::encode_to(question, to) };
        let answer = self.call(call, input, deadline)?;
        wire::decode(&answer).map_err(|error| Degraded::BadAnswer(error.to_string()).into())
    }

    /// Gives the bytes that the module left.
    pub fn call(
        &mut self,
        call: Call,
        input: Input<impl FnOnce(&mut [u8])>,
        deadline: Deadline,
    ) -> Result<Vec<u8>, Failure> {
        let (pointer, result) = self.send(call, input, deadline)?;
        let free = self.free.clone();
        self.run(&free, pointer)?;
        result
    }

    /// Sends a shard, which the module keeps where it was written; returns the place.
    pub fn push_shard(&mut self, shard: &[u8], deadline: Deadline) -> Result<u32, Failure> {
        let (pointer, result) = self.send(Call::PushShard, Input::copied(shard), deadline)?;
        result.map(|_| pointer)
    }

    /// Writes the input to a new allocation, calls, and reads the output or the refusal.
    fn send(
        &mut self,
        call: Call,
        input: Input<impl FnOnce(&mut [u8])>,
        deadline: Deadline,
    ) -> Result<(u32, Result<Vec<u8>, Failure>), Degraded> {
        let runtime = self.runtime.clone();
        let _running = runtime.ticker().run(deadline);
        self.store.data_mut().begin(deadline);
        self.store.set_epoch_deadline(1);

        let limit = self.store.data().memory_limit;
        let len = u32::try_from(input.len).map_err(|_| Degraded::OutOfMemory { limit })?;
        let alloc = self.alloc.clone();
        let pointer = self.run(&alloc, len)?;
        if pointer == 0 {
            return Err(Degraded::OutOfMemory { limit });
        }
        let allocated = self.memory.data_mut(&mut self.store).get_mut(pointer as usize..);
        let allocated = allocated.and_then(|from_there| from_there.get_mut(..len as usize));
        let beyond = || Degraded::BadAnswer(format!("alloc({len}) gave {pointer}, beyond the memory"));
        (input.write)(allocated.ok_or_else(beyond)?);
        let function = self.calls[call as usize].clone();
        let code = self.run(&function, (pointer, len))?;
        let output = self.output()?;
        let result = match Status::from_code(code) {
            Some(Status::Ok) => Ok(output),
            Some(status) => Err(Failure::Refused { status, message: String::from_utf8_lossy(&output).into_owned() }),
            None => return Err(Degraded::BadAnswer(format!("{} gave status {code}", call.name()))),
        };
        Ok((pointer, result))
    }

    fn output(&mut self) -> Result<Vec<u8>, Degraded> {
        let (pointer, len) = (self.output_ptr.clone(), self.output_len.clone());
        let (pointer, len) = (self.run(&pointer, ())?, self.run(&len, ())?);
        self.bytes(pointer, len)
            .map(<[u8]>::to_vec)
            .ok_or_else(|| Degraded::BadAnswer(format!("{len} bytes at {pointer}, beyond the memory")))
    }

    fn run<P: WasmParams, R: WasmResults>(&mut self, function: &TypedFunc<P, R>, parameters: P) -> Result<R, Degraded> {
        function.call(&mut self.store, parameters).map_err(|error| reason(&self.store, &error))
    }
}

/// The code, linked to a memory that starts as the image says.
fn instantiate(
    runtime: &Runtime,
    image: &Image,
    memory_limit: usize,
    deadline: Deadline,
) -> Result<(Store<Limits>, wasmtime::Instance, Memory), ModuleError> {
    let limits = Limits { memory_limit, memory_refused: false, deadline, deadline_passed: false };
    let mut store = Store::new(runtime.engine(), limits);
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
    let started = wasmtime::Instance::new(&mut store, &image.module, &[]).and_then(|started| {
        let memory = started.get_memory(&mut store, MEMORY.1).expect("an image exports its memory");
        Ok((wasmtime::Instance::new(&mut store, runtime.code(), &[memory.into()])?, memory))
    });
    let (code, memory) = started.map_err(|error| ModuleError::Start(reason(&store, &error).to_string()))?;
    for (name, value) in runtime.globals().iter().zip(&image.globals) {
        let global = Exports { store: &mut store, code }.global(name)?;
        global.set(&mut store, *value).map_err(|error| ModuleError::Start(cause(&error)))?;
    }
    Ok((store, code, memory))
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
    code: wasmtime::Instance,
}

impl Exports<'_> {
    fn get<P: WasmParams, R: WasmResults>(&mut self, name: &'static str) -> Result<TypedFunc<P, R>, ModuleError> {
        self.code
            .get_typed_func(&mut *self.store, name)
            .map_err(|error| ModuleError::Export { name, reason: format!("{error:#}") })
    }

    /// One that splitting the module exported.
    fn global(&mut self, name: &str) -> Result<Global, ModuleError> {
        self.code
            .get_global(&mut *self.store, name)
            .ok_or_else(|| ModuleError::Start(format!("the split module lacks its global {name}")))
    }
}
