//! A delta: rows to write and items to delete, on one named base shard.

use super::format::{self, ShardError};
use super::{Columns, Row, Shard, ShardHeader};

/// Changes to one shard.
#[derive(Clone, Debug)]
pub struct Delta {
    header: ShardHeader,
    base: [u8; 32],
    columns: Columns,
    deleted: Vec<u64>,
}

impl Delta {
    /// Changes to `base`: rows to add or replace, and items to delete (which it need not have).
    pub fn build(base: &Shard, mut rows: Vec<Row>, mut deleted: Vec<u64>) -> Result<Delta, ShardError> {
        rows.sort_by_key(|row| row.item);
        deleted.sort_unstable();
        let mut columns = Columns::of(base.header.element);
        for row in &rows {
            format::check_row(&base.header, row)?;
            columns.push(row);
        }
        let bytes = format::encode_delta(&base.header, &base.hash, &columns, &deleted)?;
        Delta::decode(&bytes)
    }

    /// Reads a delta file, all of it.
    pub fn decode(bytes: &[u8]) -> Result<Delta, ShardError> {
        let (header, base, columns, deleted) = format::decode_delta(bytes)?;
        Ok(Delta { header, base, columns, deleted })
    }

    /// The delta file.
    pub fn encode(&self) -> Vec<u8> {
        format::encode_delta(&self.header, &self.base, &self.columns, &self.deleted)
            .expect("a delta's header was validated when it was made")
    }

    pub(super) fn apply_to(&self, shard: &Shard) -> Result<Shard, ShardError> {
        if self.base != shard.hash {
            return Err(ShardError::Base { expected: format::hex(&self.base), got: format::hex(&shard.hash) });
        }
        self.check_header(&shard.header)?;
        let mut columns = Columns::of(shard.header.element);
        let (old, new) = (&shard.columns, &self.columns);
        let (mut at_old, mut at_new) = (0, 0);
        // One pass over both ascending id columns; a deleted item that is also written is written.
        loop {
            match (old.items.get(at_old), new.items.get(at_new)) {
                (None, None) => break,
                (Some(item), next) if next.is_none_or(|next| item < next) => {
                    if self.deleted.binary_search(item).is_err() {
                        columns.push_from(old, at_old, &shard.header);
                    }
                    at_old += 1;
                }
                (item, Some(next)) => {
                    columns.push_from(new, at_new, &shard.header);
                    at_old += usize::from(item == Some(next));
                    at_new += 1;
                }
                (Some(_), None) => {
                    unreachable!("the guard above takes every item that nothing follows")
                }
            }
        }
        Shard::from_columns(shard.header.clone(), columns)
    }

    fn check_header(&self, shard: &ShardHeader) -> Result<(), ShardError> {
        let differs = |field, delta: String, shard: String| Err(ShardError::DeltaHeader { field, delta, shard });
        if self.header.embedding_version != shard.embedding_version {
            return differs(
                "embedding version",
                self.header.embedding_version.clone(),
                shard.embedding_version.clone(),
            );
        }
        if self.header.element != shard.element {
            return differs("element type", format!("{:?}", self.header.element), format!("{:?}", shard.element));
        }
        if self.header.dimension != shard.dimension {
            return differs("dimension", self.header.dimension.to_string(), shard.dimension.to_string());
        }
        if self.header.feature_count != shard.feature_count {
            return differs("feature count", self.header.feature_count.to_string(), shard.feature_count.to_string());
        }
        Ok(())
    }
}
