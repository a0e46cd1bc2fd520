//! Another `cargo xtask` beside this one, for what would leave a core idle.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::process::{Spinner, command};
use crate::root::{shown, state};

/// It, running; what it prints goes to a file.
pub struct Beside {
    process: Child,
    arguments: String,
    log: PathBuf,
}

impl Beside {
    /// Begins `cargo xtask` with these arguments.
    pub fn begin(arguments: &[&str]) -> Result<Beside> {
        let program = env::current_exe().context("cannot tell where xtask is")?;
        let words = arguments.iter().map(|argument| argument.trim_start_matches('-'));
        let log = state().join(format!("{}.log", words.collect::<Vec<_>>().join("-")));
        let arguments_shown = arguments.join(" ");
        fs::create_dir_all(state()).with_context(|| format!("cannot create {}", shown(&state())))?;
        let file = fs::File::create(&log).with_context(|| format!("cannot write {}", shown(&log)))?;
        let mut xtask = command(program);
        xtask.args(arguments).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let process = xtask.spawn().with_context(|| format!("cannot run `cargo xtask {arguments_shown}`"))?;
        println!("`cargo xtask {arguments_shown}` runs beside this; {} says how it goes", shown(&log));
        Ok(Beside { process, arguments: arguments_shown, log })
    }

    /// Waits for it; what it printed is shown only if it failed.
    pub fn end(mut self) -> Result<()> {
        let spinner = Spinner::start(&format!("`cargo xtask {}`, begun before", self.arguments));
        let status =
            self.process.wait().with_context(|| format!("cannot wait for `cargo xtask {}`", self.arguments))?;
        if status.success() {
            spinner.done();
            return Ok(());
        }
        drop(spinner);
        let printed = fs::read(&self.log).with_context(|| format!("cannot read {}", shown(&self.log)))?;
        eprint!("{}", String::from_utf8_lossy(&printed));
        bail!("`cargo xtask {}` failed ({status}); see above", self.arguments);
    }
}
