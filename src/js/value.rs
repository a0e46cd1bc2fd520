//! Values of JavaScript as values of Rust. Whatever comes, the answer is a value or a message that names the place.

use std::fmt::Display;

use js_sys::{
    Array, ArrayBuffer, BigInt, BigUint64Array, Float32Array, JsString, Number, Object, Reflect, Symbol, Uint8Array,
};
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_wasm_bindgen::from_value;
use wasm_bindgen::prelude::*;

use super::error::Failure;
use crate::abi::Status;

/// Characters of a text that a message shows.
const SHOWN: usize = 40;

/// An item as JavaScript has it: a number where it is a safe integer, a bigint beyond.
pub fn from_item(item: u64) -> JsValue {
    if item <= Number::MAX_SAFE_INTEGER as u64 { JsValue::from_f64(item as f64) } else { JsValue::from(item) }
}

pub fn item(value: &JsValue, place: impl Display) -> Result<u64, Failure> {
    let whole = match value.as_f64() {
        Some(number) => (Number::is_safe_integer(value) && number >= 0.0).then_some(number as u64),
        None if value.is_bigint() => u64::try_from(value.clone()).ok(),
        None => None,
    };
    whole.ok_or_else(|| {
        expected(
            place,
            "an item, a whole number from 0 on: a number where it is a safe integer, a bigint below 2^64 beyond",
            value,
        )
    })
}

pub fn items(value: &JsValue, place: &str) -> Result<Vec<u64>, Failure> {
    if let Some(items) = view(value, "BigUint64Array", BigUint64Array::new) {
        let mut copy = zeroed(items.length() as usize)?;
        items.copy_to(&mut copy);
        return Ok(copy);
    }
    let items = array(value, place, "an array of items, or a BigUint64Array")?;
    items.iter().enumerate().map(|(index, value)| item(&value, format_args!("{place}[{index}]"))).collect()
}

pub fn time(value: &JsValue, place: impl Display) -> Result<i64, Failure> {
    match value.as_f64().filter(|_| Number::is_safe_integer(value)) {
        Some(number) => Ok(number as i64),
        None => Err(expected(place, "Unix milliseconds, a whole number", value)),
    }
}

/// A whole number of 32 bits.
pub fn whole(value: &JsValue, place: impl Display) -> Result<u32, Failure> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number));
    number.map(|number| number as u32).ok_or_else(|| expected(place, "a whole number from 0 to 4294967295", value))
}

pub fn number(value: &JsValue, place: impl Display) -> Result<f32, Failure> {
    value.as_f64().map(|number| number as f32).ok_or_else(|| expected(place, "a number", value))
}

pub fn text(value: &JsValue, place: impl Display) -> Result<String, Failure> {
    value.as_string().ok_or_else(|| expected(place, "a string", value))
}

pub fn numbers(value: &JsValue, place: impl Display + Copy) -> Result<Vec<f32>, Failure> {
    if let Some(numbers) = view(value, "Float32Array", Float32Array::new) {
        let mut copy = zeroed(numbers.length() as usize)?;
        numbers.copy_to(&mut copy);
        return Ok(copy);
    }
    let numbers = array(value, place, "a Float32Array, or an array of numbers")?;
    numbers.iter().enumerate().map(|(index, value)| number(&value, format_args!("{place}[{index}]"))).collect()
}

/// One of the words of an enumeration.
pub fn word<T: DeserializeOwned>(value: &JsValue, place: impl Display) -> Result<T, Failure> {
    if !value.is_string() {
        return Err(expected(place, "a string", value));
    }
    from_value(value.clone()).map_err(|error| wrong(place, message(&error)))
}

pub fn array<'a>(value: &'a JsValue, place: impl Display, what: &str) -> Result<&'a Array, Failure> {
    value.dyn_ref::<Array>().ok_or_else(|| expected(place, what, value))
}

/// A typed array; `copy` makes one of one of another realm, as test runners have them, which is no instance of this
/// realm's class.
pub fn view<T: JsCast + Clone>(value: &JsValue, class: &str, copy: fn(&JsValue) -> T) -> Option<T> {
    if let Some(view) = value.dyn_ref::<T>() {
        return Some(view.clone());
    }
    let tag = || Reflect::get(value, &Symbol::to_string_tag()).ok()?.as_string();
    (ArrayBuffer::is_view(value) && tag().as_deref() == Some(class)).then(|| copy(value))
}

