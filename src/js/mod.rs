//! The face of JavaScript: it translates values, and calls the ranker. The types that it takes and gives are in
//! `types.ts`, which becomes part of the package's `lookback.d.ts`.

mod error;
mod request;
mod response;
mod value;

use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::sync::Once;

use wasm_bindgen::prelude::*;

use crate::abi::{ABI_VERSION, Status};
use crate::ranker;
use crate::request::{ExplainRequest, Request};
use crate::wire;
use error::{Failure, not_loaded};
use request::{RequestObject, read_explain_request, read_request};
use response::{
    AttentionBiasObject, CaptureObject, ExplainResponseObject, ItemColumnsObject, ManifestObject, ResponseObject,
    VersionsObject, read_capture, to_value,
};
use value::{append, bytes, copied, items, room, whole};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("types.ts");

unsafe extern "C" {
    /// The linker's function that runs every constructor (tract registers its kernels in them). Naming it here keeps
    /// the linker from running them again at every export.
    fn __wasm_call_ctors();
}

/// What has to happen before a ranker exists.
fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // SAFETY: the linker defines this function with this signature; `Once` runs it once.
        unsafe { __wasm_call_ctors() }
        std::panic::set_hook(Box::new(|panic| wasm_bindgen::throw_val(Failure::new(Status::Internal, panic).into())));
    });
}

/// One model version with the items it ranks.
#[wasm_bindgen]
pub struct Ranker {
    ranker: Shared,
}

/// Calls take `&self`, and borrow the ranker only while no code of the caller's can run.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<ranker::Ranker>>);

impl Shared {
    fn get(&self) -> Result<RefMut<'_, ranker::Ranker>, Failure> {
        self.0.try_borrow_mut().map_err(|_| {
            let why = "an earlier call failed half-way and left this ranker in an unknown state; load the module anew";
            Failure::new(Status::Internal, why)
        })
    }
}

#[wasm_bindgen]
impl Ranker {
    /// A ranker with nothing loaded.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default, reason = "JavaScript has no defaults")]
    pub fn new() -> Ranker {
        start();
        Ranker { ranker: Shared::default() }
    }

    /// Loads or replaces the bundle; on an error the old one stays.
    #[wasm_bindgen(js_name = loadBundle)]
    pub fn load_bundle(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array", js_name = "bytes")] given: &JsValue,
    ) -> Result<(), JsValue> {
        let bundle = copied(given, Status::BadBundle, "the bundle")?;
        Ok(self.ranker.get()?.load_bundle(&bundle).map_err(|error| not_loaded(error, Status::BadBundle))?)
    }

    /// Loads or replaces the shard; on an error the old one stays.
    #[wasm_bindgen(js_name = pushShard)]
    pub fn push_shard(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array", js_name = "bytes")] given: &JsValue,
    ) -> Result<(), JsValue> {
        let shard = copied(given, Status::BadShard, "the shard")?;
        Ok(self.ranker.get()?.push_shard(shard).map_err(|error| not_loaded(error, Status::BadShard))?)
    }

    /// A shard of so many bytes that arrives in chunks, each written once, straight into the module's memory.
    #[wasm_bindgen(js_name = beginShard)]
    pub fn begin_shard(
        &self,
        #[wasm_bindgen(unchecked_param_type = "number")] length: &JsValue,
    ) -> Result<ShardUpload, JsValue> {
        let length = whole(length, "the shard's length in bytes")? as usize;
        Ok(ShardUpload { ranker: self.ranker.clone(), length, arrived: RefCell::new(Some(room(length)?)) })
    }

    /// Applies a delta to the shard; on an error the shard stays as it is.
    #[wasm_bindgen(js_name = applyDelta)]
    pub fn apply_delta(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array", js_name = "bytes")] given: &JsValue,
    ) -> Result<(), JsValue> {
        let delta = copied(given, Status::BadDelta, "the delta")?;
        Ok(self.ranker.get()?.apply_delta(&delta).map_err(|error| not_loaded(error, Status::BadDelta))?)
    }

