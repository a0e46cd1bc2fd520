//! What black-box tests share: the made-up model, and the two faces of the core — native, and the module in wasmtime.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lookback::Ranker;
use lookback::abi::Status;
use lookback::event::{Action, Event, EventColumns};
use lookback::request::{ExplainRequest, Gsu, Request, Weights};
use lookback::response::{ExplainResponse, Response};
use lookback::wire::{decode, encode};
use wasmtime::{Config, Engine, Instance, Memory, Module, Store};

/// The items of the made-up shard are 3, 6, …, 900.
pub const ITEMS: u64 = 300;
/// Embedding dimension of the made-up model.
pub const DIMENSION: usize = 8;
/// Item features of the made-up model.
pub const FEATURES: usize = 2;
pub const DAY: i64 = 86_400_000;
pub const NOW: i64 = 1_700_000_000_000;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn made_up(name: &str) -> Vec<u8> {
    let path = root().join("tests/models/made-up").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn module_path() -> PathBuf {
    let path = std::env::var_os("LOOKBACK_MODULE").map(PathBuf::from);
    let path = path.unwrap_or_else(|| root().join("target/lookback/lookback.wasm"));
    assert!(path.exists(), "{} is not there; build it with `cargo xtask wasm`", path.display());
    path
}

pub fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let engine = Engine::new(Config::new().cache(Some(wasmtime::Cache::from_file(None).unwrap()))).unwrap();
        Module::from_file(&engine, module_path()).unwrap()
    })
}

/// An item of the made-up shard, by its number from 0.
pub fn item(number: u64) -> u64 {
    (number % ITEMS + 1) * 3
}

/// A request whose every part is known to the model: events of each kind, over a year.
pub fn request(events: u64, candidates: u64) -> Request {
    let actions = [Action::Save, Action::Click, Action::Skip, Action::Closeup, Action::Click, Action::Hide];
    let event = |i: u64| {
        let time = NOW - (events - i) as i64 * (365 * DAY / events.max(1) as i64);
        Event::new(item(i * 7), actions[i as usize % actions.len()], time)
    };
    Request {
        now: NOW,
        attributes: vec![],
        surface: Some("home".into()),
        history: (0..events).map(event).collect(),
        candidates: (0..candidates).map(|i| item(i * 11)).collect(),
        items: vec![],
        gsu: Some(Gsu::Soft),
        weights: Weights::default(),
    }
}

/// Events, changed one by one.
pub fn change(history: &mut EventColumns, change: impl FnOnce(&mut Vec<Event>)) {
    let mut events = history.iter().collect();
    change(&mut events);
    *history = events.into_iter().collect();
}

/// A failed call: its status and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: Status,
    pub message: String,
}

/// One way to run the core.
pub trait Face {
    fn name(&self) -> &'static str;
    fn load_bundle(&mut self, bytes: &[u8]) -> Result<(), Refused>;
    fn push_shard(&mut self, bytes: &[u8]) -> Result<(), Refused>;
    fn apply_delta(&mut self, bytes: &[u8]) -> Result<(), Refused>;
    fn rank(&mut self, request: &Request) -> Result<Response, Refused>;
    fn explain(&mut self, request: &ExplainRequest) -> Result<ExplainResponse, Refused>;
}

/// Both faces, with nothing loaded.
pub fn empty_faces() -> Vec<Box<dyn Face>> {
    vec![Box::new(Native(Ranker::new())), Box::new(Wasm::new())]
}

/// Both faces, with the made-up model.
pub fn faces() -> Vec<Box<dyn Face>> {
    let mut faces = empty_faces();
    for face in &mut faces {
        face.load_bundle(&made_up("bundle.lbb")).unwrap();
        face.push_shard(&made_up("shard.lbs")).unwrap();
    }
    faces
}

pub struct Native(pub Ranker);

impl Face for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn load_bundle(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.0.load_bundle(bytes).map_err(|e| Refused { status: Status::from(&e), message: e.to_string() })
    }

    fn push_shard(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.0.push_shard(bytes.to_vec()).map_err(|e| Refused { status: Status::from(&e), message: e.to_string() })
    }

    fn apply_delta(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.0.apply_delta(bytes).map_err(|e| {
            let status = match Status::from(&e) {
                Status::BadShard => Status::BadDelta,
                other => other,
            };
            Refused { status, message: e.to_string() }
        })
    }

    fn rank(&mut self, request: &Request) -> Result<Response, Refused> {
        self.0.rank(request).map_err(|e| Refused { status: Status::from(&e), message: e.to_string() })
    }

    fn explain(&mut self, request: &ExplainRequest) -> Result<ExplainResponse, Refused> {
        self.0.explain(request).map_err(|e| Refused { status: Status::from(&e), message: e.to_string() })
    }
}

