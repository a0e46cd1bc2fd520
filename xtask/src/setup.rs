//! A toolchain that compiles for WebAssembly: the installed one, rustup's, or Debian's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::cargo::cargo;
use crate::debian;
use crate::lock::Lock;
use crate::module::Builds;
use crate::process::{command, elapsed, find, output, quietly};
use crate::python;
use crate::root::{shown, state};

#[derive(Args)]
pub struct Options {
    /// How to come by the target
    #[arg(long, value_enum, default_value_t = Method::Auto)]
    pub method: Method,
}

#[derive(Args)]
pub struct SetupOptions {
    #[command(flatten)]
    toolchain: Options,
    /// Also make Python's environment for training: PyTorch and what it needs
    #[arg(long)]
    python: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// What is installed; else rustup; else Debian's packages
    Auto,
    /// `rustup target add`
    Rustup,
    /// Debian's compiler, and the standard library built from Debian's source
    Debian,
}

/// A cargo and rustc that compile for the target.
pub enum Toolchain {
    /// The one that runs xtask.
    Active { sysroot: PathBuf },
    /// Debian's, with a private sysroot that holds the target's standard library.
    Debian { sysroot: PathBuf, target: String },
}

impl Toolchain {
    /// Its cargo. Only this command sees the toolchain: native builds keep the active one.
    pub fn cargo(&self) -> Command {
        match self {
            Toolchain::Active { .. } => cargo(),
            Toolchain::Debian { sysroot, target } => debian::cargo(sysroot, target),
        }
    }

    pub fn describe(&self) -> String {
        match self {
            Toolchain::Active { sysroot } => format!("installed in {}", sysroot.display()),
            Toolchain::Debian { sysroot, .. } => {
                format!("Debian's compiler with {}", shown(sysroot))
            }
        }
    }
}

pub fn run(options: &SetupOptions) -> Result<()> {
    let started = Instant::now();
    let target = Builds::read()?.module.target;
    let toolchain = toolchain(options.toolchain.method, &target)?;
    println!("{target}: {} ({})", toolchain.describe(), elapsed(started));
    if options.python {
        let started = Instant::now();
        let python = python::setup()?;
        println!("Python: {} ({})", shown(python.interpreter()), elapsed(started));
    }
    Ok(())
}

/// Finds or makes a toolchain for the target. Finding takes milliseconds.
pub fn toolchain(method: Method, target: &str) -> Result<Toolchain> {
    if method != Method::Debian
        && let Some(found) = active(target)?
    {
        return Ok(found);
    }
    if method != Method::Rustup
        && let Some(sysroot) = debian::finished(&state(), target)
    {
        return Ok(Toolchain::Debian { sysroot, target: target.to_owned() });
    }

    let lock = Lock::take(&state(), "setup")?;
    match method {
        Method::Rustup => by_rustup(target),
        Method::Debian => by_debian(&lock, target),
        Method::Auto => {
            println!("{target} is not installed");
            let rustup = match by_rustup(target) {
                Ok(toolchain) => return Ok(toolchain),
                Err(error) => error,
            };
            println!("not by rustup: {rustup:#}");
            println!("trying Debian's packages");
            by_debian(&lock, target).map_err(|debian| neither(target, &rustup, &debian))
        }
    }
}

/// The toolchain that runs xtask, if it has the whole target.
fn active(target: &str) -> Result<Option<Toolchain>> {
    let sysroot = output(command("rustc").args(["--print", "sysroot"]))
        .context("no working rustc: install Rust, then run this again")?;
    let sysroot = PathBuf::from(sysroot);
    Ok(missing(&sysroot, target).is_none().then_some(Toolchain::Active { sysroot }))
}

/// What a sysroot lacks of the target, if anything.
pub fn missing(sysroot: &Path, target: &str) -> Option<String> {
    let rustlib = sysroot.join("lib/rustlib");
    // rustup lists a component once all its files are there; a killed rustup leaves it unlisted.
    if let Ok(components) = std::fs::read_to_string(rustlib.join("components")) {
        let component = format!("rust-std-{target}");
        if !components.lines().any(|line| line == component) {
            return Some(format!("rustup's component {component}"));
        }
    }
    let folder = rustlib.join(target).join("lib");
    let names: Vec<String> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    ["core", "alloc", "std", "panic_abort", "compiler_builtins"]
        .into_iter()
        .find(|library| {
            let start = format!("lib{library}-");
            !names.iter().any(|name| name.starts_with(&start) && name.ends_with(".rlib"))
        })
        .map(|library| format!("lib{library}-*.rlib in {}", folder.display()))
}

fn by_rustup(target: &str) -> Result<Toolchain> {
    if find("rustup").is_none() {
        bail!("rustup is not on the PATH");
    }
    quietly(command("rustup").args(["target", "add", target]), &format!("rustup target add {target}"))?;
    active(target)?.with_context(|| {
        format!("rustup added {target}, yet the active rustc does not have it; is another rustc first on the PATH?")
    })
}

fn by_debian(lock: &Lock, target: &str) -> Result<Toolchain> {
    // Whoever held the lock before may have finished it.
    let sysroot = match debian::finished(&state(), target) {
        Some(sysroot) => sysroot,
        None => debian::build(lock, &state(), target)?,
    };
    Ok(Toolchain::Debian { sysroot, target: target.to_owned() })
}

fn neither(target: &str, rustup: &anyhow::Error, debian: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "no toolchain compiles for {target}\n\
         \x20 rustup: {rustup:#}\n\
         \x20 Debian: {debian:#}\n\
         Type one of these, then run the same command again:\n\
         \x20 rustup target add {target}\n\
         \x20 sudo apt-get update && sudo apt-get install --no-install-recommends {}",
        debian::PACKAGES.join(" ")
    )
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::fs;

    pub const TARGET: &str = "wasm32-unknown-unknown";

    pub fn fill(sysroot: &Path, libraries: &[&str]) {
        let folder = sysroot.join("lib/rustlib").join(TARGET).join("lib");
        fs::create_dir_all(&folder).unwrap();
        for library in libraries {
            fs::write(folder.join(format!("lib{library}-0a1b.rlib")), "").unwrap();
        }
    }

    pub const WHOLE: [&str; 5] = ["core", "alloc", "std", "panic_abort", "compiler_builtins"];

    #[test]
    fn a_whole_sysroot_lacks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), &WHOLE);
        assert_eq!(missing(folder.path(), TARGET), None);
    }

    #[test]
    fn an_empty_or_half_copied_sysroot_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        assert!(missing(folder.path(), TARGET).unwrap().contains("libcore"));
        fill(folder.path(), &["core", "alloc"]);
        assert!(missing(folder.path(), TARGET).unwrap().contains("libstd"));
    }

    #[test]
    fn files_that_rustup_does_not_list_yet_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), &WHOLE);
        let list = folder.path().join("lib/rustlib/components");
        fs::write(&list, "cargo-x86_64-unknown-linux-gnu\n").unwrap();
        assert!(missing(folder.path(), TARGET).unwrap().contains("rust-std-wasm32"));
        fs::write(&list, "rust-std-wasm32-unknown-unknown\n").unwrap();
        assert_eq!(missing(folder.path(), TARGET), None);
    }

    #[test]
    fn the_last_error_says_what_to_type() {
        let error = neither(TARGET, &anyhow::anyhow!("a"), &anyhow::anyhow!("b")).to_string();
        assert!(error.contains("rustup target add wasm32-unknown-unknown"));
        assert!(error.contains("sudo apt-get install --no-install-recommends rustc-web"));
    }
}
