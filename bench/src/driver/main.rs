//! The driver of the benchmark: makes fixtures, runs the workers in turns, writes the results.
//!
//! `cargo xtask bench` builds what it needs and runs it.

mod agreement;
mod cells;
mod fixtures;
mod machine;
mod quiet;
mod results;
mod statistics;
mod table;
mod tensors;
mod workers;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser};
use flate2::Compression;
use flate2::write::GzEncoder;
use lookback::request::Gsu;
use lookback_bench::protocol::{StageTime, Task};
use serde_json::Value;

use cells::{Pace, Size, Table};
use fixtures::{Fixtures, SEARCHES};
use quiet::{Quiet, Quietness};
use results::{Growth, ModuleSize, Results, Stages, Throughput};
use statistics::Times;
use workers::{Worker, on_one_core};

const CANDIDATES: [usize; 3] = [500, 1000, 5000];
const EVENTS: [usize; 4] = [1000, 16_000, 54_000, 200_000];
const QUICK_CANDIDATES: [usize; 1] = [1000];
const QUICK_EVENTS: [usize; 2] = [1000, 54_000];
/// How long to wait, in all, for a quiet core.
const MOST_WAIT: Duration = Duration::from_secs(300);
/// And for all of them.
const MOST_WAIT_CORES: Duration = Duration::from_secs(60);
const MOST_WAIT_QUICK: Duration = Duration::from_secs(2);

#[derive(Parser)]
#[command(name = "lookback-bench", about = "Run by `cargo xtask bench`")]
enum Arguments {
    /// Write the fixtures, and print where each is
    Fixtures(Common),
    /// Measure every variant whose program is given
    Run(Box<Run>),
}

#[derive(Args)]
struct Common {
    /// Where fixtures lie
    #[arg(long, value_name = "DIR")]
    fixtures: PathBuf,
    /// Model directory
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Few cells, few rounds
    #[arg(long)]
    quick: bool,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    common: Common,
    /// The WebAssembly module
    #[arg(long, value_name = "FILE")]
    module: PathBuf,
    /// The profiling build of it
    #[arg(long, value_name = "FILE")]
    profiling: Option<PathBuf>,
    /// Folder of the ordinary graphs
    #[arg(long, value_name = "DIR")]
    graphs: PathBuf,
    /// The worker that runs the module, and tract where it was built with it
    #[arg(long, value_name = "FILE")]
    worker: PathBuf,
    /// Whether it was built with tract
    #[arg(long)]
    tract: bool,
    /// The host's example that measures start and memory
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// The worker built with 128-bit SIMD
    #[arg(long, value_name = "FILE")]
    native_128: Option<PathBuf>,
    /// The worker built for this very CPU
    #[arg(long, value_name = "FILE")]
    native_all: Option<PathBuf>,
    /// Python with onnxruntime; PYTHONPATH is to hold the training package
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Folder of the workers that run in Node
    #[arg(long, value_name = "DIR")]
    node: Option<PathBuf>,
    /// The JSON file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

fn main() -> Result<()> {
    match Arguments::parse() {
        Arguments::Fixtures(common) => {
            let (candidates, events) = sizes(common.quick);
            let fixtures = Fixtures { folder: &common.fixtures, model: &common.model };
            fixtures.write(candidates, events)?;
            for &events in events {
                candidates.iter().for_each(|&count| println!("{}", fixtures.place(count, events).display()));
            }
            Ok(())
        }
        Arguments::Run(run) => run.run(),
    }
}

fn sizes(quick: bool) -> (&'static [usize], &'static [usize]) {
    if quick { (&QUICK_CANDIDATES, &QUICK_EVENTS) } else { (&CANDIDATES, &EVENTS) }
}

impl Run {
    fn run(&self) -> Result<()> {
        let load = machine::load();
        let fixtures = Fixtures { folder: &self.common.fixtures, model: &self.common.model };
        let place = |candidates, events| fixtures.place(candidates, events);
        let scratch = self.common.fixtures.join("scores");
        fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        let pace = match self.common.quick {
            true => Pace { seconds: 0.4, rounds: 9, barred_rounds: 12, enough: 0.7, most: 2.0 },
            false => Pace { seconds: 1.2, rounds: 30, barred_rounds: 110, enough: 1.5, most: 8.0 },
        };
        let mut quiet = Quiet::core(if self.common.quick { MOST_WAIT_QUICK } else { MOST_WAIT })?;
        println!("peaks, stages, starts with memory, and requests a second with one thread and two …");
        let mut results = Results {
            quick: self.common.quick,
            cells: Vec::new(),
            peaks: self.peaks(&mut quiet)?,
            stages: self.stages(&mut quiet, &place)?,
            start: self.start(&mut quiet)?,
            throughput: self.throughput(&place)?,
            growth: self.growth(&mut quiet, &place)?,
            quietness: quiet.quietness,
            module: module_size(&fs::read(&self.module)?)?,
            machine: machine::describe(load),
        };
        for one in &results.throughput {
            println!(
                "{} × {} {}: {:.2} requests/s with one thread, {:.2} with two: {:.2} times",
                one.candidates,
                one.events,
                one.search.name(),
                one.one_thread,
                one.two_threads,
                one.ratio
            );
        }
        let Growth { candidates, events: [short, long], search, milliseconds, ratio } = &results.growth;
        println!(
            "{candidates} candidates, {}: {:.1} ms of {short} events, {:.1} of {long}: {ratio:.2} times",
            search.name(),
            milliseconds[0],
            milliseconds[1],
        );
        let mut table = Table::new(self.workers()?, pace, quiet, scratch, &place);
        let (candidates, events) = sizes(self.common.quick);
        println!("{}", table::head());
        for search in SEARCHES {
            for &events in events {
                for &candidates in candidates {
                    let cell = table.cell(Size { candidates, events, search })?;
                    println!("{}", table::line(&cell));
                    results.cells.push(cell);
                    results.machine = machine::describe(load);
                    results.quietness = table.quiet.quietness;
                    // Whoever stops a long run keeps what it has measured.
                    self.write(&results)?;
                }
            }
        }
        let Quietness { starts, disturbed, waited } = results.quietness;
        println!(
            "{disturbed} of {starts} measurements began without a quiet core, after {waited:.0} s of waiting in all"
        );
        drop(table);
        let variants = results.cells.iter().flat_map(|cell| cell.variants.values());
        let wrong = variants.filter(|one| one.agreement.wrong > 0).count();
        if wrong > 0 {
            bail!(
                "{wrong} results are of logits that differ from the module's although the events attended to are the same: \
                 see \"wrong\" in {}; their times mean nothing until they agree",
                self.output.display()
            );
        }
        Ok(())
    }

