//! Metrics over candidate lists.

use lookback_pipeline::examples::{Candidate, CandidateList};
use lookback_pipeline::metrics::{auc, ece, gauc, log_loss, mean, ndcg, recall};
use serde::Serialize;

const NDCG_AT: usize = 10;
const GAIN_SAVE: f64 = 2.0;
const GAIN_CLICK: f64 = 1.0;

/// Of one task. Null where the lists hold only one label, or where there are no probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TaskMetrics {
    pub auc: Option<f64>,
    /// AUC within each list, weighted by its candidates.
    pub gauc: Option<f64>,
    /// For click a save gains 2 and a click 1; for save a save gains 1.
    pub ndcg_at_10: Option<f64>,
    /// Share of a list's positives among its 10 best, averaged over lists.
    pub recall_at_10: Option<f64>,
    pub recall_at_50: Option<f64>,
    /// In nats.
    pub log_loss: Option<f64>,
    /// Expected calibration error.
    pub ece: Option<f64>,
}

impl TaskMetrics {
    /// In the order of the tables.
    pub fn named(&self) -> [(&'static str, Option<f64>); 7] {
        [
            ("AUC", self.auc),
            ("GAUC", self.gauc),
            ("NDCG@10", self.ndcg_at_10),
            ("R@10", self.recall_at_10),
            ("R@50", self.recall_at_50),
            ("log loss", self.log_loss),
            ("ECE", self.ece),
        ]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Metrics {
    pub click: TaskMetrics,
    pub save: TaskMetrics,
}

/// Scores of click and save for each candidate of each list.
pub type ListScores = Vec<Vec<[f64; 2]>>;

/// Judges the order by `scores`, and the probabilities beside them if there are any.
pub fn judge(lists: &[CandidateList], scores: &ListScores, probabilities: Option<&ListScores>) -> Metrics {
    Metrics { click: task(lists, scores, probabilities, 0), save: task(lists, scores, probabilities, 1) }
}

fn task(lists: &[CandidateList], scores: &ListScores, probabilities: Option<&ListScores>, task: usize) -> TaskMetrics {
    let mut labelled: Vec<Vec<(f64, bool)>> = Vec::with_capacity(lists.len());
    let mut gained: Vec<Vec<(f64, f64)>> = Vec::with_capacity(lists.len());
    for (list, scores) in lists.iter().zip(scores) {
        let mut rows: Vec<_> = list.candidates.iter().zip(scores).collect();
        // Equal scores are ranked by item, whatever order the list has.
        rows.sort_by_key(|(candidate, _)| candidate.item);
        labelled.push(rows.iter().map(|(candidate, score)| (score[task], label(candidate, task))).collect());
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
    let recall_at = |k: usize| mean(labelled.iter().filter_map(|list| recall(list, k)));
    let predicted: Option<Vec<(f64, bool)>> = probabilities.map(|probabilities| {
        let lists = lists.iter().zip(probabilities);
        let rows = lists.flat_map(|(list, p)| list.candidates.iter().zip(p));
        rows.map(|(candidate, p)| (p[task], label(candidate, task))).collect()
    });
    TaskMetrics {
        auc: auc(&labelled.concat()),
        gauc: gauc(labelled.iter().map(Vec::as_slice)),
        ndcg_at_10: mean(gained.iter().filter_map(|list| ndcg(list, NDCG_AT))),
        recall_at_10: recall_at(10),
        recall_at_50: recall_at(50),
        log_loss: predicted.as_deref().and_then(log_loss),
        ece: predicted.as_deref().and_then(ece),
    }
}

fn label(candidate: &Candidate, task: usize) -> bool {
    [candidate.click, candidate.save][task]
}

#[cfg(test)]
mod tests {
    use lookback_pipeline::examples::Origin;

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
        let p = vec![vec![[0.9, 0.8], [0.7, 0.1], [0.2, 0.05]]];
        let metrics = judge(&lists, &p, Some(&p));
        for task in [metrics.click, metrics.save] {
            for value in [task.auc, task.gauc, task.ndcg_at_10, task.recall_at_10, task.recall_at_50] {
                assert_eq!(value, Some(1.0));
            }
        }
        let expected = -(0.9f64.ln() + 0.7f64.ln() + 0.8f64.ln()) / 3.0;
        assert!((metrics.click.log_loss.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn a_save_below_a_click_costs_the_click_task_its_perfect_ndcg() {
        let lists = [list(&[(true, true), (true, false), (false, false)])];
        let metrics = judge(&lists, &vec![vec![[0.7, 0.8], [0.9, 0.1], [0.2, 0.05]]], None);
        assert_eq!(metrics.click.auc, Some(1.0));
        assert!(metrics.click.ndcg_at_10.unwrap() < 1.0);
        assert_eq!((metrics.click.log_loss, metrics.click.ece), (None, None));
    }
}
