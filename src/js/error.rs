//! What is thrown: an `Error` of JavaScript with a code.

use std::fmt::Display;

use wasm_bindgen::prelude::*;

use crate::abi::Status;
use crate::ranker::{LoadError, RankError};
use crate::wire::WireError;

#[wasm_bindgen(raw_module = "./error.js")]
extern "C" {
    type LookbackError;

    #[wasm_bindgen(constructor)]
    fn new(code: &str, message: &str) -> LookbackError;
}

/// Why a call failed.
#[derive(Debug)]
pub struct Failure {
    code: &'static str,
    message: String,
}

impl Failure {
    pub fn new(status: Status, message: impl Display) -> Failure {
        Failure { code: code(status), message: message.to_string() }
    }

    /// The module's memory cannot grow by so much.
    pub fn out_of_memory(bytes: usize) -> Failure {
        let message = format!("no memory for {bytes} bytes; free a ranker, send less, or allow the module more");
        Failure { code: "OutOfMemory", message }
    }

    /// The same under a heading: which field of what.
    pub fn within(self, place: impl Display) -> Failure {
        Failure { message: format!("{place}: {}", self.message), ..self }
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> JsValue {
        LookbackError::new(failure.code, &failure.message).into()
    }
}

impl From<RankError> for Failure {
    fn from(error: RankError) -> Failure {
        Failure::new(Status::from(&error), error)
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Failure {
        Failure::new(Status::from(&error), error)
    }
}

/// A load error tells a bundle or shard from the rest; `bad` is what the call was given.
pub fn not_loaded(error: LoadError, bad: Status) -> Failure {
    let status = match Status::from(&error) {
        Status::BadShard => bad,
        other => other,
    };
    Failure::new(status, error)
}

fn code(status: Status) -> &'static str {
    match status {
        Status::BadMessage => "BadMessage",
        Status::BadBundle => "BadBundle",
        Status::BadShard => "BadShard",
        Status::BadDelta => "BadDelta",
        Status::EmbeddingVersion => "EmbeddingVersion",
        Status::NotLoaded => "NotLoaded",
        Status::BadRequest => "BadRequest",
        // This face hands out no pointers, and throws nothing where nothing failed.
        Status::Internal | Status::BadPointer | Status::Ok => "Internal",
    }
}
