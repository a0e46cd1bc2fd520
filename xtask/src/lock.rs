//! One run at a time for steps that write what others read, and whole-or-nothing folders.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::root::shown;

/// Held until dropped; the operating system drops it when a run is killed.
pub struct Lock {
    _file: File,
    folder: PathBuf,
    name: String,
}

impl Lock {
    /// Waits for other runs, then clears away what interrupted ones left.
    pub fn take(folder: &Path, name: &str) -> Result<Lock> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", shown(folder)))?;
        let path = folder.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("cannot create {}", shown(&path)))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("waiting for another `cargo xtask` ({name}) to finish");
                file.lock().with_context(|| format!("cannot lock {}", shown(&path)))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", shown(&path)));
            }
        }
        let lock = Lock { _file: file, folder: folder.to_path_buf(), name: name.to_owned() };
        lock.clear()?;
        Ok(lock)
    }

    /// A new empty folder beside the place its content will be renamed to.
    pub fn scratch(&self) -> Result<PathBuf> {
        let path = self.folder.join(format!("{}{}", self.prefix(), std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", shown(&path)))?;
        Ok(path)
    }

    fn prefix(&self) -> String {
        format!(".unfinished-{}-", self.name)
    }

    fn clear(&self) -> Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&self.prefix()) {
                fs::remove_dir_all(entry.path()).with_context(|| format!("cannot remove {}", shown(&entry.path())))?;
            }
        }
        Ok(())
    }
}

/// Puts a finished folder in its place in one step; what was there before goes.
pub fn publish(finished: &Path, place: &Path) -> Result<()> {
    if place.exists() {
        fs::remove_dir_all(place).with_context(|| format!("cannot remove {}", shown(place)))?;
    }
    fs::rename(finished, place).with_context(|| format!("cannot rename {} to {}", shown(finished), shown(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_run_left_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(".unfinished-setup-1");
        let other = folder.path().join(".unfinished-data-1");
        let finished = folder.path().join("sysroot-1");
        for path in [&left, &other, &finished] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("file"), "x").unwrap();
        }
        let lock = Lock::take(folder.path(), "setup").unwrap();
        assert!(!left.exists());
        assert!(other.exists() && finished.exists());
        assert!(lock.scratch().unwrap().is_dir());
    }

    #[test]
    fn a_lock_that_is_held_is_not_given_twice() {
        let folder = tempfile::tempdir().unwrap();
        let _held = Lock::take(folder.path(), "setup").unwrap();
        let second = File::create(folder.path().join("setup.lock")).unwrap();
        assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)));
    }

    #[test]
    fn publishing_replaces_the_whole_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (new, place) = (folder.path().join("new"), folder.path().join("place"));
        fs::create_dir(&new).unwrap();
        fs::create_dir(&place).unwrap();
        fs::write(new.join("a"), "new").unwrap();
        fs::write(place.join("b"), "old").unwrap();
        publish(&new, &place).unwrap();
        assert!(!new.exists());
        assert_eq!(fs::read_to_string(place.join("a")).unwrap(), "new");
        assert!(!place.join("b").exists());
    }
}
