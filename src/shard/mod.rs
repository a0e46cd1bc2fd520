//! The shard: item id to embedding, category and item features, for one embedding version.

mod columns;
mod delta;
mod element;
mod error;
mod format;
mod search;

pub use delta::Delta;
pub use element::ElementType;
pub use error::ShardError;
pub use format::FORMAT_VERSION;

use columns::{Columns, Writer};
use search::Table;

/// One item's row, owned; what builders of shards and deltas take.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The item.
    pub item: u64,
    /// Category: 1-based, 0 for unknown.
    pub category: u32,
    /// Item features, `[F]`.
    pub features: Vec<f32>,
    /// Embedding, `[d]`.
    pub embedding: Vec<f32>,
}

/// What a shard says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardHeader {
    /// The space its embeddings live in; at most 32 bytes of UTF-8.
    pub embedding_version: String,
    /// How an embedding's numbers are stored.
    pub element: ElementType,
    /// Embedding dimension d.
    pub dimension: usize,
    /// Number of item features F.
    pub feature_count: usize,
}

/// Items with their columns, read where they lie in the shard file's bytes.
///
/// Reading a shard looks at a bounded number of items, to find others sooner, and at no other row, so that a shard of any
/// size is ready once its hash is known to be right. Whoever makes or publishes one calls [`Shard::verify`]. In a shard that
/// would not pass, an item may not be found, and a row with a number that is not finite is an error where it is read.
#[derive(Clone, Debug)]
pub struct Shard {
    columns: Columns,
    table: Table,
}

impl Shard {
    /// Builds a shard; rows may come in any order.
    pub fn build(header: ShardHeader, mut rows: Vec<Row>) -> Result<Shard, ShardError> {
        rows.sort_by_key(|row| row.item);
        format::check_header(format::SHARD.name, &header)?;
        let mut writer = Writer::new(&header, rows.len());
        for row in &rows {
            writer.push(row)?;
        }
        let shard = Shard::of(writer.finish(&format::SHARD, &[], None)?);
        shard.verify()?;
        Ok(shard)
    }

    /// Reads a shard file, all of it.
    pub fn decode(mut bytes: Vec<u8>) -> Result<Shard, ShardError> {
        Shard::take(&mut bytes)
    }

    /// Reads a shard file; takes the bytes out of `bytes`, or leaves them on an error.
    pub fn take(bytes: &mut Vec<u8>) -> Result<Shard, ShardError> {
        Ok(Shard::of(Columns::take(&format::SHARD, bytes)?))
    }

    fn of(columns: Columns) -> Shard {
        Shard { table: Table::of(columns.items()), columns }
    }

    /// Looks at every row: items strictly ascend, numbers are finite, the largest category is the header's.
    pub fn verify(&self) -> Result<(), ShardError> {
        self.columns.verify()
    }

    /// The shard file.
    pub fn bytes(&self) -> &[u8] {
        &self.columns.bytes
    }

    /// The shard file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.columns.bytes
    }

    /// The same items with embeddings of another element type.
    pub fn stored_as(&self, element: ElementType) -> Result<Shard, ShardError> {
        let rows = (0..self.len()).map(|row| self.owned(row)).collect::<Result<_, _>>()?;
        Shard::build(ShardHeader { element, ..self.header().clone() }, rows)
    }

    fn owned(&self, row: usize) -> Result<Row, ShardError> {
        let (mut features, mut embedding) = (Vec::new(), Vec::new());
        self.append_features(row, &mut features)?;
        self.append_embedding(row, &mut embedding)?;
        Ok(Row { item: self.item(row), category: self.columns.category(row), features, embedding })
    }

    /// What the shard says of itself.
    pub fn header(&self) -> &ShardHeader {
        &self.columns.opened.header
    }

    /// BLAKE3 of header and columns; the base that a delta names.
    pub fn hash(&self) -> [u8; 32] {
        self.columns.opened.hash
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.columns.rows()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items, ascending.
    pub fn items(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.columns.items().iter().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Item of a row.
    pub fn item(&self, row: usize) -> u64 {
        self.columns.item(row)
    }

    /// Row of an item.
    pub fn row(&self, item: u64) -> Option<usize> {
        self.table.row(self.columns.items(), item)
    }

    /// Row of each item; faster than one by one.
    pub fn rows(&self, items: &[u64]) -> Vec<Option<u32>> {
        self.table.rows(self.columns.items(), items)
    }

    /// Category of a row: 1-based, 0 for unknown; an error beyond the largest one.
    pub fn category(&self, row: usize) -> Result<u32, ShardError> {
        let (got, largest) = (self.columns.category(row), self.columns.opened.largest_category);
        if got > largest {
            return Err(ShardError::Category { item: self.item(row), largest, got });
        }
        Ok(got)
    }

    /// The largest category, as the header says; `None` for an empty shard.
    pub fn largest_category(&self) -> Option<u32> {
        (!self.is_empty()).then_some(self.columns.opened.largest_category)
    }

    /// Appends the item features of a row, `[F]`, to `out`; zeros on an error.
    pub fn append_features(&self, row: usize, out: &mut Vec<f32>) -> Result<(), ShardError> {
        let start = out.len();
        out.resize(start + self.header().feature_count, 0.0);
        self.columns.features(row, &mut out[start..])
    }

    /// Appends the embedding of a row, `[d]`, to `out`; zeros on an error.
    pub fn append_embedding(&self, row: usize, out: &mut Vec<f32>) -> Result<(), ShardError> {
        let start = out.len();
        out.resize(start + self.header().dimension, 0.0);
        self.columns.embedding(row, &mut out[start..])
    }

    /// Writes the embeddings of rows to `out`, `[rows, d]`: read, widened and scaled in one step. On an error, what was
    /// not reached stays as it was.
    ///
    /// # Panics
    ///
    /// Where `out` is of another length.
    pub fn gather(&self, rows: &[u32], out: &mut [f32]) -> Result<(), ShardError> {
        let d = self.header().dimension;
        assert_eq!(out.len(), rows.len() * d, "room for every row's embedding");
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(d)) {
            self.columns.embedding(row as usize, out)?;
        }
        Ok(())
    }

    /// The shard after a delta; this one is unchanged.
    pub fn apply(&self, delta: &Delta) -> Result<Shard, ShardError> {
        delta.apply_to(self)
    }
}
