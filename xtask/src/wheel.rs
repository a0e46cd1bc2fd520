//! One pinned wheel from the Python package index, by its ordinary clients, checked by hash.

use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::process::{command, find, quietly, succeeds};
use crate::root::shown;

/// Used only through uv, where Python has no pip of its own.
const PIP: &str = "pip==26.0";

pub struct Wheel {
    pub name: &'static str,
    pub version: &'static str,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: &'static str,
}

impl Wheel {
    /// Downloads it into `folder` and returns the file.
    pub fn download(&self, folder: &Path) -> Result<PathBuf> {
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, format!("{}=={} --hash=sha256:{}\n", self.name, self.version, self.sha256))?;
        let mut pip = pip()?;
        pip.args(["download", "--no-deps", "--require-hashes", "--dest"])
            .arg(folder)
            .arg("--requirement")
            .arg(&requirements);
        quietly(&mut pip, &format!("pip download {}=={}", self.name, self.version))?;

        let file = fs::read_dir(folder)?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .with_context(|| format!("pip left no .whl file in {}", shown(folder)))?;
        check(&file, self.sha256)?;
        Ok(file)
    }
}

fn pip() -> Result<Command> {
    if succeeds(command("python3").args(["-m", "pip", "--version"])) {
        let mut pip = command("python3");
        pip.args(["-m", "pip"]);
        return Ok(pip);
    }
    if find("uv").is_some() {
        let mut pip = command("uv");
        pip.args(["tool", "run", "--from", PIP, "pip"]);
        return Ok(pip);
    }
    bail!(
        "neither `python3 -m pip` nor `uv` runs; install one: on Debian `sudo apt-get install python3-pip python3-venv`, elsewhere Python 3.11 or newer"
    );
}

fn check(file: &Path, sha256: &str) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", shown(file)))?;
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != sha256 {
        bail!("{} is not the file that is pinned: expected SHA-256 {sha256}, got {found}", shown(file));
    }
    Ok(())
}

/// Unzips the named members into `folder`, under their last names.
pub fn unzip(archive: impl Read + Seek, members: &[&str], folder: &Path) -> Result<()> {
    let mut archive = ZipArchive::new(archive).context("the wheel is no zip archive")?;
    fs::create_dir_all(folder)?;
    for member in members {
        let name = Path::new(member).file_name().with_context(|| format!("{member} names no file"))?;
        let mut from = archive.by_name(member).with_context(|| format!("the wheel holds no {member}"))?;
        let mut to = fs::File::create(folder.join(name))?;
        std::io::copy(&mut from, &mut to).with_context(|| format!("cannot unzip {member}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    #[test]
    fn a_file_with_another_hash_is_refused_and_both_hashes_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.whl");
        fs::write(&file, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(&file, abc).unwrap();
        fs::write(&file, "abd").unwrap();
        let error = check(&file, abc).unwrap_err().to_string();
        assert!(error.contains(abc) && error.contains("got a52d159f"), "{error}");
    }

    #[test]
    fn only_the_named_members_are_unzipped() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for name in ["a/b.inter", "a/c.kg"] {
            writer.start_file(name, options).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        let archive = writer.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        unzip(archive.clone(), &["a/b.inter"], folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("b.inter")).unwrap(), "a/b.inter");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        let error = unzip(archive, &["a/d.inter"], folder.path()).unwrap_err();
        assert!(error.to_string().contains("a/d.inter"));
    }
}
