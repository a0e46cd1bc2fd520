//! How long a host takes to be ready, and how much memory it takes. Prints one line of JSON.
//!
//! ```sh
//! cargo run --release --no-default-features -p lookback-host --example start -- \
//!     target/lookback/lookback.wasm models/simulated/bundle.lbb
//! ```
//!
//! With `--quick` before them it leaves out the largest shard.
//!
//! The bundle is a trained one; the shards are made up: random items, categories and embeddings.

mod support;

use std::env;
use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use lookback::bundle::{Bundle, Manifest};
use lookback::event::{Action, Event};
use lookback::request::{Request, Weights};
use lookback::shard::{ElementType, Shard};
use lookback_host::{Host, Module, StartTimes};
use serde_json::{Value, json};
use support::{Result, made_up, mixed};

const STARTS: usize = 300;
const PUSHES: usize = 15;
/// Candidates and events of requests.
const SMALL: (u64, u64) = (500, 1_000);
const LARGE: (u64, u64) = (1_000, 54_000);
const ROWS: [usize; 3] = [20_000, 100_000, 1_000_000];
const MEMORY_LIMIT: usize = 2 << 30;
const INSTANCES: usize = 8;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (wasm, bundle_file, most_rows) = match arguments.as_slice() {
        [quick, wasm, bundle] if quick == "--quick" => (wasm, bundle, 100_000),
        [wasm, bundle] => (wasm, bundle, usize::MAX),
        // This program calls itself so.
        [wasm, bundle, shard] => {
            println!("{}", memory(wasm, bundle, shard)?);
            return Ok(());
        }
        _ => return Err("expected two arguments: the module and a bundle".into()),
    };
    let (module, bundle) = (Module::load(wasm)?, fs::read(bundle_file)?);
    let manifest = Bundle::decode(&bundle)?.manifest().clone();

    let memory = memory_of_another(wasm, bundle_file, &manifest)?;
    let mut start = json!(null);
    let mut shards = Vec::new();
    for rows in ROWS.into_iter().filter(|&rows| rows <= most_rows) {
        let made = made_up(&manifest, rows)?;
        for element in ElementType::ALL {
            let shard = made.stored_as(element)?.into_bytes();
            let host = Host::builder(&module)
                .bundle(bundle.clone())
                .shard(shard.clone())
                .memory_limit(MEMORY_LIMIT)
                .instances(2)
                .deadline(Duration::from_secs(60))
                .build()?;
            if rows == 100_000 && element == ElementType::F16 {
                start = starts(&host, &made, &shard)?;
            }
            let (loaded_natively, loaded_in_module) = (load_natively(&shard)?, load_in_module(wasm, &shard)?);
            let bytes = shard.len();
            shards.push(json!({
                "rows": rows,
                "element": element.name(),
                "bytes": bytes,
                "push_shard_to_ready_ms": milliseconds(host.push_shard(shard)?),
                "push_bundle_to_ready_ms": milliseconds(host.push_bundle(bundle.clone())?),
                "load_natively_ms": milliseconds(loaded_natively),
                "load_in_module_ms": milliseconds(loaded_in_module),
                "lookups": look_ups(&made.stored_as(element)?),
            }));
        }
    }
    let embedding_dim = manifest.embedding_dim;
    println!(
        "{}",
        json!({
            "shards_are": "made up", "embedding_dim": embedding_dim, "start": start, "shards": shards, "memory": memory,
        })
    );
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The value that this share of all lie below.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Candidates for a person of so many events, all of them items of the shard.
fn request(shard: &Shard, candidates: u64, events: u64) -> Request {
    let now = 1_700_000_000_000;
    let item = |index: u64| shard.item((mixed(index) % shard.len() as u64) as usize);
    let event = |index: u64| Event::new(item(index), Action::Save, now - 3_600_000 * (events - index + 1) as i64);
    Request {
        now,
        attributes: vec![],
        surface: None,
        history: (1..=events).map(event).collect(),
        candidates: (1_000_000..1_000_000 + candidates).map(item).collect(),
        items: vec![],
        gsu: None,
        weights: Weights::default(),
    }
}

