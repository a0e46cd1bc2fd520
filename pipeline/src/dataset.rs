//! An imported data set, opened.

use std::path::Path;

use crate::log::Log;
use crate::tables::{self, Item, TableError, User};

/// Names of the files in a data directory.
pub mod file {
    /// The events.
    pub const EVENTS: &str = "events.parquet";
    /// The items.
    pub const ITEMS: &str = "items.parquet";
    /// The users.
    pub const USERS: &str = "users.parquet";
    /// Rows that were not imported, with the reason.
    pub const REJECTS: &str = "rejects.jsonl";
    /// What the import did.
    pub const IMPORT: &str = "import.json";
    /// The examples.
    pub const EXAMPLES: &str = "examples.parquet";
    /// The true probabilities of a simulated platform's impressions.
    pub const TRUTH: &str = "truth.parquet";
    /// How a platform was simulated; a data directory without it is not simulated.
    pub const SIMULATION: &str = "simulation.json";
    /// Each day's snapshot of the embeddings.
    pub const EMBEDDINGS: &str = "embeddings";
    /// How the examples were made.
    pub const EXAMPLES_REPORT: &str = "examples.json";
}

/// Events, items and users.
#[derive(Debug)]
pub struct Dataset {
    /// Sorted by user and time.
    pub log: Log,
    /// Ascending by item.
    pub items: Vec<Item>,
    /// Ascending by user.
    pub users: Vec<User>,
}

impl Dataset {
    /// Opens a directory that `lookback import` wrote.
    pub fn open(directory: &Path) -> Result<Dataset, TableError> {
        Ok(Dataset {
            log: tables::read_events(&directory.join(file::EVENTS))?,
            items: tables::read_items(&directory.join(file::ITEMS))?,
            users: tables::read_users(&directory.join(file::USERS))?,
        })
    }

    /// An item's row.
    pub fn item(&self, item: u64) -> Option<&Item> {
        self.items.binary_search_by_key(&item, |row| row.item).ok().map(|row| &self.items[row])
    }

    /// A user's row.
    pub fn user(&self, user: u64) -> Option<&User> {
        self.users.binary_search_by_key(&user, |row| row.user).ok().map(|row| &self.users[row])
    }
}
