//! The pool: a fixed number of instances, lent to one call each, and replaced when lost.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::deadline::Deadline;
use crate::instance::Instance;

#[derive(Default)]
pub(crate) struct Pool {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Instance>,
    /// Instances idle, lent, or on their way.
    live: usize,
    last_failure: Option<String>,
}

/// What a call finds.
pub(crate) enum Found {
    Instance(Box<Instance>),
    /// Every instance is lost: one must be started, and is counted as on its way.
    Empty,
    /// The deadline passed.
    Busy {
        last_failure: Option<String>,
    },
}

impl Pool {
    pub fn new(idle: Vec<Instance>) -> Pool {
        let live = idle.len();
        Pool { state: Mutex::new(State { idle, live, last_failure: None }), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an idle instance.
    pub fn take(&self, deadline: Deadline) -> Found {
        let mut state = self.lock();
        loop {
            if let Some(instance) = state.idle.pop() {
                return Found::Instance(Box::new(instance));
            }
            if state.live == 0 {
                state.live = 1;
                return Found::Empty;
            }
            let Some(left) = deadline.left() else {
                return Found::Busy { last_failure: state.last_failure.clone() };
            };
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// An idle instance that holds an older shard than `generation`.
    pub fn take_older(&self, generation: u64) -> Option<Instance> {
        let mut state = self.lock();
        let older = state.idle.iter().position(|instance| instance.generation < generation)?;
        Some(state.idle.swap_remove(older))
    }

    /// Gives an instance back, or the one that takes a lost one's place.
    pub fn put(&self, instance: Instance) {
        self.lock().idle.push(instance);
        self.freed.notify_one();
    }

    /// The instance on its way will not come.
    pub fn failed(&self, reason: String) {
        let mut state = self.lock();
        state.live -= 1;
        state.last_failure = Some(reason);
        drop(state);
        self.freed.notify_all();
    }
}
