//! The logits of an evaluation as Parquet, for whoever compares runtimes.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow_array::{Float32Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use lookback_pipeline::examples::CandidateList;
use parquet::arrow::ArrowWriter;

use super::evaluate::Searched;

pub fn write(path: &Path, lists: &[CandidateList], scored: &Searched) -> Result<()> {
    let write = || -> Result<()> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("list", DataType::UInt32, false),
            Field::new("item", DataType::UInt64, false),
            Field::new("logit_click", DataType::Float32, true),
            Field::new("logit_save", DataType::Float32, true),
            Field::new("gsu", DataType::Utf8, false),
        ]));
        let mut writer = ArrowWriter::try_new(File::create(path)?, schema.clone(), None)?;
        for (gsu, scored) in scored {
            let rows = || {
                let lists = lists.iter().zip(scored);
                lists.flat_map(|(list, scored)| scored.iter().map(move |row| (list.list, row)))
            };
            let logit =
                |task: usize| Float32Array::from_iter(rows().map(|(_, row)| row.logits.map(|logits| logits[task])));
            let count = rows().count();
            writer.write(&RecordBatch::try_new(
                schema.clone(),
                vec![
                    Arc::new(UInt32Array::from_iter_values(rows().map(|(list, _)| list))),
                    Arc::new(UInt64Array::from_iter_values(rows().map(|(_, row)| row.item))),
                    Arc::new(logit(0)),
                    Arc::new(logit(1)),
                    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(gsu.name(), count))),
                ],
            )?)?;
        }
        writer.close()?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
