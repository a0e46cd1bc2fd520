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
    /// Where the training, validation and test periods lie.
    pub periods: Periods,
    /// Where candidates come from.
    pub source: Source,
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
            periods: Periods::Shares { train: 0.8, valid: 0.1 },
            source: Source::Sampled,
            negatives: 2,
            exponent: 0.75,
            list_events: 10,
            list_sampled: 90,
            least_history: 5,
            seed: 0,
        }
    }
}

/// How the log is cut into periods; training comes first, then validation, then test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Periods {
    /// Shares of the events, by time, in training and in validation; test is the rest.
    Shares {
        /// Training's.
        train: f64,
        /// Validation's.
        valid: f64,
    },
    /// Whole days (UTC); test ends with the day of the last event, and what lies before training is history only.
    Days {
        /// Training's.
        train: u32,
        /// Validation's.
        valid: u32,
        /// Test's.
        test: u32,
    },
}

/// Where the candidates of examples and lists come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Every event, and unseen items sampled beside it: for logs that do not say what was shown.
    Sampled,
    /// What a request showed, engaged with or not: for logs with request ids.
    Logged,
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
    /// First moment of the training period: Unix milliseconds, UTC.
    pub train_from: i64,
    /// First moment of the validation period.
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
    /// Events left out because they name no request.
    pub events_without_request: u64,
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
    /// Days that leave a period empty.
    #[error(
        "periods of {train}, {valid} and {test} days: each needs at least one, and the log must begin before the last of them; choose fewer days"
    )]
    Days {
        /// Days of training.
        train: u32,
        /// Days of validation.
        valid: u32,
        /// Days of test.
        test: u32,
    },
    /// No event names a request.
    #[error(
        "no event of the training period has a request id, so what was shown together is unknown; leave out --logged"
    )]
    NothingLogged,
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
        let [train_from, valid_from, test_from] = boundaries(data, options.periods)?;
        let report = ExampleReport {
            options,
            train_from,
            valid_from,
            test_from,
            train_examples: 0,
            train_sampled: 0,
            valid_lists: 0,
            test_lists: 0,
            lists_with_short_history: 0,
            lists_without_click: 0,
            events_without_request: 0,
            sampled_missing: 0,
        };
        let mut maker = Maker::new(data, report)?;
        let train = maker.train();
        if train.is_empty() {
            return Err(ExampleError::NothingLogged);
        }
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

const DAY: i64 = 86_400_000;

/// First moments of the training, validation and test periods. Events of one moment stay in one period.
fn boundaries(data: &Dataset, periods: Periods) -> Result<[i64; 3], ExampleError> {
    let (train, valid) = match periods {
        Periods::Shares { train, valid } => (train, valid),
        Periods::Days { train, valid, test } => return day_boundaries(data, train, valid, test),
    };
    if !(train > 0.0 && valid > 0.0 && train + valid < 1.0) {
        return Err(ExampleError::Shares { train, valid });
    }
    let mut times = data.log.time.clone();
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied();
    if let (Some(&first), Some(valid_from), Some(test_from)) = (times.first(), at(train), at(train + valid))
        && first < valid_from
        && valid_from < test_from
    {
        return Ok([first, valid_from, test_from]);
    }
    let events = times.len();
    times.dedup();
    Err(ExampleError::TooSmall { events, moments: times.len() })
}

fn day_boundaries(data: &Dataset, train: u32, valid: u32, test: u32) -> Result<[i64; 3], ExampleError> {
    let (first, last) = (data.log.time.iter().min(), data.log.time.iter().max());
    let (Some(&first), Some(&last)) = (first, last) else {
        return Err(ExampleError::TooSmall { events: 0, moments: 0 });
    };
    let end = (last.div_euclid(DAY) + 1) * DAY;
    let test_from = end - i64::from(test) * DAY;
    let valid_from = test_from - i64::from(valid) * DAY;
    let train_from = valid_from - i64::from(train) * DAY;
    if train == 0 || valid == 0 || test == 0 || first >= valid_from {
        return Err(ExampleError::Days { train, valid, test });
    }
    Ok([train_from, valid_from, test_from])
}

