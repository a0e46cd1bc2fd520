//! Worker processes: started on one core, given orders, asked for answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use lookback::request::Gsu;
use lookback_bench::protocol::{Answer, Order, Task};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A running worker.
pub struct Worker {
    pub name: &'static str,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a worker whose threads all stay on one core.
    pub fn start(name: &'static str, command: &mut Command) -> Result<Worker> {
        let mut child = on_one_core(|| command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn())?
            .with_context(|| format!("cannot start the worker {name}: {command:?}"))?;
        let orders = child.stdin.take().context("the worker has no standard input")?;
        let answers = BufReader::new(child.stdout.take().context("the worker has no standard output")?);
        Ok(Worker { name, child, orders, answers })
    }

    /// Has it do something; an error is its own.
    pub fn order(&mut self, task: Task, fixture: &Path, search: Gsu, to: Option<&Path>) -> Result<Answer> {
        let order = Order { task, fixture: fixture.to_owned(), search, to: to.map(Path::to_owned) };
        writeln!(self.orders, "{}", serde_json::to_string(&order)?)
            .and_then(|()| self.orders.flush())
            .with_context(|| format!("the worker {} is gone", self.name))?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the worker {} ended; its last words are above", self.name);
        }
        let answer: Answer = serde_json::from_str(&line)
            .with_context(|| format!("the worker {} answered {:?}", self.name, line.trim()))?;
        match answer.error {
            None => Ok(answer),
            Some(error) => bail!("{}: {error}", self.name),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Its own child, and one that may be in the middle of a long run.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does something with this thread on the last of the cores it may use; what it starts stays there.
pub fn on_one_core<T>(work: impl FnOnce() -> T) -> Result<T> {
    let all = sched_getaffinity(None).context("cannot ask which cores there are")?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|&core| all.is_set(core)).context("there is no core to run on")?;
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).context("cannot stay on one core")?;
    let done = work();
    sched_setaffinity(None, &all).context("cannot go back to all cores")?;
    Ok(done)
}
