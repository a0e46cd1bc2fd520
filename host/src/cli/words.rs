//! Times, sizes and hashes in words.

use anyhow::{Context, Result};
use jiff::Timestamp;

const UNITS: [(i64, &str); 6] = [
    (365 * 86_400_000, "year"),
    (30 * 86_400_000, "month"),
    (86_400_000, "day"),
    (3_600_000, "hour"),
    (60_000, "minute"),
    (1_000, "second"),
];

/// An age in milliseconds as "3 days", rounded down to its largest unit.
pub fn age(milliseconds: i64) -> String {
    for (unit, name) in UNITS {
        let count = milliseconds / unit;
        if count > 0 {
            return plural(count as u64, name);
        }
    }
    "under a second".to_owned()
}

/// "1 event", "2 events".
pub fn plural(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {noun}{s}", thousands(count))
}

/// 1234567 as "1,234,567".
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Unix milliseconds as "1998-04-22T21:10:38Z", or the bare number beyond the calendar.
pub fn time(milliseconds: i64) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{milliseconds} ms"),
    }
}

/// Unix milliseconds of "1998-04-22T21:10:38Z" or of a bare number of them.
pub fn parse_time(text: &str) -> Result<i64> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(milliseconds);
    }
    let time: Timestamp = text.parse().with_context(|| {
        format!("{text:?} is no time; expected RFC 3339 such as 1998-04-22T21:10:38Z, or Unix milliseconds")
    })?;
    Ok(time.as_millisecond())
}

/// Bytes as "1.23 MB".
pub fn bytes(count: usize) -> String {
    match count {
        0..1_000 => format!("{count} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.2} MB", count as f64 / 1e6),
    }
}

/// A hash in hexadecimal.
pub fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// At most `most` characters, with an ellipsis where there were more.
pub fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_take_their_largest_unit() {
        assert_eq!(age(999), "under a second");
        assert_eq!(age(1_000), "1 second");
        assert_eq!(age(59 * 60_000), "59 minutes");
        assert_eq!(age(3 * 86_400_000 + 5), "3 days");
        assert_eq!(age(800 * 86_400_000), "2 years");
    }

    #[test]
    fn times_read_in_both_forms() {
        assert_eq!(parse_time("893286638000").unwrap(), 893_286_638_000);
        assert_eq!(
            parse_time("1998-04-22T21:10:38Z").unwrap(),
            parse_time(&parse_time("1998-04-22T21:10:38Z").unwrap().to_string()).unwrap()
        );
        assert!(parse_time("yesterday").unwrap_err().to_string().contains("RFC 3339"));
    }

    #[test]
    fn numbers_and_texts_are_shortened_for_people() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(plural(1, "event"), "1 event");
        assert_eq!(plural(1000, "event"), "1,000 events");
        assert_eq!(clip("Star Wars", 9), "Star Wars");
        assert_eq!(clip("The Empire Strikes Back", 12), "The Empire…");
        assert_eq!(bytes(6_512_345), "6.51 MB");
    }
}
