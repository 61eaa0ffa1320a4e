"""The paths of the files in a results folder."""

from pathlib import Path

from bench.spec import Job
from bench.store import case_facts
from bench.store.record import Record

TUNING = Path("tuning")  # the folder of searches, below the results
TRIALS = TUNING / "records"  # the records of their trials, laid out like a results folder
WINNERS = Path("tuned")  # the winners of the reference's searches, below the reference's results


class Places:
    """The paths below one folder: ``<dataset>/<model>/<key>.json``, with ranks, log, lock and checkpoint beside it."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def folder(self, job: Job) -> Path:
        """Return the folder of the job's data set."""
        return self.root / job.set_name

    def path(self, job: Job) -> Path:
        return self.folder(job) / job.model / f"{job.key}.json"

    def log(self, job: Job) -> Path:
        """Return the file in which the job's process writes its messages."""
        return self.path(job).with_suffix(".log")

    def checkpoint(self, job: Job) -> Path:
        """Return the file in which the job keeps the state from which it can go on."""
        return self.path(job).with_suffix(".checkpoint")

    def weights(self, job: Job) -> Path:
        """Return the file of the weights of the chosen epochs, which exists only if they were kept."""
        return self.path(job).with_suffix(".safetensors")

    def cases(self, job: Job) -> Path:
        """Return the file of facts about the test cases, which all jobs on one data set and protocol share."""
        return self.folder(job) / "cases" / case_facts.file_name(job)

    def stamp(self, job: Job) -> tuple[int, int] | None:
        """Return inode and modification time of the record, which change with every write; None without a record."""
        try:
            status = self.path(job).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return status.st_ino, status.st_mtime_ns

    def rank_files(self, record: Record) -> dict[Path, str]:
        """Return the paths of the two files with the record's ranks, each with its sha256; none without ranks."""
        if not record.ranks_sha256:
            return {}
        cases = self.folder(record.job) / "cases" / f"{record.cases_sha256[:16]}.pairs.parquet"
        ranks = self.path(record.job).with_suffix(f".{record.ranks_sha256[:16]}.parquet")
        return {cases: record.cases_sha256, ranks: record.ranks_sha256}
