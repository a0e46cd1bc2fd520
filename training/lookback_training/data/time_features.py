"""Time-aware features of events and requests; all times are Unix milliseconds, UTC."""

from __future__ import annotations

import numpy as np

from ..schema import AGE_BUCKETS

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


def age_bucket(age_ms: np.ndarray) -> np.ndarray:
    """Log-spaced bucket of a positive age: min(bit_length(age in whole minutes), 25). Shape kept."""
    minutes = np.asarray(age_ms, dtype=np.int64) // MINUTE_MS
    # frexp's exponent is the bit length of an integer below 2^53.
    length = np.frexp(minutes.astype(np.float64))[1]
    return np.minimum(length, AGE_BUCKETS - 1).astype(np.int64)


def hour(time_ms: np.ndarray) -> np.ndarray:
    """Hour of the day, 0 to 23, UTC."""
    return np.asarray(time_ms, dtype=np.int64) // HOUR_MS % 24


def weekday(time_ms: np.ndarray) -> np.ndarray:
    """Day of the week, 0 = Sunday, UTC (1970-01-01 was a Thursday)."""
    return (np.asarray(time_ms, dtype=np.int64) // DAY_MS + 4) % 7


def event_time(event_ms: np.ndarray, request_ms: np.ndarray | int) -> np.ndarray:
    """(age bucket, hour, weekday) of events [n] seen from a later moment -> [n,3] i64."""
    return np.stack([age_bucket(request_ms - event_ms), hour(event_ms), weekday(event_ms)], axis=-1)
