//! A delta: rows to write and items to delete, on one named base shard.

use super::columns::{Columns, Writer};
use super::format;
use super::search::{lower_bound, row};
use super::{Row, Shard, ShardError, ShardHeader};

/// Changes to one shard. Unlike a shard's, its rows are looked at when it is read.
#[derive(Clone, Debug)]
pub struct Delta {
    columns: Columns,
    base: [u8; 32],
    deleted: Vec<u64>,
}

impl Delta {
    /// Changes to `base`: rows to add or replace, and items to delete (which it need not have).
    pub fn build(base: &Shard, mut rows: Vec<Row>, mut deleted: Vec<u64>) -> Result<Delta, ShardError> {
        rows.sort_by_key(|row| row.item);
        deleted.sort_unstable();
        let mut writer = Writer::new(base.header(), rows.len());
        for row in &rows {
            writer.push(row)?;
        }
        let mut after_hash = base.hash().to_vec();
        after_hash.extend_from_slice(&(deleted.len() as u64).to_le_bytes());
        Delta::of(writer.finish(&format::DELTA, &after_hash, Some(&deleted))?)
    }

    /// Reads a delta file, all of it.
    pub fn decode(mut bytes: Vec<u8>) -> Result<Delta, ShardError> {
        Delta::of(Columns::take(&format::DELTA, &mut bytes)?)
    }

    fn of(columns: Columns) -> Result<Delta, ShardError> {
        columns.verify()?;
        Ok(Delta { base: format::base(&columns.bytes), deleted: columns.deleted(), columns })
    }

    /// The delta file.
    pub fn bytes(&self) -> &[u8] {
        &self.columns.bytes
    }

    pub(super) fn apply_to(&self, shard: &Shard) -> Result<Shard, ShardError> {
        if self.base != shard.hash() {
            return Err(ShardError::Base { expected: format::hex(&self.base), got: format::hex(&shard.hash()) });
        }
        self.check_header(shard.header())?;
        let (old, new) = (&shard.columns, &self.columns);
        // Item and the row that takes its place; a deleted item that is also written is written.
        let written = (0..new.rows()).map(|row| (new.item(row), Some(row)));
        let dropped = self.deleted.iter().filter(|&&item| row(new.items(), item).is_none()).map(|&item| (item, None));
        let mut changes: Vec<(u64, Option<usize>)> = written.chain(dropped).collect();
        changes.sort_unstable();

        let mut writer = Writer::new(shard.header(), old.rows() + new.rows());
        let mut copied = 0;
        for (item, row) in changes {
            let items = old.items();
            // Where the old items do not ascend, the place found may lie behind.
            let at = lower_bound(items, item).max(copied);
            writer.push_from(old, copied..at);
            copied = at + usize::from(items.get(at).is_some_and(|bytes| u64::from_le_bytes(*bytes) == item));
            if let Some(row) = row {
                writer.push_from(new, row..row + 1);
            }
        }
        writer.push_from(old, copied..old.rows());
        Ok(Shard::of(writer.finish(&format::SHARD, &[], None)?))
    }

    fn check_header(&self, shard: &ShardHeader) -> Result<(), ShardError> {
        let differs = |field, delta: String, shard: String| Err(ShardError::DeltaHeader { field, delta, shard });
        let delta = &self.columns.opened.header;
        if delta.embedding_version != shard.embedding_version {
            return differs("embedding version", delta.embedding_version.clone(), shard.embedding_version.clone());
        }
        if delta.element != shard.element {
            return differs("element type", delta.element.name().into(), shard.element.name().into());
        }
        if delta.dimension != shard.dimension {
            return differs("dimension", delta.dimension.to_string(), shard.dimension.to_string());
        }
        if delta.feature_count != shard.feature_count {
            return differs("feature count", delta.feature_count.to_string(), shard.feature_count.to_string());
        }
        Ok(())
    }
}
