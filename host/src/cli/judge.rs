//! Metrics over candidate lists.

use lookback_pipeline::examples::CandidateList;
use lookback_pipeline::metrics::{auc, gauc, log_loss, mean, ndcg};
use serde::Serialize;

const NDCG_AT: usize = 10;
const GAIN_SAVE: f64 = 2.0;
const GAIN_CLICK: f64 = 1.0;

/// Of one task. Null where the lists hold only one label, or where scores are no probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TaskMetrics {
    pub auc: Option<f64>,
    /// AUC within each list, weighted by its candidates.
    pub gauc: Option<f64>,
    /// For click a save gains 2 and a click 1; for save a save gains 1.
    pub ndcg_at_10: Option<f64>,
    /// In nats.
    pub log_loss: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Metrics {
    pub click: TaskMetrics,
    pub save: TaskMetrics,
}

/// Scores of click and save for each candidate of each list.
pub type ListScores = Vec<Vec<[f64; 2]>>;

/// Judges scores; `probabilities` says whether they are.
pub fn judge(lists: &[CandidateList], scores: &ListScores, probabilities: bool) -> Metrics {
    Metrics { click: task(lists, scores, 0, probabilities), save: task(lists, scores, 1, probabilities) }
}

fn task(lists: &[CandidateList], scores: &ListScores, task: usize, probabilities: bool) -> TaskMetrics {
    let mut labelled: Vec<Vec<(f64, bool)>> = Vec::with_capacity(lists.len());
    let mut gained: Vec<Vec<(f64, f64)>> = Vec::with_capacity(lists.len());
    for (list, scores) in lists.iter().zip(scores) {
        let mut rows: Vec<_> = list.candidates.iter().zip(scores).collect();
        // Equal scores are ranked by item, whatever order the list has.
        rows.sort_by_key(|(candidate, _)| candidate.item);
        labelled.push(
            rows.iter().map(|(candidate, score)| (score[task], [candidate.click, candidate.save][task])).collect(),
        );
        gained.push(
            rows.iter()
                .map(|(candidate, score)| {
                    let gain = match (task, candidate.click, candidate.save) {
                        (0, _, true) => GAIN_SAVE,
                        (0, true, false) => GAIN_CLICK,
                        (1, _, true) => 1.0,
                        _ => 0.0,
                    };
                    (score[task], gain)
                })
                .collect(),
        );
    }
    let all: Vec<(f64, bool)> = labelled.iter().flatten().copied().collect();
    TaskMetrics {
        auc: auc(&all),
        gauc: gauc(labelled.iter().map(Vec::as_slice)),
        ndcg_at_10: mean(gained.iter().filter_map(|list| ndcg(list, NDCG_AT))),
        log_loss: if probabilities { log_loss(&all) } else { None },
    }
}

#[cfg(test)]
mod tests {
    use lookback_pipeline::examples::{Candidate, Origin};

    use super::*;

    fn list(labels: &[(bool, bool)]) -> CandidateList {
        let candidates = labels.iter().enumerate().map(|(at, &(click, save))| Candidate {
            item: at as u64,
            click,
            save,
            origin: Origin::Logged,
        });
        CandidateList { list: 0, user: 1, time: 0, history: 0..0, candidates: candidates.collect() }
    }

    #[test]
    fn a_perfect_order_has_perfect_metrics() {
        let lists = [list(&[(true, true), (true, false), (false, false)])];
        let metrics = judge(&lists, &vec![vec![[0.9, 0.8], [0.7, 0.1], [0.2, 0.05]]], true);
        for task in [metrics.click, metrics.save] {
            assert_eq!((task.auc, task.gauc, task.ndcg_at_10), (Some(1.0), Some(1.0), Some(1.0)));
        }
        let expected = -(0.9f64.ln() + 0.7f64.ln() + 0.8f64.ln()) / 3.0;
        assert!((metrics.click.log_loss.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_save_below_a_click_costs_the_click_task_its_perfect_ndcg() {
        let lists = [list(&[(true, true), (true, false), (false, false)])];
        let metrics = judge(&lists, &vec![vec![[0.7, 0.8], [0.9, 0.1], [0.2, 0.05]]], false);
        assert_eq!(metrics.click.auc, Some(1.0));
        assert!(metrics.click.ndcg_at_10.unwrap() < 1.0);
        assert_eq!(metrics.click.log_loss, None);
    }
}
