//! Projects of Node in this repository: what their lock names is installed, their programs run, their tests counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::counts::{self, Counts};
use crate::lock::Lock;
use crate::process::{command, find, output, quietly, tee};
use crate::root::{shown, state};

/// The oldest Node that everything here runs on.
const OLDEST: u32 = 20;
/// In node_modules, so that both go together: the lock that it was made from.
const STAMP: &str = ".made-from";

/// A folder with a package.json and a package-lock.json, and everything that they name.
pub struct Project {
    folder: PathBuf,
}

impl Project {
    /// Installs what the lock names, unless that is what is there. No package's scripts run.
    pub fn install(folder: &Path) -> Result<Project> {
        check_node()?;
        let project = Project { folder: folder.to_path_buf() };
        let lock = project.lock()?;
        let _held = Lock::take(&state(), "npm")?;
        if !project.is_made_from(&lock) {
            let mut install = command("npm");
            install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
            quietly(&mut install, &format!("npm ci in {}", shown(folder)))?;
            let modules = folder.join("node_modules");
            // npm makes no folder where there is nothing to put into it.
            fs::create_dir_all(&modules).with_context(|| format!("cannot create {}", shown(&modules)))?;
            fs::write(modules.join(STAMP), lock)?;
        }
        Ok(project)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program in the project's folder: one of its own packages' if there is one of that name, else the PATH's.
    pub fn command(&self, program: &str) -> Command {
        let own = self.folder.join("node_modules/.bin").join(program);
        let mut started = if own.exists() { command(own) } else { command(program) };
        started.current_dir(&self.folder);
        started
    }

    /// Runs files of tests for node:test, from the project's folder.
    pub fn test(&self, files: &[&str], filter: Option<&str>) -> Result<Counts> {
        let mut test = self.command("node");
        test.args(["--test", "--test-reporter=spec"]);
        if let Some(filter) = filter {
            test.arg(format!("--test-name-pattern={}", escaped(filter)));
        }
        count(test.args(files), counts::node_test, filter)
    }

    fn lock(&self) -> Result<String> {
        let lock = self.folder.join("package-lock.json");
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", shown(&lock)))
    }

    fn is_made_from(&self, lock: &str) -> bool {
        fs::read_to_string(self.folder.join("node_modules").join(STAMP)).is_ok_and(|made_from| made_from == lock)
    }
}

/// Whether Node and npm are on the PATH.
pub fn is_there() -> bool {
    find("node").is_some() && find("npm").is_some()
}

/// Runs tests and sums what `each` reads from the lines they print.
pub fn count(test: &mut Command, each: fn(&str) -> Option<Counts>, filter: Option<&str>) -> Result<Counts> {
    let mut counts = Counts::default();
    let ok = tee(test, |line| counts += each(line).unwrap_or_default())?;
    let nothing_found = counts == Counts::default() && filter.is_some();
    if !ok && counts.failed == 0 && !nothing_found {
        bail!("`{}` failed before a test did; see above", test.get_program().to_string_lossy());
    }
    Ok(counts)
}

pub fn check_node() -> Result<()> {
    let mend = format!("install Node {OLDEST} or newer with npm, then run this again");
    if !is_there() {
        bail!("node or npm is not on the PATH; {mend}");
    }
    let version = output(command("node").arg("--version"))?;
    match major(&version) {
        Some(major) if major >= OLDEST => Ok(()),
        _ => bail!("node is {version}; {mend}"),
    }
}

/// Of "v20.1.2".
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// A regular expression that finds the text as it is.
fn escaped(text: &str) -> String {
    let special = |character: char| r"\^$.*+?()[]{}|/".contains(character);
    text.chars().flat_map(|character| special(character).then_some('\\').into_iter().chain([character])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_from_another_lock_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project { folder: folder.path().to_path_buf() };
        fs::write(folder.path().join("package-lock.json"), "one").unwrap();
        assert!(!project.is_made_from(&project.lock().unwrap()));
        fs::create_dir(folder.path().join("node_modules")).unwrap();
        fs::write(folder.path().join("node_modules").join(STAMP), "one").unwrap();
        assert!(project.is_made_from(&project.lock().unwrap()));
        fs::write(folder.path().join("package-lock.json"), "two").unwrap();
        assert!(!project.is_made_from(&project.lock().unwrap()));
    }

    #[test]
    fn a_folder_without_a_lock_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Project { folder: folder.path().to_path_buf() }.lock().unwrap_err();
        assert!(error.to_string().contains("package-lock.json"), "{error}");
    }

    #[test]
    fn a_projects_own_programs_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project { folder: folder.path().to_path_buf() };
        assert_eq!(project.command("tsc").get_program(), "tsc");
        let own = folder.path().join("node_modules/.bin/tsc");
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        fs::write(&own, "").unwrap();
        assert_eq!(project.command("tsc").get_program(), own);
        assert_eq!(project.command("tsc").get_current_dir(), Some(folder.path()));
    }

    #[test]
    fn tests_that_fail_without_a_count_are_an_error() {
        let run = |script: &str, filter| count(command("sh").args(["-c", script]), counts::node_test, filter);
        assert_eq!(run("echo '# pass 2'; echo '# fail 1'; exit 1", None).unwrap(), Counts { passed: 2, failed: 1 });
        assert!(run("exit 1", None).is_err());
        assert!(run("echo '# pass 2'; exit 1", Some("x")).is_err());
        assert_eq!(run("exit 1", Some("x")).unwrap(), Counts::default());
    }

    #[test]
    fn node_versions_and_filters() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("20.20.2"), None);
        assert_eq!(escaped("a.b (c)"), r"a\.b \(c\)");
    }
}