fn starts(host: &Host, made: &Shard, shard: &[u8]) -> Result<Value> {
    let (candidates, events) = SMALL;
    let request = &request(made, candidates, events);
    let times: Vec<StartTimes> =
        (0..STARTS).map(|_| host.time_start(request)).collect::<std::result::Result<_, _>>()?;
    let just_pushed: Vec<Value> =
        [SMALL, LARGE].into_iter().map(|size| just_pushed(host, made, shard, size)).collect::<Result<_>>()?;
    let ratios = times.iter().map(|times| times.first.as_secs_f64() / times.later.as_secs_f64());
    let start = sorted(times.iter().map(|times| microseconds(times.start)));
    let first = sorted(times.iter().map(|times| milliseconds(times.first)));
    let later = sorted(times.iter().map(|times| milliseconds(times.later)));
    Ok(json!({
        "shard_rows": 100_000, "element": "f16", "instances_started": STARTS, "events": events, "candidates": candidates,
        "start_us": {"median": percentile(&start, 0.5), "p99": percentile(&start, 0.99)},
        "first_request_ms": percentile(&first, 0.5),
        "later_request_ms": percentile(&later, 0.5),
        "first_to_later": percentile(&sorted(ratios), 0.5),
        "just_pushed": just_pushed,
    }))
}

/// The first request after a push against later ones.
fn just_pushed(host: &Host, made: &Shard, shard: &[u8], (candidates, events): (u64, u64)) -> Result<Value> {
    let request = request(made, candidates, events);
    let ratios: Vec<f64> = (0..PUSHES).map(|_| first_to_later(host, &request, shard)).collect::<Result<_>>()?;
    Ok(json!({
        "candidates": candidates, "events": events, "pushes": PUSHES,
        "first_to_later": percentile(&sorted(ratios.into_iter()), 0.5),
    }))
}

/// Pushes a shard, and asks four times: the first to the fastest of the others.
fn first_to_later(host: &Host, request: &Request, shard: &[u8]) -> Result<f64> {
    host.push_shard(shard.to_vec())?;
    let mut times = [0.0; 4];
    for time in &mut times {
        let started = Instant::now();
        let answer = host.rank(request)?;
        *time = started.elapsed().as_secs_f64();
        if let Some(reason) = answer.degraded {
            return Err(format!("a request was answered from popularity: {reason}").into());
        }
    }
    let [first, later @ ..] = times;
    Ok(first / later.into_iter().fold(f64::INFINITY, f64::min))
}

fn load_natively(bytes: &[u8]) -> Result<Duration> {
    let bytes = bytes.to_vec();
    let started = Instant::now();
    black_box(Shard::decode(bytes)?);
    Ok(started.elapsed())
}

/// The module's `push_shard` alone: the bytes are in its memory before the clock starts.
fn load_in_module(wasm: &str, shard: &[u8]) -> Result<Duration> {
    let engine = wasmtime::Engine::new(wasmtime::Config::new().cache(Some(wasmtime::Cache::from_file(None)?)))?;
    let module = wasmtime::Module::from_file(&engine, wasm)?;
    let mut store = wasmtime::Store::new(&engine, ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[])?;
    instance.get_typed_func::<(), ()>(&mut store, "init")?.call(&mut store, ())?;
    let len = shard.len() as u32;
    let pointer = instance.get_typed_func::<u32, u32>(&mut store, "alloc")?.call(&mut store, len)?;
    let memory = instance.get_memory(&mut store, "memory").ok_or("the module exports no memory")?;
    memory.write(&mut store, pointer as usize, shard)?;
    let push = instance.get_typed_func::<(u32, u32), u32>(&mut store, "push_shard")?;
    let started = Instant::now();
    let status = push.call(&mut store, (pointer, len))?;
    let took = started.elapsed();
    if status != 0 {
        return Err(format!("push_shard gave status {status}").into());
    }
    Ok(took)
}