/// The module in wasmtime, through its raw exports.
pub struct Wasm {
    pub store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Wasm {
    pub fn new() -> Wasm {
        Wasm::of(module(), Store::new(module().engine(), ()))
    }

    pub fn of(module: &Module, mut store: Store<()>) -> Wasm {
        let instance = Instance::new(&mut store, module, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let init = instance.get_typed_func::<(), ()>(&mut store, "init").unwrap();
        init.call(&mut store, ()).unwrap();
        Wasm { store, instance, memory }
    }

    /// Calls an export of no arguments.
    pub fn read(&mut self, export: &str) -> u32 {
        self.instance.get_typed_func::<(), u32>(&mut self.store, export).unwrap().call(&mut self.store, ()).unwrap()
    }

    /// Calls an export of one argument.
    pub fn call_one(&mut self, export: &str, argument: u32) -> u32 {
        let function = self.instance.get_typed_func::<u32, u32>(&mut self.store, export).unwrap();
        function.call(&mut self.store, argument).expect("a call never traps")
    }

    /// Calls an export on a pointer and a length; a trap fails the test.
    pub fn call_raw(&mut self, export: &str, pointer: u32, len: u32) -> Result<Vec<u8>, Refused> {
        let function = self.instance.get_typed_func::<(u32, u32), u32>(&mut self.store, export).unwrap();
        let status = function.call(&mut self.store, (pointer, len)).expect("a call never traps");
        let output = self.output();
        match Status::from_code(status).expect("a known status") {
            Status::Ok => Ok(output),
            status => Err(Refused { status, message: String::from_utf8(output).expect("errors are UTF-8") }),
        }
    }

    pub fn output(&mut self) -> Vec<u8> {
        let (start, len) = (self.read("output_ptr") as usize, self.read("output_len") as usize);
        self.memory.data(&self.store)[start..start + len].to_vec()
    }

    pub fn alloc(&mut self, bytes: &[u8]) -> u32 {
        let pointer = self.call_one("alloc", bytes.len() as u32);
        assert_ne!(pointer, 0);
        self.memory.write(&mut self.store, pointer as usize, bytes).unwrap();
        pointer
    }

    /// Allocates, calls, frees; a shard that was taken is the module's to free.
    pub fn call(&mut self, export: &str, bytes: &[u8]) -> Result<Vec<u8>, Refused> {
        let pointer = self.alloc(bytes);
        let result = self.call_raw(export, pointer, bytes.len() as u32);
        let freed = if export == "push_shard" && result.is_ok() { Status::BadPointer } else { Status::Ok };
        assert_eq!(self.call_one("free", pointer), freed as u32);
        result
    }
}

impl Face for Wasm {
    fn name(&self) -> &'static str {
        "module"
    }

    fn load_bundle(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.call("load_bundle", bytes).map(drop)
    }

    fn push_shard(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.call("push_shard", bytes).map(drop)
    }

    fn apply_delta(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.call("apply_delta", bytes).map(drop)
    }

    fn rank(&mut self, request: &Request) -> Result<Response, Refused> {
        Ok(decode(&self.call("rank", &encode(request))?).unwrap())
    }

    fn explain(&mut self, request: &ExplainRequest) -> Result<ExplainResponse, Refused> {
        Ok(decode(&self.call("explain", &encode(request))?).unwrap())
    }
}

/// The same answer: all but floats equal, probabilities within a tolerance, logits within ten times that.
pub fn assert_agree(a: &Response, b: &Response, tolerance: f32) {
    assert_eq!((a.answered_by, a.gsu, &a.model, &a.notes), (b.answered_by, b.gsu, &b.model, &b.notes));
    assert_eq!((a.bundle_hash, a.shard_hash), (b.bundle_hash, b.shard_hash));
    assert_eq!(a.ranked.len(), b.ranked.len());
    let by_item: std::collections::HashMap<u64, _> = b.ranked.iter().map(|ranked| (ranked.item, ranked)).collect();
    for (rank, left) in a.ranked.iter().enumerate() {
        let right = by_item[&left.item];
        assert_eq!((left.source, left.in_history), (right.source, right.in_history), "item {}", left.item);
        let near = |x: f32, y: f32| (x - y).abs() <= tolerance;
        assert!(near(left.p_click, right.p_click) && near(left.p_save, right.p_save), "{left:?} {right:?}");
        assert!(near(left.score, right.score), "{left:?} {right:?}");
        for (x, y) in left.logits.iter().flatten().zip(right.logits.iter().flatten()) {
            assert!((x - y).abs() <= 10.0 * tolerance, "{left:?} {right:?}");
        }
        let there = &b.ranked[rank];
        assert!(near(there.score, left.score), "rank {rank}: {left:?} {there:?}");
    }
}
