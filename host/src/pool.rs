//! The pool: so many calls at once, each with an instance of its own.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::deadline::Deadline;
use crate::instance::Instance;

pub(crate) struct Pool {
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    /// How many more calls may run.
    free: usize,
    /// Instances that wait for one; at most `free`.
    idle: Vec<Instance>,
}

/// Leave to run a call, with an instance if one was idle; dropping it lets the next call run.
pub(crate) struct Turn<'a> {
    pool: &'a Pool,
    instance: Option<Instance>,
}

impl Pool {
    pub fn new(idle: Vec<Instance>) -> Pool {
        Pool { state: Mutex::new(State { free: idle.len(), idle }), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn; `None` once the deadline has passed.
    pub fn take(&self, deadline: Deadline) -> Option<Turn<'_>> {
        let mut state = self.lock();
        while state.free == 0 {
            state = self.freed.wait_timeout(state, deadline.left()?).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.free -= 1;
        let instance = state.idle.pop();
        Some(Turn { pool: self, instance })
    }

    /// A turn with an idle instance that holds an older version than `generation`.
    pub fn take_older(&self, generation: u64) -> Option<Turn<'_>> {
        let mut state = self.lock();
        let older = state.idle.iter().position(|instance| instance.generation < generation)?;
        state.free -= 1;
        let instance = Some(state.idle.swap_remove(older));
        Some(Turn { pool: self, instance })
    }
}

impl Turn<'_> {
    /// The idle instance, if it holds this version; another is dropped, which makes room for a new one.
    pub fn instance(&mut self, generation: u64) -> Option<Instance> {
        self.instance.take().filter(|instance| instance.generation == generation)
    }

    /// Leaves an instance for the next call.
    pub fn put(mut self, instance: Instance) {
        self.instance = Some(instance);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.free += 1;
        state.idle.extend(self.instance.take());
        drop(state);
        self.pool.freed.notify_one();
    }
}