/// Nanoseconds an item, natively: found one by one, found together, and its embedding read.
fn look_ups(shard: &Shard) -> Value {
    let wanted: Vec<u64> = (0..50_000).map(|index| shard.item((mixed(index) % shard.len() as u64) as usize)).collect();
    let mut out = vec![0.0; wanted.len() * shard.header().dimension];
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..7 {
        let clock = Instant::now();
        black_box(wanted.iter().map(|&item| shard.row(item)).collect::<Vec<_>>());
        rounds[0].push(clock.elapsed());
        let clock = Instant::now();
        let rows: Vec<u32> = shard.rows(&wanted).into_iter().flatten().collect();
        rounds[1].push(clock.elapsed());
        let clock = Instant::now();
        shard.gather(&rows, &mut out).expect("made-up rows are finite");
        rounds[2].push(clock.elapsed());
        black_box(&out);
    }
    let each = rounds.map(|round| {
        let round = sorted(round.into_iter().map(|time| time.as_secs_f64() * 1e9 / wanted.len() as f64));
        percentile(&round, 0.5)
    });
    json!({"one_by_one_ns": each[0], "together_ns": each[1], "gather_ns": each[2]})
}

/// [`memory`] in a process of its own, in which nobody has made up a shard.
fn memory_of_another(wasm: &str, bundle: &str, manifest: &Manifest) -> Result<Value> {
    let row = 8 + 4 + 4 * manifest.item_features.len() + 4 * manifest.embedding_dim as usize;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(made_up(manifest, 200_000_000 / row)?.bytes())?;
    let output = Command::new(env::current_exe()?).args([wasm, bundle]).arg(file.path()).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What eight instances on a shard of 200 MB add to the process once all of them have answered, and once all have after the
/// shard was pushed again.
fn memory(wasm: &str, bundle: &str, file: &str) -> Result<Value> {
    let module = Module::load(wasm)?;
    let before = resident();
    let shard = Shard::decode(fs::read(file)?)?;
    let (request, bytes) = (request(&shard, SMALL.0, SMALL.1), shard.bytes().len());
    let host = Host::builder(&module)
        .bundle(fs::read(bundle)?)
        .shard(shard.into_bytes())
        .memory_limit(MEMORY_LIMIT)
        .instances(INSTANCES)
        .deadline(Duration::from_secs(60))
        .build()?;
    let after = resident_once_all_answered(&host, &request);
    host.push_shard(fs::read(file)?)?;
    let after_push = resident_once_all_answered(&host, &request);
    let added = |after: &Option<Resident>| Some(after.as_ref()?.pss as i64 - before.as_ref()?.pss as i64);
    let beyond_shard = added(&after).map(|added| (added - bytes as i64) / INSTANCES as i64);
    Ok(json!({
        "shard_bytes": bytes, "instances": INSTANCES,
        "added_pss": added(&after), "added_pss_after_push": added(&after_push),
        "added_beyond_shard_per_instance": beyond_shard,
        "before": before.map(Resident::json), "after": after.map(Resident::json),
        "after_push": after_push.map(Resident::json),
    }))
}

fn resident_once_all_answered(host: &Host, request: &Request) -> Option<Resident> {
    // All at once and again and again, so that no instance is left out.
    let barrier = Barrier::new(INSTANCES);
    thread::scope(|scope| {
        for _ in 0..INSTANCES {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..10 {
                    assert_eq!(host.rank(request).expect("a sound request").degraded, None);
                }
            });
        }
    });
    resident()
}

/// Memory of this process in bytes. Pages of one file that several instances map are counted once in PSS and each time
/// in RSS.
struct Resident {
    pss: u64,
    anonymous: u64,
    file: u64,
    rss: u64,
}

impl Resident {
    fn json(self) -> Value {
        json!({"pss": self.pss, "pss_anonymous": self.anonymous, "pss_file": self.file, "rss": self.rss})
    }
}

/// `None` where the system does not tell.
fn resident() -> Option<Resident> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = rollup.lines().find(|line| line.starts_with(name))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    };
    Some(Resident {
        pss: field("Pss:")?,
        anonymous: field("Pss_Anon:")?,
        file: field("Pss_File:")?,
        rss: field("Rss:")?,
    })
}
