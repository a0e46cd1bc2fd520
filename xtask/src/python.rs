//! Python for training: uv, and an environment of the pinned requirements.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::lock::Lock;
use crate::process::{command, find, is_executable, quietly, stream, succeeds};
use crate::root::{root, shown, state};

const UV: &str = "uv==0.13.9";
const VERSIONS: &str = ">=3.11";

/// An interpreter with everything in training/requirements.txt.
pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// `python …` in the repository's root, with training/ importable.
    pub fn command(&self) -> Command {
        let mut python = command(&self.interpreter);
        self.environment(&mut python);
        // Its default is a folder in the repository's root.
        python.env("HYPOTHESIS_STORAGE_DIRECTORY", state().join("python/hypothesis"));
        python
    }

    /// The interpreter, for programs that start it in this `environment`.
    pub fn interpreter(&self) -> &Path {
        &self.interpreter
    }

    /// Gives a command what Python needs to find training/ and the pinned packages, compiled once, and no others.
    pub fn environment(&self, command: &mut Command) {
        command.env("PYTHONPATH", root().join("training"));
        // Paths of another interpreter's packages would come before the pinned ones.
        command.env_remove("PYTHONHOME").env("PYTHONNOUSERSITE", "1");
        // Without bytecode each process compiles PyTorch for itself, which takes longer than to load it.
        command.env_remove("PYTHONDONTWRITEBYTECODE").env("PYTHONPYCACHEPREFIX", state().join("python/bytecode"));
    }
}

/// Makes the environment, or finds it made from the same requirements.
pub fn setup() -> Result<Python> {
    let requirements = root().join("training/requirements.txt");
    let wanted = stamp(&requirements)?;
    let folder = state().join("python");
    let venv = folder.join("venv");
    let python = Python { interpreter: venv.join("bin/python") };
    let stamp = folder.join("venv.stamp");
    if is_made(&stamp, &wanted, &python.interpreter) {
        return Ok(python);
    }

    let lock = Lock::take(&folder, "python")?;
    if is_made(&stamp, &wanted, &python.interpreter) {
        return Ok(python);
    }
    println!("setting up Python: PyTorch and what it needs, about 5 GB on disk, a minute or more");
    let uv = uv(&lock, &folder)?;
    if !succeeds(command(&python.interpreter).arg("--version")) {
        stream(command(&uv).args(["venv", "--clear", "--no-python-downloads", "--python", VERSIONS]).arg(&venv))
            .with_context(|| {
                format!("training needs Python {VERSIONS}; on Debian: `sudo apt-get install python3 python3-venv`")
            })?;
    }
    // The stamp is written last: an interrupted install is repeated.
    stream(
        command(&uv).args(["pip", "sync", "--require-hashes", "--python"]).arg(&python.interpreter).arg(&requirements),
    )?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}

fn is_made(stamp: &Path, wanted: &str, interpreter: &Path) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == wanted) && is_executable(interpreter)
}

fn stamp(requirements: &Path) -> Result<String> {
    let bytes = fs::read(requirements).with_context(|| format!("cannot read {}", shown(requirements)))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The uv on the PATH, else a private one.
fn uv(lock: &Lock, folder: &Path) -> Result<PathBuf> {
    if let Some(uv) = find("uv") {
        return Ok(uv);
    }
    let place = folder.join("uv");
    let uv = place.join("bin/uv");
    if succeeds(command(&uv).arg("--version")) {
        return Ok(uv);
    }
    if find("python3").is_none() {
        bail!("neither uv nor python3 is on the PATH; on Debian: `sudo apt-get install python3 python3-venv`");
    }
    let scratch = lock.scratch()?;
    let made = scratch.join("uv");
    quietly(command("python3").args(["-m", "venv"]).arg(&made), "python3 -m venv")
        .context("python3 cannot make an environment; on Debian: `sudo apt-get install python3-venv`")?;
    quietly(
        command(made.join("bin/python")).args(["-m", "pip", "install", "--disable-pip-version-check", UV]),
        &format!("pip install {UV}"),
    )?;
    crate::lock::publish(&made, &place)?;
    fs::remove_dir_all(&scratch)?;
    Ok(uv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_its_stamp_or_of_other_requirements_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let (file, requirements) = (folder.path().join("stamp"), folder.path().join("requirements.txt"));
        fs::write(&requirements, "a==1 --hash=sha256:00\n").unwrap();
        let wanted = stamp(&requirements).unwrap();
        let interpreter = Path::new("/bin/sh");
        assert!(!is_made(&file, &wanted, interpreter));
        fs::write(&file, &wanted).unwrap();
        assert!(is_made(&file, &wanted, interpreter));
        assert!(!is_made(&file, &wanted, &folder.path().join("python")));
        fs::write(&requirements, "a==2 --hash=sha256:00\n").unwrap();
        assert!(!is_made(&file, &stamp(&requirements).unwrap(), interpreter));
    }
}
