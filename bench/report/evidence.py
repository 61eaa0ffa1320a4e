"""What a report is made from: the records as a frame, and behind each record its curve and its ranks."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from bench.report.summary import standing
from bench.store.record import Record
from bench.store.store import Store, frame


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

    @cached_property
    def _ranks(self) -> dict[str, pd.DataFrame]:
        return {}

    def ranks(self, key: str) -> pd.DataFrame:
        """One row a test case: user, target, rank_sampled, ties_sampled, and rank_full, ties_full where defined."""
        if key not in self._ranks:
            self._ranks[key] = Store(self.results).ranks(self.by_key[key].job)
        return self._ranks[key]
