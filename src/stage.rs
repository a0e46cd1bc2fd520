//! The stages of a request, and in a profiling build how long each took.
//!
//! The module that ships has no clock; with the feature `stages` a build imports one from its host (`lookback.now`, in
//! nanoseconds) and exports `stage_ns`.

/// What a request goes through, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stage {
    /// From bytes to a request.
    Decode,
    /// Events in order; items found; candidates' columns.
    Lookup,
    /// Candidates encoded, as they ask.
    Query,
    /// The history's items, and for consistent search its events and the queries, made ready.
    Index,
    /// The K events of each candidate.
    Search,
    /// The events that were found, encoded.
    Encode,
    /// Attention to them, with the projections of candidates and events that it takes.
    Attend,
    /// The part of the graph that is computed once: recent events, skips, user.
    Request,
    /// The part of the graph that is computed for each candidate: attention to recent events and skips, the head.
    Head,
    /// Calibration, order, bytes.
    Answer,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 10] = [
        Stage::Decode,
        Stage::Lookup,
        Stage::Query,
        Stage::Index,
        Stage::Search,
        Stage::Encode,
        Stage::Attend,
        Stage::Request,
        Stage::Head,
        Stage::Answer,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Decode => "decode",
            Stage::Lookup => "lookup",
            Stage::Query => "query",
            Stage::Index => "index",
            Stage::Search => "search",
            Stage::Encode => "encode",
            Stage::Attend => "attend",
            Stage::Request => "request",
            Stage::Head => "head",
            Stage::Answer => "answer",
        }
    }
}

#[cfg(not(feature = "stages"))]
pub(crate) fn begin(_: Stage) {}

#[cfg(all(not(feature = "stages"), not(feature = "js"), target_arch = "wasm32"))]
pub(crate) fn end() {}

#[cfg(feature = "stages")]
pub(crate) use clocked::begin;
#[cfg(all(feature = "stages", target_arch = "wasm32"))]
pub(crate) use clocked::end;
#[cfg(feature = "stages")]
pub use clocked::nanoseconds;

#[cfg(feature = "stages")]
mod clocked {
    use std::sync::{Mutex, PoisonError};

    use super::Stage;

    struct Times {
        running: Option<(Stage, f64)>,
        of: [f64; Stage::ALL.len()],
    }

    static TIMES: Mutex<Times> = Mutex::new(Times { running: None, of: [0.0; Stage::ALL.len()] });

    /// Nanoseconds that each stage took since the module was loaded, in the order of [`Stage::ALL`].
    pub fn nanoseconds() -> [f64; Stage::ALL.len()] {
        TIMES.lock().unwrap_or_else(PoisonError::into_inner).of
    }

    pub(crate) fn begin(stage: Stage) {
        change(Some(stage));
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn end() {
        change(None);
    }

    fn change(next: Option<Stage>) {
        let now = now();
        let mut times = TIMES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stage, since)) = times.running.take() {
            times.of[stage as usize] += now - since;
        }
        times.running = next.map(|stage| (stage, now));
    }

    #[cfg(target_arch = "wasm32")]
    fn now() -> f64 {
        crate::exports::now()
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn now() -> f64 {
        use std::sync::LazyLock;
        use std::time::Instant;
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed().as_nanos() as f64
    }
}
