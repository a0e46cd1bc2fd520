//! The model directory and what runs it: the module in wasmtime, or the native core.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use lookback::bundle::{Bundle, Manifest};
use lookback::request::{ExplainRequest, Request};
use lookback::response::{ExplainResponse, Response};
use lookback::shard::Shard;
use lookback_host::{Answer, Host, Module};

use super::native::{self, Native};
use super::progress::spinner;

#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// Model directory: bundle.lbb and shard.lbs
    #[arg(long, value_name = "DIR", default_value = "models/ml-100k")]
    pub model: PathBuf,
    /// The WebAssembly module
    #[arg(long, value_name = "FILE", env = "LOOKBACK_MODULE", default_value = "target/lookback/lookback.wasm")]
    pub module: PathBuf,
    /// Run the native core, if it is built in, not the module: no sandbox, deadline or memory limit
    #[arg(long)]
    pub native: bool,
}

/// How the module may run.
pub struct Limits {
    pub deadline: Duration,
    pub instances: usize,
}

impl Limits {
    /// For work that nobody waits for: a call that takes this long is broken.
    pub fn offline(instances: usize) -> Limits {
        Limits { deadline: Duration::from_secs(60), instances }
    }
}

pub struct Model {
    pub bundle: Bundle,
    pub shard: Shard,
    runtime: Runtime,
}

enum Runtime {
    Module { host: Host, size: usize },
    Native(Box<dyn Native>),
}

impl Model {
    pub fn open(args: &ModelArgs, limits: &Limits) -> Result<Model> {
        let (bundle_bytes, shard_bytes) = (read(&args.model, "bundle.lbb")?, read(&args.model, "shard.lbs")?);
        let place = args.model.display();
        let bundle = Bundle::decode(&bundle_bytes).with_context(|| format!("{place}/bundle.lbb"))?;
        let shard = Shard::decode(shard_bytes.clone()).with_context(|| format!("{place}/shard.lbs"))?;
        shard.verify().with_context(|| format!("{place}/shard.lbs"))?;
        let runtime = if args.native {
            let native = native::open(&bundle_bytes, shard_bytes);
            Runtime::Native(native.with_context(|| format!("{place} does not load"))?)
        } else {
            let module = open_module(&args.module)?;
            let host = Host::builder(&module)
                .bundle(bundle_bytes)
                .shard(shard_bytes)
                .deadline(limits.deadline)
                .instances(limits.instances)
                .build()
                .with_context(|| format!("{place} does not load into the module"))?;
            Runtime::Module { host, size: module.size() }
        };
        Ok(Model { bundle, shard, runtime })
    }

    pub fn manifest(&self) -> &Manifest {
        self.bundle.manifest()
    }

    /// "module" or "native".
    pub fn runtime(&self) -> &'static str {
        match self.runtime {
            Runtime::Module { .. } => "module",
            Runtime::Native(_) => "native",
        }
    }

    /// Whether the module answers, not the native core.
    pub fn is_module(&self) -> bool {
        matches!(self.runtime, Runtime::Module { .. })
    }

    /// Size of the module in bytes, where one runs.
    pub fn module_size(&self) -> Option<usize> {
        match self.runtime {
            Runtime::Module { size, .. } => Some(size),
            Runtime::Native(_) => None,
        }
    }

    pub fn rank(&self, request: &Request) -> Result<Answer<Response>> {
        match &self.runtime {
            Runtime::Module { host, .. } => Ok(host.rank(request)?),
            Runtime::Native(native) => Ok(Answer { response: native.rank(request)?, degraded: None }),
        }
    }

    pub fn explain(&self, request: &ExplainRequest) -> Result<Answer<ExplainResponse>> {
        match &self.runtime {
            Runtime::Module { host, .. } => Ok(host.explain(request)?),
            Runtime::Native(native) => Ok(Answer { response: native.explain(request)?, degraded: None }),
        }
    }

    /// Ranks where an answer from popularity would be a wrong one.
    pub fn rank_or_fail(&self, request: &Request) -> Result<Response> {
        let answer = self.rank(request)?;
        match answer.degraded {
            None => Ok(answer.response),
            Some(reason) => bail!("the module did not answer: {reason}"),
        }
    }
}

fn read(folder: &Path, file: &str) -> Result<Vec<u8>> {
    let path = folder.join(file);
    fs::read(&path).with_context(|| {
        let mend = match file {
            "bundle.lbb" if folder.join("model.onnx").is_file() => {
                format!("`lookback prepare {}` makes it", folder.display())
            }
            _ => "`cargo xtask train` makes a model directory".to_owned(),
        };
        format!("cannot read {}; {mend}", path.display())
    })
}

fn open_module(path: &Path) -> Result<Module> {
    if !path.is_file() {
        bail!("the module {} is not there; run `cargo xtask wasm`, or name another with --module", path.display());
    }
    let progress = spinner("loading the module (the first time, it is compiled for some seconds)");
    let module = Module::load(path).with_context(|| path.display().to_string());
    progress.finish_and_clear();
    module
}
