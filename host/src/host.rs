//! The host: instances of the module with a bundle and a shard, and an answer for every request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lookback::abi::Status;
use lookback::bundle::Bundle;
use lookback::fallback;
use lookback::request::{ExplainRequest, Request};
use lookback::response::{ExplainResponse, Response};
use lookback::shard::{Delta, Shard};
use lookback::wire::Message;

use crate::deadline::Deadline;
use crate::error::{Degraded, HostError, RankError};
use crate::instance::{Call, Failure};
use crate::module::Module;
use crate::pool::Pool;
use crate::version::{self, Maker, Parts, Version};

/// A call's deadline unless the builder is told another.
pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);
/// An instance's memory limit in bytes unless the builder is told another.
pub const DEFAULT_MEMORY_LIMIT: usize = 512 << 20;

/// Instances that there is room for, for each call that can run at once: the one that answers it, that of a version that is
/// being prepared, and room that wasmtime takes for a moment to forget a version when its last call ends.
const ROOM_PER_CALL: usize = 3;

/// Preparing a version is no part of a request, and may take this long.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);

/// What a call answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// The response.
    pub response: T,
    /// Why the response comes from the popularity tables; `None` when the module answered.
    pub degraded: Option<Degraded>,
}

/// How long an instance took, see [`Host::time_start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartTimes {
    /// From asking for it to having it.
    pub start: Duration,
    /// Its first request.
    pub first: Duration,
    /// A later one: the fastest of three.
    pub later: Duration,
}

/// Ranks with one bundle and one shard, from any number of threads. Cheap to clone; clones share the instances.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    maker: Maker,
    /// Held while a version is prepared, so that they come one after the other.
    preparing: Mutex<()>,
    pool: Pool,
    /// How many calls can run at once.
    instances: usize,
    deadline: Duration,
}

/// Settings of a [`Host`]; bundle and shard must be given.
#[derive(Clone, Debug)]
pub struct HostBuilder {
    module: Module,
    bundle: Option<Vec<u8>>,
    shard: Option<Vec<u8>>,
    deadline: Duration,
    memory_limit: usize,
    instances: usize,
}

impl HostBuilder {
    /// The bundle file (`bundle.lbb`).
    pub fn bundle(mut self, bytes: impl Into<Vec<u8>>) -> HostBuilder {
        self.bundle = Some(bytes.into());
        self
    }

    /// The shard file (`shard.lbs`).
    pub fn shard(mut self, bytes: impl Into<Vec<u8>>) -> HostBuilder {
        self.shard = Some(bytes.into());
        self
    }

    /// How long a call may take, waiting for an instance included. 100 ms unless set.
    pub fn deadline(mut self, deadline: Duration) -> HostBuilder {
        self.deadline = deadline;
        self
    }

    /// How much memory each instance may use, in bytes: bundle and shard with a request of 500 candidates and 1,000 events at
    /// the least. 512 MiB unless set.
    pub fn memory_limit(mut self, bytes: usize) -> HostBuilder {
        self.memory_limit = bytes;
        self
    }

    /// How many calls can run at once. One for each CPU unless set. While a bundle or a shard is prepared there are twice as
    /// many instances.
    pub fn instances(mut self, instances: usize) -> HostBuilder {
        self.instances = instances;
        self
    }

    /// Loads bundle and shard and starts the instances; the host is ready when this returns.
    pub fn build(self) -> Result<Host, HostError> {
        if self.deadline.is_zero() {
            return Err(HostError::Setting { setting: "the deadline", least: "1 ms" });
        }
        if self.instances == 0 {
            return Err(HostError::Setting { setting: "the number of instances", least: "1" });
        }
        let bundle = self.bundle.ok_or(HostError::Missing("bundle"))?;
        let shard = self.shard.ok_or(HostError::Missing("shard"))?;
        let parts = Parts::read(bundle, shard)?;
        let (runtime, empty) = self.module.runtime(self.instances.saturating_mul(ROOM_PER_CALL))?;
        let maker = Maker { runtime, empty, memory_limit: self.memory_limit };
        let (version, instances) = maker.make(0, parts, self.instances)?;
        Ok(Host {
            inner: Arc::new(Inner {
                maker,
                preparing: Mutex::default(),
                pool: Pool::new(version, instances),
                instances: self.instances,
                deadline: self.deadline,
            }),
        })
    }
}

