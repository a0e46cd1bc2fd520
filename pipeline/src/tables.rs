//! Items and users beside the events, and all three as Parquet.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, Float32Array, ListArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
    UInt64Array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use lookback::event::Action;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::log::{Log, LogRow};

/// Rows in one Parquet row group and one record batch.
const BATCH: usize = 1 << 16;

/// An item of the catalogue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// Its id.
    pub item: u64,
    /// The id in the source.
    pub key: String,
    /// Its title.
    pub title: Option<String>,
    /// All its categories.
    pub categories: Vec<String>,
    /// The most specific of them: the one that fewest items carry.
    pub category: Option<String>,
    /// When it was made: Unix milliseconds, UTC.
    pub created: Option<i64>,
    /// An embedding of one's own, `[d]`.
    pub embedding: Option<Vec<f32>>,
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub user: u64,
    /// The id in the source.
    pub key: String,
    /// Demographic attributes, by name.
    pub attributes: BTreeMap<String, String>,
}

/// Why a table cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be opened or made.
    #[error("{path}: {error}; check that the directory is one that `lookback import` wrote")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The Parquet is damaged or cannot be written.
    #[error("{path}: {error}; import the data again")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader or writer said.
        error: String,
    },
    /// A column is missing or of another type.
    #[error("{path}: column {column} is missing or not {expected}; import the data again with this release")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type in the schema.
        expected: &'static str,
    },
    /// A value is not one that the schema allows.
    #[error("{path}, row {row}: {reason}; import the data again")]
    Value {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// What is wrong.
        reason: String,
    },
}

/// Type of every time column.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// A time column.
pub(crate) fn times(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter(values).with_timezone("UTC"))
}

/// Writes batches of columns to one Parquet file.
pub(crate) struct TableWriter {
    path: PathBuf,
    schema: Arc<Schema>,
    writer: ArrowWriter<File>,
}

impl TableWriter {
    pub fn create(path: &Path, fields: Vec<Field>) -> Result<TableWriter, TableError> {
        let schema = Arc::new(Schema::new(fields));
        let file = File::create(path).map_err(|error| TableError::Io { path: path.to_path_buf(), error })?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(|e| damaged(path, e))?;
        Ok(TableWriter { path: path.to_path_buf(), schema, writer })
    }

    pub fn write(&mut self, columns: Vec<ArrayRef>) -> Result<(), TableError> {
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(|e| damaged(&self.path, e))?;
        self.writer.write(&batch).map_err(|e| damaged(&self.path, e))
    }

    pub fn close(self) -> Result<(), TableError> {
        self.writer.close().map(drop).map_err(|e| damaged(&self.path, e))
    }
}

fn damaged(path: &Path, error: impl ToString) -> TableError {
    TableError::Parquet { path: path.to_path_buf(), error: error.to_string() }
}

/// Reads a Parquet file batch by batch.
pub(crate) fn read(path: &Path, mut each: impl FnMut(&Batch) -> Result<(), TableError>) -> Result<(), TableError> {
    let file = File::open(path).map_err(|error| TableError::Io { path: path.to_path_buf(), error })?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(BATCH).build())
        .map_err(|e| damaged(path, e))?;
    let mut start = 0;
    for batch in reader {
        let batch = batch.map_err(|e| damaged(path, e))?;
        let rows = batch.num_rows();
        each(&Batch { path, start, batch })?;
        start += rows;
    }
    Ok(())
}

/// A batch of rows with typed access to its columns.
pub(crate) struct Batch<'a> {
    path: &'a Path,
    /// Row of the file at which the batch starts.
    start: usize,
    batch: RecordBatch,
}

impl Batch<'_> {
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn names(&self) -> Vec<String> {
        self.batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    pub fn column<T: Array + 'static>(&self, name: &str, expected: &'static str) -> Result<&T, TableError> {
        let column = self.batch.column_by_name(name).and_then(|column| column.as_any().downcast_ref::<T>());
        column.ok_or_else(|| TableError::Column { path: self.path.to_path_buf(), column: name.to_string(), expected })
    }

    pub fn value_error(&self, row: usize, reason: String) -> TableError {
        TableError::Value { path: self.path.to_path_buf(), row: self.start + row, reason }
    }
}

