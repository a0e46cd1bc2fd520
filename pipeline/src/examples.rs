//! From events to training examples and candidate lists, split by time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, StringArray, TimestampMillisecondArray, UInt32Array, UInt64Array};
use arrow_schema::{DataType, Field};
use lookback::event::Action;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::dataset::{Dataset, file};
use crate::popularity::PopularitySampler;
use crate::tables::{self, TableError, TableWriter};

/// How examples are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleOptions {
    /// Share of events, by time, in the training period.
    pub train_share: f64,
    /// Share of events in the validation period, which follows; the test period is the rest.
    pub valid_share: f64,
    /// Sampled unseen items for each engaged event of the training period.
    pub negatives: usize,
    /// Items are sampled with probability proportional to (engaged events in the training period) to this power.
    pub exponent: f64,
    /// Events that make one candidate list.
    pub list_events: usize,
    /// Sampled unseen items in a candidate list.
    pub list_sampled: usize,
    /// A list whose history has fewer engaged events is left out.
    pub least_history: usize,
    /// Seed of the sampling.
    pub seed: u64,
}

impl Default for ExampleOptions {
    fn default() -> ExampleOptions {
        ExampleOptions {
            train_share: 0.8,
            valid_share: 0.1,
            negatives: 2,
            exponent: 0.75,
            list_events: 10,
            list_sampled: 90,
            least_history: 5,
            seed: 0,
        }
    }
}

/// A period of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// The model is fitted on it.
    Train,
    /// The model is chosen and calibrated on it.
    Valid,
    /// The model is judged on it.
    Test,
}

impl Split {
    /// Its name in Parquet.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Valid => "valid",
            Split::Test => "test",
        }
    }
}

/// Where an example's item came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The person met it, as the log says.
    Logged,
    /// Sampled by popularity from what the person never met.
    Sampled,
}

impl Origin {
    /// Its name in Parquet.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Logged => "logged",
            Origin::Sampled => "sampled",
        }
    }
}

/// One item for one person at one moment, with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Its period.
    pub split: Split,
    /// Its candidate list within the period; `None` in training.
    pub list: Option<u32>,
    /// The person.
    pub user: u64,
    /// The item.
    pub item: u64,
    /// The moment of the request: Unix milliseconds, UTC.
    pub time: i64,
    /// Clicked or saved.
    pub click: bool,
    /// Saved.
    pub save: bool,
    /// Where the item came from.
    pub origin: Origin,
    /// Rows of `events.parquet`: the person's events strictly before `time`.
    pub history: Range<usize>,
}

/// What was made, and what was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleReport {
    /// How.
    pub options: ExampleOptions,
    /// First moment of the validation period: Unix milliseconds, UTC.
    pub valid_from: i64,
    /// First moment of the test period.
    pub test_from: i64,
    /// Examples of the training period.
    pub train_examples: u64,
    /// Of them, sampled.
    pub train_sampled: u64,
    /// Candidate lists of the validation period.
    pub valid_lists: u64,
    /// Candidate lists of the test period.
    pub test_lists: u64,
    /// Lists left out because their history is short.
    pub lists_with_short_history: u64,
    /// Lists left out because nothing in them was clicked.
    pub lists_without_click: u64,
    /// Sampled items that are missing because the person had met nearly everything.
    pub sampled_missing: u64,
}

/// Why no examples were made or read.
#[derive(Debug, thiserror::Error)]
pub enum ExampleError {
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The log cannot be split.
    #[error(
        "{events} events at {moments} distinct times cannot be split into training, validation and test periods; import more events"
    )]
    TooSmall {
        /// Events in the log.
        events: usize,
        /// Distinct times among them.
        moments: usize,
    },
    /// Nobody engaged with anything in the training period.
    #[error(
        "no event of the training period is an engagement (other, click, save, closeup); there is nothing to learn from, check the actions of the import"
    )]
    NothingEngaged,
    /// Shares that leave a period empty.
    #[error("shares train = {train}, valid = {valid}: expected positive numbers that sum to less than 1")]
    Shares {
        /// Share of training.
        train: f64,
        /// Share of validation.
        valid: f64,
    },
    /// The report cannot be read or written.
    #[error("{path}: {reason}; run `lookback examples` again")]
    Report {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A candidate list: one request of the past with what came of each candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateList {
    /// Its number within the period.
    pub list: u32,
    /// The person.
    pub user: u64,
    /// The moment of the request.
    pub time: i64,
    /// Rows of `events.parquet`: the person's events strictly before `time`.
    pub history: Range<usize>,
    /// The candidates.
    pub candidates: Vec<Candidate>,
}

/// One candidate of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The item.
    pub item: u64,
    /// Clicked or saved.
    pub click: bool,
    /// Saved.
    pub save: bool,
    /// Where it came from.
    pub origin: Origin,
}

