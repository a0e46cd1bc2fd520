//! Waiting for a core to be quiet. Whoever shares it takes more from one variant than from another, so that turns alone do
//! not make up for it.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::workers::on_one_core;

/// A core is quiet where a fixed loop takes at most so many times the least that it ever took.
const SLOWER: f64 = 1.15;
/// How often the loop is run to know the least it takes.
const FIRST_RUNS: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);
/// A wait that takes longer is told.
const TOLD: Duration = Duration::from_secs(2);

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quietness {
    /// What was measured once the core was quiet, or there was no time left to wait.
    pub starts: usize,
    /// Of these, those without time left to wait.
    pub disturbed: usize,
    /// Seconds waited in all.
    pub waited: f64,
}

/// Waits for a quiet core, so long in all and no longer.
pub struct Quiet {
    /// Runs the loop.
    run: Box<dyn FnMut() -> Result<Duration>>,
    least: Duration,
    left: Duration,
    pub quietness: Quietness,
}

impl Quiet {
    /// Of the core that variants run on.
    pub fn core(most: Duration) -> Result<Quiet> {
        Quiet::new(Box::new(|| on_one_core(fixed_loop)), most)
    }

    /// Of all cores at once: the slowest tells.
    pub fn all_cores(most: Duration) -> Result<Quiet> {
        let cores = thread::available_parallelism()?.get();
        Quiet::new(Box::new(move || slowest_of(cores)), most)
    }

    fn new(mut run: Box<dyn FnMut() -> Result<Duration>>, most: Duration) -> Result<Quiet> {
        let mut least = Duration::MAX;
        for _ in 0..FIRST_RUNS {
            least = least.min(run()?);
        }
        Ok(Quiet { run, least, left: most, quietness: Quietness::default() })
    }

    /// Comes back when the core is quiet, or there is no time left to wait; says which.
    pub fn wait(&mut self) -> Result<bool> {
        self.quietness.starts += 1;
        let (mut here, mut told) = (Duration::ZERO, false);
        while !self.is_quiet()? {
            if self.left.is_zero() {
                self.quietness.disturbed += 1;
                return Ok(false);
            }
            if here >= TOLD && !told {
                println!("waiting for a quiet core, {} s at most …", self.left.as_secs());
                told = true;
            }
            let pause = PAUSE.min(self.left);
            thread::sleep(pause);
            here += pause;
            self.left -= pause;
            self.quietness.waited += pause.as_secs_f64();
        }
        Ok(true)
    }

    /// Whether the core is quiet now.
    pub fn is_quiet(&mut self) -> Result<bool> {
        let took = (self.run)()?;
        self.least = self.least.min(took);
        Ok(took.as_secs_f64() <= SLOWER * self.least.as_secs_f64())
    }
}

/// A millisecond or so of multiplications and additions that need not wait for each other.
fn fixed_loop() -> Duration {
    const STEPS: usize = 300_000;
    let start = Instant::now();
    let mut sums = black_box([1.0f32; 48]);
    for _ in 0..STEPS {
        sums.iter_mut().for_each(|sum| *sum = *sum * 0.999 + 0.001);
    }
    black_box(sums);
    start.elapsed()
}

/// The loop in so many threads at once.
fn slowest_of(threads: usize) -> Result<Duration> {
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(fixed_loop)).collect();
        let times = running.into_iter().map(|one| one.join().map_err(|_| anyhow!("the fixed loop panicked")));
        Ok(times.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what is given, over and over the last of it.
    fn taking(milliseconds: &'static [u64]) -> Box<dyn FnMut() -> Result<Duration>> {
        let mut times = milliseconds.iter();
        let mut last = 0;
        Box::new(move || {
            last = times.next().copied().unwrap_or(last);
            Ok(Duration::from_millis(last))
        })
    }

    fn after_first(least: u64, milliseconds: &[u64]) -> &'static [u64] {
        [vec![least; FIRST_RUNS], milliseconds.to_vec()].concat().leak()
    }

    #[test]
    fn a_quiet_core_is_not_waited_for() {
        let mut quiet = Quiet::new(taking(after_first(100, &[114])), Duration::from_secs(1)).unwrap();
        assert!(quiet.wait().unwrap());
        assert_eq!(quiet.quietness, Quietness { starts: 1, disturbed: 0, waited: 0.0 });
    }

    #[test]
    fn a_busy_core_is_waited_for_and_what_is_faster_than_ever_counts() {
        let mut quiet = Quiet::new(taking(after_first(100, &[200, 116, 50, 60, 50])), Duration::from_secs(5)).unwrap();
        quiet.wait().unwrap();
        assert_eq!(quiet.quietness, Quietness { starts: 1, disturbed: 0, waited: 2.0 * PAUSE.as_secs_f64() });
        quiet.wait().unwrap();
        assert_eq!(quiet.quietness, Quietness { starts: 2, disturbed: 0, waited: 3.0 * PAUSE.as_secs_f64() });
    }

    #[test]
    fn nobody_waits_for_ever() {
        let mut quiet = Quiet::new(taking(after_first(100, &[200])), PAUSE + PAUSE / 2).unwrap();
        assert!(!quiet.wait().unwrap());
        assert!(!quiet.wait().unwrap());
        let waited = (PAUSE + PAUSE / 2).as_secs_f64();
        assert_eq!((quiet.quietness.starts, quiet.quietness.disturbed), (2, 2));
        assert!((quiet.quietness.waited - waited).abs() < 1e-9);
    }
}
