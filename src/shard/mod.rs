//! The shard: item id to embedding, category and item features, for one embedding version.

mod delta;
mod format;

pub use delta::Delta;
pub use format::{ElementType, FORMAT_VERSION, ShardError};

use half::f16;

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

/// Items in ascending order with their columns, validated: ids strictly ascend and every number is finite.
#[derive(Clone, Debug)]
pub struct Shard {
    header: ShardHeader,
    hash: [u8; 32],
    columns: Columns,
}

/// The columns of a shard or of a delta's new rows.
#[derive(Clone, Debug, Default, PartialEq)]
struct Columns {
    items: Vec<u64>,
    categories: Vec<u32>,
    features: Vec<f32>,
    embeddings: Embeddings,
}

#[derive(Clone, Debug, PartialEq)]
enum Embeddings {
    F32(Vec<f32>),
    F16(Vec<f16>),
}

impl Default for Embeddings {
    fn default() -> Self {
        Embeddings::F32(Vec::new())
    }
}

impl Embeddings {
    fn of(element: ElementType) -> Embeddings {
        match element {
            ElementType::F32 => Embeddings::F32(Vec::new()),
            ElementType::F16 => Embeddings::F16(Vec::new()),
        }
    }

    fn push(&mut self, row: &[f32]) {
        match self {
            Embeddings::F32(values) => values.extend_from_slice(row),
            Embeddings::F16(values) => values.extend(row.iter().map(|&value| f16::from_f32(value))),
        }
    }

    fn push_from(&mut self, other: &Embeddings, start: usize, len: usize) {
        match (self, other) {
            (Embeddings::F32(to), Embeddings::F32(from)) => to.extend_from_slice(&from[start..start + len]),
            (Embeddings::F16(to), Embeddings::F16(from)) => to.extend_from_slice(&from[start..start + len]),
            _ => unreachable!("rows are merged only between columns of one element type"),
        }
    }
}

impl Columns {
    fn of(element: ElementType) -> Columns {
        Columns { embeddings: Embeddings::of(element), ..Columns::default() }
    }

    fn push(&mut self, row: &Row) {
        self.items.push(row.item);
        self.categories.push(row.category);
        self.features.extend_from_slice(&row.features);
        self.embeddings.push(&row.embedding);
    }

    fn push_from(&mut self, other: &Columns, row: usize, header: &ShardHeader) {
        let (d, f) = (header.dimension, header.feature_count);
        self.items.push(other.items[row]);
        self.categories.push(other.categories[row]);
        self.features.extend_from_slice(&other.features[row * f..(row + 1) * f]);
        self.embeddings.push_from(&other.embeddings, row * d, d);
    }
}

impl Shard {
    /// Builds a shard; rows may come in any order.
    pub fn build(header: ShardHeader, mut rows: Vec<Row>) -> Result<Shard, ShardError> {
        rows.sort_by_key(|row| row.item);
        let mut columns = Columns::of(header.element);
        for row in &rows {
            format::check_row(&header, row)?;
            columns.push(row);
        }
        Shard::from_columns(header, columns)
    }

    fn from_columns(header: ShardHeader, columns: Columns) -> Result<Shard, ShardError> {
        let bytes = format::encode_shard(&header, &columns)?;
        Shard::decode(&bytes)
    }

    /// Reads a shard file, all of it.
    pub fn decode(bytes: &[u8]) -> Result<Shard, ShardError> {
        let (header, hash, columns) = format::decode_shard(bytes)?;
        Ok(Shard { header, hash, columns })
    }

    /// The shard file.
    pub fn encode(&self) -> Vec<u8> {
        format::encode_shard(&self.header, &self.columns).expect("a shard's header was validated when it was made")
    }

    /// What the shard says of itself.
    pub fn header(&self) -> &ShardHeader {
        &self.header
    }

    /// BLAKE3 of header and columns; the base that a delta names.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.columns.items.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.columns.items.is_empty()
    }

    /// The items, ascending.
    pub fn items(&self) -> &[u64] {
        &self.columns.items
    }

    /// Row of an item.
    pub fn row(&self, item: u64) -> Option<usize> {
        self.columns.items.binary_search(&item).ok()
    }

    /// Category of a row: 1-based, 0 for unknown.
    pub fn category(&self, row: usize) -> u32 {
        self.columns.categories[row]
    }

    /// The largest category; `None` for an empty shard.
    pub fn largest_category(&self) -> Option<u32> {
        self.columns.categories.iter().copied().max()
    }

    /// Item features of a row, `[F]`.
    pub fn features(&self, row: usize) -> &[f32] {
        let f = self.header.feature_count;
        &self.columns.features[row * f..(row + 1) * f]
    }

    /// Appends the embedding of a row, `[d]`, to `out`.
    pub fn append_embedding(&self, row: usize, out: &mut Vec<f32>) {
        let d = self.header.dimension;
        match &self.columns.embeddings {
            Embeddings::F32(values) => out.extend_from_slice(&values[row * d..(row + 1) * d]),
            Embeddings::F16(values) => out.extend(values[row * d..(row + 1) * d].iter().map(|value| value.to_f32())),
        }
    }

    /// The shard after a delta; this one is unchanged.
    pub fn apply(&self, delta: &Delta) -> Result<Shard, ShardError> {
        delta.apply_to(self)
    }
}
