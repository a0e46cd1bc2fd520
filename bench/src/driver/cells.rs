//! Cells of the table: every variant on one fixture, in turns.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use lookback::request::{Gsu, Request};
use lookback::wire;
use lookback_bench::fixture::Fixture;
use lookback_bench::protocol::{FOUND, Task};

use crate::agreement::{Search, compare, search};
use crate::quiet::Quiet;
use crate::results::{Cell, Measured};
use crate::statistics::Times;
use crate::workers::Worker;

/// The variant that others are compared with.
pub const REFERENCE: &str = "wasmtime";
/// Variants that the bars are about: where there is a bar, they run in every round.
const BARRED: [&str; 2] = [REFERENCE, "onnxruntime"];
/// Variants that search as the module does; the others search exactly.
const SAME_SEARCH: [&str; 4] = [REFERENCE, "v8", "native-128", "native-all"];
const LEAST_ROUNDS: usize = 3;

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Seconds for each variant of a cell.
    pub seconds: f64,
    /// Rounds at most.
    pub rounds: usize,
    /// Rounds of cells with a bar.
    pub barred_rounds: usize,
    /// Of a request that takes more seconds, one run is enough: that of the preparation.
    pub enough: f64,
    /// A variant of which a request is expected to take more seconds is left out.
    pub most: f64,
}

/// A size and a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub candidates: usize,
    pub events: usize,
    pub search: Gsu,
}

impl Size {
    /// Whether a bar is set here.
    fn has_bar(self) -> bool {
        self.candidates == 1000 && [1000, 54_000].contains(&self.events)
    }

    /// Whether a bar is set for its 99th percentile, for which there are to be enough rounds to speak of one.
    fn has_percentile(self) -> bool {
        self.has_bar() && self.search != Gsu::Hard
    }

    /// How much there is to do, at most.
    fn work(self) -> f64 {
        self.candidates as f64 * self.events as f64
    }
}

/// Runs cells one after the other, from small to large.
pub struct Table<'a> {
    pub workers: Vec<Worker>,
    pub pace: Pace,
    pub quiet: Quiet,
    pub scratch: PathBuf,
    /// The JSON file of a fixture.
    pub place: &'a dyn Fn(usize, usize) -> PathBuf,
    /// Median seconds of each variant and search in the largest cell so far.
    known: BTreeMap<(&'static str, &'static str), (Size, f64)>,
}

/// A variant in a cell.
struct Turn {
    worker: usize,
    times: Vec<u64>,
    /// Those of them during which the core was quiet, as far as was asked.
    quiet_times: Vec<u64>,
    wanted: usize,
    chunk: Option<usize>,
    logits: Vec<f32>,
}

