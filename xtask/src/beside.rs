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
    /// As one would type it.
    line: String,
    log: PathBuf,
}

impl Beside {
    /// Begins `cargo xtask` with these arguments.
    pub fn begin(arguments: &[&str]) -> Result<Beside> {
        let line = format!("cargo xtask {}", arguments.join(" "));
        let words: Vec<&str> = arguments.iter().map(|argument| argument.trim_start_matches('-')).collect();
        let log = state().join(format!("{}.log", words.join("-")));
        fs::create_dir_all(state()).with_context(|| format!("cannot create {}", shown(&state())))?;
        let file = fs::File::create(&log).with_context(|| format!("cannot write {}", shown(&log)))?;
        let mut xtask = command(env::current_exe().context("cannot tell where xtask is")?);
        xtask.args(arguments).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let process = xtask.spawn().with_context(|| format!("cannot run `{line}`"))?;
        println!("`{line}` runs beside this; {} says how it goes", shown(&log));
        Ok(Beside { process, line, log })
    }

    /// Waits for it; what it printed is shown only if it failed.
    pub fn end(mut self) -> Result<()> {
        let spinner = Spinner::start(&format!("`{}`, begun before", self.line));
        let status = self.process.wait().with_context(|| format!("cannot wait for `{}`", self.line))?;
        if status.success() {
            spinner.done();
            return Ok(());
        }
        drop(spinner);
        let printed = fs::read(&self.log).with_context(|| format!("cannot read {}", shown(&self.log)))?;
        eprint!("{}", String::from_utf8_lossy(&printed));
        bail!("`{}` failed ({status}); see above", self.line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(script: &str, log: PathBuf) -> Beside {
        let process = command("sh").args(["-c", script]).spawn().unwrap();
        Beside { process, line: "cargo xtask x".to_owned(), log }
    }

    #[test]
    fn one_that_fails_is_an_error_that_names_it() {
        let log = tempfile::NamedTempFile::new().unwrap();
        running("exit 0", log.path().to_owned()).end().unwrap();
        let error = running("exit 3", log.path().to_owned()).end().unwrap_err().to_string();
        assert!(error.contains("`cargo xtask x` failed") && error.contains('3'), "{error}");
    }
}
