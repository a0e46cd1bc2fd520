//! Deadlines: a thread that lets wasm code look at the clock every millisecond, while any runs.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wasmtime::Engine;

const TICK: Duration = Duration::from_millis(1);

/// A moment by which a call must have ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    started: Instant,
    pub limit: Duration,
}

impl Deadline {
    /// `limit` from now.
    pub fn within(limit: Duration) -> Deadline {
        Deadline { started: Instant::now(), limit }
    }

    /// What is left; `None` once it has passed.
    pub fn left(&self) -> Option<Duration> {
        self.limit.checked_sub(self.started.elapsed()).filter(|left| !left.is_zero())
    }
}

/// Moves an engine's epoch on while calls run; at each step, running wasm code checks its deadline.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    running: usize,
    stop: bool,
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    /// Waits for a call to run; returns whether to go on.
    fn wait(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self
            .changed
            .wait_while(state, |state| state.running == 0 && !state.stop)
            .unwrap_or_else(PoisonError::into_inner);
        !state.stop
    }
}

impl Ticker {
    /// Starts the thread.
    pub fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let shared = Arc::<Shared>::default();
        let (engine, of_thread) = (engine.clone(), shared.clone());
        let thread = thread::Builder::new().name("lookback-deadline".into()).spawn(move || {
            while of_thread.wait() {
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(Ticker { shared, thread: Some(thread) })
    }

    /// Ticks until the guard is dropped.
    pub fn run(&self) -> Running<'_> {
        self.shared.change(|state| state.running += 1);
        Running(&self.shared)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.change(|state| state.stop = true);
        if let Some(thread) = self.thread.take() {
            // The thread runs nothing that panics.
            let _ = thread.join();
        }
    }
}

/// A call that runs.
pub(crate) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.running -= 1);
    }
}
