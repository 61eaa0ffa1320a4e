"""Records on disk: one JSON and one parquet a job, written whole or not at all, read as a frame."""

import fcntl
import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow.parquet import ParquetFile
from pydantic import ValidationError

from bench.files import try_writing, write_whole, writing
from bench.spec import BenchError, Job, canonical_hash
from bench.store.record import Record

CASE_FACTS = 1  # raised when the columns of ``Store.cases`` change


class Store:
    """The records below one folder: ``<dataset>/<model>/<key>.json`` and ``<key>.users.parquet``.

    Raises:
        BenchError: when the folder cannot be written, or a record cannot be read.
    """

    def __init__(self, root: Path):
        self.root = Path(root)

    def path(self, job: Job) -> Path:
        folder = Path(job.dataset).name  # a data set given as a folder is stored under the folder's name
        return self.root / folder / job.model / f"{job.key}.json"

    def log(self, job: Job) -> Path:
        """Where the job's process writes what it has to say."""
        return self.path(job).with_suffix(".log")

    def start_log(self, job: Job) -> Path:
        """An empty log."""
        with self.writing():
            self.log(job).write_text("")
        return self.log(job)

    def checkpoint(self, job: Job) -> Path:
        """Where a job keeps the state it can go on from."""
        return self.path(job).with_suffix(".checkpoint")

    def cases(self, job: Job) -> Path:
        """Where the facts of the test cases lie that the job shares with all on its data set and protocol."""
        protocol = job.protocol
        named = {"data": job.data_hash, "protocol": [protocol.name, protocol.version], "facts": CASE_FACTS}
        return self.root / Path(job.dataset).name / "cases" / f"{canonical_hash(named)[:16]}.parquet"

    def stamp(self, job: Job) -> tuple[int, int] | None:
        """Changes whenever the record is written; asks no clock."""
        try:
            found = self.path(job).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_ino, found.st_mtime_ns

    @contextmanager
    def lock(self, job: Job) -> Iterator[bool]:
        """Whether the job is ours: False while another runner on this folder has it. The kernel frees what dies."""
        path = self.path(job).with_suffix(".lock")
        with self.writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = open(path, "w")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_ours = os.fstat(handle.fileno()).st_ino == path.stat().st_ino  # else its holder just removed it
            except (BlockingIOError, FileNotFoundError):
                is_ours = False
            try:
                yield is_ours
            finally:
                if is_ours:
                    path.unlink(missing_ok=True)

    def check_writable(self) -> None:
        """Fail before any work is done, not after."""
        with self.writing():
            try_writing(self.root)

    def writing(self) -> AbstractContextManager[None]:
        """A context in which what cannot be written is one clear line."""
        remedy = "free it or choose another with --results, then start again: what is written stays"
        return writing(f"results folder {self.root}", remedy=remedy)

    def find(self, job: Job) -> Record | None:
        path = self.path(job)
        return read_record(path) if path.exists() else None

    def write(self, record: Record, ranks: pd.DataFrame | None = None) -> Path:
        """Ranks first, then the record: a record that stands is complete. A finished one gives way to no other."""
        path, standing = self.path(record.job), self.find(record.job)
        if record.status != "done" and standing is not None and standing.status == "done":
            return path
        with self.writing():
            if ranks is not None:
                write_whole(path.with_suffix(".users.parquet"), lambda name: ranks.to_parquet(name, index=False))
            write_whole(path, lambda name: Path(name).write_text(record.model_dump_json(indent=1) + "\n"))
        return path

    def ranks(self, job: Job) -> pd.DataFrame:
        return pd.read_parquet(self.path(job).with_suffix(".users.parquet"))

    def rank_columns(self, job: Job) -> dict[str, np.ndarray]:
        """``user``, ``target`` and the ``rank_…`` of ``ranks``: several times faster than as a frame."""
        with ParquetFile(self.path(job).with_suffix(".users.parquet")) as file:
            names = [name for name in file.schema_arrow.names if not name.startswith("ties_")]
            found = file.read(names, use_threads=False)
        return {name: found[name].to_numpy() for name in names}

    def records(self) -> list[Record]:
        """Every record, in the order of its path."""
        paths = sorted(self.root.glob("*/*/*.json"))
        return [read_record(path) for path in paths if not path.name.startswith(".")]  # half a file, of a killed writer

    def sweep(self) -> None:
        """Take away what runners that were killed left behind: locks no one holds, and half-written files."""
        for path in self.root.glob("*/*/*.lock"):
            with suppress(BlockingIOError, FileNotFoundError), open(path, "r+") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle.fileno()).st_ino != path.stat().st_ino:
                    continue  # its holder removed it, and the one that stands is another's
                for half in path.parent.glob(f".{path.stem}.*"):
                    half.unlink()
                record = path.with_suffix(".json")
                if record.exists() and read_record(record).status == "done":  # its checkpoint was to go next
                    path.with_suffix(".checkpoint").unlink(missing_ok=True)
                path.unlink()


def read_record(path: Path) -> Record:
    try:
        return Record.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        line = str(error).splitlines()[0]
        raise BenchError(f"record {path} cannot be read ({line}); delete it and start again to rerun its job") from None


def epoch_seconds(record: Record) -> float:
    """Seconds of training an epoch, from the first evaluation to the last: what comes before the epochs left out.

    A run that was evaluated once cannot tell the two apart; NaN for one that trained nothing.
    """
    first, last = (record.curve[0], record.curve[-1]) if record.curve else ({}, {})
    if last.get("epoch", 0) > first.get("epoch", 0):
        return (last["seconds"] - first["seconds"]) / (last["epoch"] - first["epoch"])
    epochs = record.facts.get("epochs", 0)
    return record.seconds["train"] / epochs if epochs and "train" in record.seconds else math.nan


def frame(records: list[Record]) -> pd.DataFrame:
    """One row a record: the job's fields, ``status``, ``reason``, ``settings``; a column a metric, fact and second.

    ``row`` is the model's name in a table, with the settings that differ from its preset, or "tuned" where a
    search found them; a data set given as a folder goes by the folder's name.
    """
    rows = []
    for r in records:
        job = r.job
        is_tuned = "tuning.trials" in r.facts  # the settings found are in the record and in the winner's file
        rows.append(
            {
                "key": r.key,
                "dataset": Path(job.dataset).name,
                "row": f"{job.row} (tuned)" if is_tuned else job.run,
                "model": job.model,
                "preset": job.preset,
                "hyper": job.hyper,
                "settings": r.settings,
                "protocol": job.protocol.name,
                "budget": job.budget.name,
                "features": job.features,
                "seed": job.seed,
                "status": r.status,
                "reason": r.reason,
                "started": r.provenance.get("start", ""),
                "device": r.provenance.get("device", ""),
                "threads": r.provenance.get("threads", ""),
                "data_hash": job.data_hash,
                "source": job.source,
                "engine": job.engine,
                "protocol_version": job.protocol.version,
                "select_on": job.protocol.select_on,
                "n_candidates": job.protocol.n_candidates,
                "budget_epochs": job.budget.epochs,
                **r.metrics,
                **r.facts,
                **{f"seconds.{k}": v for k, v in r.seconds.items()},
                "seconds.epoch": epoch_seconds(r),
            }
        )
    return pd.DataFrame(rows)
