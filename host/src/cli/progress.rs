//! Progress, on standard error.

use std::time::Duration;

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

/// Work without a measure.
pub fn spinner(what: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn styled(count: u64, what: &'static str, style: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(style).expect("the template is a constant");
    ProgressBar::new(count).with_style(style).with_message(what)
}
