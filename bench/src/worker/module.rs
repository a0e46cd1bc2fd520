//! The module in wasmtime, with the host's limits on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lookback::event::{Action, Event};
use lookback::request::{ExplainRequest, Gsu, Request};
use lookback::response::{ExplainResponse, Response};
use lookback::wire;
use lookback_bench::fixture::Fixture;
use lookback_host::{Host, Module};

use crate::native::read;
use crate::serve::{Variant, logits};

/// The longest request of all has to end within it.
const DEADLINE: Duration = Duration::from_secs(120);

/// A host of one instance.
pub struct InModule {
    host: Host,
    request: Option<Request>,
    response: Option<Response>,
}

impl InModule {
    /// Compiles the module, or finds it compiled, and loads a model directory.
    pub fn open(model: &Path, module: &Path) -> Result<InModule> {
        let host = host(model, &Module::load(module)?)?;
        Ok(InModule { host, request: None, response: None })
    }
}

impl Variant for InModule {
    fn prepare(&mut self, fixture: &Path, search: Gsu) -> Result<Option<usize>> {
        let bytes = Fixture::read(fixture)?.request(fixture, search.name())?;
        self.request = Some(wire::decode(&bytes)?);
        Ok(None)
    }

    fn run(&mut self) -> Result<Duration> {
        let request = self.request.as_ref().context("no fixture is prepared")?;
        let started = Instant::now();
        let response = rank(&self.host, request)?;
        let time = started.elapsed();
        self.response = Some(response);
        Ok(time)
    }

    fn logits(&self) -> Result<Vec<f32>> {
        let request = self.request.as_ref().context("no fixture is prepared")?;
        logits(request, self.response.as_ref().context("nothing was run")?)
    }

    fn found(&self) -> Result<Option<Vec<i32>>> {
        let request = self.request.as_ref().context("no fixture is prepared")?;
        let top = request.candidates.len() as u32;
        let answer = self.host.explain(&ExplainRequest { request: request.clone(), top, parts: Vec::new() })?;
        if let Some(reason) = answer.degraded {
            bail!("the module did not explain: {reason}");
        }
        let k = self.host.bundle().manifest().k as usize;
        found(request, &answer.response, k).map(Some)
    }
}

/// The events found for each candidate `[C, K]`, the newest engaged event being 0, ascending; -1 where there was none.
fn found(request: &Request, response: &ExplainResponse, k: usize) -> Result<Vec<i32>> {
    let mut row = vec![-1; request.history.len()];
    let is_engaged = |event: &Event| !Action::from_code(event.action).is_some_and(Action::is_skip);
    let mut next = request.history.iter().filter(is_engaged).count() as i32;
    for (row, event) in row.iter_mut().zip(request.history.iter()) {
        if is_engaged(&event) {
            next -= 1;
            *row = next;
        }
    }
    let mut of_item = BTreeMap::new();
    for explanation in &response.explanations {
        let mut rows: Vec<i32> = explanation.long.iter().map(|one| row[one.event as usize]).collect();
        rows.sort_unstable();
        rows.resize(k, -1);
        of_item.insert(explanation.item, rows);
    }
    let mut found = Vec::with_capacity(request.candidates.len() * k);
    for candidate in &request.candidates {
        found.extend(of_item.get(candidate).with_context(|| format!("item {candidate} was not explained"))?);
    }
    Ok(found)
}

/// Requests to answer with one thread and with two, by turns.
pub struct Load<'a> {
    pub fixture: &'a Path,
    pub search: &'a str,
    pub turns: usize,
    /// Of each turn, for each number of threads.
    pub seconds: f64,
}

/// Requests a second of each turn, with one thread and with two, each with a host of its own.
pub fn throughput(model: &Path, module: &Path, load: &Load) -> Result<Vec<[f64; 2]>> {
    let request: Request = wire::decode(&Fixture::read(load.fixture)?.request(load.fixture, load.search)?)?;
    let module = Module::load(module)?;
    let hosts = [host(model, &module)?, host(model, &module)?];
    let mut turns = Vec::with_capacity(load.turns);
    for _ in 0..load.turns {
        turns.push([rate(&hosts[..1], &request, load.seconds)?, rate(&hosts, &request, load.seconds)?]);
    }
    Ok(turns)
}

/// Requests a second that all hosts answer, each in a thread. None rests before the last has been measured.
fn rate(hosts: &[Host], request: &Request, seconds: f64) -> Result<f64> {
    let (start, left) = (Barrier::new(hosts.len()), AtomicUsize::new(hosts.len()));
    let measure = |host: &Host| -> Result<f64> {
        // Nobody may leave before the others know: they would wait.
        let warm = rank(host, request);
        start.wait();
        let measured = warm.and_then(|_| {
            let (started, mut done) = (Instant::now(), 0);
            while started.elapsed().as_secs_f64() < seconds {
                rank(host, request)?;
                done += 1;
            }
            Ok(f64::from(done) / started.elapsed().as_secs_f64())
        });
        left.fetch_sub(1, Ordering::Relaxed);
        while measured.is_ok() && left.load(Ordering::Relaxed) > 0 {
            rank(host, request)?;
        }
        measured
    };
    let rates = thread::scope(|scope| {
        let measure = &measure;
        let threads: Vec<_> = hosts.iter().map(|host| scope.spawn(move || measure(host))).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(rate) => rate,
            Err(_) => bail!("a thread panicked"),
        });
        joined.collect::<Result<Vec<f64>>>()
    })?;
    Ok(rates.iter().sum())
}

fn host(model: &Path, module: &Module) -> Result<Host> {
    let builder = Host::builder(module).bundle(read(model, "bundle.lbb")?).shard(read(model, "shard.lbs")?);
    Ok(builder.deadline(DEADLINE).memory_limit(MEMORY_LIMIT).instances(1).build()?)
}

/// What the largest fixture needs; most need less than the host's default.
const MEMORY_LIMIT: usize = 2 << 30;

fn rank(host: &Host, request: &Request) -> Result<Response> {
    let answer = host.rank(request)?;
    match answer.degraded {
        None => Ok(answer.response),
        Some(reason) => bail!("the module did not answer: {reason}"),
    }
}