impl<'a> Table<'a> {
    pub fn new(
        workers: Vec<Worker>,
        pace: Pace,
        quiet: Quiet,
        scratch: PathBuf,
        place: &'a dyn Fn(usize, usize) -> PathBuf,
    ) -> Table<'a> {
        Table { workers, pace, quiet, scratch, place, known: BTreeMap::new() }
    }

    pub fn cell(&mut self, size: Size) -> Result<Cell> {
        let fixture = (self.place)(size.candidates, size.events);
        let draws = draws(&fixture, size)?;
        let mut left_out = BTreeMap::new();
        let mut turns = Vec::new();
        for worker in 0..self.workers.len() {
            let name = self.workers[worker].name;
            match self.too_long(name, size) {
                Some(why) => {
                    left_out.insert(name.to_owned(), why);
                }
                None => turns.push(self.prepare(worker, &fixture, size)?),
            }
        }
        let rounds = turns.iter().map(|turn| turn.wanted).max().unwrap_or(0);
        for round in 0..rounds {
            let count = turns.len();
            for i in 0..count {
                let turn = &mut turns[(i + round) % count];
                // Each has its runs spread evenly over the rounds.
                if (round + 1) * turn.wanted / rounds > round * turn.wanted / rounds {
                    // What time there is to wait is for the bars.
                    let began_quiet = size.has_bar() && self.quiet.wait()?;
                    let answer = self.workers[turn.worker].order(Task::Run, &fixture, size.search, None)?;
                    turn.times.push(answer.nanoseconds);
                    if began_quiet && size.has_percentile() && self.quiet.is_quiet()? {
                        turn.quiet_times.push(answer.nanoseconds);
                    }
                }
            }
        }
        let names: Vec<&'static str> = turns.iter().map(|turn| self.workers[turn.worker].name).collect();
        let reference =
            names.iter().position(|&name| name == REFERENCE).context("the module is not among the workers")?;
        let of = |turn: &Turn| Times::of(&turn.times).context("a variant was never run");
        let unit = of(&turns[reference])?.median;
        let searched = self.searched(&fixture, size)?;
        let free: Vec<bool> =
            draws.iter().zip(&searched.otherwise).map(|(draw, otherwise)| *draw || *otherwise).collect();
        let bound = vec![false; size.candidates];
        let mut variants = BTreeMap::new();
        for (turn, name) in turns.iter().zip(&names) {
            let times = of(turn)?;
            self.known.insert((name, size.search.name()), (size, times.median / 1e3));
            let free = if SAME_SEARCH.contains(name) { &bound } else { &free };
            let agreement = compare(&turns[reference].logits, &turn.logits, free)?;
            let measured = Measured {
                times,
                quiet_times: Times::of(&turn.quiet_times),
                ratio: Some(times.median / unit),
                chunk: turn.chunk,
                agreement,
            };
            variants.insert((*name).to_owned(), measured);
        }
        let encoded = Fixture::read(&fixture)?.request(&fixture, size.search.name())?;
        let request: Request = wire::decode(&encoded)?;
        Ok(Cell {
            candidates: size.candidates,
            events: size.events,
            search: size.search,
            draws: draws.iter().filter(|&&draw| draw).count(),
            found_otherwise: searched.otherwise.iter().filter(|&&otherwise| otherwise).count(),
            recall: searched.recall,
            items: request.history.iter().map(|event| event.item).collect::<BTreeSet<_>>().len(),
            attended: searched.attended,
            request_bytes: encoded.len(),
            variants,
            left_out,
        })
    }

    /// What the module found, against exact search.
    fn searched(&self, fixture: &Path, size: Size) -> Result<Search> {
        let found = integers(&self.scratch.join(REFERENCE).with_extension(FOUND))?;
        let exact = integers(&beside(fixture, size, "exact", "i32"))?;
        search(&exact, &found, exact.len() / size.candidates.max(1))
    }

    /// Why a variant is left out, by what a smaller cell took; those of the bars never are, nor are those that search as
    /// the module does, whose cost grows far more slowly than the work.
    fn too_long(&self, name: &'static str, size: Size) -> Option<String> {
        if BARRED.contains(&name) || SAME_SEARCH.contains(&name) {
            return None;
        }
        let (known, seconds) = self.known.get(&(name, size.search.name()))?;
        let expected = seconds * size.work() / known.work();
        (expected > self.pace.most).then(|| format!("about {expected:.0} s a request, by what a smaller one took"))
    }

    fn prepare(&mut self, worker: usize, fixture: &Path, size: Size) -> Result<Turn> {
        let worker_of = &mut self.workers[worker];
        let name = worker_of.name;
        let prepared = worker_of.order(Task::Prepare, fixture, size.search, None)?;
        let file = self.scratch.join(format!("{name}.f32"));
        worker_of.order(Task::Score, fixture, size.search, Some(&file))?;
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let logits = bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        let seconds = prepared.nanoseconds as f64 / 1e9;
        let (mut wanted, mut times) = (0, vec![]);
        if seconds > self.pace.enough && !BARRED.contains(&name) {
            times.push(prepared.nanoseconds);
        } else {
            let affordable = (self.pace.seconds / seconds.max(1e-6)) as usize;
            wanted = affordable.clamp(LEAST_ROUNDS, self.pace.rounds);
            if size.has_percentile() {
                let most = self.pace.barred_rounds;
                wanted = if BARRED.contains(&name) { most } else { affordable.clamp(LEAST_ROUNDS, most) };
            }
        }
        Ok(Turn { worker, times, quiet_times: Vec::new(), wanted, chunk: prepared.chunk, logits })
    }
}

/// Which candidates of a fixture are draws of a search.
fn draws(fixture: &Path, size: Size) -> Result<Vec<bool>> {
    let file = beside(fixture, size, "draws", "u8");
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    ensure!(bytes.len() == size.candidates, "{} is of {} candidates", file.display(), bytes.len());
    Ok(bytes.into_iter().map(|byte| byte != 0).collect())
}

fn integers(file: &Path) -> Result<Vec<i32>> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|value| i32::from_le_bytes(*value)).collect())
}

/// A file that says something of a search of a fixture.
fn beside(fixture: &Path, size: Size, what: &str, extension: &str) -> PathBuf {
    let stem = fixture.file_stem().unwrap_or_default().to_string_lossy();
    fixture.with_file_name(format!("{stem}-{what}-{}.{extension}", size.search.name()))
}