    fn write(&self, results: &Results) -> Result<()> {
        fs::write(&self.output, serde_json::to_string_pretty(results)?)
            .with_context(|| format!("cannot write {}", self.output.display()))
    }

    /// Starts a worker that runs the module.
    fn reference(&self) -> Result<Worker> {
        let mut worker = Command::new(&self.worker);
        Worker::start(cells::REFERENCE, worker.arg("module").arg(&self.common.model).arg(&self.module))
    }

    /// Starts a worker of each variant whose program is there.
    fn workers(&self) -> Result<Vec<Worker>> {
        let (model, module, graphs) = (&self.common.model, &self.module, &self.graphs);
        let mut workers = vec![self.reference()?];
        if let Some(node) = &self.node {
            let lookback = node.join("lookback.mjs");
            workers.push(Worker::start("v8", in_node().arg(lookback).arg(model).arg(module))?);
            let peer = node.join("onnxruntime-web.mjs");
            workers.push(Worker::start("onnxruntime-web", in_node().arg(peer).arg(graphs))?);
        }
        for (name, program) in [("native-128", &self.native_128), ("native-all", &self.native_all)] {
            if let Some(program) = program {
                workers.push(Worker::start(name, Command::new(program).arg("native").arg(model))?);
            }
        }
        if let Some(python) = &self.python {
            let mut python = Command::new(python);
            python.args(["-m", "lookback_training", "performance-worker", "--graphs"]).arg(graphs);
            workers.push(Worker::start("onnxruntime", &mut python)?);
        }
        if self.tract {
            workers.push(Worker::start("tract", Command::new(&self.worker).arg("tract").arg(graphs))?);
        }
        Ok(workers)
    }

    /// Every search at the lengths that bars are about, by the profiling build.
    fn stages(&self, quiet: &mut Quiet, place: &dyn Fn(usize, usize) -> PathBuf) -> Result<Vec<Stages>> {
        let Some(module) = &self.profiling else { return Ok(Vec::new()) };
        let runs = if self.common.quick { "11" } else { "41" };
        let candidates = 1000;
        let requests: Vec<(usize, Gsu)> =
            SEARCHES.into_iter().flat_map(|search| QUICK_EVENTS.map(|events| (events, search))).collect();
        let mut worker = Command::new(&self.worker);
        worker.arg("stages").arg(&self.common.model).arg(module).arg(runs);
        for &(events, search) in &requests {
            worker.arg(place(candidates, events)).arg(search.name());
        }
        quiet.wait()?;
        let printed = on_one_core(|| output(&mut worker))??;
        let times: Vec<Vec<StageTime>> = serde_json::from_str(&printed).context("the worker printed no stages")?;
        let told = requests.into_iter().zip(times);
        Ok(told.map(|((events, search), stages)| Stages { candidates, events, search, stages }).collect())
    }

