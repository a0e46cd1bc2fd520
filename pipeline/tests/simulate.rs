//! The simulated platform: what it promises, and examples made of what it logged.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, TimestampMillisecondType, UInt64Type};
use lookback::event::Action;
use lookback_pipeline::dataset::Dataset;
use lookback_pipeline::examples::{ExampleError, ExampleOptions, Examples, Origin, Periods, Source, Split};
use lookback_pipeline::simulate::{Parameters, SimulationReport, simulate};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

const DAY: i64 = 86_400_000;

fn parameters() -> Parameters {
    Parameters { people: 40, pins: 2_000, days: 120, heavy_events: 3_000, interests: 6.0, ..Parameters::default() }
}

struct Platform {
    folder: TempDir,
    report: SimulationReport,
    data: Dataset,
}

static PLATFORM: LazyLock<Platform> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let report = simulate(&parameters(), folder.path(), |_, _| ()).unwrap();
    let data = Dataset::open(folder.path()).unwrap();
    Platform { folder, report, data }
});

/// P(click) and P(save) of each logged impression.
fn truth(folder: &Path) -> HashMap<(u64, u64, i64), (f32, f32)> {
    let file = fs::File::open(folder.join("truth.parquet")).unwrap();
    let mut truth = HashMap::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let id = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<UInt64Type>().clone();
        let share = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Float32Type>().clone();
        let time = batch.column_by_name("time").unwrap().as_primitive::<TimestampMillisecondType>();
        let (user, item, click, save) = (id("user"), id("item"), share("p_click"), share("p_save"));
        for row in 0..batch.num_rows() {
            let key = (user.value(row), item.value(row), time.value(row));
            truth.insert(key, (click.value(row), save.value(row)));
        }
    }
    truth
}

#[test]
fn the_same_parameters_give_the_same_files_and_another_seed_others() {
    let again = TempDir::new().unwrap();
    assert_eq!(simulate(&parameters(), again.path(), |_, _| ()).unwrap(), PLATFORM.report);
    for file in ["events.parquet", "items.parquet", "users.parquet", "truth.parquet", "simulation.json"] {
        let bytes = |folder: &Path| fs::read(folder.join(file)).unwrap();
        assert!(bytes(again.path()) == bytes(PLATFORM.folder.path()), "{file} differs");
    }
    let other = TempDir::new().unwrap();
    let report = simulate(&Parameters { seed: 1, ..parameters() }, other.path(), |_, _| ()).unwrap();
    assert_ne!(report.clicks, PLATFORM.report.clicks);
}

#[test]
fn clicks_come_as_often_as_the_truth_and_the_position_say() {
    let truth = truth(PLATFORM.folder.path());
    let log = &PLATFORM.data.log;
    let bias = parameters().position_bias;
    let (mut expected, mut clicks, mut without_position) = (0.0, 0.0, 0.0);
    let fresh = PLATFORM.report.until - 30 * DAY;
    for row in (0..log.len()).filter(|&row| log.time[row] >= fresh) {
        // An accidental double click stands at another time and has no truth of its own.
        let Some(&(p_click, p_save)) = truth.get(&(log.user[row], log.item[row], log.time[row])) else { continue };
        assert!(0.0 < p_save && p_save < p_click && p_click < 1.0);
        let position = f64::from(log.position[row].expect("every impression has a position"));
        expected += f64::from(p_click) / (1.0 + bias * position);
        without_position += f64::from(p_click);
        clicks += f64::from(u8::from(matches!(log.action[row], Action::Click | Action::Save)));
    }
    assert!(clicks > 500.0, "{clicks} clicks are too few to tell");
    // Four standard deviations of a sum of independent clicks.
    assert!((clicks - expected).abs() < 4.0 * f64::sqrt(expected), "{clicks} clicks, expected {expected}");
    assert!(clicks < 0.9 * without_position, "position must hide clicks");
}

#[test]
fn the_heavy_person_has_the_longest_history_of_about_the_length_asked_for() {
    let log = &PLATFORM.data.log;
    let engaged = log.user_range(1).filter(|&row| !log.action[row].is_skip()).count();
    assert_eq!(engaged as u64, PLATFORM.report.longest_history);
    assert!((2_700..3_900).contains(&engaged), "{engaged}");
}

