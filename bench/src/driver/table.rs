//! The table that is printed: a line for each cell, a column for each variant.

use crate::cells::REFERENCE;
use crate::results::Cell;

/// Columns, in the order of the table.
pub const VARIANTS: [&str; 7] =
    [REFERENCE, "v8", "native-128", "native-all", "onnxruntime", "onnxruntime-web", "tract"];

pub fn head() -> String {
    let columns: String = VARIANTS.iter().map(|name| format!("{name:>22}")).collect();
    format!("{:<26}{columns}\n{:<26}median ms (times the first column), P99 where there are 100 rounds", "", "")
}

pub fn line(cell: &Cell) -> String {
    let mut line = format!("{:>5} × {:>7} {:<10}", cell.candidates, cell.events, cell.search.name());
    for name in VARIANTS {
        let text = match cell.variants.get(name) {
            None if cell.left_out.contains_key(name) => "too long".to_owned(),
            None => "–".to_owned(),
            Some(measured) => {
                let times = &measured.times;
                let p99 = if times.rounds >= 100 { format!(" P99 {:.1}", times.p99) } else { String::new() };
                let ratio = measured.ratio.filter(|_| name != REFERENCE);
                let ratio = ratio.map_or_else(String::new, |ratio| format!(" ({ratio:.2})"));
                let wrong = if measured.agreement.wrong > 0 { "!" } else { "" };
                format!("{:.1}{ratio}{p99}{wrong}", times.median)
            }
        };
        line.push_str(&format!("{text:>22}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lookback::request::Gsu;

    use super::*;
    use crate::results::{Agreement, Measured};
    use crate::statistics::Times;

    #[test]
    fn a_line_says_what_was_measured_what_was_wrong_and_what_was_not_there() {
        let measured = |median, ratio, wrong, rounds| Measured {
            times: Times { median, p99: 9.0, least: 1.0, rounds },
            quiet_times: None,
            ratio: Some(ratio),
            chunk: None,
            agreement: Agreement { differing: wrong, wrong, worst: 0.0 },
        };
        let variants = [(REFERENCE, measured(2.0, 1.0, 0, 100)), ("v8", measured(5.0, 2.5, 1, 3))];
        let cell = Cell {
            candidates: 500,
            events: 1000,
            search: Gsu::Soft,
            draws: 0,
            found_otherwise: 0,
            recall: 1.0,
            items: 1,
            attended: 1,
            request_bytes: 1,
            variants: variants.map(|(name, one)| (name.to_owned(), one)).into(),
            left_out: BTreeMap::from([("tract".to_owned(), "why".to_owned())]),
        };
        let words: Vec<String> = line(&cell).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words[..5], ["500", "×", "1000", "soft", "2.0"]);
        assert_eq!(words[5..9], ["P99", "9.0", "5.0", "(2.50)!"]);
        assert_eq!(words[words.len() - 2..], ["too", "long"]);
    }
}
