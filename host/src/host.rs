//! The host: instances of the module with a bundle and a shard, and an answer for every request.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use lookback::abi::Status;
use lookback::bundle::Bundle;
use lookback::fallback;
use lookback::request::{ExplainRequest, Request, Weights};
use lookback::response::{ExplainResponse, Response};
use lookback::shard::{Delta, Shard};
use lookback::wire::Message;

use crate::deadline::Deadline;
use crate::error::{Degraded, HostError, RankError};
use crate::instance::{Call, Failure, Instance};
use crate::module::Module;
use crate::pool::{Found, Pool};

/// A call's deadline unless the builder is told another.
pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);
/// An instance's memory limit in bytes unless the builder is told another.
pub const DEFAULT_MEMORY_LIMIT: usize = 512 << 20;

/// Starting an instance and loading a shard is no part of a request, and may take this long.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);

/// What a call answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// The response.
    pub response: T,
    /// Why the response comes from the popularity tables; `None` when the module answered.
    pub degraded: Option<Degraded>,
}

/// Ranks with one bundle and one shard, from any number of threads. Cheap to clone; clones share the instances.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    module: Module,
    bundle_bytes: Vec<u8>,
    bundle: Bundle,
    shard: RwLock<Arc<Loaded>>,
    /// Held while a delta is applied, so that they apply one after the other.
    applying: Mutex<()>,
    pool: Pool,
    deadline: Duration,
    memory_limit: usize,
}

/// The shard that requests are to be answered from.
struct Loaded {
    generation: u64,
    bytes: Vec<u8>,
    shard: Shard,
    /// What made it from the generation before.
    delta: Option<Vec<u8>>,
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

    /// How long a call may take, waiting for an instance included; checked each millisecond. 100 ms unless set.
    pub fn deadline(mut self, deadline: Duration) -> HostBuilder {
        self.deadline = deadline;
        self
    }

    /// How much memory each instance may use, in bytes. 512 MiB unless set.
    pub fn memory_limit(mut self, bytes: usize) -> HostBuilder {
        self.memory_limit = bytes;
        self
    }

    /// How many calls can run at once. One for each CPU unless set.
    pub fn instances(mut self, instances: usize) -> HostBuilder {
        self.instances = instances;
        self
    }

