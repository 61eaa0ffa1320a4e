"""What of a results folder does not hold: the checks of every reader, and those of the files that few of them read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.files import read_sealed
from bench.spec import BenchError, counted
from bench.store import case_facts
from bench.store.places import TRIALS
from bench.store.store import BROKEN, Store, why

KINDS = {
    "record": "records",
    "table of case facts": "tables of case facts",
    "checkpoint": "checkpoints",
    "file of weights": "files of weights",
}


@dataclass(kw_only=True)
class Findings:
    """What was looked at, by kind, and a line for each thing that does not hold."""

    seen: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    unvouched: int = 0  # records of schema 1
    unranked: int = 0  # records with metrics whose ranks are not there

    def look(self, kind: str, check: Callable[[], object]) -> None:
        """Count one more of ``kind``, and enter why it does not hold."""
        self.seen[kind] = self.seen.get(kind, 0) + 1
        try:
            check()
        except BROKEN as error:
            self.wrong.append(why(error))

    @property
    def words(self) -> str:
        parts = [counted(n, kind, KINDS[kind]) for kind, n in self.seen.items()]
        n = len(self.wrong)
        said = f"checked {', '.join(parts)}; "
        said += f"{n} of them failed a check" if n else "every check passed"
        if self.unvouched:
            said += f"; {counted(self.unvouched, 'record')} of schema 1 without checksums"
        if self.unranked:
            said += f"; {counted(self.unranked, 'record')} with metrics but no ranks to hold them against"
        return said


def verify(root: Path) -> Findings:
    """Look at every record below ``root``, those of searches included, and at the files beside them."""
    found = Findings()
    for store in (Store(root), Store(root / TRIALS)):
        for path in store.paths():
            found.look("record", lambda store=store, path=path: check_record(store, path, found))
        for path in sorted(store.root.glob("*/cases/*.facts.parquet")):
            found.look("table of case facts", lambda path=path: case_facts.check(path))
        for path in sorted(store.root.glob("*/*/[!.]*.checkpoint")):
            found.look("checkpoint", lambda path=path: read_sealed(path, owner=path.stem))
    return found


def check_record(store: Store, path: Path, found: Findings) -> None:
    """Look at one record and at its weights, if they were kept."""
    record = store.check(path, in_full=True)
    if record is None:
        raise BenchError(f"{path} is a link to nowhere")
    found.unvouched += record.schema_version == 1
    found.unranked += bool(record.metrics) and not any(file.exists() for file in store.rank_files(record))
    if "weights_sha256" in record.facts:
        found.look("file of weights", lambda: store.check_weights(record))
