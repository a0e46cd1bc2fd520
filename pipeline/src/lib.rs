//! Events to sequences to training examples.
//!
//! [`import`] reads logs into a data directory, [`examples`] splits them by time into training examples and candidate
//! lists, [`metrics`] judges a ranking of those lists. The README of this crate documents the schema.

pub mod dataset;
pub mod examples;
pub mod id;
pub mod import;
pub mod log;
pub mod metrics;
pub mod popularity;
pub mod tables;
