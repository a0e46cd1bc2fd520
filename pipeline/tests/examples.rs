//! Examples: split by time, and not one event of the future in any history.

use std::collections::HashSet;

use lookback::event::Action;
use lookback_pipeline::dataset::Dataset;
use lookback_pipeline::examples::{ExampleError, ExampleOptions, Examples, Origin, Periods, Split};
use lookback_pipeline::log::{Log, LogRow};
use proptest::prelude::*;
use tempfile::TempDir;

fn dataset(rows: &[(u64, u64, u8, i64)]) -> Dataset {
    let mut log = Log::default();
    for &(user, item, action, time) in rows {
        let action = Action::from_code(action).unwrap();
        log.push(LogRow { user, item, action, time, surface: None, position: None, request: None });
    }
    log.sort();
    Dataset { log, items: vec![], users: vec![] }
}

fn options() -> ExampleOptions {
    ExampleOptions { least_history: 1, list_events: 3, list_sampled: 4, ..ExampleOptions::default() }
}

fn rows() -> impl Strategy<Value = Vec<(u64, u64, u8, i64)>> {
    proptest::collection::vec((0u64..5, 0u64..30, 0u8..6, 0i64..200), 10..250)
}

/// Every promise that examples make, checked against the log itself.
fn check(data: &Dataset, examples: &Examples) -> Result<(), TestCaseError> {
    let log = &data.log;
    let report = &examples.report;
    let everything: HashSet<(u64, u64)> = log.user.iter().copied().zip(log.item.iter().copied()).collect();
    for example in &examples.rows {
        for row in example.history.clone() {
            prop_assert!(
                log.time[row] < example.time,
                "an event at {} in a history at {}",
                log.time[row],
                example.time
            );
            prop_assert_eq!(log.user[row], example.user);
        }
        let whole = (0..log.len()).filter(|&row| log.user[row] == example.user && log.time[row] < example.time).count();
        prop_assert_eq!(example.history.len(), whole, "the history is all of the past");
        let period = match example.split {
            Split::Train => i64::MIN..report.valid_from,
            Split::Valid => report.valid_from..report.test_from,
            Split::Test => report.test_from..i64::MAX,
        };
        prop_assert!(period.contains(&example.time), "{:?} at {}", example.split, example.time);
        prop_assert!(!example.save || example.click, "a save implies the click");
        match (example.origin, example.split) {
            (Origin::Sampled, Split::Train) => {
                let met = (0..log.len()).any(|row| {
                    (log.user[row], log.item[row]) == (example.user, example.item) && log.time[row] < report.valid_from
                });
                prop_assert!(!met && !example.click, "a sampled item is unseen");
            }
            (Origin::Sampled, _) => prop_assert!(!everything.contains(&(example.user, example.item)) && !example.click),
            (Origin::Logged, _) => prop_assert!(everything.contains(&(example.user, example.item))),
        }
    }
    let train_events = log.time.iter().filter(|&&time| time < report.valid_from).count();
    let logged = examples.rows.iter().filter(|e| e.split == Split::Train && e.origin == Origin::Logged).count();
    prop_assert_eq!(logged, train_events, "every event of the training period is an example");
    for split in [Split::Valid, Split::Test] {
        for list in examples.candidate_lists(split) {
            let items: HashSet<u64> = list.candidates.iter().map(|candidate| candidate.item).collect();
            prop_assert_eq!(items.len(), list.candidates.len(), "an item stands once in a list");
            prop_assert!(list.candidates.iter().any(|candidate| candidate.click));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_history_holds_an_event_of_its_future(rows in rows(), seed in any::<u64>()) {
        let data = dataset(&rows);
        match Examples::make(&data, ExampleOptions { seed, ..options() }) {
            Ok(examples) => check(&data, &examples)?,
            Err(ExampleError::TooSmall { .. } | ExampleError::NothingEngaged) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

fn regular() -> Dataset {
    let rows: Vec<(u64, u64, u8, i64)> =
        (0..400).map(|i| (i % 4, (i * 7) % 50, [1, 2, 4][i as usize % 3], i as i64 * 10)).collect();
    dataset(&rows)
}

#[test]
fn what_is_written_is_read_back_and_the_seed_decides() {
    let data = regular();
    let examples = Examples::make(&data, options()).unwrap();
    check(&data, &examples).unwrap();
    assert!(examples.report.valid_lists > 0 && examples.report.test_lists > 0 && examples.report.train_sampled > 0);
    let directory = TempDir::new().unwrap();
    examples.write(directory.path()).unwrap();
    assert_eq!(Examples::open(directory.path()).unwrap(), examples);
    assert_eq!(Examples::make(&data, options()).unwrap(), examples);
    assert_ne!(Examples::make(&data, ExampleOptions { seed: 1, ..options() }).unwrap().rows, examples.rows);
}

#[test]
fn a_leak_is_found() {
    let data = regular();
    let mut examples = Examples::make(&data, options()).unwrap();
    let leaking = examples.rows.iter().position(|example| !example.history.is_empty()).unwrap();
    examples.rows[leaking].history.end += 1;
    assert!(check(&data, &examples).is_err(), "the check of this file must see one event too many");
}

#[test]
fn a_log_that_cannot_be_split_says_so() {
    let error = Examples::make(&dataset(&[(1, 1, 2, 5), (1, 2, 2, 5)]), options()).unwrap_err();
    assert!(matches!(error, ExampleError::TooSmall { events: 2, moments: 1 }), "{error}");
    let shares = ExampleOptions { periods: Periods::Shares { train: 0.9, valid: 0.2 }, ..options() };
    assert!(matches!(Examples::make(&regular(), shares), Err(ExampleError::Shares { .. })));
    let skips: Vec<(u64, u64, u8, i64)> = (0..100).map(|i| (1, i, 4, i as i64)).collect();
    assert!(matches!(Examples::make(&dataset(&skips), options()), Err(ExampleError::NothingEngaged)));
}
