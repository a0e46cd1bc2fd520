//! The data directory of a simulated platform.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::{ArrayRef, Float32Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::parameters::Parameters;
use super::world::World;
use super::{SimulationError, SimulationReport, Truth};
use crate::dataset::file;
use crate::log::Log;
use crate::tables::{self, Item, TableError, TableWriter, User};

const ROWS: usize = 1 << 16;

pub fn all(
    directory: &Path,
    world: &World,
    log: &Log,
    truth: &[Truth],
    users: &[User],
    report: &SimulationReport,
) -> Result<(), SimulationError> {
    folder(directory)?;
    tables::write_events(&directory.join(file::EVENTS), log)?;
    tables::write_items(&directory.join(file::ITEMS), &items(world))?;
    tables::write_users(&directory.join(file::USERS), users)?;
    write_truth(&directory.join(file::TRUTH), truth)?;
    let parameters = &report.parameters;
    for day in parameters.days.saturating_sub(parameters.snapshots)..parameters.days {
        let end = Parameters::time(f64::from(day));
        let day_folder = directory.join(file::EMBEDDINGS).join(format!("day={}", date(end)));
        folder(&day_folder)?;
        let model = usize::from(end >= report.replaced);
        write_embeddings(&day_folder.join("part-0.parquet"), world, f64::from(day) + 1.0, model)?;
    }
    let path = directory.join(file::SIMULATION);
    let text = serde_json::to_string_pretty(report).map_err(std::io::Error::other);
    text.and_then(|text| fs::write(&path, text + "\n")).map_err(|error| SimulationError::Io { path, error })
}

fn folder(path: &Path) -> Result<(), SimulationError> {
    fs::create_dir_all(path).map_err(|error| SimulationError::Io { path: path.to_path_buf(), error })
}

fn date(time: i64) -> String {
    let time = Timestamp::from_millisecond(time).expect("a day of the simulation");
    TimeZone::UTC.to_datetime(time).date().to_string()
}

fn items(world: &World) -> Vec<Item> {
    (1u64..)
        .zip(&world.pins)
        .map(|(item, pin)| {
            let category = world.topics[pin.topic].category;
            Item {
                item,
                key: item.to_string(),
                title: Some(format!("Pin {item}, topic {} (simulated)", pin.topic)),
                categories: vec![format!("category {category}")],
                category: Some(format!("category {category}")),
                created: Some(Parameters::time(pin.born)),
                embedding: Some(pin.embeddings[0].to_vec()),
            }
        })
        .collect()
}

fn write_truth(path: &Path, truth: &[Truth]) -> Result<(), TableError> {
    let fields = vec![
        Field::new("user", DataType::UInt64, false),
        Field::new("item", DataType::UInt64, false),
        Field::new("time", tables::time_type(), false),
        Field::new("p_click", DataType::Float32, false),
        Field::new("p_save", DataType::Float32, false),
    ];
    let mut writer = TableWriter::create(path, fields)?;
    for rows in truth.chunks(ROWS) {
        let numbers = |number: fn(&Truth) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(number)))
        };
        let shares =
            |share: fn(&Truth) -> f32| -> ArrayRef { Arc::new(Float32Array::from_iter_values(rows.iter().map(share))) };
        writer.write(vec![
            numbers(|row| row.user),
            numbers(|row| row.item),
            tables::times(rows.iter().map(|row| Some(row.time))),
            shares(|row| row.p_click),
            shares(|row| row.p_save),
        ])?;
    }
    writer.close()
}

/// The embeddings, by embedding model `model`, of the pins that exist before `until` (days from the start).
fn write_embeddings(path: &Path, world: &World, until: f64, model: usize) -> Result<(), TableError> {
    let fields = vec![
        Field::new("item", DataType::UInt64, false),
        Field::new("embedding", DataType::List(Arc::new(Field::new_list_field(DataType::Float32, true))), false),
        Field::new("embedding_version", DataType::Utf8, false),
    ];
    let mut writer = TableWriter::create(path, fields)?;
    let pins: Vec<_> = (1u64..).zip(&world.pins).filter(|(_, pin)| pin.born < until).collect();
    let version = format!("simulated-{}", model + 1);
    for pins in pins.chunks(ROWS) {
        let mut embedding = ListBuilder::new(Float32Builder::new());
        for (_, pin) in pins {
            embedding.append_value(pin.embeddings[model].iter().map(|&value| Some(value)));
        }
        writer.write(vec![
            Arc::new(UInt64Array::from_iter_values(pins.iter().map(|&(item, _)| item))),
            Arc::new(embedding.finish()),
            Arc::new(StringArray::from_iter_values(pins.iter().map(|_| &version))),
        ])?;
    }
    writer.close()
}
