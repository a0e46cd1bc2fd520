//! Rows of JSON Lines, CSV or Parquet as named cells.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field as ParquetCell;
use serde_json::{Map, Value};

use super::Format;
use super::error::{ImportError, io};

/// One cell of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Text(&'a str),
    Json(&'a Value),
}

impl<'a> Cell<'a> {
    /// A string or an integer, as the text of a key.
    pub fn key(self) -> Result<Cow<'a, str>, String> {
        let key = match self {
            Cell::Text(text) => Cow::Borrowed(text.trim()),
            Cell::Json(Value::String(text)) => Cow::Borrowed(text.trim()),
            Cell::Json(Value::Number(number)) if !number.is_f64() => Cow::Owned(number.to_string()),
            Cell::Json(other) => return Err(format!("expected a string or an integer, got {other}")),
        };
        if key.is_empty() { Err("it is empty".into()) } else { Ok(key) }
    }

    /// A text; `None` where it is empty.
    pub fn text(self) -> Result<Option<Cow<'a, str>>, String> {
        match self {
            Cell::Text(text) if text.trim().is_empty() => Ok(None),
            Cell::Json(Value::Bool(flag)) => Ok(Some(Cow::Owned(flag.to_string()))),
            Cell::Json(Value::Number(number)) => Ok(Some(Cow::Owned(number.to_string()))),
            other => other.key().map(Some),
        }
    }

    /// Texts: a list, or a text separated by `|`.
    pub fn texts(self) -> Result<Vec<String>, String> {
        match self {
            Cell::Json(Value::Array(values)) => {
                values.iter().map(|value| Cell::Json(value).key().map(Cow::into_owned)).collect()
            }
            other => {
                let text = other.text()?.unwrap_or_default();
                Ok(text.split('|').map(str::trim).filter(|name| !name.is_empty()).map(str::to_string).collect())
            }
        }
    }

    /// Finite numbers: a list, or its JSON in a text.
    pub fn numbers(self) -> Result<Option<Vec<f32>>, String> {
        let number = |value: &Value| {
            let number = value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
            number.ok_or_else(|| format!("expected finite 32-bit numbers, got {value}"))
        };
        match self {
            Cell::Json(Value::Array(values)) => values.iter().map(number).collect::<Result<Vec<f32>, _>>().map(Some),
            Cell::Json(other) => Err(format!("expected a list of numbers, got {other}")),
            Cell::Text(text) if text.trim().is_empty() => Ok(None),
            Cell::Text(text) => match serde_json::from_str::<Vec<Value>>(text) {
                Ok(values) => values.iter().map(number).collect::<Result<Vec<f32>, _>>().map(Some),
                Err(_) => Err(format!("expected a list of numbers as JSON, got {text:?}")),
            },
        }
    }
}

/// One row; `None` where a cell is missing or null.
pub(super) enum Row<'a> {
    Csv { names: &'a [String], record: &'a csv::StringRecord },
    Json(&'a Map<String, Value>),
}

impl Row<'_> {
    pub fn cell(&self, name: &str) -> Option<Cell<'_>> {
        match self {
            Row::Csv { names, record } => {
                let at = names.iter().position(|other| other == name)?;
                record.get(at).filter(|text| !text.is_empty()).map(Cell::Text)
            }
            Row::Json(map) => map.get(name).filter(|value| !value.is_null()).map(Cell::Json),
        }
    }

    /// A cell that must be there.
    pub fn required(&self, name: &str) -> Result<Cell<'_>, String> {
        self.cell(name).ok_or_else(|| format!("{name}: it is missing"))
    }

    /// Names of the row's cells.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Row::Csv { names, .. } => names.iter().map(String::as_str).collect(),
            Row::Json(map) => map.keys().map(String::as_str).collect(),
        }
    }

    fn raw(&self) -> String {
        match self {
            Row::Csv { record, .. } => record.iter().collect::<Vec<_>>().join(","),
            Row::Json(map) => Value::Object((*map).clone()).to_string(),
        }
    }
}

/// What a file holds, for its errors.
pub(super) struct Kind {
    pub name: &'static str,
    pub required: &'static [&'static str],
}

/// A row, or why the file has none at this line.
pub(super) type Read1<'a> = Result<Row<'a>, String>;

/// Takes a row's line, the row, and its raw text.
pub(super) type Each<'a> = &'a mut dyn FnMut(u64, Read1, &dyn Fn() -> String) -> Result<(), ImportError>;

/// Takes a line's number and its bytes.
pub(super) type EachLine<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), ImportError>;

/// Calls `each` with every row: its line (Parquet: its row, from 1), the row or why it cannot be read, and its raw text.
/// `progress` takes the bytes read so far.
pub(super) fn for_each(
    path: &Path,
    format: Format,
    kind: &Kind,
    progress: &mut dyn FnMut(u64),
    each: Each,
) -> Result<(), ImportError> {
    match format {
        Format::Csv => csv_rows(path, kind, progress, each),
        Format::JsonLines => json_rows(path, progress, each),
        Format::Parquet => parquet_rows(path, kind, progress, each),
    }
}

