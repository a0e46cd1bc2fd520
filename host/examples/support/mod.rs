//! What examples make up: numbers that look random, and shards of them.

use std::error::Error;

use lookback::bundle::Manifest;
use lookback::shard::{ElementType, Row, Shard, ShardHeader};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// SplitMix64: any number to one that looks random.
pub fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A shard that the manifest's model can read: random items, categories, features and embeddings, in f32.
pub fn made_up(manifest: &Manifest, rows: usize) -> Result<Shard> {
    let (d, f) = (manifest.embedding_dim as usize, manifest.item_features.len());
    let header = ShardHeader {
        embedding_version: manifest.embedding_version.clone(),
        element: ElementType::F32,
        dimension: d,
        feature_count: f,
    };
    let number = |row: u64, column: usize| (mixed(row << 12 | column as u64) >> 40) as f32 / (1 << 24) as f32 - 0.5;
    let row = |row: u64| Row {
        item: mixed(row),
        category: (mixed(!row) % (manifest.categories.len() as u64 + 1)) as u32,
        features: (0..f).map(|column| number(row, column)).collect(),
        embedding: (0..d).map(|column| number(row, f + column)).collect(),
    };
    Ok(Shard::build(header, (1..=rows as u64).map(row).collect())?)
}
