//! From a request to the graph's tensors: looks items up, encodes time and demography, pads.

use std::collections::BTreeMap;

use crate::bundle::Manifest;
use crate::graph::{EventRows, Items};
use crate::request::{Attribute, InlineItem, Request, RequestError};
use crate::response::Notes;
use crate::sequence::{Past, age_bucket, hour, weekday};
use crate::shard::Shard;

/// Finds an item's columns: the request's own items first, then the shard.
pub(crate) struct Lookup<'a> {
    shard: &'a Shard,
    inline: BTreeMap<u64, &'a InlineItem>,
}

/// Where an item was found.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Inline(&'a InlineItem),
    Row(usize),
}

impl<'a> Lookup<'a> {
    /// Checks the request's own items against the manifest.
    pub fn new(shard: &'a Shard, manifest: &Manifest, request: &'a Request) -> Result<Lookup<'a>, RequestError> {
        let mut inline = BTreeMap::new();
        for row in &request.items {
            let item = row.item;
            let widths = [
                ("embedding", &row.embedding, manifest.embedding_dim as usize),
                ("features", &row.features, manifest.item_features.len()),
            ];
            for (field, values, expected) in widths {
                if values.len() != expected {
                    return Err(RequestError::Width { item, field, expected, got: values.len() });
                }
                if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                    return Err(RequestError::NotFinite { item, field, value });
                }
            }
            if row.category as usize > manifest.categories.len() {
                return Err(RequestError::Category { item, expected: manifest.categories.len(), got: row.category });
            }
            if inline.insert(item, row).is_some() {
                return Err(RequestError::RepeatedItem(item));
            }
        }
        Ok(Lookup { shard, inline })
    }

    pub fn find(&self, item: u64) -> Option<Found<'a>> {
        let inline = self.inline.get(&item).map(|row| Found::Inline(row));
        inline.or_else(|| self.shard.row(item).map(Found::Row))
    }

    fn push(&self, found: Found, items: &mut Items) {
        self.push_embedding(found, &mut items.embedding, &mut items.category);
        match found {
            Found::Inline(row) => items.feature.extend_from_slice(&row.features),
            Found::Row(row) => items.feature.extend_from_slice(self.shard.features(row)),
        }
    }

    fn push_embedding(&self, found: Found, embedding: &mut Vec<f32>, category: &mut Vec<i64>) {
        match found {
            Found::Inline(row) => {
                embedding.extend_from_slice(&row.embedding);
                category.push(i64::from(row.category));
            }
            Found::Row(row) => {
                self.shard.append_embedding(row, embedding);
                category.push(i64::from(self.shard.category(row)));
            }
        }
    }

    /// Columns of the candidates.
    pub fn candidates(&self, found: &[Found]) -> Items {
        let mut items = Items::default();
        for &found in found {
            self.push(found, &mut items);
        }
        items
    }

    /// Event rows in the order given, padded with invalid rows to at least `least`.
    pub fn event_rows(&self, events: &[(Past, Found)], now: i64, dimension: usize, least: usize) -> EventRows {
        let mut rows = EventRows::default();
        for (event, found) in events {
            self.push_embedding(*found, &mut rows.embedding, &mut rows.category);
            rows.action.push(i64::from(event.action.code()));
            let age = now.saturating_sub(event.time);
            rows.time.extend([age_bucket(age), hour(event.time), weekday(event.time)]);
            rows.valid.push(1.0);
        }
        let padded = events.len().max(least);
        rows.embedding.resize(padded * dimension, 0.0);
        rows.category.resize(padded, 0);
        rows.action.resize(padded, 0);
        rows.time.resize(padded * 3, 0);
        rows.valid.resize(padded, 0.0);
        rows
    }
}

/// Index of each demographic field's value, 0 where unknown; one 0 for a model without fields.
pub(crate) fn user_field(manifest: &Manifest, attributes: &[Attribute], notes: &mut Notes) -> Vec<i64> {
    let mut indices = vec![0; manifest.user_fields.len().max(1)];
    for attribute in attributes {
        let field = manifest.user_fields.iter().position(|field| field.name == attribute.field);
        let known =
            field.and_then(|field| Some((field, index_of(&manifest.user_fields[field].values, &attribute.value)?)));
        match known {
            Some((field, value)) => indices[field] = value,
            None => notes.unknown_attributes += 1,
        }
    }
    indices
}

/// Hour, weekday and surface of the request.
pub(crate) fn context(manifest: &Manifest, request: &Request, notes: &mut Notes) -> [i64; 3] {
    let surface = request.surface.as_ref().map(|surface| index_of(&manifest.surfaces, surface));
    notes.unknown_surface = surface == Some(None);
    [hour(request.now), weekday(request.now), surface.flatten().unwrap_or(0)]
}

/// 1-based index of a name; `None` where it is not listed.
fn index_of(names: &[String], name: &str) -> Option<i64> {
    names.iter().position(|known| known == name).map(|index| index as i64 + 1)
}
