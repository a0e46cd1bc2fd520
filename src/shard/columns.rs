//! The columns of a shard or delta: read where they lie in the file, written row by row.

use std::ops::Range;

use super::element::{all_finite, load_f32};
use super::format::{self, Kind, Opened, long, word};
use super::{Row, ShardError, ShardHeader};

/// A file, opened.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    pub opened: Opened,
    pub bytes: Vec<u8>,
}

impl Columns {
    /// Takes the bytes out of `bytes`, or leaves them on an error.
    pub fn take(kind: &Kind, bytes: &mut Vec<u8>) -> Result<Columns, ShardError> {
        let opened = format::open(kind, bytes)?;
        Ok(Columns { opened, bytes: std::mem::take(bytes) })
    }

    pub fn rows(&self) -> usize {
        self.opened.layout.rows
    }

    fn header(&self) -> &ShardHeader {
        &self.opened.header
    }

    pub fn item(&self, row: usize) -> u64 {
        long(&self.bytes, self.opened.layout.items + 8 * row)
    }

    /// The column of items.
    pub fn items(&self) -> &[[u8; 8]] {
        let start = self.opened.layout.items;
        self.bytes[start..start + 8 * self.rows()].as_chunks().0
    }

    pub fn category(&self, row: usize) -> u32 {
        word(&self.bytes, self.opened.layout.categories + 4 * row)
    }

    fn scale(&self, row: usize) -> f32 {
        match self.header().element.is_scaled() {
            true => f32::from_bits(word(&self.bytes, self.opened.layout.scales + 4 * row)),
            false => 1.0,
        }
    }

    /// Bytes of rows of a column that starts at `start` and takes `width` bytes a row.
    fn span(&self, start: usize, width: usize, rows: Range<usize>) -> &[u8] {
        &self.bytes[start + width * rows.start..start + width * rows.end]
    }

    fn stored_features(&self, rows: Range<usize>) -> &[u8] {
        self.span(self.opened.layout.features, 4 * self.header().feature_count, rows)
    }

    fn stored_embeddings(&self, rows: Range<usize>) -> &[u8] {
        self.span(self.opened.layout.embeddings, self.header().element.size() * self.header().dimension, rows)
    }

    pub fn deleted(&self) -> Vec<u64> {
        let layout = &self.opened.layout;
        (0..layout.deletions).map(|index| long(&self.bytes, layout.deleted + 8 * index)).collect()
    }

    /// Reads a row's features into `out`, `[F]`; zeros on an error.
    pub fn features(&self, row: usize, out: &mut [f32]) -> Result<(), ShardError> {
        load_f32(self.stored_features(row..row + 1), out);
        if all_finite(out) {
            return Ok(());
        }
        let value = out.iter().copied().find(|value| !value.is_finite()).unwrap_or(f32::NAN);
        out.fill(0.0);
        Err(ShardError::NotFinite { item: self.item(row), field: "features", value })
    }

    /// Reads a row's embedding into `out`, `[d]`; zeros on an error.
    pub fn embedding(&self, row: usize, out: &mut [f32]) -> Result<(), ShardError> {
        let (element, stored, scale) = (self.header().element, self.stored_embeddings(row..row + 1), self.scale(row));
        if element.load(stored, scale, out) {
            return Ok(());
        }
        out.fill(0.0);
        let value = element.not_finite(stored, scale);
        Err(ShardError::NotFinite { item: self.item(row), field: "embedding", value })
    }

    /// Looks at every row: items strictly ascend, numbers are finite, the largest category is the header's.
    pub fn verify(&self) -> Result<(), ShardError> {
        check_ascending((0..self.rows()).map(|row| self.item(row)))?;
        check_ascending(self.deleted().into_iter())?;
        let (mut features, mut embedding) =
            (vec![0.0; self.header().feature_count], vec![0.0; self.header().dimension]);
        let mut largest = 0;
        for row in 0..self.rows() {
            self.features(row, &mut features)?;
            self.embedding(row, &mut embedding)?;
            largest = largest.max(self.category(row));
        }
        match self.opened.largest_category {
            header if header == largest => Ok(()),
            header => Err(ShardError::LargestCategory { header, rows: largest }),
        }
    }
}

