//! Modules written by hand that do as they should until a request comes, and then what a test wants.

use lookback::abi::ABI_VERSION;
use lookback::bundle::{Bundle, Manifest};
use lookback::calibration::{Calibration, Calibrator, Platt};
use lookback::event::{Action, Event};
use lookback::graph::PreparedGraph;
use lookback::popularity::{Popularity, PopularityTable};
use lookback::request::{Gsu, Request, Weights};
use lookback::response::{AnsweredBy, Notes, Response};
use lookback::shard::{ElementType, Row, Shard, ShardHeader};
use lookback::wire;
use lookback_host::{CompileCache, Host, HostBuilder, Module, ModuleError};

/// What a hand-written module does when it is called; it leaves the status on the stack.
pub struct Behaviour<'a> {
    /// In `rank`, unless the host warms it up.
    pub rank: &'a str,
    /// In `rank`, where the host warms it up by a request of usual size.
    pub warm_up: &'a str,
    pub push_shard: &'a str,
}

/// Answers every request.
pub const WELL: Behaviour<'static> =
    Behaviour { rank: "(i32.const 0)", warm_up: "(i32.const 0)", push_shard: "(i32.const 0)" };

/// Traps unless the memory may grow by 1,000 pages.
pub const GROWS: &str = "(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable)) (i32.const 0)";

/// The text of a module that answers with [`response`].
pub fn text(abi_version: u32, behaviour: &Behaviour<'_>) -> String {
    let answer = wire::encode(&response());
    let escaped: String = answer.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let len = answer.len();
    let Behaviour { rank, warm_up, push_shard } = behaviour;
    format!(
        r#"(module
          (memory (export "memory") 4)
          (global $out (mut i32) (i32.const 0))
          (global $len (mut i32) (i32.const {len}))
          (data (i32.const 0) "{escaped}")
          (data (i32.const 4096) "no such thing")
          (func $fail (global.set $out (i32.const 4096)) (global.set $len (i32.const 13)))
          (func $answer (global.set $out (i32.const 0)) (global.set $len (i32.const {len})))
          (func (export "init"))
          (func (export "abi_version") (result i32) (i32.const {abi_version}))
          ;; A host frees what it allocated last.
          (global $top (mut i32) (i32.const 65536))
          (func (export "alloc") (param i32) (result i32)
            (global.get $top)
            (global.set $top (i32.add (global.get $top) (local.get 0))))
          (func (export "free") (param i32) (result i32) (global.set $top (local.get 0)) (i32.const 0))
          (func (export "load_bundle") (param i32 i32) (result i32) (i32.const 0))
          (func (export "push_shard") (param i32 i32) (result i32) {push_shard})
          (func (export "apply_delta") (param i32 i32) (result i32) (i32.const 0))
          (func (export "rank") (param i32 i32) (result i32)
            (call $answer)
            ;; A host warms up by requests of the moment 0.
            (if (result i32) (i32.load8_u offset=8 (local.get 0))
              (then {rank})
              (else (if (result i32) (i32.gt_u (local.get 1) (i32.const 1000)) (then {warm_up}) (else (i32.const 0))))))
          (func (export "explain") (param i32 i32) (result i32) (call $fail) (i32.const 8))
          (func (export "output_ptr") (result i32) (global.get $out))
          (func (export "output_len") (result i32) (global.get $len)))"#
    )
}

pub fn compile(text: &str) -> Result<Module, ModuleError> {
    let bytes = wat::parse_str(text).expect("the test's module is well-formed");
    Module::compile(&bytes, &CompileCache::Off)
}

/// Settings of a host with one instance of a module that behaves so.
pub fn builder(behaviour: &Behaviour<'_>) -> HostBuilder {
    let module = compile(&text(ABI_VERSION, behaviour)).expect("the test's module compiles");
    Host::builder(&module)
        .bundle(bundle().encode())
        .shard(shard().into_bytes())
        .instances(1)
        .deadline(std::time::Duration::from_secs(5))
}

pub fn host(rank: &'static str) -> Host {
    builder(&Behaviour { rank, ..WELL }).build().expect("the host starts")
}

/// What the hand-written modules answer.
pub fn response() -> Response {
    Response {
        answered_by: AnsweredBy::Model,
        model: "by hand".into(),
        bundle_hash: [1; 32],
        shard_hash: [2; 32],
        gsu: Gsu::Hard,
        ranked: vec![],
        notes: Notes::default(),
    }
}

pub fn bundle() -> Bundle {
    let platt = Calibrator::Platt(Platt { a: 1.0, b: 0.0 });
    let manifest = Manifest {
        name: "made up".into(),
        embedding_version: "v1".into(),
        embedding_dim: 2,
        item_features: vec![],
        categories: vec![],
        surfaces: vec![],
        user_fields: vec![],
        k: 50,
        recent: 20,
        skips: 20,
        heads: 4,
        default_gsu: Gsu::Soft,
        calibration: Calibration { click: platt.clone(), save: platt },
    };
    let popularity = Popularity {
        global: PopularityTable {
            default_click: 0.1,
            default_save: 0.05,
            items: vec![7],
            click: vec![0.5],
            save: vec![0.25],
        },
        ..Popularity::default()
    };
    let graph: PreparedGraph = serde_json::from_str(
        r#"{"long": {"k": 50, "heads": 4, "epsilon": 1e-6, "weights": []}, "nodes": [], "outputs": []}"#,
    )
    .expect("a graph without operators");
    Bundle::new(manifest, popularity, graph, "{}".into()).expect("the made-up bundle is sound")
}

pub fn row(item: u64) -> Row {
    Row { item, category: 0, features: vec![], embedding: vec![0.5, item as f32] }
}

pub fn shard() -> Shard {
    let header =
        ShardHeader { embedding_version: "v1".into(), element: ElementType::F32, dimension: 2, feature_count: 0 };
    Shard::build(header, vec![row(3), row(7)]).expect("the made-up shard is sound")
}

/// Ten candidates, of which popularity puts item 7 first.
pub fn request() -> Request {
    Request {
        now: 1_000_000,
        attributes: vec![],
        surface: None,
        history: (0..10).map(|event| Event::new(event, Action::Save, event as i64)).collect(),
        candidates: (0..10).collect(),
        items: vec![],
        gsu: None,
        weights: Weights::default(),
    }
}
