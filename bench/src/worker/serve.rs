//! Orders in, answers out.

use std::fs;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lookback::request::{Gsu, Request};
use lookback::response::Response;
use lookback_bench::protocol::{Answer, FOUND, Order, Task};

/// Runs of a fixture before the clock counts, while they take this long at most.
const WARM_UP: usize = 5;
const WARM_UP_TIME: Duration = Duration::from_secs(1);

/// One way to run a fixture.
pub trait Variant {
    /// Reads a fixture, and chooses how many candidates are run at once where that is a choice.
    fn prepare(&mut self, fixture: &Path, search: Gsu) -> Result<Option<usize>>;
    /// Runs the fixture that was prepared last; returns the time it took.
    fn run(&mut self) -> Result<Duration>;
    /// The logits `[C, 2]` of the run before, in the order of the request.
    fn logits(&self) -> Result<Vec<f32>>;
    /// The events that the search found for each candidate `[C, K]`, -1 where there was none, the newest event being 0;
    /// none from a variant that does not tell.
    fn found(&self) -> Result<Option<Vec<i32>>> {
        Ok(None)
    }
}

/// Answers orders until there are no more.
pub fn serve(mut variant: impl Variant) -> Result<()> {
    let mut prepared: Option<(PathBuf, Gsu)> = None;
    for line in stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?).context("an order does not read")?;
        let answer = obey(&mut variant, &mut prepared, &order)
            .unwrap_or_else(|error| Answer { error: Some(format!("{error:#}")), ..Answer::default() });
        let mut out = stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}

fn obey(variant: &mut impl Variant, prepared: &mut Option<(PathBuf, Gsu)>, order: &Order) -> Result<Answer> {
    let wanted = (order.fixture.clone(), order.search);
    let mut answer = Answer::default();
    if order.task == Task::Prepare || prepared.as_ref() != Some(&wanted) {
        *prepared = None;
        answer.chunk = variant.prepare(&order.fixture, order.search)?;
        *prepared = Some(wanted);
    }
    if order.task == Task::Score {
        let to = order.to.as_ref().context("an order to score says where to")?;
        let bytes: Vec<u8> = variant.logits()?.into_iter().flat_map(f32::to_le_bytes).collect();
        fs::write(to, bytes).with_context(|| format!("cannot write {}", to.display()))?;
        if let Some(found) = variant.found()? {
            let bytes: Vec<u8> = found.into_iter().flat_map(i32::to_le_bytes).collect();
            fs::write(to.with_extension(FOUND), bytes)
                .with_context(|| format!("cannot write beside {}", to.display()))?;
        }
        return Ok(answer);
    }
    let started = Instant::now();
    let mut time = variant.run()?;
    for _ in 1..if order.task == Task::Prepare { WARM_UP } else { 1 } {
        if started.elapsed() + time > WARM_UP_TIME {
            break;
        }
        time = variant.run()?;
    }
    answer.nanoseconds = time.as_nanos() as u64;
    Ok(answer)
}

/// The logits of a response, in the order of the request's candidates.
pub fn logits(request: &Request, response: &Response) -> Result<Vec<f32>> {
    let mut by_item: Vec<(u64, [f32; 2])> = Vec::with_capacity(response.ranked.len());
    for ranked in &response.ranked {
        let logits = ranked.logits.with_context(|| format!("item {} was not scored by the model", ranked.item))?;
        by_item.push((ranked.item, logits));
    }
    by_item.sort_unstable_by_key(|(item, _)| *item);
    let mut logits = Vec::with_capacity(2 * request.candidates.len());
    for candidate in &request.candidates {
        let at = by_item.binary_search_by_key(candidate, |(item, _)| *item);
        let at = at.ok().with_context(|| format!("item {candidate} was not answered"))?;
        logits.extend(by_item[at].1);
    }
    Ok(logits)
}
