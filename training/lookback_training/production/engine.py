"""Apache DataFusion set to read Spark's SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datafusion import SessionConfig, SessionContext

from .statements import FOLDER, Parameters, statement

BATCH = 1024
"""Rows in memory at once per operator, and rows of a row group: a record with a full history is some 30 KB."""


class Engine:
    """A session in which the files of pipeline/sql are queries over tables registered by name."""

    def __init__(self, parameters: Parameters, folder: Path = FOLDER) -> None:
        self.parameters = parameters
        self.folder = folder
        self.session = SessionContext(
            SessionConfig()
            .with_batch_size(BATCH)
            .set("datafusion.sql_parser.dialect", "databricks")
            .set("datafusion.execution.parquet.max_row_group_size", str(BATCH))
        )
        self.session.enable_spark_functions()

    def table(self, name: str, path: Path, partitions: tuple[str, ...] = ()) -> None:
        """Name a Parquet file, or a folder partitioned by `partitions` (columns of text)."""
        # A folder is known by its last slash.
        place = f"{path}/" if partitions else str(path)
        self.session.register_parquet(name, place, table_partition_cols=[(column, "string") for column in partitions])

    def view(self, name: str) -> None:
        """Name the query in `NAME.sql`."""
        self.define(name, statement(name, self.parameters, self.folder))

    def define(self, name: str, query: str) -> None:
        """Name a query; an older one of that name is forgotten."""
        self.session.sql(f"CREATE OR REPLACE VIEW {name} AS {query}")

    def keep(self, name: str, folder: Path) -> int:
        """Run the query in `NAME.sql` once, into `FOLDER/NAME.parquet`, and name that; the number of its rows."""
        path = folder / f"{name}.parquet"
        rows = self.write(statement(name, self.parameters, self.folder), path)
        self.table(name, path)
        return rows

    def write(self, query: str, path: Path, partitions: tuple[str, ...] = ()) -> int:
        """Write a query's rows to a Parquet file, or to files in `COLUMN=VALUE/` under a folder; the number of rows."""
        target = str(path).replace("'", "''")
        by = f"PARTITIONED BY ({', '.join(partitions)})" if partitions else ""
        # COPY reads its query up to the closing parenthesis, which a comment on the last line would hide.
        copy = f"COPY (\n{query}\n) TO '{target}' STORED AS PARQUET {by} OPTIONS (compression 'zstd(3)')"
        return int(self.session.sql(copy).to_pydict()["count"][0])

    def rows(self, query: str) -> list[dict[str, Any]]:
        """A query's rows; for small ones."""
        return self.session.sql(query).to_pylist()
