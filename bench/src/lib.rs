//! What the driver and the workers of the benchmark share: fixtures, and the lines they speak in.

pub mod fixture;
pub mod protocol;
