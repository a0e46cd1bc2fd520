//! The model's graph: prepared from an ONNX file once, wired into tract where it is loaded, run for each request.

mod prepared;

#[cfg(feature = "onnx")]
mod fuse;
#[cfg(feature = "onnx")]
mod onnx;
#[cfg(feature = "rank")]
mod ops;
#[cfg(feature = "rank")]
mod run;
#[cfg(feature = "rank")]
mod wiring;

#[cfg(feature = "onnx")]
pub use onnx::prepare;
pub use prepared::PreparedGraph;
#[cfg(feature = "rank")]
pub use run::GraphError;
#[cfg(feature = "rank")]
pub(crate) use run::{EventRows, Graph, Inputs, Items, Outputs};