    /// Starts the instances and loads bundle and shard into each; the host is ready when this returns.
    pub fn build(self) -> Result<Host, HostError> {
        if self.deadline.is_zero() {
            return Err(HostError::Setting { setting: "the deadline", least: "1 ms" });
        }
        if self.instances == 0 {
            return Err(HostError::Setting { setting: "the number of instances", least: "1" });
        }
        let bundle_bytes = self.bundle.ok_or(HostError::Missing("bundle"))?;
        let bytes = self.shard.ok_or(HostError::Missing("shard"))?;
        let mut inner = Inner {
            bundle: Bundle::decode(&bundle_bytes)?,
            shard: RwLock::new(Arc::new(Loaded { generation: 0, shard: Shard::decode(&bytes)?, bytes, delta: None })),
            module: self.module,
            bundle_bytes,
            applying: Mutex::new(()),
            pool: Pool::default(),
            deadline: self.deadline,
            memory_limit: self.memory_limit,
        };
        let started: Result<Vec<Instance>, HostError> = (0..self.instances).map(|_| inner.start()).collect();
        inner.pool = Pool::new(started?);
        Ok(Host { inner: Arc::new(inner) })
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

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.inner.bundle
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

    /// Applies a delta to the shard; on an error the shard stays as it is. Requests that run meanwhile see the shard
    /// as it was before or as it is after, never anything between.
    pub fn apply_delta(&self, delta: &[u8]) -> Result<(), HostError> {
        let inner = &self.inner;
        let _applying = inner.applying.lock().unwrap_or_else(PoisonError::into_inner);
        let old = inner.loaded();
        let shard = old.shard.apply(&Delta::decode(delta)?)?;
        let new = Arc::new(Loaded {
            generation: old.generation + 1,
            bytes: shard.encode(),
            shard,
            delta: Some(delta.to_vec()),
        });
        // One instance takes it first: what the module refuses is never published.
        let deadline = Deadline::within(START_LIMIT);
        let mut trial = match inner.pool.take(deadline) {
            Found::Instance(instance) => *instance,
            Found::Empty => inner.start().inspect_err(|error| inner.pool.failed(error.to_string()))?,
            Found::Busy { .. } => {
                return Err(lost(Call::ApplyDelta, Degraded::DeadlinePassed(START_LIMIT)));
            }
        };
        match inner.catch_up(&mut trial, &new) {
            Ok(()) => {}
            Err(Failure::Refused { status, message }) => {
                inner.pool.put(trial);
                return Err(refused(Call::ApplyDelta, status, message));
            }
            Err(Failure::Lost(reason)) => {
                Inner::replace(inner);
                return Err(lost(Call::ApplyDelta, reason));
            }
        }
        let generation = new.generation;
        *inner.shard.write().unwrap_or_else(PoisonError::into_inner) = new;
        inner.pool.put(trial);
        while let Some(mut instance) = inner.pool.take_older(generation) {
            match inner.catch_up(&mut instance, &inner.loaded()) {
                Ok(()) => inner.pool.put(instance),
                Err(_) => Inner::replace(inner),
            }
        }
        Ok(())
    }

    fn answer<Q: Message, A: Message>(
        &self,
        call: Call,
        question: &Q,
        request: &Request,
        from_popularity: impl FnOnce(Response) -> A,
    ) -> Result<Answer<A>, RankError> {
        let degraded = match self.ask(call, question) {
            Ok(response) => {
                return Ok(Answer { response, degraded: None });
            }
            Err(Failure::Refused { status: Status::BadRequest, message }) => {
                return Err(RankError::BadRequest(message));
            }
            Err(Failure::Refused { status, message }) => Degraded::Failed { status, message },
            Err(Failure::Lost(reason)) => reason,
        };
        let shard_hash = self.inner.loaded().shard.hash();
        let response = fallback::answer(&self.inner.bundle, shard_hash, request)
            .map_err(|error| RankError::BadRequest(error.to_string()))?;
        Ok(Answer { response: from_popularity(response), degraded: Some(degraded) })
    }

    fn ask<Q: Message, A: Message>(&self, call: Call, question: &Q) -> Result<A, Failure> {
        let inner = &self.inner;
        let deadline = Deadline::within(inner.deadline);
        let mut found = inner.pool.take(deadline);
        if matches!(found, Found::Empty) {
            Inner::replace(inner);
            found = inner.pool.take(deadline);
        }
        let mut instance = match found {
            Found::Instance(instance) => *instance,
            Found::Empty => {
                // The replacement failed at once; the next request tries again.
                inner.pool.failed("it did not start".into());
                return Err(busy(inner.deadline, None));
            }
            Found::Busy { last_failure } => return Err(busy(inner.deadline, last_failure)),
        };
        let answer =
            inner.catch_up(&mut instance, &inner.loaded()).and_then(|()| instance.ask(call, question, deadline));
        match &answer {
            Err(Failure::Lost(_)) => Inner::replace(inner),
            _ => inner.pool.put(instance),
        }
        answer
    }
}

impl Inner {
    fn loaded(&self) -> Arc<Loaded> {
        self.shard.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new instance that has answered a request, so that whatever is wrong shows now.
    fn start(&self) -> Result<Instance, HostError> {
        let loaded = self.loaded();
        let deadline = Deadline::within(START_LIMIT);
        let mut instance = Instance::start(&self.module, self.memory_limit, deadline)?;
        for (call, bytes) in [(Call::LoadBundle, &self.bundle_bytes), (Call::PushShard, &loaded.bytes)] {
            instance.call(call, bytes, deadline).map_err(|failure| told(call, failure))?;
        }
        instance.generation = loaded.generation;
        instance.ask::<_, Response>(Call::Rank, &nobody(), deadline).map_err(|failure| told(Call::Rank, failure))?;
        Ok(instance)
    }

    /// Starts an instance in the place of a lost one, on a thread of its own.
    fn replace(inner: &Arc<Inner>) {
        let of_thread = inner.clone();
        let spawned = thread::Builder::new().name("lookback-start".into()).spawn(move || match of_thread.start() {
            Ok(instance) => of_thread.pool.put(instance),
            Err(error) => of_thread.pool.failed(error.to_string()),
        });
        if let Err(error) = spawned {
            inner.pool.failed(format!("no thread to start it on: {error}"));
        }
    }

    /// Brings an instance to the shard that requests are to be answered from.
    fn catch_up(&self, instance: &mut Instance, loaded: &Loaded) -> Result<(), Failure> {
        if instance.generation == loaded.generation {
            return Ok(());
        }
        let deadline = Deadline::within(START_LIMIT);
        match &loaded.delta {
            Some(delta) if instance.generation + 1 == loaded.generation => {
                instance.call(Call::ApplyDelta, delta, deadline)?
            }
            _ => instance.call(Call::PushShard, &loaded.bytes, deadline)?,
        };
        instance.generation = loaded.generation;
        Ok(())
    }
}

fn told(call: Call, failure: Failure) -> HostError {
    match failure {
        Failure::Refused { status, message } => refused(call, status, message),
        Failure::Lost(reason) => lost(call, reason),
    }
}

fn refused(call: Call, status: Status, message: String) -> HostError {
    HostError::Refused { call: call.name(), status, message }
}

fn lost(call: Call, reason: Degraded) -> HostError {
    HostError::Failed { call: call.name(), reason }
}

fn busy(deadline: Duration, last_failure: Option<String>) -> Failure {
    Failure::Lost(Degraded::Busy { deadline, last_failure })
}

/// A request without a person or a candidate.
fn nobody() -> Request {
    Request {
        now: 0,
        attributes: Vec::new(),
        surface: None,
        history: Vec::new(),
        candidates: Vec::new(),
        items: Vec::new(),
        gsu: None,
        weights: Weights::default(),
    }
}
