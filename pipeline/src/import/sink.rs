//! Where rows go: into the log and the tables, or into the rejects file.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use lookback::event::Action;
use serde_json::json;

use super::error::{ImportError, io};
use super::report::ImportReport;
use crate::dataset::file;
use crate::id::Keys;
use crate::log::{Log, LogRow};
use crate::tables::{self, Item, User};

/// An event before its keys become ids.
pub(super) struct KeyedEvent<'a> {
    pub user: &'a str,
    pub item: &'a str,
    pub action: Action,
    pub time: i64,
    pub surface: Option<&'a str>,
    pub position: Option<u32>,
    pub request: Option<&'a str>,
}

/// Collects an import and writes it in one step at the end.
pub(super) struct Sink {
    output: PathBuf,
    log: Log,
    user_keys: Keys,
    item_keys: Keys,
    items: HashMap<u64, Item>,
    users: HashMap<u64, User>,
    rejects: BufWriter<File>,
    first_reasons: Vec<String>,
    pub report: ImportReport,
}

impl Sink {
    pub fn new(output: &Path, source: &Path, format: &str) -> Result<Sink, ImportError> {
        std::fs::create_dir_all(output).map_err(io(output))?;
        let rejects = output.join(file::REJECTS);
        Ok(Sink {
            output: output.to_path_buf(),
            log: Log::default(),
            user_keys: Keys::new("user"),
            item_keys: Keys::new("item"),
            items: HashMap::new(),
            users: HashMap::new(),
            rejects: BufWriter::new(File::create(&rejects).map_err(io(&rejects))?),
            first_reasons: Vec::new(),
            report: ImportReport {
                source: source.display().to_string(),
                format: format.into(),
                ..ImportReport::default()
            },
        })
    }

    /// Counts a row and, when it is bad, writes it to the rejects.
    pub fn row(
        &mut self,
        path: &Path,
        line: u64,
        bad: Result<(), String>,
        raw: impl FnOnce() -> String,
    ) -> Result<(), ImportError> {
        self.report.rows += 1;
        let Err(reason) = bad else { return Ok(()) };
        self.report.rejected += 1;
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        if self.first_reasons.len() < 3 {
            self.first_reasons.push(format!("{name} line {line}: {reason}"));
        }
        let reject = json!({ "file": name, "line": line, "reason": reason, "row": raw() });
        let rejects = self.output.join(file::REJECTS);
        writeln!(self.rejects, "{reject}").map_err(io(&rejects))
    }

    pub fn event(&mut self, event: KeyedEvent) -> Result<(), ImportError> {
        let (user, item) = (self.user_keys.id(event.user)?, self.item_keys.id(event.item)?);
        let KeyedEvent { action, time, surface, position, request, .. } = event;
        self.log.push(LogRow { user, item, action, time, surface, position, request });
        Ok(())
    }

    /// Adds an item's row; says so when it has one already.
    pub fn item(&mut self, key: &str, item: Item) -> Result<Result<(), String>, ImportError> {
        let id = self.item_keys.id(key)?;
        if self.items.contains_key(&id) {
            return Ok(Err(format!("item {key:?} has a row already")));
        }
        self.items.insert(id, Item { item: id, key: key.to_string(), ..item });
        Ok(Ok(()))
    }

    /// Adds a user's row; says so when they have one already.
    pub fn user(&mut self, key: &str, attributes: BTreeMap<String, String>) -> Result<Result<(), String>, ImportError> {
        let id = self.user_keys.id(key)?;
        if self.users.contains_key(&id) {
            return Ok(Err(format!("user {key:?} has a row already")));
        }
        self.users.insert(id, User { user: id, key: key.to_string(), attributes });
        Ok(Ok(()))
    }

