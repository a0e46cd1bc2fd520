//! `cargo xtask board`: the curves of past trainings, in TensorBoard.

use anyhow::{Result, bail};

use crate::process::stream;
use crate::python;
use crate::root::{shown, state};

pub fn run() -> Result<()> {
    let runs = state().join("runs");
    if !runs.is_dir() {
        bail!("{} is not there; `cargo xtask train` leaves its curves in it", shown(&runs));
    }
    let python = python::setup()?;
    stream(python.command().args(["-m", "tensorboard.main", "--logdir"]).arg(&runs))
}
