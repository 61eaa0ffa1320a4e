"""Where the files of a results folder lie."""

from pathlib import Path

from bench.spec import Job
from bench.store import case_facts
from bench.store.record import Record

TUNING = Path("tuning")  # what searches know, below the results
TRIALS = TUNING / "records"  # of their trials, a results folder of its own
WINNERS = Path("tuned")  # what the reference's searches found, below its results


class Places:
    """The files below one folder: ``<dataset>/<model>/<key>.json``, with ranks, log, lock and checkpoint beside it."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def folder(self, job: Job) -> Path:
        """Where the records of the job's data set lie; a set given as a folder goes by the folder's name."""
        return self.root / Path(job.dataset).name

    def path(self, job: Job) -> Path:
        return self.folder(job) / job.model / f"{job.key}.json"

    def log(self, job: Job) -> Path:
        """Where the job's process writes its messages."""
        return self.path(job).with_suffix(".log")

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

    def rank_files(self, record: Record) -> dict[Path, str]:
        """Path to sha256 of the files with the columns of its ranks; one file, unchecked, in schema 1."""
        path = self.path(record.job)
        if not record.ranks_sha256:
            return {path.with_suffix(".users.parquet"): ""}
        cases = self.folder(record.job) / "cases" / f"{record.cases_sha256[:16]}.pairs.parquet"
        own = path.with_suffix(f".{record.ranks_sha256[:16]}.parquet")
        return {cases: record.cases_sha256, own: record.ranks_sha256}