/// All examples of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// Training examples by time, then validation and test examples list by list.
    pub rows: Vec<Example>,
    /// What was made, and what was left out.
    pub report: ExampleReport,
}

impl Examples {
    /// Makes the examples of a data set; the same options give the same examples.
    pub fn make(data: &Dataset, options: ExampleOptions) -> Result<Examples, ExampleError> {
        let (valid_from, test_from) = boundaries(data, &options)?;
        let report = ExampleReport {
            options,
            valid_from,
            test_from,
            train_examples: 0,
            train_sampled: 0,
            valid_lists: 0,
            test_lists: 0,
            lists_with_short_history: 0,
            lists_without_click: 0,
            sampled_missing: 0,
        };
        let mut maker = Maker::new(data, report)?;
        let train = maker.train();
        let lists = [Split::Valid, Split::Test].map(|split| maker.lists(split));
        Ok(Examples { rows: train.into_iter().chain(lists.into_iter().flatten()).collect(), report: maker.report })
    }

    /// Writes `examples.parquet` and `examples.json` into a data directory.
    pub fn write(&self, directory: &Path) -> Result<(), ExampleError> {
        write_rows(&directory.join(file::EXAMPLES), &self.rows)?;
        let path = directory.join(file::EXAMPLES_REPORT);
        let report = serde_json::to_string_pretty(&self.report).map_err(|error| error.to_string());
        report
            .and_then(|report| std::fs::write(&path, report + "\n").map_err(|error| error.to_string()))
            .map_err(|reason| ExampleError::Report { path, reason })
    }

    /// Opens the examples of a data directory.
    pub fn open(directory: &Path) -> Result<Examples, ExampleError> {
        let path = directory.join(file::EXAMPLES_REPORT);
        let report = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let report = report
            .and_then(|report| serde_json::from_str(&report).map_err(|error| error.to_string()))
            .map_err(|reason| ExampleError::Report { path, reason })?;
        Ok(Examples { rows: read_rows(&directory.join(file::EXAMPLES))?, report })
    }

    /// The candidate lists of a period.
    pub fn candidate_lists(&self, split: Split) -> Vec<CandidateList> {
        let mut lists: Vec<CandidateList> = Vec::new();
        for example in self.rows.iter().filter(|example| example.split == split) {
            let Some(list) = example.list else { continue };
            if lists.last().is_none_or(|last| last.list != list) {
                let (user, time, history) = (example.user, example.time, example.history.clone());
                lists.push(CandidateList { list, user, time, history, candidates: Vec::new() });
            }
            if let Some(last) = lists.last_mut() {
                let Example { item, click, save, origin, .. } = *example;
                last.candidates.push(Candidate { item, click, save, origin });
            }
        }
        lists
    }
}

/// First moments of the validation and test periods. Events of one moment stay in one period.
fn boundaries(data: &Dataset, options: &ExampleOptions) -> Result<(i64, i64), ExampleError> {
    let (train, valid) = (options.train_share, options.valid_share);
    if !(train > 0.0 && valid > 0.0 && train + valid < 1.0) {
        return Err(ExampleError::Shares { train, valid });
    }
    let mut times = data.log.time.clone();
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied();
    let found = at(train).zip(at(train + valid)).filter(|&(valid_from, test_from)| {
        times.first().is_some_and(|&first| first < valid_from) && valid_from < test_from
    });
    found.ok_or_else(|| {
        let events = times.len();
        times.dedup();
        ExampleError::TooSmall { events, moments: times.len() }
    })
}