    /// How fast a host starts and what memory it takes.
    fn start(&self, quiet: &mut Quiet) -> Result<Option<Value>> {
        let Some(start) = &self.start else { return Ok(None) };
        let mut start = Command::new(start);
        start.args(self.common.quick.then_some("--quick")).arg(&self.module).arg(self.common.model.join("bundle.lbb"));
        quiet.wait()?;
        let printed = on_one_core(|| output(&mut start))??;
        serde_json::from_str(&printed).context("the example start printed no JSON")
    }

    /// Requests a second of one thread and of two, by turns. Waits for all cores to be quiet.
    fn throughput(&self, place: &dyn Fn(usize, usize) -> PathBuf) -> Result<Vec<Throughput>> {
        let (rounds, turns, seconds, wait) =
            if self.common.quick { (2, 3, 0.3, MOST_WAIT_QUICK) } else { (5, 5, 0.6, MOST_WAIT_CORES) };
        let mut quiet = Quiet::all_cores(wait)?;
        let (candidates, search) = (1000, Gsu::Consistent);
        let mut results = Vec::new();
        for events in QUICK_EVENTS {
            let mut rates: [Vec<f64>; 3] = Default::default();
            for _ in 0..rounds {
                quiet.wait()?;
                let mut worker = Command::new(&self.worker);
                worker.arg("throughput").arg(&self.common.model).arg(&self.module).arg(place(candidates, events));
                worker.args([search.name(), &turns.to_string(), &seconds.to_string()]);
                let measured: Vec<[f64; 2]> =
                    serde_json::from_str(&output(&mut worker)?).context("the worker printed no rates")?;
                for [one, two] in measured {
                    rates.iter_mut().zip([one, two, two / one]).for_each(|(rates, rate)| rates.push(rate));
                }
            }
            let [Some(one_thread), Some(two_threads), Some(ratio)] = rates.map(|rates| statistics::median_of(&rates))
            else {
                bail!("nothing was measured");
            };
            results.push(Throughput { candidates, events, search, one_thread, two_threads, ratio });
        }
        let Quietness { starts, disturbed, .. } = quiet.quietness;
        println!("{disturbed} of {starts} rounds with one thread and two began without all cores quiet");
        Ok(results)
    }

    /// The shortest history that a bar is about and the longest, by turns, with the search whose cost may hardly differ.
    fn growth(&self, quiet: &mut Quiet, place: &dyn Fn(usize, usize) -> PathBuf) -> Result<Growth> {
        let (candidates, events, search) = (1000, QUICK_EVENTS, Gsu::Hard);
        let rounds = if self.common.quick { 15 } else { 61 };
        let fixtures = events.map(|events| place(candidates, events));
        let mut workers = Vec::with_capacity(fixtures.len());
        for fixture in &fixtures {
            let mut worker = self.reference()?;
            worker.order(Task::Prepare, fixture, search, None)?;
            workers.push(worker);
        }
        let mut times: [Vec<u64>; 2] = Default::default();
        for _ in 0..rounds {
            for ((worker, fixture), times) in workers.iter_mut().zip(&fixtures).zip(&mut times) {
                quiet.wait()?;
                times.push(worker.order(Task::Run, fixture, search, None)?.nanoseconds);
            }
        }
        let [short, long] = times.map(|times| Times::of(&times).map(|times| times.median));
        let milliseconds = [short.context("nothing was measured")?, long.context("nothing was measured")?];
        Ok(Growth { candidates, events, search, milliseconds, ratio: milliseconds[1] / milliseconds[0] })
    }

    fn peaks(&self, quiet: &mut Quiet) -> Result<BTreeMap<String, f64>> {
        quiet.wait()?;
        let printed = on_one_core(|| output(Command::new(&self.worker).arg("peaks")))??;
        serde_json::from_str(&printed).context("the worker printed no peaks")
    }
}

/// Node with functions compiled by the optimising compiler when they are first called, not sometime later.
fn in_node() -> Command {
    let mut node = Command::new("node");
    node.args(["--no-liftoff", "--wasm-lazy-compilation"]);
    node
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn module_size(bytes: &[u8]) -> Result<ModuleSize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(ModuleSize { raw: bytes.len(), gzip: encoder.finish()?.len() })
}
