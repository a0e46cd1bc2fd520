//! Runs the Lookback module in wasmtime.
//!
//! A [`Module`] is the compiled file; a [`Host`] holds instances of it with one bundle and one shard loaded, and
//! answers requests from any number of threads. Each call has a deadline and each instance a memory limit. A call that
//! the module does not answer is answered from the bundle's popularity tables instead, and says so.
//!
//! Bundle and shard are loaded once, into an instance of which an image is taken; every other instance starts from that
//! image in microseconds and shares its memory with the others until it writes to it. A new bundle or shard is prepared
//! the same way while requests go on, each instance warmed up by a made-up request, and then takes the old one's place
//! between two of them.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use lookback::event::{Action, Event, EventColumns};
//! use lookback::request::{Request, Weights};
//! use lookback_host::{Host, Module};
//!
//! let module = Module::load("target/lookback/lookback.wasm")?;
//! let host = Host::builder(&module)
//!     .bundle(std::fs::read("models/ml-100k/bundle.lbb")?)
//!     .shard(std::fs::read("models/ml-100k/shard.lbs")?)
//!     .deadline(Duration::from_millis(100))
//!     .build()?;
//! let answer = host.rank(&Request {
//!     now: 893_286_638_000,
//!     attributes: vec![],
//!     surface: None,
//!     history: EventColumns::from_iter([Event::new(50, Action::Save, 893_286_000_000)]),
//!     candidates: vec![172, 181, 288],
//!     items: vec![],
//!     gsu: None,
//!     weights: Weights::default(),
//! })?;
//! for ranked in &answer.response.ranked {
//!     println!("{} {:.3} {:.3}", ranked.item, ranked.p_click, ranked.p_save);
//! }
//! if let Some(reason) = answer.degraded {
//!     eprintln!("answered from popularity: {reason}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod deadline;
mod error;
mod host;
mod image;
mod instance;
mod module;
mod pool;
mod precompiled;
mod runtime;
mod version;
mod warm_up;

pub use error::{Degraded, HostError, ModuleError, RankError};
pub use host::{Answer, DEFAULT_DEADLINE, DEFAULT_MEMORY_LIMIT, Host, HostBuilder, StartTimes};
pub use module::{CompileCache, Module};