/// Of what was done with an item, what says most comes last.
fn strength(action: Action) -> u8 {
    match action {
        Action::Save => 2,
        Action::Click => 1,
        _ => 0,
    }
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

    fn train(&mut self) -> Vec<Example> {
        let period = self.report.train_from..self.report.valid_from;
        let mut examples = match self.report.options.source {
            Source::Logged => {
                let requests = self.requests(period);
                requests.iter().flat_map(|rows| self.shown(Split::Train, None, rows)).collect()
            }
            Source::Sampled => self.sampled_train(period),
        };
        examples.sort_by_key(|example| example.time);
        self.report.train_examples = examples.len() as u64;
        examples
    }

    /// The rows of each request that begins in the period, by user and time.
    fn requests(&mut self, period: Range<i64>) -> Vec<Vec<usize>> {
        let log = &self.data.log;
        let mut requests: Vec<Vec<usize>> = Vec::new();
        for (_, range) in &self.users {
            let mut of_user: HashMap<&str, Vec<usize>> = HashMap::new();
            for row in range.clone() {
                match log.request.get(row) {
                    Some(request) => of_user.entry(request).or_default().push(row),
                    None => self.report.events_without_request += u64::from(period.contains(&log.time[row])),
                }
            }
            requests.extend(of_user.into_values().filter(|rows| period.contains(&log.time[rows[0]])));
        }
        requests.sort_by_key(|rows| (log.user[rows[0]], log.time[rows[0]], rows[0]));
        requests
    }

    /// What a request showed: each item once, with the strongest of what was done with it, at the request's moment.
    fn shown(&self, split: Split, list: Option<u32>, rows: &[usize]) -> Vec<Example> {
        let log = &self.data.log;
        let mut strongest: BTreeMap<u64, usize> = BTreeMap::new();
        for &row in rows {
            let best = strongest.entry(log.item[row]).or_insert(row);
            if strength(log.action[row]) > strength(log.action[*best]) {
                *best = row;
            }
        }
        let mut rows_kept: Vec<usize> = strongest.into_values().collect();
        rows_kept.sort_unstable();
        rows_kept.into_iter().map(|row| self.logged(split, list, row, log.time[rows[0]])).collect()
    }

    /// Every event of the period at its own time, and unseen items beside every engagement.
    fn sampled_train(&mut self, period: Range<i64>) -> Vec<Example> {
        let log = &self.data.log;
        let mut examples = Vec::new();
        for (_, range) in self.users.clone() {
            let rows: Vec<usize> = range.filter(|&row| period.contains(&log.time[row])).collect();
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
        examples
    }

    /// The period's candidate lists, by time.
    fn lists(&mut self, split: Split) -> Vec<Example> {
        let log = &self.data.log;
        let period = match split {
            Split::Valid => self.report.valid_from..self.report.test_from,
            _ => self.report.test_from..i64::MAX,
        };
        let mut groups = match self.report.options.source {
            Source::Logged => self.requests(period),
            Source::Sampled => self.chunks(period),
        };
        groups.sort_by_key(|rows| (log.time[rows[0]], log.user[rows[0]]));
        let mut examples = Vec::new();
        let mut lists = 0;
        for rows in groups {
            let (user, time) = (log.user[rows[0]], log.time[rows[0]]);
            let history = log.history_before(user, time);
            let engaged = history.filter(|&row| !log.action[row].is_skip()).count();
            if engaged < self.report.options.least_history {
                self.report.lists_with_short_history += 1;
                continue;
            }
            let list = match self.report.options.source {
                Source::Logged => self.shown(split, Some(lists), &rows),
                Source::Sampled => self.met(split, lists, &rows),
            };
            // Where candidates are sampled, a list without a click says nothing; where they were shown, it is the usual case.
            if self.report.options.source == Source::Sampled {
                if !list.iter().any(|example| example.click) {
                    self.report.lists_without_click += 1;
                    continue;
                }
                let met: HashSet<u64> = log.item[log.user_range(user)].iter().copied().collect();
                let sampled = self.sampled(self.report.options.list_sampled, &list[0], &met);
                examples.extend(list.into_iter().chain(sampled));
            } else {
                examples.extend(list);
            }
            lists += 1;
        }
        match split {
            Split::Valid => self.report.valid_lists = u64::from(lists),
            _ => self.report.test_lists = u64::from(lists),
        }
        examples
    }

    /// The period's events of each person, some at a time.
    fn chunks(&self, period: Range<i64>) -> Vec<Vec<usize>> {
        let log = &self.data.log;
        let mut chunks = Vec::new();
        for (_, range) in self.users.clone() {
            let rows: Vec<usize> = range.filter(|&row| period.contains(&log.time[row])).collect();
            chunks.extend(rows.chunks(self.report.options.list_events).map(<[usize]>::to_vec));
        }
        chunks
    }

    /// What the person met in a chunk; an item met twice counts the first time.
    fn met(&self, split: Split, list: u32, rows: &[usize]) -> Vec<Example> {
        let log = &self.data.log;
        let mut first = BTreeMap::new();
        for &row in rows {
            first.entry(log.item[row]).or_insert(row);
        }
        let mut kept: Vec<usize> = first.into_values().collect();
        kept.sort_unstable();
        kept.into_iter().map(|row| self.logged(split, Some(list), row, log.time[rows[0]])).collect()
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