fn check_ascending(items: impl Iterator<Item = u64>) -> Result<(), ShardError> {
    let mut last = None;
    for next in items {
        if let Some(previous) = last.filter(|&previous| previous >= next) {
            return Err(ShardError::Order { previous, next });
        }
        last = Some(next);
    }
    Ok(())
}

/// Columns that are being written.
pub(super) struct Writer {
    header: ShardHeader,
    rows: usize,
    largest_category: u32,
    items: Vec<u8>,
    categories: Vec<u8>,
    features: Vec<u8>,
    scales: Vec<u8>,
    embeddings: Vec<u8>,
}

impl Writer {
    pub fn new(header: &ShardHeader, rows: usize) -> Writer {
        let with = |width: usize| Vec::with_capacity(width * rows);
        Writer {
            rows: 0,
            largest_category: 0,
            items: with(8),
            categories: with(4),
            features: with(4 * header.feature_count),
            scales: with(if header.element.is_scaled() { 4 } else { 0 }),
            embeddings: with(header.element.size() * header.dimension),
            header: header.clone(),
        }
    }

    /// Appends a row of the right widths, finite as it is.
    pub fn push(&mut self, row: &Row) -> Result<(), ShardError> {
        for (field, values, expected) in [
            ("features", &row.features, self.header.feature_count),
            ("embedding", &row.embedding, self.header.dimension),
        ] {
            if values.len() != expected {
                return Err(ShardError::Width { item: row.item, field, expected, got: values.len() });
            }
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                return Err(ShardError::NotFinite { item: row.item, field, value });
            }
        }
        self.rows += 1;
        self.largest_category = self.largest_category.max(row.category);
        self.items.extend_from_slice(&row.item.to_le_bytes());
        self.categories.extend_from_slice(&row.category.to_le_bytes());
        self.features.extend(row.features.iter().flat_map(|value| value.to_le_bytes()));
        let scale = self.header.element.store(&row.embedding, &mut self.embeddings);
        if self.header.element.is_scaled() {
            self.scales.extend_from_slice(&scale.to_le_bytes());
        }
        Ok(())
    }

    /// Appends rows of columns with the same header as they are stored.
    pub fn push_from(&mut self, other: &Columns, rows: Range<usize>) {
        let layout = &other.opened.layout;
        self.rows += rows.len();
        self.largest_category = rows.clone().map(|row| other.category(row)).fold(self.largest_category, u32::max);
        self.items.extend_from_slice(other.span(layout.items, 8, rows.clone()));
        self.categories.extend_from_slice(other.span(layout.categories, 4, rows.clone()));
        self.features.extend_from_slice(other.stored_features(rows.clone()));
        if self.header.element.is_scaled() {
            self.scales.extend_from_slice(other.span(layout.scales, 4, rows.clone()));
        }
        self.embeddings.extend_from_slice(other.stored_embeddings(rows));
    }

    /// The file; a delta's base and number of deletions are `after_hash`.
    pub fn finish(self, kind: &Kind, after_hash: &[u8], deleted: Option<&[u64]>) -> Result<Columns, ShardError> {
        let mut out = format::start(kind, &self.header, self.rows, self.largest_category, after_hash)?;
        let columns = [self.items, self.categories, self.features, self.scales, self.embeddings];
        out.reserve_exact(columns.iter().map(|column| column.len() + 16).sum());
        for (index, column) in columns.into_iter().enumerate() {
            if index != 3 || self.header.element.is_scaled() {
                format::column(&mut out, &column);
            }
        }
        if let Some(deleted) = deleted {
            let bytes: Vec<u8> = deleted.iter().flat_map(|item| item.to_le_bytes()).collect();
            format::column(&mut out, &bytes);
        }
        format::seal(&mut out);
        Columns::take(kind, &mut out)
    }
}