fn is_click(action: Action) -> bool {
    matches!(action, Action::Click | Action::Save)
}

struct Maker<'a> {
    data: &'a Dataset,
    users: Vec<(u64, Range<usize>)>,
    sampler: PopularitySampler,
    random: ChaCha8Rng,
    report: ExampleReport,
}

impl<'a> Maker<'a> {
    fn new(data: &'a Dataset, report: ExampleReport) -> Result<Maker<'a>, ExampleError> {
        let log = &data.log;
        let engaged = (0..log.len()).filter(|&row| log.time[row] < report.valid_from && !log.action[row].is_skip());
        let sampler = PopularitySampler::new(engaged.map(|row| log.item[row]), report.options.exponent);
        let sampler = sampler.ok_or(ExampleError::NothingEngaged)?;
        let random = ChaCha8Rng::seed_from_u64(report.options.seed);
        Ok(Maker { data, users: log.users(), sampler, random, report })
    }

    fn logged(&self, split: Split, list: Option<u32>, row: usize, time: i64) -> Example {
        let log = &self.data.log;
        Example {
            split,
            list,
            user: log.user[row],
            item: log.item[row],
            time,
            click: is_click(log.action[row]),
            save: log.action[row] == Action::Save,
            origin: Origin::Logged,
            history: log.history_before(log.user[row], time),
        }
    }

    fn sampled(&mut self, count: usize, like: &Example, met: &HashSet<u64>) -> Vec<Example> {
        let items = self.sampler.sample(&mut self.random, count, met);
        self.report.sampled_missing += (count - items.len()) as u64;
        let example = |item| Example { item, click: false, save: false, origin: Origin::Sampled, ..like.clone() };
        items.into_iter().map(example).collect()
    }

    /// Every event of the period at its own time, and unseen items beside every engagement.
    fn train(&mut self) -> Vec<Example> {
        let log = &self.data.log;
        let mut examples = Vec::new();
        for (_, range) in self.users.clone() {
            let rows: Vec<usize> = range.filter(|&row| log.time[row] < self.report.valid_from).collect();
            let met: HashSet<u64> = rows.iter().map(|&row| log.item[row]).collect();
            for row in rows {
                let example = self.logged(Split::Train, None, row, log.time[row]);
                let sampled = match log.action[row].is_skip() {
                    true => Vec::new(),
                    false => self.sampled(self.report.options.negatives, &example, &met),
                };
                self.report.train_sampled += sampled.len() as u64;
                examples.push(example);
                examples.extend(sampled);
            }
        }
        examples.sort_by_key(|example| example.time);
        self.report.train_examples = examples.len() as u64;
        examples
    }

    /// The period's events of each person in chunks, each with sampled items that the person never meets.
    fn lists(&mut self, split: Split) -> Vec<Example> {
        let log = &self.data.log;
        let (from, until) = match split {
            Split::Valid => (self.report.valid_from, self.report.test_from),
            _ => (self.report.test_from, i64::MAX),
        };
        let mut chunks: Vec<(Vec<usize>, Range<usize>)> = Vec::new();
        for (_, range) in self.users.clone() {
            let rows: Vec<usize> = range.clone().filter(|&row| (from..until).contains(&log.time[row])).collect();
            for chunk in rows.chunks(self.report.options.list_events) {
                chunks.push((chunk.to_vec(), range.clone()));
            }
        }
        chunks.sort_by_key(|(rows, _)| (log.time[rows[0]], log.user[rows[0]]));
        let mut examples = Vec::new();
        let mut lists = 0;
        for (rows, range) in chunks {
            let time = log.time[rows[0]];
            let history = log.history_before(log.user[rows[0]], time);
            let engaged = history.filter(|&row| !log.action[row].is_skip()).count();
            if engaged < self.report.options.least_history {
                self.report.lists_with_short_history += 1;
                continue;
            }
            // A person may meet an item twice within a chunk; the first time counts.
            let mut first = BTreeMap::new();
            for &row in &rows {
                first.entry(log.item[row]).or_insert(row);
            }
            let mut rows: Vec<usize> = first.into_values().collect();
            rows.sort_unstable();
            if !rows.iter().any(|&row| is_click(log.action[row])) {
                self.report.lists_without_click += 1;
                continue;
            }
            let list: Vec<Example> = rows.iter().map(|&row| self.logged(split, Some(lists), row, time)).collect();
            let met: HashSet<u64> = log.item[range].iter().copied().collect();
            let sampled = self.sampled(self.report.options.list_sampled, &list[0], &met);
            examples.extend(list.into_iter().chain(sampled));
            lists += 1;
        }
        match split {
            Split::Valid => self.report.valid_lists = u64::from(lists),
            _ => self.report.test_lists = u64::from(lists),
        }
        examples
    }
}

fn write_rows(path: &Path, rows: &[Example]) -> Result<(), TableError> {
    let fields = vec![
        Field::new("split", DataType::Utf8, false),
        Field::new("list", DataType::UInt32, true),
        Field::new("user", DataType::UInt64, false),
        Field::new("item", DataType::UInt64, false),
        Field::new("time", tables::time_type(), false),
        Field::new("click", DataType::Boolean, false),
        Field::new("save", DataType::Boolean, false),
        Field::new("origin", DataType::Utf8, false),
        Field::new("history_start", DataType::UInt64, false),
        Field::new("history_end", DataType::UInt64, false),
    ];
    let mut writer = TableWriter::create(path, fields)?;
    for rows in rows.chunks(1 << 16) {
        let flags = |flag: fn(&Example) -> bool| -> ArrayRef {
            Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(flag(row)))))
        };
        let numbers = |number: fn(&Example) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(rows.iter().map(number)))
        };
        writer.write(vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.split.name()))),
            Arc::new(UInt32Array::from_iter(rows.iter().map(|row| row.list))),
            numbers(|row| row.user),
            numbers(|row| row.item),
            tables::times(rows.iter().map(|row| Some(row.time))),
            flags(|row| row.click),
            flags(|row| row.save),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.origin.name()))),
            numbers(|row| row.history.start as u64),
            numbers(|row| row.history.end as u64),
        ])?;
    }
    writer.close()
}

