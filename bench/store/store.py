"""Records on disk: one JSON per job, which names the files of its ranks; read as a frame."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from bench.files import locked, try_writing, writing
from bench.spec import BenchError, Job, unknown
from bench.store import case_facts
from bench.store import ranks as rank_files
from bench.store.record import Record, read_record, write_record


class Store:
    """The records below one folder: ``<dataset>/<model>/<key>.json``, with ranks, log, lock and checkpoint beside it.

    A record that does not hold, since its file, its key or its ranks are not what was written, counts as missing: the
    next run of its job makes it again. It is named once on standard error.

    Attributes:
        left_out: path to reason, of every record that was found not to hold.
    """

    def __init__(self, root: Path):
        self.root = Path(root)
        self.left_out: dict[Path, str] = {}

    def folder(self, job: Job) -> Path:
        """Where the records of the job's data set lie; a set given as a folder goes by the folder's name."""
        return self.root / Path(job.dataset).name

    def path(self, job: Job) -> Path:
        return self.folder(job) / job.model / f"{job.key}.json"

    def log(self, job: Job) -> Path:
        """Where the job's process writes its messages."""
        return self.path(job).with_suffix(".log")

    def start_log(self, job: Job) -> Path:
        """Make the log empty."""
        with self.writing():
            self.log(job).write_text("")
        return self.log(job)

    def checkpoint(self, job: Job) -> Path:
        """Where the job keeps the state from which it can go on."""
        return self.path(job).with_suffix(".checkpoint")

    def weights(self, job: Job) -> Path:
        """Where the weights of the chosen epochs lie, if they were kept."""
        return self.path(job).with_suffix(".safetensors")

    def cases(self, job: Job) -> Path:
        """Where the facts of the test cases lie, which all jobs on one data set and protocol share."""
        return self.folder(job) / "cases" / case_facts.file_name(job)

    def stamp(self, job: Job) -> tuple[int, int] | None:
        """Changes whenever the record is written; asks no clock."""
        try:
            found = self.path(job).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_ino, found.st_mtime_ns

    @contextmanager
    def lock(self, job: Job) -> Iterator[bool]:
        """Whether the job is ours: False while another runner on this folder has it."""
        with ExitStack() as held:
            with self.writing():
                is_ours = held.enter_context(locked(self.path(job).with_suffix(".lock")))
            yield is_ours

    def check_writable(self) -> None:
        """Fail before any work is done, not after."""
        with self.writing():
            try_writing(self.root)

    def writing(self) -> AbstractContextManager[None]:
        """A context in which a failure to write is one clear line."""
        remedy = "free it or choose another with --results, then start again: what is written stays"
        return writing(f"results folder {self.root}", remedy=remedy)

    def find(self, job: Job) -> Record | None:
        return self._checked(self.path(job))

    def records(self) -> list[Record]:
        """Every record that holds, in the order of its path."""
        paths = sorted(self.root.glob("*/*/[!.]*.json"))  # a dot begins the half-written file of a killed process
        found = [self._checked(path) for path in paths]
        return [record for record in found if record is not None]

    def by_key(self, key: str) -> Record:
        """The record whose key starts with ``key``.

        Raises:
            BenchError: when no record, or more than one, has such a key.
        """
        records = self.records()
        found = [r for r in records if r.key.startswith(key)]
        if not found:
            raise unknown("key", key, [r.key for r in records])
        if len(found) > 1:
            raise BenchError(f"key {key!r} begins {len(found)} records: {', '.join(r.key for r in found)}")
        return found[0]

    def _checked(self, path: Path) -> Record | None:
        """The record at ``path``; None where there is none, or one that does not hold."""
        try:
            record = read_record(path)
            if record is not None:
                if not record.key == record.job.key == path.stem:
                    raise BenchError(f"{path} holds the record of another job")
                for file, sha256 in self._rank_files(record).items() if record.ranks_sha256 else ():
                    rank_files.read(file, sha256)
        except (BenchError, OSError, ValueError) as error:
            if self.left_out.get(path) != str(error):
                self.left_out[path] = str(error)
                print(f"warning: {error}; left out, and made again by the next run of its job", file=sys.stderr)
            return None
        return record

    def write(self, record: Record, ranks: pd.DataFrame | None = None) -> Path:
        """Write the ranks, then the record that names them, so that the record that stands is whole at any moment.

        Without ``ranks``, those that ``record`` names stay. A finished record gives way to no unfinished one.
        """
        path, standing = self.path(record.job), self.find(record.job)
        if record.status != "done" and standing is not None and standing.status == "done":
            return path
        contents = ()
        if ranks is not None:
            contents = rank_files.encode(ranks[rank_files.CASE]), rank_files.encode(ranks.drop(columns=rank_files.CASE))
            cases, own = map(rank_files.digest, contents)
            record = record.model_copy(update={"cases_sha256": cases, "ranks_sha256": own})
        files = self._rank_files(record)
        with self.writing():
            for file, content in zip(files, contents, strict=False):  # without ranks there is nothing to write
                rank_files.write(file, content)
            write_record(record, path)
            for old in set(path.parent.glob(f"{record.key}.*.parquet")) - set(files):
                old.unlink(missing_ok=True)
        return path

    def _rank_files(self, record: Record) -> dict[Path, str]:
        """Path to sha256 of the files with the columns of its ranks; one file, unchecked, in schema 1."""
        path = self.path(record.job)
        if not record.ranks_sha256:
            return {path.with_suffix(".users.parquet"): ""}
        cases = self.folder(record.job) / "cases" / f"{record.cases_sha256[:16]}.pairs.parquet"
        own = path.with_suffix(f".{record.ranks_sha256[:16]}.parquet")
        return {cases: record.cases_sha256, own: record.ranks_sha256}

    def ranks(self, job: Job) -> pd.DataFrame:
        """One row per test case: ``user``, ``target``, and for each ranking ``rank_...`` and ``ties_...``.

        Raises:
            OSError, ValueError: where they are missing or damaged.
        """
        return pd.DataFrame(self._columns(job))

    def rank_columns(self, job: Job) -> dict[str, np.ndarray]:
        """``user``, ``target`` and the ``rank_...`` of ``ranks``, which is faster to make than a frame."""
        return {name: values for name, values in self._columns(job).items() if not name.startswith("ties_")}

    def _columns(self, job: Job) -> dict[str, np.ndarray]:
        record = read_record(self.path(job))
        if record is None:
            raise FileNotFoundError(f"no record {self.path(job)}")
        columns = {}
        for file, sha256 in self._rank_files(record).items():
            columns |= rank_files.decode(rank_files.read(file, sha256))
        return columns

    def sweep(self) -> None:
        """Take away what killed runners left behind: locks that no one holds, and half-written files."""
        for path in self.root.glob("*/*/*.lock"):
            with locked(path) as is_ours:
                if not is_ours:
                    continue
                for half in path.parent.glob(f".{path.stem}.*"):
                    half.unlink(missing_ok=True)
                record = self._checked(path.with_suffix(".json"))
                if record is not None and record.status == "done":  # its checkpoint was to go next
                    path.with_suffix(".checkpoint").unlink(missing_ok=True)
