"""What a report is made from: the records, as a frame and by their keys."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from bench.report.summary import standing
from bench.store.record import Record
from bench.store.store import frame


@dataclass(frozen=True, eq=False)
class Evidence:
    """Records, and the folder whose parquet files hold their ranks."""

    records: list[Record]
    results: Path

    @cached_property
    def every(self) -> pd.DataFrame:
        """All records, one row each."""
        return frame(self.records)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The standing records, one row each (see ``summary.standing``)."""
        return standing(self.every)

    @cached_property
    def by_key(self) -> dict[str, Record]:
        return {record.key: record for record in self.records}
