//! The pool: so many calls at once, each with an instance of its own, all of one version.

use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::deadline::Deadline;
use crate::instance::Instance;
use crate::version::Version;

pub(crate) struct Pool {
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    /// What requests are answered from.
    version: Arc<Version>,
    /// How many more calls may run.
    free: usize,
    /// Instances of the version that wait for a call; at most `free`.
    idle: Vec<Instance>,
    /// Instances of the version for calls that still run on an older one.
    successors: Vec<Instance>,
}

/// Leave to run a call on a version, with an instance of it if there was one; dropping it lets the next call run.
pub(crate) struct Turn<'a> {
    pool: &'a Pool,
    pub version: Arc<Version>,
    instance: Option<Instance>,
}

impl Pool {
    /// As many calls as there are instances.
    pub fn new(version: Version, instances: Vec<Instance>) -> Pool {
        let state =
            State { version: Arc::new(version), free: instances.len(), idle: instances, successors: Vec::new() };
        Pool { state: Mutex::new(state), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn version(&self) -> Arc<Version> {
        self.lock().version.clone()
    }

    /// Waits for a turn; `None` once the deadline has passed.
    pub fn take(&self, deadline: Deadline) -> Option<Turn<'_>> {
        let mut state = self.lock();
        while state.free == 0 {
            state = self.freed.wait_timeout(state, deadline.left()?).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.free -= 1;
        let instance = state.idle.pop();
        Some(Turn { pool: self, version: state.version.clone(), instance })
    }

    /// Puts a version in the place of the one before, with an instance for each call: those that run take theirs when they
    /// end.
    pub fn publish(&self, version: Version, mut instances: Vec<Instance>) {
        let mut state = self.lock();
        let successors = instances.split_off(state.free);
        let older = (
            mem::replace(&mut state.version, Arc::new(version)),
            mem::replace(&mut state.idle, instances),
            mem::replace(&mut state.successors, successors),
        );
        // To give back what they hold takes a while, and others wait for the lock.
        drop(state);
        drop(older);
    }

    /// Makes room for one more instance for each call: a call that ends on an older version than this one leaves the next to
    /// start its own.
    pub fn make_room(&self) {
        let successors = mem::take(&mut self.lock().successors);
        drop(successors);
    }
}

impl Turn<'_> {
    /// The instance; without one, a new one has to be started.
    pub fn instance(&mut self) -> Option<Instance> {
        self.instance.take()
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
        let generation = state.version.generation;
        // One of an older version goes before another call may start, which takes its room.
        let instance = self.instance.take().filter(|instance| instance.generation == generation);
        let instance = instance.or_else(|| state.successors.pop());
        state.idle.extend(instance);
        drop(state);
        self.pool.freed.notify_one();
    }
}
