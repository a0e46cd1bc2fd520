//! Why an import stops.

use std::path::PathBuf;

use crate::id::IdCollision;
use crate::tables::TableError;

/// Why an import stops. A bad row alone does not stop it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file's format cannot be told.
    #[error("{path}: cannot tell the format from the name; expected .jsonl, .csv or .parquet, or say it with --format")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A required column is missing.
    #[error("{path}: no column {column:?}; it has {found}. {kind} need the columns {required}")]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// What the file holds.
        kind: &'static str,
        /// The column.
        column: &'static str,
        /// Columns of the file.
        found: String,
        /// All columns that are required.
        required: String,
    },
    /// The file cannot be read as its format.
    #[error("{path}: not readable as {format}: {reason}; mend the file or name another --format")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// Two keys become one id.
    #[error(transparent)]
    Collision(#[from] IdCollision),
    /// Too many bad rows.
    #[error(
        "{bad} of {rows} rows are bad ({percent:.2}%), more than the {allowed_percent:.2}% allowed; the first: {first}. \
         Every one is in {rejects} with its reason. Mend them, or allow more with --max-bad {suggestion}"
    )]
    TooManyBadRows {
        /// Bad rows.
        bad: u64,
        /// Rows in all.
        rows: u64,
        /// Share of bad rows.
        percent: f64,
        /// Share allowed.
        allowed_percent: f64,
        /// The first three reasons.
        first: String,
        /// Where the rejects are.
        rejects: PathBuf,
        /// A share that would allow it.
        suggestion: f64,
    },
    /// Nothing came in.
    #[error("{path}: no event at all; expected at least one row of events")]
    NoEvents {
        /// The file or folder.
        path: PathBuf,
    },
    /// The folder holds no MovieLens data.
    #[error("{path}: no MovieLens files here; expected ratings.csv, ratings.dat, u.data or ml-100k.inter")]
    NotMovieLens {
        /// The folder.
        path: PathBuf,
    },
    /// Embeddings of several lengths.
    #[error(
        "item {item}: its embedding has {got} numbers, others have {expected}; give every item an embedding of one length, or none"
    )]
    EmbeddingLength {
        /// The item's key.
        item: String,
        /// Length of the first embedding.
        expected: usize,
        /// Length of this one.
        got: usize,
    },
    /// Some items have an embedding and some have none.
    #[error(
        "{with} items have an embedding and {without} have none (the first: {example}); give one to every item, or to none"
    )]
    SomeEmbeddings {
        /// Items with one.
        with: usize,
        /// Items without.
        without: usize,
        /// Key of the first item without.
        example: String,
    },
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
}

pub(super) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> ImportError {
    let path = path.to_path_buf();
    move |error| ImportError::Io { path, error }
}
