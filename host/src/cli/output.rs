//! What goes to standard output: in one piece, and without complaint when the reader has left.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};

/// Prints text.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `lookback … | head` has what it wants.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// Prints one JSON document.
pub fn print_json(document: &impl serde::Serialize) -> Result<()> {
    print(&(serde_json::to_string_pretty(document)? + "\n"))
}
