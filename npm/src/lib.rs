//! The module of the npm package. It has a crate of its own because cargo gives the raw module the core's file name.

#[cfg(target_arch = "wasm32")]
pub use lookback::js::*;
