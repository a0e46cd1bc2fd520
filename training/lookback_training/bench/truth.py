"""The true probabilities behind a simulated log, where it comes with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from ..data.requests import Requests
from ..data.tables import TIME, DataError

FILE = "truth.parquet"
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "user": pl.UInt64,
    "item": pl.UInt64,
    "time": TIME,
    "p_click": pl.Float32,
    "p_save": pl.Float32,
}


def read(directory: Path, requests: Requests) -> np.ndarray | None:
    """Probabilities (click, save) of each candidate without position [C,2], NaN where not known; None without the file.

    Joined on (user, time, item). Raises `DataError` on a file of another form, or one that knows no candidate.
    """
    path = directory / FILE
    if not path.is_file():
        return None
    frame = pl.read_parquet(path)
    for column, kind in COLUMNS.items():
        if frame.schema.get(column) != kind:
            found = frame.schema.get(column, "missing")
            raise DataError(f"{path}: column `{column}` is {found}, expected {kind}; simulate the platform again")
    request = requests.request
    keys = pl.DataFrame(
        {
            "user": pl.Series(requests.user[request], dtype=pl.UInt64),
            "item": pl.Series(requests.item_id, dtype=pl.UInt64),
            "time": pl.Series(requests.time[request], dtype=pl.Int64).cast(TIME),
        }
    )
    known = frame.unique(["user", "item", "time"], keep="first", maintain_order=True)
    joined = keys.join(known, on=["user", "item", "time"], how="left", maintain_order="left")
    p = joined.select(pl.col("p_click", "p_save").fill_null(float("nan"))).to_numpy().astype(np.float64)
    if np.isnan(p).all():
        raise DataError(f"{path} knows no candidate of the test lists by (user, time, item); write both files again")
    return p
