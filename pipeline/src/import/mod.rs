//! Importers: from logs of any of several formats to one data directory.

mod cells;
mod error;
mod generic;
mod movielens;
mod report;
mod sink;
mod time;

pub use error::ImportError;
pub use generic::{GenericImport, import_events};
pub use movielens::{MovieLensImport, action_of_rating, import_movielens};
pub use report::ImportReport;
pub use time::TimeUnit;

use std::path::Path;

/// Share of bad rows above which an import stops.
pub const MAX_BAD: f64 = 0.01;

/// Format of a file in the documented schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// RFC 4180 with a header.
    Csv,
    /// Parquet.
    Parquet,
}

impl Format {
    /// Tells the format from a file's name.
    pub fn of(path: &Path) -> Result<Format, ImportError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson" | "json") => Ok(Format::JsonLines),
            Some("csv") => Ok(Format::Csv),
            Some("parquet") => Ok(Format::Parquet),
            _ => Err(ImportError::UnknownFormat { path: path.to_path_buf() }),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Format::JsonLines => "JSON Lines",
            Format::Csv => "CSV",
            Format::Parquet => "Parquet",
        }
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file being read.
    pub path: &'a Path,
    /// Bytes of it read.
    pub read: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// Takes progress now and then.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress);

/// Reports a file's progress in steps of a mebibyte, so that it costs nothing per row.
fn each_mebibyte<'a>(path: &'a Path, on_progress: OnProgress<'a>) -> Result<impl FnMut(u64) + 'a, ImportError> {
    let size = std::fs::metadata(path).map_err(error::io(path))?.len();
    let mut next = 0;
    Ok(move |read: u64| {
        if read >= next {
            on_progress(Progress { path, read: read.min(size), size });
            next = read + (1 << 20);
        }
    })
}
