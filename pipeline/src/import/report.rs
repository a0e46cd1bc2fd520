//! What an import did.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Counts and provenance of an import, written as `import.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// What was read.
    pub source: String,
    /// Its format.
    pub format: String,
    /// Rows read from every file.
    pub rows: u64,
    /// Bad rows, each in the rejects file.
    pub rejected: u64,
    /// Events written.
    pub events: u64,
    /// Events equal in user, item, action and time to one that was kept.
    pub duplicates: u64,
    /// Events that came after a later one of the same user; they were sorted in.
    pub out_of_order: u64,
    /// Users written.
    pub users: u64,
    /// Items written.
    pub items: u64,
    /// Of them, known from events alone.
    pub items_without_row: u64,
    /// First event: Unix milliseconds, UTC.
    pub first_time: i64,
    /// Last event.
    pub last_time: i64,
    /// Columns that the schema does not have; they were not imported.
    pub unused_columns: Vec<String>,
    /// Terms of the data, where the format says them.
    pub licence: Option<String>,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} events by {} users on {} items from {} ({})",
            self.events, self.users, self.items, self.source, self.format
        )?;
        writeln!(f, "  rows read      {}", self.rows)?;
        writeln!(f, "  rejected       {}", self.rejected)?;
        writeln!(f, "  duplicates     {} (left out)", self.duplicates)?;
        writeln!(f, "  out of order   {} (sorted)", self.out_of_order)?;
        if self.items_without_row > 0 {
            writeln!(f, "  items known from events alone: {}", self.items_without_row)?;
        }
        if !self.unused_columns.is_empty() {
            writeln!(f, "  columns not in the schema, not imported: {}", self.unused_columns.join(", "))?;
        }
        Ok(())
    }
}