    /// Checks the share of bad rows, then writes every table at once.
    pub fn finish(mut self, max_bad: f64) -> Result<ImportReport, ImportError> {
        let rejects = self.output.join(file::REJECTS);
        self.rejects.flush().map_err(io(&rejects))?;
        let (bad, rows) = (self.report.rejected, self.report.rows);
        let share = bad as f64 / rows.max(1) as f64;
        if share > max_bad {
            return Err(ImportError::TooManyBadRows {
                bad,
                rows,
                percent: share * 100.0,
                allowed_percent: max_bad * 100.0,
                first: self.first_reasons.join("; "),
                rejects,
                suggestion: ((share * 100.0).ceil() / 100.0).min(1.0),
            });
        }
        if self.log.is_empty() {
            return Err(ImportError::NoEvents { path: PathBuf::from(&self.report.source) });
        }
        let sorted = self.log.sort();
        let (items, users) = (self.items()?, self.users());
        let report = ImportReport {
            events: self.log.len() as u64,
            duplicates: sorted.duplicates,
            out_of_order: sorted.out_of_order,
            users: users.len() as u64,
            items: items.len() as u64,
            items_without_row: items.iter().filter(|item| !self.items.contains_key(&item.item)).count() as u64,
            first_time: self.log.time.iter().copied().min().unwrap_or(0),
            last_time: self.log.time.iter().copied().max().unwrap_or(0),
            ..self.report.clone()
        };
        self.write(&items, &users, &report)?;
        Ok(report)
    }

    /// Writes beside the output, then moves into place: no half-written table is ever in the way of a reader.
    fn write(&self, items: &[Item], users: &[User], report: &ImportReport) -> Result<(), ImportError> {
        let output = &self.output;
        let staging = tempfile::Builder::new().prefix(".import-").tempdir_in(output).map_err(io(output))?;
        let at = |name: &str| staging.path().join(name);
        tables::write_events(&at(file::EVENTS), &self.log)?;
        tables::write_items(&at(file::ITEMS), items)?;
        tables::write_users(&at(file::USERS), users)?;
        let text = serde_json::to_string_pretty(report).map_err(|error| io(output)(error.into()))?;
        std::fs::write(at(file::IMPORT), text + "\n").map_err(io(output))?;
        // The report comes last: where it is, the import is whole. What was made of older events goes first.
        for stale in [file::IMPORT, file::EXAMPLES_REPORT, file::EXAMPLES] {
            match std::fs::remove_file(output.join(stale)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(output)(error)),
                _ => {}
            }
        }
        for name in [file::EVENTS, file::ITEMS, file::USERS, file::IMPORT] {
            std::fs::rename(at(name), output.join(name)).map_err(io(output))?;
        }
        Ok(())
    }

    /// Every item that has a row or an event, with its most specific category.
    fn items(&self) -> Result<Vec<Item>, ImportError> {
        let mut carriers: HashMap<&str, usize> = HashMap::new();
        for category in self.items.values().flat_map(|item| &item.categories) {
            *carriers.entry(category).or_default() += 1;
        }
        let mut items: Vec<Item> = Vec::new();
        for id in self.item_keys.ids() {
            let mut item = self.items.get(&id).cloned().unwrap_or_else(|| Item {
                item: id,
                key: self.item_keys.key(id),
                ..Item::default()
            });
            item.category = item.categories.iter().min_by_key(|name| (carriers[name.as_str()], name.as_str())).cloned();
            items.push(item);
        }
        let with: Vec<&Item> = items.iter().filter(|item| item.embedding.is_some()).collect();
        if let Some(first) = with.first() {
            let length = |item: &Item| item.embedding.as_ref().map_or(0, Vec::len);
            if let Some(other) = with.iter().find(|item| length(item) != length(first)) {
                let (expected, got) = (length(first), length(other));
                return Err(ImportError::EmbeddingLength { item: other.key.clone(), expected, got });
            }
            if let Some(without) = items.iter().find(|item| item.embedding.is_none()) {
                let (with, example) = (with.len(), without.key.clone());
                return Err(ImportError::SomeEmbeddings { with, without: items.len() - with, example });
            }
        }
        Ok(items)
    }

    fn users(&self) -> Vec<User> {
        let user = |id| {
            self.users.get(&id).cloned().unwrap_or_else(|| User {
                user: id,
                key: self.user_keys.key(id),
                ..User::default()
            })
        };
        self.user_keys.ids().into_iter().map(user).collect()
    }
}
