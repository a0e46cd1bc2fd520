//! What can go wrong, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use lookback::abi::Status;
use lookback::bundle::BundleError;
use lookback::shard::ShardError;

/// Why a file is not a module that this host runs.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// The file does not read.
    #[error("cannot read the module {path}: {source}; `cargo xtask wasm` builds it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for compiled modules cannot be used.
    #[error("no folder for compiled modules: {0}; set HOME or XDG_CACHE_HOME, or choose another CompileCache")]
    Cache(String),
    /// Not WebAssembly, or a kind that is not taken.
    #[error("the module does not compile: {0}; expected a file that `cargo xtask wasm` built")]
    Compile(String),
    /// It wants something from outside; the sandbox has no door.
    #[error("the module imports {0}; expected no imports at all, as `cargo xtask wasm` builds it")]
    Imports(String),
    /// An export is missing or of another type.
    #[error("the module has no export {name} ({reason}); expected the raw exports of lookback::abi")]
    Export {
        /// The export.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Another version of the raw exports.
    #[error(
        "the module speaks ABI version {got}, this host expects version {expected}; use the host and the module of one release"
    )]
    AbiVersion {
        /// The host's.
        expected: u32,
        /// The module's.
        got: u32,
    },
    /// What it holds cannot be written to a file to start instances from.
    #[error("cannot write what instances start from: {0}; set TMPDIR to a folder with room for bundle and shard")]
    Image(io::Error),
    /// It failed before any call.
    #[error("the module does not start: {0}")]
    Start(String),
}

/// Why a host was not built, or a bundle, shard or delta not taken; a host keeps serving what it had.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The builder was not given what it needs.
    #[error("no {0} was given; call HostBuilder::{0} before build")]
    Missing(&'static str),
    /// A setting that no host can have.
    #[error("{setting} is zero; expected at least {least}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// The least it can be.
        least: &'static str,
    },
    /// The bundle's bytes.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The shard's or delta's bytes.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The module's start.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The module does not take the bytes, e.g. for their embedding versions.
    #[error("{message} ({call} gave status {status:?})")]
    Refused {
        /// The export.
        call: &'static str,
        /// Its status.
        status: Status,
        /// Its message.
        message: String,
    },
    /// The module failed while it loaded.
    #[error("the module failed in {call}: {reason}")]
    Failed {
        /// The export.
        call: &'static str,
        /// How.
        reason: Degraded,
    },
    /// The module took the bytes and answers no request.
    #[error(
        "with this bundle and shard a made-up request of {candidates} candidates and {events} events has no answer: {reason}; \
         give others, or instances a larger memory limit"
    )]
    WarmUp {
        /// Candidates of the request.
        candidates: usize,
        /// Events in its history.
        events: usize,
        /// Why there is none.
        reason: Degraded,
    },
}

/// Why a request has no answer, not even from popularity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RankError {
    /// The request is wrong; the message says where.
    #[error("bad request: {0}")]
    BadRequest(String),
}

/// Why an answer came from the popularity tables and not from the module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Degraded {
    /// The module was still at it.
    #[error("the deadline of {0:?} passed")]
    DeadlinePassed(Duration),
    /// Every instance was busy until the deadline.
    #[error("no instance was free within the deadline of {0:?}")]
    Busy(Duration),
    /// No instance started in the place of a lost one.
    #[error("no instance started: {0}")]
    NotStarted(String),
    /// The module asked for more memory than its limit.
    #[error("the module needed more than its memory limit of {limit} bytes")]
    OutOfMemory {
        /// The limit in bytes.
        limit: usize,
    },
    /// The module trapped.
    #[error("the module trapped: {0}")]
    Trapped(String),
    /// The module gave a status that no well-formed request should get.
    #[error("the module gave status {status:?}: {message}")]
    Failed {
        /// The status.
        status: Status,
        /// Its message.
        message: String,
    },
    /// The module's answer is not one.
    #[error("the module's answer cannot be read: {0}")]
    BadAnswer(String),
}
