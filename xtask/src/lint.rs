//! `cargo xtask lint`: formatting, clippy, the repository's own rules.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cargo::cargo;
use crate::process::{duration, stream, succeeds};
use crate::root::root;
use crate::test::FEATURES;
use crate::tidy;

pub struct Check {
    pub name: &'static str,
    pub outcome: Outcome,
    pub time: Duration,
}

pub enum Outcome {
    Passed,
    Failed(String),
    /// The tool is not installed: what to type.
    NotRun(String),
}

pub fn run() -> Result<()> {
    let checks = checks();
    let mut failed = 0;
    println!();
    for check in &checks {
        let (mark, note) = match &check.outcome {
            Outcome::Passed => ("ok     ", String::new()),
            Outcome::Failed(why) => ("FAILED ", format!(": {why}")),
            Outcome::NotRun(why) => ("not run", format!(": {why}")),
        };
        failed += usize::from(matches!(check.outcome, Outcome::Failed(_)));
        println!("{mark} {}{note} ({})", check.name, duration(check.time));
    }
    if failed > 0 {
        bail!("{failed} of {} checks failed", checks.len());
    }
    Ok(())
}

pub fn checks() -> Vec<Check> {
    let mut checks = vec![
        check("cargo fmt", || component("fmt", "rustfmt", &["fmt", "--all", "--check"])),
        check("cargo clippy", || clippy(&[&FEATURES[..], &["--all-targets"]].concat())),
        check("cargo clippy, the formats alone", || clippy(&["--package", "lookback", "--no-default-features"])),
    ];
    match tidy::files(root()) {
        Ok(files) => checks.extend(tidy::RULES.map(|(name, rule)| {
            check(name, || {
                let found = rule(&files);
                for line in &found {
                    eprintln!("{line}");
                }
                match found.first() {
                    None => Outcome::Passed,
                    Some(first) => Outcome::Failed(format!("{} found, the first is {first}", found.len())),
                }
            })
        })),
        Err(error) => checks.push(check("the repository's rules", || Outcome::Failed(format!("{error:#}")))),
    }
    checks
}

fn check(name: &'static str, work: impl FnOnce() -> Outcome) -> Check {
    let started = Instant::now();
    let outcome = work();
    Check { name, outcome, time: started.elapsed() }
}

fn clippy(of: &[&str]) -> Outcome {
    component("clippy", "clippy", &[&["clippy", "--release"], of, &["--", "-D", "warnings"]].concat())
}

/// A cargo command that a component of the toolchain brings.
fn component(command: &str, component: &str, arguments: &[&str]) -> Outcome {
    if !succeeds(cargo().args([command, "--version"])) {
        let why = format!("not installed; `rustup component add {component}`");
        // What a person may lack for a while, the project's own checks may not.
        return if std::env::var_os("CI").is_some() { Outcome::Failed(why) } else { Outcome::NotRun(why) };
    }
    match stream(cargo().args(arguments)) {
        Ok(()) => Outcome::Passed,
        Err(_) => Outcome::Failed(format!("see `cargo {}`", arguments.join(" "))),
    }
}
