//! Times of a log.

use super::cells::Cell;

/// Unit of integer times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// Seconds since 1970.
    #[default]
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

/// First and last moment of a four-digit year, which every table can hold.
const FIRST: i64 = -62_135_596_800_000;
const LAST: i64 = 253_402_300_799_999;

impl TimeUnit {
    fn milliseconds(self, value: i64) -> Result<i64, String> {
        let time = match self {
            TimeUnit::Seconds => value.checked_mul(1000),
            TimeUnit::Milliseconds => Some(value),
            TimeUnit::Microseconds => Some(value.div_euclid(1000)),
        };
        let time = time.filter(|time| (FIRST..=LAST).contains(time));
        time.ok_or_else(|| {
            format!("time {value} in {} lies outside the years 1 to 9999; is --time-unit right?", self.name())
        })
    }

    fn name(self) -> &'static str {
        match self {
            TimeUnit::Seconds => "seconds",
            TimeUnit::Milliseconds => "milliseconds",
            TimeUnit::Microseconds => "microseconds",
        }
    }
}

/// Milliseconds of a cell: an integer in `unit`, or an RFC 3339 text.
pub(super) fn milliseconds(cell: Cell, unit: TimeUnit) -> Result<i64, String> {
    let text = cell.key()?;
    let digits = text.strip_prefix('-').unwrap_or(&text);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let value = text.parse().map_err(|_| format!("time {text} is beyond 64 bits"))?;
        return unit.milliseconds(value);
    }
    match text.parse::<jiff::Timestamp>() {
        Ok(moment) => TimeUnit::Milliseconds.milliseconds(moment.as_millisecond()),
        Err(_) => Err(format!("time {text:?}: expected an integer or RFC 3339, like 2026-11-23T08:00:00Z")),
    }
}