#[test]
fn skips_expire_and_engagements_do_not() {
    let log = &PLATFORM.data.log;
    let skips = (0..log.len()).filter(|&row| log.action[row].is_skip());
    let kept = PLATFORM.report.until - i64::from(parameters().skip_retention) * DAY;
    assert!(skips.clone().count() > 1_000);
    assert!(skips.map(|row| log.time[row]).min().unwrap() >= kept);
    assert!(*log.time.iter().min().unwrap() < kept);
    assert!(*log.time.iter().max().unwrap() < PLATFORM.report.until);
}

#[test]
fn the_embedding_model_is_replaced_on_the_day_that_the_report_names() {
    let mut versions = BTreeMap::new();
    for entry in fs::read_dir(PLATFORM.folder.path().join("embeddings")).unwrap() {
        let folder = entry.unwrap();
        let file = fs::File::open(folder.path().join("part-0.parquet")).unwrap();
        let batch = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap();
        let version = batch.column_by_name("embedding_version").unwrap().as_string::<i32>().value(0).to_string();
        versions.insert(folder.file_name().into_string().unwrap(), version);
    }
    assert_eq!(versions.len(), parameters().snapshots as usize);
    let versions: Vec<String> = versions.into_values().collect();
    let (last, before) = versions.split_last().unwrap();
    assert_eq!(last, "simulated-2");
    assert!(before.iter().all(|version| version == "simulated-1"), "{before:?}");
    assert_eq!(PLATFORM.report.replaced, PLATFORM.report.until - DAY);
}

fn logged() -> ExampleOptions {
    let periods = Periods::Days { train: 14, valid: 7, test: 7 };
    ExampleOptions { periods, source: Source::Logged, ..ExampleOptions::default() }
}

#[test]
fn logged_examples_are_what_requests_showed_and_hold_no_future() {
    let data = &PLATFORM.data;
    let examples = Examples::make(data, logged()).unwrap();
    let (log, report) = (&data.log, &examples.report);
    assert!(report.train_examples > 1_000 && report.valid_lists > 20 && report.test_lists > 20, "{report:?}");
    assert_eq!((report.train_sampled, report.lists_without_click, report.events_without_request), (0, 0, 0));
    assert_eq!(report.test_from, PLATFORM.report.until - 7 * DAY);
    assert_eq!(report.train_from, PLATFORM.report.until - 28 * DAY);
    for example in &examples.rows {
        assert_eq!(example.origin, Origin::Logged);
        assert_eq!(example.history, log.history_before(example.user, example.time));
        assert!(example.history.clone().all(|row| log.time[row] < example.time));
        let rows = log.user_range(example.user);
        let shown = rows.into_iter().filter(|&row| log.time[row] == example.time && log.item[row] == example.item);
        let actions: Vec<Action> = shown.map(|row| log.action[row]).collect();
        assert_eq!(actions.len(), 1, "an impression is one event");
        assert_eq!(example.save, actions[0] == Action::Save);
        assert_eq!(example.click, matches!(actions[0], Action::Click | Action::Save));
        let from = match example.split {
            Split::Train => report.train_from..report.valid_from,
            Split::Valid => report.valid_from..report.test_from,
            Split::Test => report.test_from..PLATFORM.report.until,
        };
        assert!(from.contains(&example.time));
    }
    for list in examples.candidate_lists(Split::Test) {
        assert_eq!(list.candidates.len(), parameters().slate, "a list is a slate");
    }
}

#[test]
fn periods_that_the_log_does_not_reach_are_refused() {
    let make = |train, valid, test| {
        let periods = Periods::Days { train, valid, test };
        Examples::make(&PLATFORM.data, ExampleOptions { periods, ..logged() })
    };
    assert!(matches!(make(7, 0, 2), Err(ExampleError::Days { .. })));
    assert!(matches!(make(7, 1, 400), Err(ExampleError::Days { .. })));
}

#[test]
fn parameters_that_describe_no_platform_are_refused() {
    let folder = TempDir::new().unwrap();
    let error = simulate(&Parameters { click_base: 1.5, ..parameters() }, folder.path(), |_, _| ()).unwrap_err();
    assert_eq!(error.to_string(), "click_base is 1.5, expected between 0 and 1");
    let error = simulate(&Parameters { days: 3, ..parameters() }, folder.path(), |_, _| ()).unwrap_err();
    assert_eq!(error.to_string(), "days is 3, expected at least 30");
}