    /// Ranks the request's candidates.
    #[wasm_bindgen(unchecked_return_type = "Response")]
    pub fn rank(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Request")] request: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let request = read_request(request)?;
        let response = self.ranker.get()?.rank(&request).map_err(Failure::from)?;
        Ok(to_value(&ResponseObject::of(&response)?)?)
    }

    /// Ranks the request's candidates and says what attention looked at for the best of them.
    #[wasm_bindgen(unchecked_return_type = "ExplainResponse")]
    pub fn explain(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ExplainRequest")] request: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let request = read_explain_request(request)?;
        let answer = self.ranker.get()?.explain(&request).map_err(Failure::from)?;
        Ok(to_value(&ExplainResponseObject::of(&answer)?)?)
    }

    /// Answers an encoded request with an encoded response, as the raw interface does.
    #[wasm_bindgen(js_name = rankBytes)]
    pub fn rank_bytes(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array")] request: &JsValue,
    ) -> Result<Vec<u8>, JsValue> {
        let request: Request = decode(request, "the request")?;
        Ok(wire::encode(&self.ranker.get()?.rank(&request).map_err(Failure::from)?))
    }

    /// Answers an encoded explain request with an encoded explain response.
    #[wasm_bindgen(js_name = explainBytes)]
    pub fn explain_bytes(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array")] request: &JsValue,
    ) -> Result<Vec<u8>, JsValue> {
        let request: ExplainRequest = decode(request, "the explain request")?;
        Ok(wire::encode(&self.ranker.get()?.explain(&request).map_err(Failure::from)?))
    }

    /// What the loaded model is; undefined where none is loaded.
    #[wasm_bindgen(unchecked_return_type = "Manifest | undefined")]
    pub fn manifest(&self) -> Result<JsValue, JsValue> {
        match self.ranker.get()?.bundle() {
            Some(bundle) => Ok(to_value(&ManifestObject::of(bundle))?),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// The model card, a JSON document; undefined where no bundle is loaded.
    pub fn card(&self) -> Result<Option<String>, JsValue> {
        Ok(self.ranker.get()?.bundle().map(|bundle| bundle.card().to_owned()))
    }

    /// What is loaded.
    #[wasm_bindgen(unchecked_return_type = "Versions")]
    pub fn versions(&self) -> Result<JsValue, JsValue> {
        let ranker = self.ranker.get()?;
        Ok(to_value(&VersionsObject::of(ranker.bundle(), ranker.shard()))?)
    }

    /// The shard's columns of some items.
    #[wasm_bindgen(unchecked_return_type = "ItemColumns")]
    pub fn items(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Item[] | BigUint64Array", js_name = "items")] given: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let items = items(given, "items")?;
        let ranker = self.ranker.get()?;
        let shard = ranker.shard().ok_or(ranker::RankError::NotLoaded("shard")).map_err(Failure::from)?;
        Ok(to_value(&ItemColumnsObject::of(shard, &items)?)?)
    }

    /// What attention learned of time and actions; undefined where no bundle is loaded.
    #[wasm_bindgen(js_name = attentionBias, unchecked_return_type = "AttentionBias | undefined")]
    pub fn attention_bias(&self) -> Result<JsValue, JsValue> {
        match self.ranker.get()?.attention_bias() {
            Some(bias) => Ok(to_value(&AttentionBiasObject::of(bias))?),
            None => Ok(JsValue::UNDEFINED),
        }
    }
}

/// A shard on its way into the module's memory.
#[wasm_bindgen]
pub struct ShardUpload {
    ranker: Shared,
    length: usize,
    /// None once it has been finished.
    arrived: RefCell<Option<Vec<u8>>>,
}

#[wasm_bindgen]
impl ShardUpload {
    /// Appends a chunk.
    pub fn write(&self, #[wasm_bindgen(unchecked_param_type = "Uint8Array")] chunk: &JsValue) -> Result<(), JsValue> {
        let chunk = bytes(chunk, Status::BadShard, "a chunk of the shard")?;
        let mut arrived = self.arrived.borrow_mut();
        let arrived = arrived.as_mut().ok_or_else(spent)?;
        if chunk.length() as usize > self.length - arrived.len() {
            let (length, had, more) = (self.length, arrived.len(), chunk.length());
            let why =
                format_args!("a shard of {length} bytes was begun, {had} have arrived, and {more} more are too many");
            return Err(Failure::new(Status::BadShard, why).into());
        }
        append(arrived, &chunk);
        Ok(())
    }

    /// Makes it the ranker's shard, once all of it has arrived; on an error the old one stays.
    pub fn finish(&self) -> Result<(), JsValue> {
        let mut arrived = self.arrived.borrow_mut();
        let had = arrived.as_ref().ok_or_else(spent)?.len();
        if had != self.length {
            let why = format_args!(
                "a shard of {} bytes was begun, and {had} have arrived; write the rest first",
                self.length
            );
            return Err(Failure::new(Status::BadShard, why).into());
        }
        let shard = arrived.take().ok_or_else(spent)?;
        Ok(self.ranker.get()?.push_shard(shard).map_err(|error| not_loaded(error, Status::BadShard))?)
    }
}

fn spent() -> Failure {
    Failure::new(Status::BadShard, "this shard was finished before; begin another")
}

/// The bytes of a request, for `rankBytes` and for hosts.
#[wasm_bindgen(js_name = encodeRequest)]
pub fn encode_request(#[wasm_bindgen(unchecked_param_type = "Request")] request: &JsValue) -> Result<Vec<u8>, JsValue> {
    Ok(wire::encode(&read_request(request)?))
}

/// The request in bytes.
#[wasm_bindgen(
    js_name = decodeRequest,
    unchecked_return_type = "Request & { history: EventColumns; candidates: Item[] }"
)]
pub fn decode_request(
    #[wasm_bindgen(unchecked_param_type = "Uint8Array", js_name = "bytes")] given: &JsValue,
) -> Result<JsValue, JsValue> {
    Ok(to_value(&RequestObject::of(&decode(given, "the request")?)?)?)
}

