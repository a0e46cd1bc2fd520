//! Events to sequences to training examples.
//!
//! [`import`] reads logs into a data directory, [`examples`] splits them by time into training examples and candidate
//! lists, [`simulate`] makes up a platform with the truth beside it, [`metrics`] judges a ranking of those lists. The README of this crate documents the schema.

pub mod dataset;
pub mod examples;
pub mod id;
pub mod import;
pub mod log;
pub mod metrics;
pub mod popularity;
pub mod simulate;
pub mod tables;
