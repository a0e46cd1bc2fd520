//! Lookback ranks candidates against a person's whole history.
//!
//! The core: no clock, no I/O, no threads, no randomness. It builds natively and for `wasm32-unknown-unknown`, and
//! gives the same answers in both.
//!
//! A [`Ranker`] holds one [`Bundle`](bundle::Bundle) (a model version) and one [`Shard`](shard::Shard) (the items),
//! and turns a [`Request`](request::Request) into a [`Response`](response::Response):
//!
//! ```no_run
//! use lookback::{Ranker, event::{Action, Event, EventColumns}, request::{Request, Weights}};
//!
//! let mut ranker = Ranker::new();
//! ranker.load_bundle(&std::fs::read("models/ml-100k/bundle.lbb")?)?;
//! ranker.push_shard(std::fs::read("models/ml-100k/shard.lbs")?)?;
//! let response = ranker.rank(&Request {
//!     now: 893_286_638_000,
//!     attributes: vec![],
//!     surface: None,
//!     history: EventColumns::from_iter([Event::new(50, Action::Save, 893_286_000_000)]),
//!     candidates: vec![172, 181, 288],
//!     items: vec![],
//!     gsu: None,
//!     weights: Weights::default(),
//! })?;
//! for ranked in &response.ranked {
//!     println!("{} {:.3} {:.3}", ranked.item, ranked.p_click, ranked.p_save);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod abi;
pub mod bundle;
pub mod calibration;
pub mod capture;
pub mod cross;
pub mod encoder;
pub mod esu;
pub mod event;
pub mod fallback;
pub mod graph;
pub mod gsu;
pub mod long_attention;
pub mod popularity;
pub mod request;
pub mod response;
pub mod sequence;
pub mod shard;
pub mod stage;
pub mod wire;

#[cfg(feature = "rank")]
mod explain;
mod in_history;
#[cfg(feature = "rank")]
mod inputs;
mod numeric;
#[cfg(feature = "rank")]
mod ranker;
mod score;
mod top;

#[cfg(all(target_arch = "wasm32", feature = "rank", not(feature = "js")))]
mod exports;
#[cfg(all(target_arch = "wasm32", feature = "js"))]
pub mod js;
#[cfg(all(target_arch = "wasm32", feature = "js", feature = "stages"))]
compile_error!("a profiling build has the raw exports; leave out the feature `js`");

#[cfg(feature = "rank")]
pub use ranker::{LoadError, RankError, Ranker};