/// The response in bytes.
#[wasm_bindgen(js_name = decodeResponse, unchecked_return_type = "Response")]
pub fn decode_response(
    #[wasm_bindgen(unchecked_param_type = "Uint8Array", js_name = "bytes")] given: &JsValue,
) -> Result<JsValue, JsValue> {
    Ok(to_value(&ResponseObject::of(&decode(given, "the response")?)?)?)
}

/// The bytes of a capture.
#[wasm_bindgen(js_name = encodeCapture)]
pub fn encode_capture(#[wasm_bindgen(unchecked_param_type = "Capture")] capture: &JsValue) -> Result<Vec<u8>, JsValue> {
    Ok(wire::encode(&read_capture(capture)?))
}

/// The capture in bytes.
#[wasm_bindgen(js_name = decodeCapture, unchecked_return_type = "Capture & { request: { history: EventColumns } }")]
pub fn decode_capture(
    #[wasm_bindgen(unchecked_param_type = "Uint8Array", js_name = "bytes")] given: &JsValue,
) -> Result<JsValue, JsValue> {
    Ok(to_value(&CaptureObject::of(&decode(given, "the capture")?)?)?)
}

/// Version of the module's interface.
#[wasm_bindgen(js_name = abiVersion)]
pub fn abi_version() -> u32 {
    ABI_VERSION
}

/// Bytes of the module's memory, which grows and never shrinks.
#[wasm_bindgen(js_name = memoryBytes)]
pub fn memory_bytes() -> f64 {
    const PAGE: f64 = 65_536.0;
    core::arch::wasm32::memory_size(0) as f64 * PAGE
}

fn decode<M: wire::Message>(given: &JsValue, what: &str) -> Result<M, Failure> {
    Ok(wire::decode(&copied(given, Status::BadMessage, what)?)?)
}
