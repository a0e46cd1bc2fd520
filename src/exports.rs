//! The raw exports of the module. They translate and call the ranker; see [`crate::abi`] for what each one means.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::abi::{ABI_VERSION, Status};
use crate::ranker::{LoadError, Ranker};
use crate::request::{ExplainRequest, Request};
use crate::stage::{self, Stage};
use crate::wire;

#[derive(Default)]
struct State {
    ranker: Ranker,
    allocations: BTreeMap<u32, Vec<u8>>,
    output: Vec<u8>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state() -> MutexGuard<'static, Option<State>> {
    // A panic aborts this module, so that nobody can find the lock poisoned.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

type Called = Result<Vec<u8>, (Status, String)>;

/// Runs a call on its input, keeps its output, and gives its status.
fn call(pointer: u32, len: u32, run: impl FnOnce(&mut Ranker, &[u8]) -> Called) -> u32 {
    call_with(pointer, len, |ranker, allocation| run(ranker, &allocation[..len as usize]))
}

/// The same with the whole allocation, which the call may take the bytes out of: then it is no longer the caller's.
fn call_with(pointer: u32, len: u32, run: impl FnOnce(&mut Ranker, &mut Vec<u8>) -> Called) -> u32 {
    let mut state = state();
    let State { ranker, allocations, output } = state.get_or_insert_default();
    let result = match allocations.get_mut(&pointer).filter(|allocation| allocation.len() >= len as usize) {
        Some(allocation) => {
            let result = run(ranker, allocation);
            if allocation.is_empty() {
                allocations.remove(&pointer);
            }
            result
        }
        None => {
            Err((Status::BadPointer, format!("no allocation of {len} bytes or more at {pointer}; call alloc first")))
        }
    };
    let (status, bytes) = match result {
        Ok(bytes) => (Status::Ok, bytes),
        Err((status, message)) => (status, message.into_bytes()),
    };
    *output = bytes;
    status as u32
}

fn load(pointer: u32, len: u32, bad: Status, load: impl FnOnce(&mut Ranker, &[u8]) -> Result<(), LoadError>) -> u32 {
    call(pointer, len, |ranker, input| loaded(load(ranker, input), bad))
}

fn loaded(result: Result<(), LoadError>, bad: Status) -> Called {
    result.map(|()| Vec::new()).map_err(|error| {
        let status = match Status::from(&error) {
            Status::BadShard => bad,
            other => other,
        };
        (status, error.to_string())
    })
}

unsafe extern "C" {
    /// The linker's function that runs every constructor (tract registers its kernels in them). Naming it here keeps
    /// the linker from running them again at every export.
    fn __wasm_call_ctors();
}

/// The clock of a profiling build, in nanoseconds.
#[cfg(feature = "stages")]
pub(crate) fn now() -> f64 {
    #[link(wasm_import_module = "lookback")]
    unsafe extern "C" {
        #[link_name = "now"]
        fn clock() -> f64;
    }
    // SAFETY: the host defines this function with this signature, or the module is not instantiated.
    unsafe { clock() }
}

/// Nanoseconds that a stage took since the module was loaded; see [`Stage::ALL`].
#[cfg(feature = "stages")]
#[unsafe(no_mangle)]
extern "C" fn stage_ns(stage: u32) -> f64 {
    stage::nanoseconds().get(stage as usize).copied().unwrap_or(f64::NAN)
}

#[unsafe(no_mangle)]
extern "C" fn init() {
    // SAFETY: the linker defines this function with this signature; the host calls `init` once.
    unsafe { __wasm_call_ctors() }
}

#[unsafe(no_mangle)]
extern "C" fn abi_version() -> u32 {
    ABI_VERSION
}

#[unsafe(no_mangle)]
extern "C" fn alloc(len: u32) -> u32 {
    let mut bytes = Vec::new();
    // One byte at least, so that no two allocations share an address.
    let len = (len as usize).max(1);
    if bytes.try_reserve_exact(len).is_err() {
        return 0;
    }
    bytes.resize(len, 0u8);
    let pointer = bytes.as_ptr() as u32;
    state().get_or_insert_default().allocations.insert(pointer, bytes);
    pointer
}

#[unsafe(no_mangle)]
extern "C" fn free(pointer: u32) -> u32 {
    let mut state = state();
    let state = state.get_or_insert_default();
    match state.allocations.remove(&pointer) {
        Some(_) => Status::Ok as u32,
        None => {
            state.output = format!("no allocation at {pointer}; it was freed before or never made").into_bytes();
            Status::BadPointer as u32
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn load_bundle(pointer: u32, len: u32) -> u32 {
    load(pointer, len, Status::BadBundle, Ranker::load_bundle)
}

#[unsafe(no_mangle)]
extern "C" fn push_shard(pointer: u32, len: u32) -> u32 {
    call_with(pointer, len, |ranker, allocation| {
        // Cut and mended in place: what stays the caller's lies where it lay and is as long as before.
        let tail = allocation[len as usize..].to_vec();
        allocation.truncate(len as usize);
        let result = ranker.take_shard(allocation);
        if result.is_err() {
            allocation.extend_from_slice(&tail);
        }
        loaded(result, Status::BadShard)
    })
}

#[unsafe(no_mangle)]
extern "C" fn apply_delta(pointer: u32, len: u32) -> u32 {
    load(pointer, len, Status::BadDelta, Ranker::apply_delta)
}

#[unsafe(no_mangle)]
extern "C" fn rank(pointer: u32, len: u32) -> u32 {
    call(pointer, len, |ranker, input| {
        stage::begin(Stage::Decode);
        let request: Request = wire::decode(input).map_err(|error| (Status::from(&error), error.to_string()))?;
        let response = ranker.rank(&request).map_err(|error| (Status::from(&error), error.to_string()))?;
        let bytes = wire::encode(&response);
        stage::end();
        Ok(bytes)
    })
}

#[unsafe(no_mangle)]
extern "C" fn explain(pointer: u32, len: u32) -> u32 {
    call(pointer, len, |ranker, input| {
        let request: ExplainRequest = wire::decode(input).map_err(|error| (Status::from(&error), error.to_string()))?;
        let response = ranker.explain(&request).map_err(|error| (Status::from(&error), error.to_string()))?;
        Ok(wire::encode(&response))
    })
}

#[unsafe(no_mangle)]
extern "C" fn output_ptr() -> u32 {
    state().as_ref().map_or(0, |state| state.output.as_ptr() as u32)
}

#[unsafe(no_mangle)]
extern "C" fn output_len() -> u32 {
    state().as_ref().map_or(0, |state| state.output.len() as u32)
}
