//! `cargo xtask test`: everything, and a summary.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::beside::Beside;
use crate::counts::{self, Counts};
use crate::lint::{self, Outcome};
use crate::parity::Parity;
use crate::process::{duration, tee};
use crate::root::{root, state};
use crate::setup::Method;
use crate::{cargo, data, inspect, js, python, simulated, wasm};

#[derive(Args)]
pub struct Options {
    /// One part only
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Only tests with this in their name (skips lints and parity)
    filter: Option<String>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq)]
enum Only {
    /// Lints, unit tests and documentation tests
    Rust,
    /// The black-box tests: the module in wasmtime, across crate borders
    Wasm,
    /// Training's tests
    Python,
    /// The runtimes' scores, compared
    Parity,
    /// The npm package: its face in a browser, and installed from its tarball
    Js,
    /// The examples in workerd, Deno, Node and Bun, and the same bytes from every engine
    Runtimes,
    /// The inspector: its types, its units, and its page in Chromium
    Inspector,
}

struct Part {
    name: String,
    counts: Counts,
    time: Duration,
    note: String,
}

/// Everything tested or measured is built with one set of features, so that nothing is compiled twice.
pub const FEATURES: [&str; 3] = ["--workspace", "--features", "lookback-host/prepare,lookback-bench/tract"];

/// Lists of the simulated platform that parity compares: it alone has surfaces, skips and histories of thousands.
const SIMULATED_LISTS: usize = 100;

/// Returns whether everything passed.
pub fn run(options: &Options) -> Result<bool> {
    let wanted = |part| options.only.is_none_or(|only| only == part);
    let filter = options.filter.as_deref();
    let mut parts = Vec::new();

    // Much of what these do leaves a core idle, so a whole run does it beside what keeps both busy.
    let whole = options.only.is_none() && filter.is_none();
    let beside = |arguments: &[&str]| whole.then(|| Beside::begin(arguments));
    let (python, module) = (beside(&["setup", "--python"]), beside(&["wasm"]));
    if wanted(Only::Rust) {
        if filter.is_none() {
            parts.extend(lint::checks().into_iter().map(Part::from));
        }
        parts.push(part("Rust, unit tests", filter, || {
            let mut counts = cargo_test(&["--lib", "--bins"], filter)?;
            counts += cargo_test(&["--doc"], filter)?;
            Ok(counts)
        }));
    }
    if wanted(Only::Wasm) || wanted(Only::Python) || wanted(Only::Parity) {
        parts.push(preparation("the module", || match module {
            Some(module) => module?.end(),
            None => wasm::make(Method::Auto, None).map(drop),
        }));
        parts.push(preparation("MovieLens 100K", || data::ensure(&lookback()?)));
    }
    let package = beside(&["pack"]);
    if wanted(Only::Wasm) {
        parts.push(part("Rust, black-box tests", filter, || cargo_test(&["--test", "*"], filter)));
    }
    if let Some(python) = python {
        parts.push(preparation("Python's packages", || python?.end()));
    }
    let compared = beside(&["test", "--only", "parity"]);
    if wanted(Only::Python) {
        parts.push(part("Python", filter, || pytest(filter)));
    }
    if wanted(Only::Parity) && filter.is_none() {
        parts.push(part("parity", filter, || match compared {
            Some(compared) => compared?.end().map(|()| PARITY),
            None => parity(),
        }));
    }
    if let Some(package) = package {
        parts.push(preparation("the npm package", || package?.end()));
    }
    if wanted(Only::Inspector) {
        parts.push(part("the inspector", filter, || inspect::test(&lookback()?, filter)));
    }
    if wanted(Only::Js) {
        parts.push(part("npm package, in Chromium", filter, || js::in_browser(filter)));
        parts.push(part("npm package, in Node", filter, || js::in_node(filter)));
    }
    if wanted(Only::Runtimes) {
        parts.push(part("runtimes and engines", filter, || crate::runtimes::test(filter)));
    }
    Ok(summary(&parts))
}

fn lookback() -> Result<PathBuf> {
    cargo::executable(cargo::cargo().args(["build", "--release", "--bin", "lookback"]).args(FEATURES))
}

fn cargo_test(targets: &[&str], filter: Option<&str>) -> Result<Counts> {
    let mut command = cargo::cargo();
    command.args(["test", "--release", "--no-fail-fast"]).args(FEATURES).args(targets).args(filter);
    let mut counts = Counts::default();
    let ok = tee(&mut command, |line| counts += counts::cargo_test(line).unwrap_or_default())?;
    if !ok && counts.failed == 0 {
        bail!("`cargo test {}` failed before a test did; see above", targets.join(" "));
    }
    Ok(counts)
}

