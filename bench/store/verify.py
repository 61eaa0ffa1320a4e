"""Checks all files of a results folder, also those that are rarely read, as each one's reader would check it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.files import read_sealed
from bench.spec import BenchError, counted
from bench.store import case_facts
from bench.store.places import TRIALS
from bench.store.record import BROKEN, read_record, twice, why
from bench.store.store import Store

KINDS = {
    "record": "records",
    "table of case facts": "tables of case facts",
    "checkpoint": "checkpoints",
    "file of weights": "files of weights",
}


@dataclass(kw_only=True)
class Findings:
    """How many files of each kind were checked, and a line for each one that failed."""

    seen: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    unranked: int = 0  # records with metrics that name no files of ranks

    def look(self, kind: str, path: Path, check: Callable[[Path], object]) -> None:
        """Run ``check`` on one more file of ``kind``, and enter the reason if it fails twice on a file that stays."""
        self.seen[kind] = self.seen.get(kind, 0) + 1
        try:
            twice(check, path)
        except BROKEN as error:
            if os.path.lexists(path):
                self.wrong.append(why(error))

    @property
    def words(self) -> str:
        parts = [counted(n, kind, KINDS[kind]) for kind, n in self.seen.items()]
        n = len(self.wrong)
        text = f"checked {', '.join(parts)}; "
        text += f"{n} of them failed a check" if n else "every check passed"
        if self.unranked:
            text += f"; {counted(self.unranked, 'record')} with metrics but no ranks to hold them against"
        return text


def verify(root: Path) -> Findings:
    """Check every record below ``root``, those of searches included, and the files beside them."""
    findings = Findings()
    for store in (Store(root), Store(root / TRIALS)):
        for path in store.paths():
            findings.look("record", path, partial(check_record, store, findings))
        for path in sorted(store.root.glob("*/cases/*.facts.parquet")):
            findings.look("table of case facts", path, case_facts.check)
        for path in sorted(store.root.glob("*/*/[!.]*.checkpoint")):
            findings.look("checkpoint", path, lambda path: read_sealed(path, owner=path.stem))
    return findings


def check_record(store: Store, findings: Findings, path: Path) -> None:
    """Check one record, and its weights if they were kept."""
    record = store.check(path)
    if record is None:
        raise BenchError(f"{path} is a broken link")
    findings.unranked += bool(record.metrics) and not record.ranks_sha256
    if "weights_sha256" in record.facts:
        # the record is read again, since a run writes new weights before their record
        weights = store.weights(record.job)
        findings.look("file of weights", weights, lambda _: store.check_weights(read_record(path) or record))
