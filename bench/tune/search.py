"""Searches side by side: one trial after another in each, the same number for every model, over the pool's slots."""

import dataclasses
import fcntl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from bench import registry
from bench.run.plan import PlannedJob
from bench.spec import BenchError
from bench.store.store import Store
from bench.tune import winners
from bench.tune.study import Study, value

Tell = Callable[[PlannedJob, dict], None]


class Search:
    """The searches that ``works`` ask for; what they know lies in ``folder``: studies.db, and records of the trials.

    Raises:
        BenchError: for settings that are held fixed, or a protocol that selects on the test set.
    """

    def __init__(self, works: Sequence[PlannedJob], *, n_trials: int, folder: Path):
        self.n_trials, self.folder = n_trials, folder
        self.screen: Tell = lambda work, event: None
        self.store = Store(folder / "records")
        refuse(works)
        floors = {work.job.row for work in works if registry.find(work.job.model)[0].is_floor}
        self.said = [f"not searched: {', '.join(sorted(floors))}, which train nothing"] if floors else []
        self.bases = list({w.job.key: w for w in map(base, works) if w.job.row not in floors}.values())
        refuse_shared(self.bases)
        self.guard = threading.Lock()  # of the database, in which one thread at a time writes
        self.studies: dict[str, Study] = {}
        self.numbers: dict[str, int] = {}  # key of a trial's job to its number, from 1

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have the folder to ourselves, and read what is known."""
        self.store.check_writable()
        with open(self.folder / "lock", "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees what dies
            except BlockingIOError:
                text = f"another search is at work in {self.folder}; wait for it, or choose another --results"
                raise BenchError(text) from None
            self.store.sweep()
            place = self.folder / "studies.db"
            try:
                storage = RDBStorage(f"sqlite:///{place}")
                try:
                    self.studies = {work.job.key: Study(work, storage) for work in self.bases}
                    yield
                finally:
                    storage.engine.dispose()
            except (SQLAlchemyError, StorageInternalError) as error:
                reason = str(error.__cause__ or error).splitlines()[0]
                raise BenchError(
                    f"{place} cannot be used ({reason}); free the disk or choose another --results, then start again"
                ) from None

    @property
    def n_missing(self) -> int:
        return sum(max(0, self.n_trials - len(s.trials)) for s in self.studies.values() if not s.skipped)

    def due(self) -> list[PlannedJob]:
        """The next trial of every search that is not at its end."""
        found = [self.next(study) for study in self.studies.values()]
        return [work for work in found if work is not None]

    def next(self, study: Study) -> PlannedJob | None:
        """The next trial to run; one whose record stands, of a search that was killed, is entered on the way."""
        while len(study.trials) < self.n_trials and not study.skipped:
            work = study.proposal()
            self.numbers[work.job.key] = len(study.trials) + 1
            record = self.store.find(work.job)
            if record is None or record.status == "failed":
                return work
            study.enter(record)
        return None

    def follow(self, work: PlannedJob, state: str) -> PlannedJob | None:
        """Enter the trial that ended; the next one of its search."""
        with self.guard:
            study = self.studies[base(work).job.key]
            study.enter(self.store.find(work.job))
            return self.next(study)

    def tell(self, work: PlannedJob, event: dict) -> None:
        """An event as the screen shows it: a trial that ended says its number, and its value or why it has none."""
        if event.get("state") in ("done", "failed", "skipped"):
            is_done = event["state"] == "done"
            outcome = f"{value(self.store.find(work.job)):.4f}" if is_done else event["reason"]
            event = {**event, "reason": f"trial {self.numbers[work.job.key]} of {self.n_trials}, {outcome}"}
        self.screen(work, event)

    def write(self, configs: Path) -> tuple[list[str], bool]:
        """Write the winner of every search that is at its end; a line on each, and whether all have one."""
        lines, is_whole = [], True
        for study in self.studies.values():
            job, trials, winner = study.work.job, study.first(self.n_trials), study.winner(self.n_trials)
            if study.skipped:
                text = f"skipped: {study.skipped}"
            elif len(trials) < self.n_trials:
                text, is_whole = f"{len(trials)} of {self.n_trials} trials ended; the same command goes on", False
            elif winner is None:
                text, is_whole = f"no trial has a value; the default: {trials[0].user_attrs['reason']}", False
            else:
                place = winners.path(configs, job)
                winners.write(winner, place)
                text = f"{winner.words}; wrote {place}"
            lines.append(f"{job.dataset} {job.row} {job.protocol.name} {job.budget.name}: {text}")
        return lines, is_whole


def refuse_shared(bases: Sequence[PlannedJob]) -> None:
    """A model has one winner a data set: of two searches the last one written would stand alone."""
    places: dict[Path, PlannedJob] = {}
    for work in bases:
        other = places.setdefault(winners.path(Path(), work.job), work)
        if other is not work:
            raise BenchError(
                f"--tune keeps one winner of {work.job.row} on {work.job.dataset}, and two are asked for "
                f"({other.job.features} and {work.job.features}); search one at a time, each with its own --configs"
            )


def base(work: PlannedJob) -> PlannedJob:
    """The job that a trial varies: seed 0, the preset's settings."""
    return dataclasses.replace(work, job=dataclasses.replace(work.job, hyper={}, seed=0), is_trial=False)


def refuse(works: Sequence[PlannedJob]) -> None:
    """What no search is made for, before any work."""
    for job in (work.job for work in works):
        if job.hyper:
            raise BenchError("--tune searches the settings that --set would hold fixed; leave --set out")
        if job.protocol.select_on != "valid":
            raise BenchError(
                f"--tune needs validation pairs, and protocol {job.protocol.name} of {job.dataset} selects on the "
                "test set; search with --protocols clean, then --hyper tuned carries the winner over"
            )
