//! A version: one bundle with one shard, and the image that instances of it start from.

use std::sync::Arc;

use lookback::bundle::Bundle;
use lookback::request::Request;
use lookback::response::Response;
use lookback::shard::Shard;

use crate::deadline::Deadline;
use crate::error::{Degraded, HostError};
use crate::host::START_LIMIT;
use crate::instance::{Call, Failure, Input, Instance};
use crate::runtime::{Image, Runtime};
use crate::warm_up;

/// What requests are answered from.
pub(crate) struct Version {
    pub generation: u64,
    pub bundle: Arc<Bundle>,
    pub shard_hash: [u8; 32],
    bundle_bytes: Arc<[u8]>,
    /// Where the shard lies in the image, and its length. The image is the only copy that is kept.
    shard_at: (u32, u32),
    image: Image,
}

/// How versions are made and started.
pub(crate) struct Maker {
    pub runtime: Runtime,
    /// The image that the module starts with.
    pub empty: Image,
    pub memory_limit: usize,
}

/// What a version is made of.
pub(crate) struct Parts {
    bundle: Arc<Bundle>,
    bundle_bytes: Arc<[u8]>,
    shard: Shard,
}

impl Parts {
    /// Reads the bytes, and every row of the shard.
    pub fn read(bundle: Vec<u8>, shard: Vec<u8>) -> Result<Parts, HostError> {
        let decoded = Bundle::decode(&bundle)?;
        Parts::of(Arc::new(decoded), bundle.into(), Shard::decode(shard)?)
    }

    fn of(bundle: Arc<Bundle>, bundle_bytes: Arc<[u8]>, shard: Shard) -> Result<Parts, HostError> {
        shard.verify()?;
        Ok(Parts { bundle, bundle_bytes, shard })
    }

    /// The bundle of another version with this shard.
    pub fn with_shard(version: &Version, shard: Shard) -> Result<Parts, HostError> {
        Parts::of(version.bundle.clone(), version.bundle_bytes.clone(), shard)
    }
}

impl Maker {
    /// Loads bundle and shard into an instance that answers the smallest request, and takes its image; so many instances of
    /// that image answer one of usual size. So whatever is wrong shows now, and pages and caches that requests need are met
    /// before the first of them comes.
    pub fn make(&self, generation: u64, parts: Parts, instances: usize) -> Result<(Version, Vec<Instance>), HostError> {
        let deadline = Deadline::within(START_LIMIT);
        let mut first = Instance::start(&self.runtime, &self.empty, self.memory_limit, deadline)?;
        first.init()?;
        let Parts { bundle, bundle_bytes, shard } = parts;
        first
            .call(Call::LoadBundle, Input::copied(&bundle_bytes), deadline)
            .map_err(|failure| told(Call::LoadBundle, failure))?;
        let (shard_hash, usual) = (shard.hash(), warm_up::usual(&shard));
        let shard = shard.into_bytes();
        let pointer = first.push_shard(&shard, deadline).map_err(|failure| told(Call::PushShard, failure))?;
        // It lies in the instance now; the image that is made next is as large again.
        let shard_at = (pointer, shard.len() as u32);
        drop(shard);
        // It leaves the image small.
        answer(&mut first, &warm_up::smallest(), deadline)?;
        let image = first.image()?;
        drop(first);

        let version = Version { generation, bundle, shard_hash, bundle_bytes, shard_at, image };
        let mut warm = Vec::with_capacity(instances);
        for _ in 0..instances {
            let deadline = Deadline::within(START_LIMIT);
            let mut instance = self.start(&version, deadline)?;
            answer(&mut instance, &usual, deadline)?;
            warm.push(instance);
        }
        Ok((version, warm))
    }

    /// An instance of a version, ready to answer.
    pub fn start(&self, version: &Version, deadline: Deadline) -> Result<Instance, HostError> {
        let mut instance = Instance::start(&self.runtime, &version.image, self.memory_limit, deadline)?;
        instance.generation = version.generation;
        Ok(instance)
    }

    /// A copy of a version's shard.
    pub fn shard(&self, version: &Version) -> Result<Shard, HostError> {
        let instance = self.start(version, Deadline::within(START_LIMIT))?;
        let (pointer, len) = version.shard_at;
        let bytes = instance.bytes(pointer, len).ok_or_else(|| {
            let reason = Degraded::BadAnswer(format!("the shard's {len} bytes at {pointer} are beyond the memory"));
            HostError::Failed { call: Call::PushShard.name(), reason }
        })?;
        // Its hash is checked anew: the module could have written to it.
        Ok(Shard::decode(bytes.to_vec())?)
    }
}

/// Has an instance answer a made-up request.
fn answer(instance: &mut Instance, request: &Request, deadline: Deadline) -> Result<(), HostError> {
    instance.ask::<_, Response>(Call::Rank, request, deadline).map_err(|failure| HostError::WarmUp {
        candidates: request.candidates.len(),
        events: request.history.len(),
        reason: failure.into_reason(),
    })?;
    Ok(())
}

pub(crate) fn told(call: Call, failure: Failure) -> HostError {
    match failure {
        Failure::Refused { status, message } => HostError::Refused { call: call.name(), status, message },
        Failure::Lost(reason) => HostError::Failed { call: call.name(), reason },
    }
}
