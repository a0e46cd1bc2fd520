//! The folder that is written: every file by its name, bytes and JSON.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::Result;

/// Written first, which marks the folder as a run's, and again last.
const INDEX: &str = "engines.json";

pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// An empty folder: what an older run left would be served too. Only a run's own folder is emptied.
    pub fn make(path: &str) -> Result<Folder> {
        let path = PathBuf::from(path);
        if path.exists() && !path.join(INDEX).is_file() && fs::read_dir(&path)?.next().is_some() {
            return Err(format!("{} holds other files; name a new folder", path.display()).into());
        }
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|error| format!("cannot empty {}: {error}", path.display()))?;
        }
        fs::create_dir_all(&path)?;
        fs::write(path.join(INDEX), "{}")?;
        Ok(Folder { path })
    }

    /// Names every file.
    pub fn index(&self, value: &Value) -> Result<()> {
        self.json(INDEX, value)
    }

    /// Writes a file and returns its name.
    pub fn bytes(&self, name: impl Into<String>, bytes: &[u8]) -> Result<String> {
        let name = name.into();
        let place = self.path.join(&name);
        fs::write(&place, bytes).map_err(|error| format!("cannot write {}: {error}", place.display()))?;
        Ok(name)
    }

    pub fn json(&self, name: &str, value: &Value) -> Result<()> {
        self.bytes(name, serde_json::to_string(value)?.as_bytes()).map(drop)
    }
}
