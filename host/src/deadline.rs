//! Deadlines: a thread that lets wasm code look at the clock when a call's time is up.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// How soon a call is looked for again that was still running after its deadline.
const AGAIN: Duration = Duration::from_millis(1);

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

    /// The moment; `None` beyond the end of time.
    fn at(&self) -> Option<Instant> {
        self.started.checked_add(self.limit)
    }
}

/// Moves an engine's epoch on when a running call's deadline passes: wasm code then looks at its own. Until then the thread
/// sleeps, for each time it woke it would take a core from a call.
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
    /// When each call that runs must have ended, with a number of its own.
    running: BTreeSet<(Instant, u64)>,
    /// How many have run so far.
    calls: u64,
    /// When the thread wakes by itself; it may be before any call's deadline, and is `None` while it waits to be told.
    wakes_at: Option<Instant>,
    stop: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a deadline to pass with its call still running; returns whether to go on.
    fn wait(&self) -> bool {
        let mut state = self.state();
        // Not at once after the last: a call that was told needs time to end.
        let not_before = Instant::now() + AGAIN;
        loop {
            if state.stop {
                return false;
            }
            let now = Instant::now();
            state.wakes_at = state.running.first().map(|&(deadline, _)| deadline.max(not_before));
            state = match state.wakes_at {
                Some(at) if at <= now => return true,
                Some(at) => self.changed.wait_timeout(state, at - now).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl Ticker {
    /// Starts the thread.
    pub fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let shared = Arc::<Shared>::default();
        let (engine, of_thread) = (engine.clone(), shared.clone());
        let thread = thread::Builder::new().name("lookback-deadline".into()).spawn(move || {
            while of_thread.wait() {
                engine.increment_epoch();
            }
        })?;
        Ok(Ticker { shared, thread: Some(thread) })
    }

    /// Minds a call's deadline until the guard is dropped.
    pub fn run(&self, deadline: Deadline) -> Running<'_> {
        let mut state = self.shared.state();
        state.calls += 1;
        let call = deadline.at().map(|at| (at, state.calls));
        state.running.extend(call);
        let wakes_too_late = call.is_some_and(|(at, _)| state.wakes_at.is_none_or(|wakes_at| at < wakes_at));
        drop(state);
        if wakes_too_late {
            self.shared.changed.notify_one();
        }
        Running { shared: &self.shared, call }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.state().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread runs nothing that panics.
            let _ = thread.join();
        }
    }
}

/// A call that runs.
pub(crate) struct Running<'a> {
    shared: &'a Shared,
    call: Option<(Instant, u64)>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(call) = &self.call {
            self.shared.state().running.remove(call);
        }
    }
}