/// The bytes, where they lie in the memory of JavaScript.
pub fn bytes(value: &JsValue, status: Status, what: &str) -> Result<Uint8Array, Failure> {
    if let Some(bytes) = view(value, "Uint8Array", Uint8Array::new) {
        return Ok(bytes);
    }
    match value.dyn_ref::<ArrayBuffer>() {
        Some(buffer) => Ok(Uint8Array::new(buffer)),
        None => Err(Failure::new(status, format_args!("{what}: expected a Uint8Array, got {}", shown(value)))),
    }
}

/// A copy in the module's memory.
pub fn copied(value: &JsValue, status: Status, what: &str) -> Result<Vec<u8>, Failure> {
    let bytes = bytes(value, status, what)?;
    let mut copy = room(bytes.length() as usize)?;
    append(&mut copy, &bytes);
    Ok(copy)
}

/// An empty vector that can take so many values.
pub fn room<T>(length: usize) -> Result<Vec<T>, Failure> {
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| Failure::out_of_memory(length.saturating_mul(size_of::<T>())))?;
    Ok(values)
}

/// So many zeros.
pub fn zeroed<T: Clone + Default>(length: usize) -> Result<Vec<T>, Failure> {
    let mut values = room(length)?;
    values.resize(length, T::default());
    Ok(values)
}

/// Appends bytes for which there is room.
pub fn append(to: &mut Vec<u8>, bytes: &Uint8Array) {
    let start = to.len();
    to.resize(start + bytes.length() as usize, 0);
    bytes.copy_to(&mut to[start..]);
}

/// A plain object with the fields of `T`, and no others.
pub fn object<T: DeserializeOwned>(value: &JsValue, place: impl Display) -> Result<T, Failure> {
    if !value.is_object() || Array::is_array(value) {
        return Err(expected(place, "an object", value));
    }
    T::deserialize(Plain(value)).map_err(|error| wrong(place, message(&error)))
}

/// Reads a structure and refuses fields that it does not have, which `serde_wasm_bindgen` never looks at.
struct Plain<'a>(&'a JsValue);

impl<'de> Deserializer<'de> for Plain<'_> {
    type Error = serde_wasm_bindgen::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        for key in Object::keys(self.0.unchecked_ref::<Object>()).iter() {
            let key = String::from(key.unchecked_into::<JsString>());
            if !fields.contains(&key.as_str()) {
                return Err(Self::Error::unknown_field(&key, fields));
            }
        }
        serde_wasm_bindgen::Deserializer::from(self.0.clone()).deserialize_struct(name, fields, visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        serde_wasm_bindgen::Deserializer::from(self.0.clone()).deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Whether a field was left out.
pub fn is_absent(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}

pub fn expected(place: impl Display, what: &str, got: &JsValue) -> Failure {
    wrong(place, format_args!("expected {what}, got {}", shown(got)))
}

pub fn wrong(place: impl Display, why: impl Display) -> Failure {
    Failure::new(Status::BadRequest, why).within(place)
}

/// What the error says, without the name of its class.
fn message(error: &serde_wasm_bindgen::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("Error: ").map_or(text.clone(), str::to_owned)
}

/// A value as a message shows it.
fn shown(value: &JsValue) -> String {
    if let Some(text) = value.as_string() {
        let start: String = text.chars().take(SHOWN).collect();
        let rest = if start.len() < text.len() { "…" } else { "" };
        return format!("the string {start:?}{rest}");
    }
    if let Some(number) = value.as_f64() {
        return format!("the number {number}");
    }
    if let Some(bigint) = value.dyn_ref::<BigInt>() {
        let digits = bigint.to_string(10).map(String::from);
        return digits.map_or_else(|_| "a bigint".to_owned(), |digits| format!("the bigint {digits}n"));
    }
    let kind = match value {
        value if value.is_undefined() => "undefined",
        value if value.is_null() => "null",
        value if Array::is_array(value) => "an array",
        value if value.is_function() => "a function",
        value if value.is_object() => "an object",
        value => match value.as_bool() {
            Some(true) => "true",
            Some(false) => "false",
            None => "a symbol",
        },
    };
    kind.to_owned()
}
