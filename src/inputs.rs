//! From a request to the graph's tensors: looks items up, encodes time and demography, pads.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::bundle::Manifest;
use crate::encoder::Marks;
use crate::graph::{EventRows, Items};
use crate::long_attention::History;
use crate::request::{Attribute, InlineItem, Request, RequestError};
use crate::response::Notes;
use crate::sequence::{Timeline, age_bucket, hour, weekday};
use crate::shard::{Shard, ShardError};

/// Finds an item's columns: the request's own items first, then the shard.
pub(crate) struct Lookup<'a> {
    shard: &'a Shard,
    items: &'a [InlineItem],
    /// Which of the request's own items an item is.
    inline: BTreeMap<u64, usize>,
    /// The first row that was read and is not what it should be.
    bad_row: RefCell<Option<ShardError>>,
}

/// Where an item was found: a row of the shard, or beyond them one of the request's own items.
pub(crate) type Found = u32;

impl<'a> Lookup<'a> {
    /// Checks the request's own items against the manifest.
    pub fn new(shard: &'a Shard, manifest: &Manifest, request: &'a Request) -> Result<Lookup<'a>, RequestError> {
        let mut inline = BTreeMap::new();
        for (index, row) in request.items.iter().enumerate() {
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
            if inline.insert(item, index).is_some() {
                return Err(RequestError::RepeatedItem(item));
            }
        }
        Ok(Lookup { shard, items: &request.items, inline, bad_row: RefCell::default() })
    }

    /// Where each item is found.
    pub fn find_all(&self, items: &[u64]) -> Vec<Option<Found>> {
        let mut found = self.shard.rows(items);
        if !self.inline.is_empty() {
            for (found, item) in found.iter_mut().zip(items) {
                *found = self.inline.get(item).map(|index| (self.shard.len() + index) as u32).or(*found);
            }
        }
        found
    }

    /// An error if any row that was read so far is not what a shard may hold; the numbers read for it mean nothing.
    pub fn check(&self) -> Result<(), ShardError> {
        self.bad_row.borrow().clone().map_or(Ok(()), Err)
    }

    fn note<T: Default>(&self, read: Result<T, ShardError>) -> T {
        read.unwrap_or_else(|error| {
            self.bad_row.borrow_mut().get_or_insert(error);
            T::default()
        })
    }

    /// The item, if it is one of the request's own.
    fn inline(&self, found: Found) -> Option<&'a InlineItem> {
        (found as usize).checked_sub(self.shard.len()).map(|index| &self.items[index])
    }

    pub fn category(&self, found: Found) -> usize {
        match self.inline(found) {
            Some(item) => item.category as usize,
            None => self.note(self.shard.category(found as usize)) as usize,
        }
    }

    pub fn append_embedding(&self, found: Found, out: &mut Vec<f32>) {
        match self.inline(found) {
            Some(item) => out.extend_from_slice(&item.embedding),
            None => self.note(self.shard.append_embedding(found as usize, out)),
        }
    }

    fn append_features(&self, found: Found, out: &mut Vec<f32>) {
        match self.inline(found) {
            Some(item) => out.extend_from_slice(&item.features),
            None => self.note(self.shard.append_features(found as usize, out)),
        }
    }

    /// Columns of the candidates.
    pub fn candidates(&self, found: &[Found]) -> Items {
        let header = self.shard.header();
        let mut items = Items {
            embedding: Vec::with_capacity(found.len() * header.dimension),
            category: Vec::with_capacity(found.len()),
            feature: Vec::with_capacity(found.len() * header.feature_count),
        };
        for &found in found {
            self.append_embedding(found, &mut items.embedding);
            items.category.push(self.category(found) as i64);
            self.append_features(found, &mut items.feature);
        }
        items
    }

    /// Rows of the first events, padded with invalid rows to `padded`.
    pub fn event_rows(&self, events: &[FoundEvent], timeline: &Timeline, dimension: usize, padded: usize) -> EventRows {
        let mut rows = EventRows::default();
        for &FoundEvent { event, item } in events.iter().take(padded) {
            let event = event as usize;
            self.append_embedding(item, &mut rows.embedding);
            rows.category.push(self.category(item) as i64);
            rows.action.push(i64::from(timeline.action(event).code()));
            let time = timeline.time(event);
            rows.time.extend([age_bucket(timeline.age(event)), hour(time), weekday(time)]);
            rows.valid.push(1.0);
        }
        rows.embedding.resize(padded * dimension, 0.0);
        rows.category.resize(padded, 0);
        rows.action.resize(padded, 0);
        rows.time.resize(padded * 3, 0);
        rows.valid.resize(padded, 0.0);
        rows
    }
}

/// An event whose item was found.
#[derive(Clone, Copy)]
pub(crate) struct FoundEvent {
    /// Which of the timeline's.
    pub event: u32,
    /// Where its item was found.
    pub item: Found,
}

/// The events that long attention searches.
pub(crate) struct Searched<'a> {
    pub lookup: &'a Lookup<'a>,
    /// Newest first.
    pub rows: &'a [FoundEvent],
    pub timeline: &'a Timeline<'a>,
}

impl History for Searched<'_> {
    fn events(&self) -> usize {
        self.rows.len()
    }

    fn item(&self, row: usize) -> u32 {
        self.rows[row].item
    }

    fn marks(&self, row: usize) -> Marks {
        let event = self.rows[row].event as usize;
        let time = self.timeline.time(event);
        Marks {
            action: usize::from(self.timeline.action(event).code()),
            age: age_bucket(self.timeline.age(event)) as usize,
            hour: hour(time) as usize,
            weekday: weekday(time) as usize,
        }
    }

    fn category(&self, item: u32) -> usize {
        self.lookup.category(item)
    }

    fn append_embedding(&self, item: u32, out: &mut Vec<f32>) {
        self.lookup.append_embedding(item, out);
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
