//! Progress, on standard error.

use indicatif::{ProgressBar, ProgressStyle};

const STYLE: &str = "{bar:30} {pos}/{len} {msg}, {eta} left";
const BYTES: &str = "{bar:30} {bytes}/{total_bytes} {msg}, {eta} left";

/// A bar that counts things.
pub fn bar(count: u64, what: &'static str) -> ProgressBar {
    styled(count, what, STYLE)
}

/// A bar that counts bytes.
pub fn bytes(count: u64, what: &'static str) -> ProgressBar {
    styled(count, what, BYTES)
}

fn styled(count: u64, what: &'static str, style: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(style).expect("the template is a constant");
    ProgressBar::new(count).with_style(style).with_message(what)
}