impl Host {
    /// Settings of a host of this module.
    pub fn builder(module: &Module) -> HostBuilder {
        HostBuilder {
            module: module.clone(),
            bundle: None,
            shard: None,
            deadline: DEFAULT_DEADLINE,
            memory_limit: DEFAULT_MEMORY_LIMIT,
            instances: thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The bundle that requests are answered from.
    pub fn bundle(&self) -> Arc<Bundle> {
        self.inner.pool.version().bundle.clone()
    }

    /// Ranks the request's candidates.
    pub fn rank(&self, request: &Request) -> Result<Answer<Response>, RankError> {
        self.answer(Call::Rank, request, request, |response| response)
    }

    /// Ranks the request's candidates and says what attention looked at; nothing, where popularity answered.
    pub fn explain(&self, request: &ExplainRequest) -> Result<Answer<ExplainResponse>, RankError> {
        self.answer(Call::Explain, request, &request.request, |response| ExplainResponse {
            response,
            explanations: Vec::new(),
        })
    }

    /// Replaces the shard; see [`Host::push`].
    pub fn push_shard(&self, shard: Vec<u8>) -> Result<Duration, HostError> {
        self.change(|_, version| Parts::with_shard(version, Shard::decode(shard)?))
    }

    /// Replaces the bundle; see [`Host::push`].
    pub fn push_bundle(&self, bundle: Vec<u8>) -> Result<Duration, HostError> {
        self.change(|maker, version| Parts::read(bundle, maker.shard(version)?.into_bytes()))
    }

    /// Replaces bundle and shard, and returns how long it took. Requests go on meanwhile; each is answered from the
    /// versions before or from those after, never from a mix. Instances that answer from those after have answered a made-up
    /// request of 500 candidates and 1,000 events before. On an error everything stays as it is.
    pub fn push(&self, bundle: Vec<u8>, shard: Vec<u8>) -> Result<Duration, HostError> {
        self.change(|_, _| Parts::read(bundle, shard))
    }

    /// Applies a delta to the shard; see [`Host::push`].
    pub fn apply_delta(&self, delta: &[u8]) -> Result<Duration, HostError> {
        self.change(|maker, version| {
            let delta = Delta::decode(delta.to_vec())?;
            Parts::with_shard(version, maker.shard(version)?.apply(&delta)?)
        })
    }

    /// Starts one more instance, asks it four times, and drops it; requests go on meanwhile. For benchmarks.
    pub fn time_start(&self, request: &Request) -> Result<StartTimes, HostError> {
        let inner = &self.inner;
        let _preparing = inner.prepare();
        let version = inner.pool.version();
        let deadline = Deadline::within(START_LIMIT);
        let started = Instant::now();
        let mut instance = inner.maker.start(&version, deadline)?;
        let start = started.elapsed();
        let mut ask = || -> Result<Duration, HostError> {
            let started = Instant::now();
            instance
                .ask::<_, Response>(Call::Rank, request, deadline)
                .map_err(|failure| version::told(Call::Rank, failure))?;
            Ok(started.elapsed())
        };
        let first = ask()?;
        let later = ask()?.min(ask()?).min(ask()?);
        Ok(StartTimes { start, first, later })
    }

    fn change(&self, parts: impl FnOnce(&Maker, &Version) -> Result<Parts, HostError>) -> Result<Duration, HostError> {
        let inner = &self.inner;
        let _preparing = inner.prepare();
        let started = Instant::now();
        let old = inner.pool.version();
        let parts = parts(&inner.maker, &old)?;
        // What the module refuses is never published.
        let (new, instances) = inner.maker.make(old.generation + 1, parts, inner.instances)?;
        inner.pool.publish(new, instances);
        Ok(started.elapsed())
    }

    fn answer<Q: Message, A: Message>(
        &self,
        call: Call,
        question: &Q,
        request: &Request,
        from_popularity: impl FnOnce(Response) -> A,
    ) -> Result<Answer<A>, RankError> {
        let deadline = Deadline::within(self.inner.deadline);
        let (version, answer) = match self.inner.pool.take(deadline) {
            Some(mut turn) => {
                let version = turn.version.clone();
                let started = match turn.instance() {
                    Some(instance) => Ok(instance),
                    None => self.inner.maker.start(&version, deadline),
                };
                let answer = match started {
                    Ok(mut instance) => {
                        let answer = instance.ask(call, question, deadline);
                        if !matches!(answer, Err(Failure::Lost(_))) {
                            turn.put(instance);
                        }
                        answer
                    }
                    Err(error) => Err(Failure::Lost(Degraded::NotStarted(error.to_string()))),
                };
                (version, answer)
            }
            None => (self.inner.pool.version(), Err(Failure::Lost(Degraded::Busy(self.inner.deadline)))),
        };
        let degraded = match answer {
            Ok(response) => return Ok(Answer { response, degraded: None }),
            Err(Failure::Refused { status: Status::BadRequest, message }) => {
                return Err(RankError::BadRequest(message));
            }
            Err(failure) => failure.into_reason(),
        };
        let response = fallback::answer(&version.bundle, version.shard_hash, request)
            .map_err(|error| RankError::BadRequest(error.to_string()))?;
        Ok(Answer { response: from_popularity(response), degraded: Some(degraded) })
    }
}

impl Inner {
    /// Leave to start instances beside those that answer: the guard keeps others from it.
    fn prepare(&self) -> MutexGuard<'_, ()> {
        let preparing = self.preparing.lock().unwrap_or_else(PoisonError::into_inner);
        self.pool.make_room();
        preparing
    }
}
