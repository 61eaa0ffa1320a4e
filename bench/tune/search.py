"""Searches side by side on the pool's slots; each runs one trial after another, and all run the same number."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.run.events import Event, Listener
from bench.run.plan import PlannedJob
from bench.spec import BenchError
from bench.store.places import TRIALS, TUNING
from bench.store.record import Record
from bench.store.store import Store
from bench.tune import winners
from bench.tune.outcomes import value
from bench.tune.trials import Trials


class Searches:
    """The searches that the planned jobs ask for; the records of their trials are their only state."""

    def __init__(self, planned: Sequence[PlannedJob], *, n_trials: int, results: Path, is_locked: bool = True):
        self.n_trials, self.folder = n_trials, results / TUNING
        self.store = Store(results / TRIALS, is_locked=is_locked)
        refuse(planned)
        floors = {one.job.row for one in planned if one.card.is_floor}
        self.notes = [f"not searched, as there is nothing to train: {', '.join(sorted(floors))}"] if floors else []
        self.bases = list({one.job.key: one for one in map(base, planned) if one.job.row not in floors}.values())
        refuse_shared(self.bases)
        self.trials: dict[str, Trials] = {}  # by the key of the base

    @contextmanager
    def open(self) -> Iterator[None]:
        """Lock the folder, read its trials, and remove the records of those that are to run again."""
        self.store.check_writable()
        with self.store.hold(self.folder / "lock") as is_ours:
            if not is_ours:
                text = f"another search is at work in {self.folder}; wait for it, or choose another --results"
                raise BenchError(text)
            self.store.sweep()
            failed = self.read_trials()
            with self.store.writing():
                for record in failed:
                    self.store.path(record.job).unlink()
            yield

    def read_trials(self) -> list[Record]:
        """Read the trials of every search from the records; return the records of the searches in which every trial
        failed: as the trials may have had too little time or memory, all of them run again."""
        records, failed = self.store.records(), []
        damaged = {path.stem for path in self.store.left_out}
        self.trials = {one.job.key: Trials(one, records, damaged=damaged) for one in self.bases}
        for trials in self.trials.values():
            if trials.ended and all(record.status == "failed" for record in trials.ended):
                print(f"every trial of {trials.name} failed; they run again")
                failed += trials.ended
                trials.ended = []
        return failed

    @property
    def missing(self) -> dict[str, int]:
        """The number of trials that are still to run at most, by the key of the base."""
        return {key: trials.missing(self.n_trials) for key, trials in self.trials.items()}

    def due(self) -> list[PlannedJob]:
        """Return the next trial of every search that is not at its end."""
        return [trials.proposal() for trials in self.trials.values() if trials.missing(self.n_trials)]

    def follow(self, planned: PlannedJob) -> PlannedJob | None:
        """Enter a trial that ended, and return the next one of its search; None at the end of the search."""
        trials = self.trials[base(planned).job.key]
        trials.enter(self.ended(planned))
        return trials.proposal() if trials.missing(self.n_trials) else None

    def ended(self, planned: PlannedJob) -> Record:
        """Return the record of a trial that has just ended."""
        record = self.store.find(planned.job)
        if record is None:
            path = self.store.path(planned.job)
            raise BenchError(f"{path} no longer contains the record that was just written there; start again")
        return record

    def numbered(self, listener: Listener) -> Listener:
        """Return a listener that passes events on; to the end of a trial it adds its number, and its value if any."""

        def tell(planned: PlannedJob, event: Event) -> None:
            if event.state not in (None, "stopped"):
                outcome = event.reason
                if event.state == "done":
                    outcome = f"{value(self.ended(planned)):.4f}"
                number = self.n_trials - self.trials[base(planned).job.key].missing(self.n_trials) + 1
                event = dataclasses.replace(event, reason=f"trial {number} of {self.n_trials}, {outcome}")
            listener(planned, event)

        return tell

    def write(self, configs: Path) -> tuple[list[str], bool]:
        """Write the winner of every search that is at its end; return a line on each, and whether all are."""
        lines, is_whole = [], True
        for trials in self.trials.values():
            job, missing, winner = trials.base.job, trials.missing(self.n_trials), trials.winner(self.n_trials)
            if trials.skipped:
                text = f"skipped: {trials.skipped}"
            elif missing:
                ended = f"{self.n_trials - missing} of {self.n_trials} trials ended"
                text, is_whole = f"{ended}; run the command again to go on", False
            elif winner is None:
                text = f"no trial finished; that of the default settings ended with: {trials.ended[0].reason}"
                is_whole = False
            else:
                place = winners.path(configs, job)
                winners.write(winner, place)
                for record in trials.ended:  # a failed one, such as one that was killed, does not go on any more
                    with suppress(OSError):
                        self.store.checkpoint(record.job).unlink()
                text = f"{winner.words}; wrote {place}"
            lines.append(f"{job.dataset} {job.row} {job.protocol.name} {job.budget.name}: {text}")
        return lines, is_whole


def base(planned: PlannedJob) -> PlannedJob:
    """Return the job that the trials of a search vary: seed 0, the preset's settings."""
    job = dataclasses.replace(planned.job, hyper={}, seed=0)
    return dataclasses.replace(planned, job=job, is_trial=False, keep_weights=False)


def refuse(planned: Sequence[PlannedJob]) -> None:
    """Raise BenchError for jobs whose settings cannot be searched, before anything starts."""
    for job in (one.job for one in planned):
        if job.hyper:
            raise BenchError("--tune searches the settings that --set and --study would hold fixed; leave them out")
        if job.protocol.select_on != "valid":
            raise BenchError(
                f"--tune needs validation pairs, and protocol {job.protocol.name} of {job.dataset} selects on the "
                "test set; search with --protocols clean, then --hyper tuned carries the winner over"
            )


def refuse_shared(bases: Sequence[PlannedJob]) -> None:
    """Raise BenchError where two searches would write their winners to the same file, one per model and data set."""
    places: dict[Path, PlannedJob] = {}
    for planned in bases:
        job = planned.job
        other = places.setdefault(winners.path(Path(), job), planned)
        if other is not planned:
            raise BenchError(
                f"--tune keeps one winner of {job.row} on {job.dataset}, and two are asked for "
                f"({other.job.features} and {job.features}); search one at a time, each with its own --configs"
            )
