//! From the ids a log uses to 64-bit ids, and back.

use std::collections::{HashMap, HashSet};

/// Two keys that would become one id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} keys {first:?} and {second:?} both become id {id}; rename one of them")]
pub struct IdCollision {
    /// user or item.
    pub kind: &'static str,
    /// The earlier key.
    pub first: String,
    /// The later key.
    pub second: String,
    /// Their id.
    pub id: u64,
}

/// The id of a key: the number it spells in canonical decimal, else the first 8 bytes of its BLAKE3, little endian.
pub fn id_of(key: &str) -> u64 {
    match canonical(key) {
        Some(id) => id,
        None => u64::from_le_bytes(blake3::hash(key.as_bytes()).as_bytes()[..8].try_into().expect("eight bytes")),
    }
}

fn canonical(key: &str) -> Option<u64> {
    let plain = key.bytes().all(|byte| byte.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    if plain { key.parse().ok() } else { None }
}

/// The ids seen so far with their keys.
#[derive(Debug)]
pub struct Keys {
    kind: &'static str,
    numeric: HashSet<u64>,
    hashed: HashMap<u64, String>,
}

impl Keys {
    /// No ids yet; `kind` names them in errors.
    pub fn new(kind: &'static str) -> Keys {
        Keys { kind, numeric: HashSet::new(), hashed: HashMap::new() }
    }

    /// The id of a key, which is remembered.
    pub fn id(&mut self, key: &str) -> Result<u64, IdCollision> {
        let id = id_of(key);
        let first = if canonical(key).is_some() {
            self.numeric.insert(id);
            self.hashed.get(&id).cloned()
        } else {
            let known = self.hashed.entry(id).or_insert_with(|| key.to_string());
            if known != key { Some(known.clone()) } else { self.numeric.contains(&id).then(|| id.to_string()) }
        };
        match first {
            Some(first) => Err(IdCollision { kind: self.kind, first, second: key.to_string(), id }),
            None => Ok(id),
        }
    }

    /// The key of an id.
    pub fn key(&self, id: u64) -> String {
        self.hashed.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Every id seen, ascending.
    pub fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.numeric.iter().chain(self.hashed.keys()).copied().collect();
        ids.sort_unstable();
        ids
    }
}