fn optional(column: &StringArray, row: usize) -> Option<&str> {
    (!column.is_null(row)).then(|| column.value(row))
}

/// Writes `events.parquet`.
pub fn write_events(path: &Path, log: &Log) -> Result<(), TableError> {
    let fields = vec![
        Field::new("user", DataType::UInt64, false),
        Field::new("item", DataType::UInt64, false),
        Field::new("action", DataType::Utf8, false),
        Field::new("time", time_type(), false),
        Field::new("surface", DataType::Utf8, true),
        Field::new("position", DataType::UInt32, true),
        Field::new("request", DataType::Utf8, true),
    ];
    let mut writer = TableWriter::create(path, fields)?;
    for start in (0..log.len()).step_by(BATCH) {
        let rows = start..(start + BATCH).min(log.len());
        writer.write(vec![
            Arc::new(UInt64Array::from(log.user[rows.clone()].to_vec())),
            Arc::new(UInt64Array::from(log.item[rows.clone()].to_vec())),
            Arc::new(StringArray::from_iter_values(log.action[rows.clone()].iter().map(|action| action.name()))),
            times(log.time[rows.clone()].iter().map(|&time| Some(time))),
            Arc::new(StringArray::from_iter(rows.clone().map(|row| log.surface.get(row)))),
            Arc::new(UInt32Array::from(log.position[rows.clone()].to_vec())),
            Arc::new(StringArray::from_iter(rows.map(|row| log.request.get(row)))),
        ])?;
    }
    writer.close()
}

/// Reads `events.parquet`.
pub fn read_events(path: &Path) -> Result<Log, TableError> {
    let mut log = Log::default();
    let mut last = None;
    read(path, |batch| {
        let user = batch.column::<UInt64Array>("user", "UInt64")?;
        let item = batch.column::<UInt64Array>("item", "UInt64")?;
        let action = batch.column::<StringArray>("action", "Utf8")?;
        let time = batch.column::<TimestampMillisecondArray>("time", "Timestamp(ms)")?;
        let surface = batch.column::<StringArray>("surface", "Utf8")?;
        let position = batch.column::<UInt32Array>("position", "UInt32")?;
        let request = batch.column::<StringArray>("request", "Utf8")?;
        for row in 0..batch.rows() {
            let name = action.value(row);
            let action = Action::from_name(name)
                .ok_or_else(|| batch.value_error(row, format!("action {name:?} is not one of the schema's")))?;
            let key = (user.value(row), time.value(row));
            if last.is_some_and(|last| key < last) {
                return Err(batch.value_error(row, "events are not sorted by user and time".into()));
            }
            last = Some(key);
            log.push(LogRow {
                user: key.0,
                item: item.value(row),
                action,
                time: key.1,
                surface: optional(surface, row),
                position: (!position.is_null(row)).then(|| position.value(row)),
                request: optional(request, row),
            });
        }
        Ok(())
    })?;
    Ok(log)
}

/// Writes `items.parquet`; the items ascend.
pub fn write_items(path: &Path, items: &[Item]) -> Result<(), TableError> {
    let list = |name: &str, item: DataType, nullable| {
        Field::new(name, DataType::List(Arc::new(Field::new_list_field(item, true))), nullable)
    };
    let fields = vec![
        Field::new("item", DataType::UInt64, false),
        Field::new("key", DataType::Utf8, false),
        Field::new("title", DataType::Utf8, true),
        list("categories", DataType::Utf8, false),
        Field::new("category", DataType::Utf8, true),
        Field::new("created", time_type(), true),
        list("embedding", DataType::Float32, true),
    ];
    let mut writer = TableWriter::create(path, fields)?;
    for items in items.chunks(BATCH) {
        let mut categories = ListBuilder::new(StringBuilder::new());
        let mut embedding = ListBuilder::new(Float32Builder::new());
        for item in items {
            categories.append_value(item.categories.iter().map(Some));
            embedding.append_option(item.embedding.as_ref().map(|row| row.iter().map(|&value| Some(value))));
        }
        writer.write(vec![
            Arc::new(UInt64Array::from_iter_values(items.iter().map(|item| item.item))),
            Arc::new(StringArray::from_iter_values(items.iter().map(|item| &item.key))),
            Arc::new(StringArray::from_iter(items.iter().map(|item| item.title.as_deref()))),
            Arc::new(categories.finish()),
            Arc::new(StringArray::from_iter(items.iter().map(|item| item.category.as_deref()))),
            times(items.iter().map(|item| item.created)),
            Arc::new(embedding.finish()),
        ])?;
    }
    writer.close()
}

