//! Imports one's own logs in the documented schema: JSON Lines, CSV or Parquet.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use lookback::event::Action;

use super::cells::{self, Kind, Row};
use super::error::ImportError;
use super::report::ImportReport;
use super::sink::{KeyedEvent, Sink};
use super::time::{TimeUnit, milliseconds};
use super::{Format, OnProgress, each_mebibyte};
use crate::tables::Item;

const EVENTS: Kind = Kind { name: "events", required: &["user", "item", "action", "time"] };
const ITEMS: Kind = Kind { name: "items", required: &["item"] };
const USERS: Kind = Kind { name: "users", required: &["user"] };

/// What to import.
#[derive(Clone, Debug)]
pub struct GenericImport {
    /// The events.
    pub events: PathBuf,
    /// Items: `item`, and optionally `title`, `categories`, `created`, `embedding`.
    pub items: Option<PathBuf>,
    /// Users: `user`, and any attributes.
    pub users: Option<PathBuf>,
    /// Where to.
    pub output: PathBuf,
    /// Format of every file; `None` tells it from each name.
    pub format: Option<Format>,
    /// Unit of integer times.
    pub time_unit: TimeUnit,
    /// Foreign names of actions.
    pub map_action: HashMap<String, Action>,
    /// Share of bad rows above which the import stops.
    pub max_bad: f64,
}

/// Imports events, items and users.
pub fn import_events(import: &GenericImport, on_progress: OnProgress) -> Result<ImportReport, ImportError> {
    let format = |path: &PathBuf| import.format.map_or_else(|| Format::of(path), Ok);
    let events_format = format(&import.events)?;
    let mut sink = Sink::new(&import.output, &import.events, events_format.name())?;
    let mut unused = BTreeSet::new();
    let parts: [(Option<&PathBuf>, &Kind, ReadRow); 3] = [
        (import.items.as_ref(), &ITEMS, item),
        (import.users.as_ref(), &USERS, user),
        (Some(&import.events), &EVENTS, event),
    ];
    for (path, kind, read) in parts {
        let Some(path) = path else { continue };
        let mut progress = each_mebibyte(path, on_progress)?;
        cells::for_each(path, format(path)?, kind, &mut progress, &mut |line, row, raw| {
            let result = match row {
                Ok(row) => read(&row, import, &mut sink, &mut unused)?,
                Err(reason) => Err(reason),
            };
            sink.row(path, line, result, raw)
        })?;
    }
    sink.report.unused_columns = unused.into_iter().collect();
    sink.finish(import.max_bad)
}

/// Takes a row into the sink; the inner error is why the row is bad.
type ReadRow = fn(&Row, &GenericImport, &mut Sink, &mut BTreeSet<String>) -> Result<Result<(), String>, ImportError>;

fn note_unused(row: &Row, used: &[&str], file: &str, unused: &mut BTreeSet<String>) {
    for name in row.names() {
        if !used.contains(&name) {
            let name = format!("{file}.{name}");
            if !unused.contains(&name) {
                unused.insert(name);
            }
        }
    }
}

fn named<T>(name: &str, result: Result<T, String>) -> Result<T, String> {
    result.map_err(|reason| format!("{name}: {reason}"))
}

fn event(
    row: &Row,
    import: &GenericImport,
    sink: &mut Sink,
    unused: &mut BTreeSet<String>,
) -> Result<Result<(), String>, ImportError> {
    note_unused(row, &["user", "item", "action", "time", "surface", "position", "request"], "events", unused);
    let text = |name: &str| row.cell(name).map_or(Ok(None), |cell| named(name, cell.text()));
    let read = || -> Result<_, String> {
        let user = named("user", row.required("user")?.key())?;
        let item = named("item", row.required("item")?.key())?;
        let name = named("action", row.required("action")?.key())?;
        let action = import.map_action.get(name.as_ref()).copied().or_else(|| Action::from_name(&name));
        let action = action.ok_or_else(|| {
            let known: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
            format!("action {name:?} is not one of {}; map it with --map-action {name}=ACTION", known.join(", "))
        })?;
        let time = milliseconds(row.required("time")?, import.time_unit)?;
        let position = match text("position")? {
            None => None,
            Some(text) => {
                Some(text.parse::<u32>().map_err(|_| format!("position {text:?}: expected an integer from 0"))?)
            }
        };
        Ok((user, item, action, time, text("surface")?, position, text("request")?))
    };
    match read() {
        Err(reason) => Ok(Err(reason)),
        Ok((user, item, action, time, surface, position, request)) => {
            let (surface, request) = (surface.as_deref(), request.as_deref());
            sink.event(KeyedEvent { user: &user, item: &item, action, time, surface, position, request })?;
            Ok(Ok(()))
        }
    }
}

fn item(
    row: &Row,
    import: &GenericImport,
    sink: &mut Sink,
    unused: &mut BTreeSet<String>,
) -> Result<Result<(), String>, ImportError> {
    note_unused(row, &["item", "title", "categories", "created", "embedding"], "items", unused);
    let read = || -> Result<_, String> {
        let key = named("item", row.required("item")?.key())?;
        let title = row.cell("title").map_or(Ok(None), |cell| named("title", cell.text()))?;
        let mut categories = row.cell("categories").map_or(Ok(Vec::new()), |cell| named("categories", cell.texts()))?;
        categories.sort();
        categories.dedup();
        let created = row.cell("created").map(|cell| named("created", milliseconds(cell, import.time_unit)));
        let embedding = row.cell("embedding").map_or(Ok(None), |cell| named("embedding", cell.numbers()))?;
        if embedding.as_ref().is_some_and(Vec::is_empty) {
            return Err("embedding: it is empty".into());
        }
        let title = title.map(|title| title.into_owned());
        Ok((key, Item { title, categories, created: created.transpose()?, embedding, ..Item::default() }))
    };
    match read() {
        Err(reason) => Ok(Err(reason)),
        Ok((key, item)) => sink.item(&key, item),
    }
}

fn user(
    row: &Row,
    _: &GenericImport,
    sink: &mut Sink,
    _: &mut BTreeSet<String>,
) -> Result<Result<(), String>, ImportError> {
    let read = || -> Result<_, String> {
        let key = named("user", row.required("user")?.key())?;
        let mut attributes = BTreeMap::new();
        for name in row.names() {
            if name == "user" {
                continue;
            }
            if name == "key" {
                return Err("an attribute may not be called key; rename the column".into());
            }
            if let Some(value) = row.cell(name).map_or(Ok(None), |cell| named(name, cell.text()))? {
                attributes.insert(name.to_string(), value.into_owned());
            }
        }
        Ok((key, attributes))
    };
    match read() {
        Err(reason) => Ok(Err(reason)),
        Ok((key, attributes)) => sink.user(&key, attributes),
    }
}
