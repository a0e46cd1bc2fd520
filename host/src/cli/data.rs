//! The data set that commands rank from, with errors that say how to get one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use lookback_pipeline::dataset::{Dataset, file};
use lookback_pipeline::examples::ExampleReport;
use lookback_pipeline::id::id_of;

#[derive(Args, Clone, Debug)]
pub struct DataArgs {
    /// Data directory, as `lookback import` writes it
    #[arg(long, value_name = "DIR", default_value = "data/ml-100k")]
    pub data: PathBuf,
}

/// An imported data set.
pub struct Data {
    pub folder: PathBuf,
    pub set: Dataset,
}

impl Data {
    pub fn open(folder: &Path) -> Result<Data> {
        if !folder.is_dir() {
            bail!(
                "there is no data set in {}; `cargo xtask data` fetches MovieLens 100K, `lookback import --help` says how to import your own events",
                folder.display()
            );
        }
        Ok(Data {
            folder: folder.to_owned(),
            set: Dataset::open(folder).with_context(|| format!("cannot open the data set in {}", folder.display()))?,
        })
    }

    /// The person of a key.
    pub fn user(&self, key: &str) -> Result<u64> {
        let id = id_of(key);
        let known = self.set.user(id).is_some_and(|user| user.key == key);
        if !known {
            bail!(
                "there is no user {key:?} in {folder}; `lookback users --data {folder}` lists some",
                folder = self.folder.display()
            );
        }
        Ok(id)
    }

    /// The person's key.
    pub fn user_key(&self, user: u64) -> String {
        self.set.user(user).map_or_else(|| user.to_string(), |row| row.key.clone())
    }

    /// Where the test period starts; none for a data set without examples.
    pub fn test_from(&self) -> Result<Option<i64>> {
        match self.folder.join(file::EXAMPLES_REPORT).is_file() {
            true => Ok(Some(self.report()?.test_from)),
            false => Ok(None),
        }
    }

    /// How the examples were made.
    pub fn report(&self) -> Result<ExampleReport> {
        let path = self.folder.join(file::EXAMPLES_REPORT);
        let read = || -> Result<ExampleReport> { Ok(serde_json::from_str(&fs::read_to_string(&path)?)?) };
        read().with_context(|| {
            format!("{} is not there or not as `lookback examples` writes it; run it again", path.display())
        })
    }
}

/// Keys and titles of items; numbers where there is no data set.
pub struct Names<'a>(pub Option<&'a Dataset>);

impl Names<'_> {
    /// The item's key, or its number where the data set does not have it.
    pub fn key(&self, item: u64) -> String {
        match self.0.and_then(|set| set.item(item)) {
            Some(row) => row.key.clone(),
            None => item.to_string(),
        }
    }

    /// The item's title, or its key where it has none.
    pub fn title(&self, item: u64) -> String {
        match self.0.and_then(|set| set.item(item)) {
            Some(row) => row.title.clone().unwrap_or_else(|| row.key.clone()),
            None => item.to_string(),
        }
    }
}