/// Reads `items.parquet`.
pub fn read_items(path: &Path) -> Result<Vec<Item>, TableError> {
    let mut items = Vec::new();
    read(path, |batch| {
        let item = batch.column::<UInt64Array>("item", "UInt64")?;
        let key = batch.column::<StringArray>("key", "Utf8")?;
        let title = batch.column::<StringArray>("title", "Utf8")?;
        let categories = batch.column::<ListArray>("categories", "List(Utf8)")?;
        let category = batch.column::<StringArray>("category", "Utf8")?;
        let created = batch.column::<TimestampMillisecondArray>("created", "Timestamp(ms)")?;
        let embedding = batch.column::<ListArray>("embedding", "List(Float32)")?;
        for row in 0..batch.rows() {
            let names = categories.value(row);
            let names = names.as_any().downcast_ref::<StringArray>();
            let names = names.ok_or_else(|| batch.value_error(row, "categories are not strings".into()))?;
            let numbers = (!embedding.is_null(row)).then(|| embedding.value(row));
            let numbers = match &numbers {
                None => None,
                Some(numbers) => match numbers.as_any().downcast_ref::<Float32Array>() {
                    Some(numbers) => Some(numbers.values().to_vec()),
                    None => return Err(batch.value_error(row, "the embedding is not of 32-bit floats".into())),
                },
            };
            items.push(Item {
                item: item.value(row),
                key: key.value(row).to_string(),
                title: optional(title, row).map(str::to_string),
                categories: names.iter().flatten().map(str::to_string).collect(),
                category: optional(category, row).map(str::to_string),
                created: (!created.is_null(row)).then(|| created.value(row)),
                embedding: numbers,
            });
        }
        Ok(())
    })?;
    Ok(items)
}

/// Writes `users.parquet`; the users ascend. Every attribute that anyone has becomes a column.
pub fn write_users(path: &Path, users: &[User]) -> Result<(), TableError> {
    let mut names: Vec<&String> = users.iter().flat_map(|user| user.attributes.keys()).collect();
    names.sort();
    names.dedup();
    let mut fields = vec![Field::new("user", DataType::UInt64, false), Field::new("key", DataType::Utf8, false)];
    fields.extend(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
    let mut writer = TableWriter::create(path, fields)?;
    for users in users.chunks(BATCH) {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(users.iter().map(|user| user.user))),
            Arc::new(StringArray::from_iter_values(users.iter().map(|user| &user.key))),
        ];
        for name in &names {
            columns.push(Arc::new(StringArray::from_iter(users.iter().map(|user| user.attributes.get(*name)))));
        }
        writer.write(columns)?;
    }
    writer.close()
}

/// Reads `users.parquet`.
pub fn read_users(path: &Path) -> Result<Vec<User>, TableError> {
    let mut users = Vec::new();
    read(path, |batch| {
        let user = batch.column::<UInt64Array>("user", "UInt64")?;
        let key = batch.column::<StringArray>("key", "Utf8")?;
        let names: Vec<String> =
            batch.names().into_iter().filter(|name| name.as_str() != "user" && name.as_str() != "key").collect();
        let columns = names
            .iter()
            .map(|name| Ok((name, batch.column::<StringArray>(name, "Utf8")?)))
            .collect::<Result<Vec<_>, TableError>>()?;
        for row in 0..batch.rows() {
            let attributes = columns
                .iter()
                .filter_map(|(name, column)| Some((name.to_string(), optional(column, row)?.to_string())));
            let attributes = attributes.collect();
            users.push(User { user: user.value(row), key: key.value(row).to_string(), attributes });
        }
        Ok(())
    })?;
    Ok(users)
}
