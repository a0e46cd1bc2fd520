//! Held-out metrics of two trainings, side by side.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::root::shown;

/// How far two trainings of one configuration may lie apart.
const AUC_TOLERANCE: f64 = 0.01;
const NDCG_TOLERANCE: f64 = 0.02;

/// The metrics on a manifest's card: "test.click.auc" and so on, to their values.
pub type Metrics = BTreeMap<String, f64>;

pub fn read(model: &Path) -> Result<Metrics> {
    let file = model.join("manifest.json");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", shown(&file)))?;
    let manifest: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", shown(&file)))?;
    let metrics = flatten(&manifest["card"]["metrics"]);
    if metrics.is_empty() {
        bail!("{} holds no numbers under card.metrics", shown(&file));
    }
    Ok(metrics)
}

fn flatten(value: &Value) -> Metrics {
    fn walk(value: &Value, path: &str, into: &mut Metrics) {
        if let Some(object) = value.as_object() {
            for (key, inner) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(inner, &path, into);
            }
        } else if let Some(number) = value.as_f64() {
            into.insert(path.to_owned(), number);
        }
    }
    let mut metrics = Metrics::new();
    walk(value, "", &mut metrics);
    metrics
}

/// Prints both, and returns what does not agree, by name.
pub fn compare(old: &Metrics, new: &Metrics) -> Result<Vec<String>> {
    let mut apart = Vec::new();
    let mut judged = 0;
    println!("{:<34} {:>9} {:>9} {:>9}  allowed", "held-out metric", "before", "now", "change");
    for (name, old) in old {
        let allowed = tolerance(name);
        let now = new.get(name);
        let change = now.map(|now| now - old);
        let ok = match (allowed, change) {
            (None, _) => true,
            (Some(allowed), Some(change)) => change.abs() <= allowed,
            (Some(_), None) => false,
        };
        judged += usize::from(allowed.is_some());
        if !ok {
            apart.push(name.clone());
        }
        println!(
            "{name:<34} {old:>9.4} {:>9} {:>9}  {}{}",
            now.map_or_else(|| "none".to_owned(), |now| format!("{now:.4}")),
            change.map_or_else(String::new, |change| format!("{change:+.4}")),
            allowed.map_or_else(String::new, |allowed| format!("±{allowed}")),
            if ok { "" } else { "  too far" },
        );
    }
    if judged == 0 {
        bail!("the models have no AUC, GAUC or NDCG in card.metrics to compare");
    }
    Ok(apart)
}

/// The model's own AUC, GAUC and NDCG are judged; other numbers are shown.
fn tolerance(name: &str) -> Option<f64> {
    let last = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    if last.contains("ndcg") {
        Some(NDCG_TOLERANCE)
    } else if last.contains("auc") {
        Some(AUC_TOLERANCE)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metrics(auc: f64, ndcg: f64) -> Metrics {
        flatten(&json!({"test": {"click_auc": auc, "ndcg@10": ndcg, "lists": 100}, "note": "x"}))
    }

    #[test]
    fn nested_numbers_are_found_by_their_path() {
        let metrics = metrics(0.7, 0.3);
        assert_eq!(metrics.keys().collect::<Vec<_>>(), ["test.click_auc", "test.lists", "test.ndcg@10"]);
    }

    #[test]
    fn changes_within_tolerance_agree_and_others_are_named() {
        let old = metrics(0.70, 0.30);
        assert!(compare(&old, &metrics(0.709, 0.281)).unwrap().is_empty());
        assert_eq!(compare(&old, &metrics(0.72, 0.30)).unwrap(), ["test.click_auc"]);
        assert_eq!(compare(&old, &metrics(0.70, 0.27)).unwrap(), ["test.ndcg@10"]);
        assert_eq!(compare(&old, &metrics(f64::NAN, 0.30)).unwrap(), ["test.click_auc"]);
    }

    #[test]
    fn a_metric_that_is_gone_does_not_agree() {
        let new = flatten(&json!({"test": {"click_auc": 0.7}}));
        assert_eq!(compare(&metrics(0.7, 0.3), &new).unwrap(), ["test.ndcg@10"]);
    }

    #[test]
    fn nothing_to_judge_is_an_error() {
        let lists = flatten(&json!({"lists": 3}));
        assert!(compare(&lists, &lists).is_err());
    }
}