fn pytest(filter: Option<&str>) -> Result<Counts> {
    let python = python::setup()?;
    let mut command = python.command();
    command.args(["-m", "pytest", "-p", "no:cacheprovider", "training"]);
    if let Some(filter) = filter {
        command.args(["-k", filter]);
    }
    let mut counts = Counts::default();
    let ok = tee(&mut command, |line| {
        if let Some(summary) = counts::pytest(line) {
            counts = summary;
        }
    })?;
    let nothing_found = counts == Counts::default() && filter.is_some();
    if !ok && counts.failed == 0 && !nothing_found {
        bail!("pytest failed before a test did; see above");
    }
    Ok(counts)
}

/// A comparison for each data set.
const PARITY: Counts = Counts { passed: 2, failed: 0 };

fn parity() -> Result<Counts> {
    let (python, lookback) = (python::setup()?, lookback()?);
    simulated::ensure(&lookback)?;
    let module = state().join("lookback.wasm");
    let of = |data: PathBuf, model: &str, limit| {
        let model = root().join("models").join(model);
        let (python, lookback, module) = (&python, &lookback, &module);
        Parity { python, lookback, module, data, model, limit }.run()
    };
    of(data::folder(), "ml-100k", None)?;
    of(simulated::folder(), "simulated", Some(SIMULATED_LISTS))?;
    Ok(PARITY)
}

/// A part that runs no test has failed, unless a filter left it none.
fn part(name: &str, filter: Option<&str>, work: impl FnOnce() -> Result<Counts>) -> Part {
    println!("\n── {name}");
    let started = Instant::now();
    let (counts, note) = match work() {
        Ok(counts) if counts == Counts::default() && filter.is_none() => {
            (Counts { passed: 0, failed: 1 }, "ran no test".to_owned())
        }
        Ok(counts) => (counts, String::new()),
        Err(error) => {
            eprintln!("error: {error:#}");
            (Counts { passed: 0, failed: 1 }, first_line(&format!("{error:#}")))
        }
    };
    Part { name: name.to_owned(), counts, time: started.elapsed(), note }
}

/// Something later parts need; it counts only when it fails.
fn preparation(name: &str, work: impl FnOnce() -> Result<()>) -> Part {
    part(name, Some(""), || work().map(|()| Counts::default()))
}

impl From<lint::Check> for Part {
    fn from(check: lint::Check) -> Part {
        let (passed, failed, note) = match check.outcome {
            Outcome::Passed => (1, 0, String::new()),
            Outcome::Failed(why) => (0, 1, why),
            Outcome::NotRun(why) => (0, 0, format!("not run: {why}")),
        };
        Part { name: check.name.to_owned(), counts: Counts { passed, failed }, time: check.time, note }
    }
}

fn summary(parts: &[Part]) -> bool {
    let mut total = Counts::default();
    let width = parts.iter().map(|part| part.name.chars().count()).max().unwrap_or(0);
    println!("\n{:width$}  {:>6}  {:>6}  {:>12}", "part", "passed", "failed", "time");
    for part in parts {
        let Counts { passed, failed } = part.counts;
        let line =
            format!("{:width$}  {passed:>6}  {failed:>6}  {:>12}  {}", part.name, duration(part.time), part.note);
        println!("{}", line.trim_end());
        total += part.counts;
    }
    if total == Counts::default() {
        println!("\nno test was run");
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    total.failed == 0 && total.passed > 0
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    fn counts(passed: usize, failed: usize) -> Counts {
        Counts { passed, failed }
    }

    #[test]
    fn a_part_without_tests_has_failed_unless_a_filter_left_it_none() {
        assert_eq!(part("a", None, || Ok(counts(0, 0))).counts, counts(0, 1));
        assert_eq!(part("a", Some("x"), || Ok(counts(0, 0))).counts, counts(0, 0));
    }

    #[test]
    fn a_part_that_cannot_run_has_failed_and_says_why() {
        let part = part("a", None, || Err(anyhow!("no compiler\nlong story")));
        assert_eq!(part.counts, counts(0, 1));
        assert_eq!(part.note, "no compiler");
        assert_eq!(preparation("b", || Err(anyhow!("no"))).counts, counts(0, 1));
        assert_eq!(preparation("b", || Ok(())).counts, counts(0, 0));
    }

    #[test]
    fn all_passes_only_with_tests_and_without_failures() {
        let one = |passed, failed| Part {
            name: "a".to_owned(),
            counts: counts(passed, failed),
            time: Duration::ZERO,
            note: String::new(),
        };
        assert!(summary(&[one(2, 0), one(0, 0)]));
        assert!(!summary(&[one(2, 0), one(5, 1)]));
        assert!(!summary(&[one(0, 0)]));
    }
}
