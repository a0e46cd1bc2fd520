//! A ranking as a table, and under it where it came from.

use std::fmt::Write;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table};
use lookback::response::{AnsweredBy, Notes};

use super::ranking::{Attended, Candidate, Ranking};
use super::words::{age, clip, plural, time};

const EVENTS: usize = 3;
const TITLE: usize = 38;
const EVENT_TITLE: usize = 30;

/// A table in this project's style; the columns listed are numbers.
pub fn table(header: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.to_vec());
    for &column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The whole of it.
pub fn show(ranking: &Ranking) -> String {
    let mut text = String::new();
    let who = ranking.user.as_ref().map(|user| format!("user {user}, "));
    let _ = writeln!(
        text,
        "{}{}: {} behind, {} ahead{}",
        who.unwrap_or_default(),
        time(ranking.now),
        plural(ranking.events as u64, "event"),
        plural(ranking.candidates as u64, "candidate"),
        if ranking.met > 0 { format!(", {} of them met from then on", ranking.met) } else { String::new() },
    );
    let explained = ranking.ranked.iter().any(|row| row.attention.is_some());
    let met = ranking.met > 0;
    let mut header = vec!["", "title", "p_click", "p_save", "score"];
    if met {
        header.push("then");
    }
    if explained {
        header.push("past events with most attention");
    }
    let mut table = table(&header, &[0, 2, 3, 4]);
    if explained {
        // A row is several lines tall then.
        table.load_style(UTF8_HORIZONTAL_ONLY);
    }
    for row in &ranking.ranked {
        let mut cells = vec![
            row.rank.to_string(),
            title(row),
            format!("{:.3}", row.p_click),
            format!("{:.3}", row.p_save),
            format!("{:.3}", row.score),
        ];
        if met {
            cells.push(row.then.unwrap_or("—").to_owned());
        }
        if explained {
            let events = row.attention.iter().flat_map(|to| &to.long).take(EVENTS);
            cells.push(events.map(event).collect::<Vec<_>>().join("\n"));
        }
        table.add_row(cells);
    }
    let _ = writeln!(text, "{table}");
    let _ = writeln!(text, "{}", origin(ranking));
    for note in notes(&ranking.notes) {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn title(row: &Candidate) -> String {
    let mark = if row.in_history { " (met before)" } else { "" };
    clip(&row.title, TITLE) + mark
}

fn event(event: &Attended) -> String {
    format!(
        "{:>3.0}% {} · {} · {}",
        event.weight * 100.0,
        clip(&event.title, EVENT_TITLE),
        event.action,
        age(event.age)
    )
}

/// Who answered, with what, and how fast.
fn origin(ranking: &Ranking) -> String {
    let by = match ranking.answered_by {
        AnsweredBy::Model => format!("the model ({} search)", ranking.gsu.name()),
        AnsweredBy::DemographicPopularity => "popularity in the person's demographic group".into(),
        AnsweredBy::GlobalTrending => "popularity among everyone".into(),
    };
    let where_ = match ranking.runtime {
        "module" => "the module in wasmtime",
        _ => "the native core",
    };
    let mut text = format!(
        "answered by {by}, {} {}, in {where_}, {:.1} ms",
        ranking.model,
        &ranking.bundle_hash[..12],
        ranking.milliseconds
    );
    if let Some(reason) = &ranking.degraded {
        let _ = write!(text, "\nnot by the model: {reason}");
    }
    text
}

/// Each thing that was odd, in words.
fn notes(notes: &Notes) -> Vec<String> {
    let counted = [
        (notes.future_events, "event", "at or after the moment of the request, left out"),
        (notes.unknown_item_events, "event", "with an item that the shard does not have, left out"),
        (notes.unknown_action_events, "event", "with an unknown action, read as other"),
        (notes.out_of_order_events, "event", "out of order, sorted by time"),
        (notes.duplicate_candidates, "candidate", "given twice, ranked once"),
        (notes.unknown_candidates, "candidate", "that the shard does not have, scored by popularity"),
        (notes.unknown_attributes, "attribute", "that the model does not know"),
    ];
    let mut told: Vec<String> = counted
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, noun, what)| format!("{} {what}", plural(u64::from(count), noun)))
        .collect();
    if notes.unknown_surface {
        told.push("a surface that the model does not know".into());
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_odd_is_told() {
        assert!(notes(&Notes::default()).is_empty());
        let odd = Notes { future_events: 1, unknown_candidates: 1200, unknown_surface: true, ..Notes::default() };
        assert_eq!(
            notes(&odd),
            [
                "1 event at or after the moment of the request, left out",
                "1,200 candidates that the shard does not have, scored by popularity",
                "a surface that the model does not know",
            ]
        );
    }
}
