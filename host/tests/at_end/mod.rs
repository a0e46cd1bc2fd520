//! What is done at the end of a test, however it ends.

use std::sync::atomic::{AtomicBool, Ordering};

/// Sets a flag when it goes, also where an assertion failed: threads that run until then end.
pub struct SetsAtEnd<'a>(pub &'a AtomicBool);

impl Drop for SetsAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