fn check_columns(path: &Path, kind: &Kind, names: &[String]) -> Result<(), ImportError> {
    match kind.required.iter().find(|column| !names.iter().any(|name| name == *column)) {
        None => Ok(()),
        Some(column) => Err(ImportError::MissingColumn {
            path: path.to_path_buf(),
            kind: kind.name,
            column,
            found: if names.is_empty() { "none".into() } else { names.join(", ") },
            required: kind.required.join(", "),
        }),
    }
}

fn csv_rows(path: &Path, kind: &Kind, progress: &mut dyn FnMut(u64), each: Each) -> Result<(), ImportError> {
    let file = File::open(path).map_err(io(path))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(BufReader::with_capacity(1 << 20, file));
    let unreadable = |error: csv::Error| ImportError::Unreadable {
        path: path.to_path_buf(),
        format: "CSV",
        reason: error.to_string(),
    };
    let names = reader.byte_headers().map_err(unreadable)?;
    let names: Vec<String> = names.iter().map(|name| String::from_utf8_lossy(name).trim().to_string()).collect();
    check_columns(path, kind, &names)?;
    let mut bytes = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut bytes) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => return Err(unreadable(error)),
        }
        let (line, at) = bytes.position().map_or((0, 0), |position| (position.line(), position.byte()));
        progress(at);
        match csv::StringRecord::from_byte_record(std::mem::take(&mut bytes)) {
            Err(error) => {
                bytes = error.into_byte_record();
                let lossy = || bytes.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",");
                each(line, Err("it is not UTF-8".into()), &lossy)?;
            }
            Ok(record) => {
                let row = Row::Csv { names: &names, record: &record };
                let (got, expected) = (record.len(), names.len());
                let raw = || Row::Csv { names: &names, record: &record }.raw();
                let row =
                    if got == expected { Ok(row) } else { Err(format!("{got} cells, the header has {expected}")) };
                each(line, row, &raw)?;
                bytes = record.into_byte_record();
            }
        }
    }
}

fn json_rows(path: &Path, progress: &mut dyn FnMut(u64), each: Each) -> Result<(), ImportError> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(io(path))?);
    let (mut line, mut at, mut bytes) = (0, 0, Vec::new());
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(io(path))?;
        if read == 0 {
            return Ok(());
        }
        line += 1;
        at += read as u64;
        progress(at);
        let text = if line == 1 { bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes) } else { &bytes };
        let text = text.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let raw = || String::from_utf8_lossy(text).into_owned();
        match serde_json::from_slice::<Value>(text) {
            Ok(Value::Object(map)) => each(line, Ok(Row::Json(&map)), &raw)?,
            Ok(other) => each(line, Err(format!("expected a JSON object, got {}", kind_of(&other))), &raw)?,
            Err(error) => each(line, Err(format!("it is not JSON: {error}")), &raw)?,
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn parquet_rows(path: &Path, kind: &Kind, progress: &mut dyn FnMut(u64), each: Each) -> Result<(), ImportError> {
    let unreadable = |reason: String| ImportError::Unreadable { path: path.to_path_buf(), format: "Parquet", reason };
    let file = File::open(path).map_err(io(path))?;
    let size = file.metadata().map_err(io(path))?.len();
    let reader = SerializedFileReader::new(file).map_err(|error| unreadable(error.to_string()))?;
    let metadata = reader.metadata().file_metadata();
    let names: Vec<String> = metadata.schema().get_fields().iter().map(|field| field.name().to_string()).collect();
    check_columns(path, kind, &names)?;
    let rows = metadata.num_rows().max(1) as u64;
    for (at, row) in (1..).zip(reader.get_row_iter(None).map_err(|error| unreadable(error.to_string()))?) {
        progress(size * at / rows);
        let row = row.map_err(|error| unreadable(error.to_string()))?;
        let map: Map<String, Value> = row.get_column_iter().map(|(name, cell)| (name.clone(), json(cell))).collect();
        let row = Row::Json(&map);
        each(at, Ok(row), &|| Row::Json(&map).raw())?;
    }
    Ok(())
}

/// A cell as JSON; a typed time in RFC 3339, whatever the unit of integer times is.
fn json(cell: &ParquetCell) -> Value {
    let time = match cell {
        ParquetCell::TimestampMillis(time) => jiff::Timestamp::from_millisecond(*time).ok(),
        ParquetCell::TimestampMicros(time) => jiff::Timestamp::from_microsecond(*time).ok(),
        _ => None,
    };
    time.map_or_else(|| cell.to_json_value(), |time| Value::String(time.to_string()))
}

/// Reads a text file line by line as bytes, for formats without quoting.
pub(super) fn for_each_line(path: &Path, progress: &mut dyn FnMut(u64), each: EachLine) -> Result<(), ImportError> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(io(path))?);
    let (mut line, mut at, mut bytes) = (0, 0, Vec::new());
    loop {
        bytes.clear();
        let read = reader.by_ref().read_until(b'\n', &mut bytes).map_err(io(path))?;
        if read == 0 {
            return Ok(());
        }
        line += 1;
        at += read as u64;
        progress(at);
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = if line == 1 { text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text) } else { text };
        if !text.is_empty() {
            each(line, text)?;
        }
    }
}