fn read_rows(path: &Path) -> Result<Vec<Example>, TableError> {
    let splits: HashMap<&str, Split> =
        [Split::Train, Split::Valid, Split::Test].into_iter().map(|split| (split.name(), split)).collect();
    let mut rows = Vec::new();
    tables::read(path, |batch| {
        let split = batch.column::<StringArray>("split", "Utf8")?;
        let list = batch.column::<UInt32Array>("list", "UInt32")?;
        let user = batch.column::<UInt64Array>("user", "UInt64")?;
        let item = batch.column::<UInt64Array>("item", "UInt64")?;
        let time = batch.column::<TimestampMillisecondArray>("time", "Timestamp(ms)")?;
        let click = batch.column::<BooleanArray>("click", "Boolean")?;
        let save = batch.column::<BooleanArray>("save", "Boolean")?;
        let origin = batch.column::<StringArray>("origin", "Utf8")?;
        let start = batch.column::<UInt64Array>("history_start", "UInt64")?;
        let end = batch.column::<UInt64Array>("history_end", "UInt64")?;
        for row in 0..batch.rows() {
            let unknown =
                |what: &str, name: &str| batch.value_error(row, format!("{what} {name:?} is not one of the schema's"));
            rows.push(Example {
                split: *splits.get(split.value(row)).ok_or_else(|| unknown("split", split.value(row)))?,
                list: (!list.is_null(row)).then(|| list.value(row)),
                user: user.value(row),
                item: item.value(row),
                time: time.value(row),
                click: click.value(row),
                save: save.value(row),
                origin: match origin.value(row) {
                    "logged" => Origin::Logged,
                    "sampled" => Origin::Sampled,
                    other => return Err(unknown("origin", other)),
                },
                history: start.value(row) as usize..end.value(row) as usize,
            });
        }
        Ok(())
    })?;
    Ok(rows)
}
