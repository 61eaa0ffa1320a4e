"""The file of facts about the test cases, one per data set and protocol; the report groups the test cases by them."""

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from bench.files import regular, write_whole
from bench.spec import Job, canonical_hash

VERSION = 1  # raised when the columns change


def file_name(job: Job) -> str:
    """Return the name of the file, which is the same for all jobs on one data set and protocol."""
    protocol = job.protocol
    identity = {"data": job.data_hash, "protocol": [protocol.name, protocol.version], "facts": VERSION}
    return f"{canonical_hash(identity)[:16]}.facts.parquet"


def write(facts: pd.DataFrame, path: Path) -> None:
    """Write ``facts``, one row per test case in the order of the ranks, with a digest of names and values."""
    sha256 = digest(facts, path)
    table = pa.Table.from_pandas(facts, preserve_index=False).replace_schema_metadata({"sha256": sha256})
    write_whole(path, lambda name: parquet.write_table(table, name, compression="zstd"), is_durable=True)


def read(path: Path) -> pd.DataFrame | None:
    """Return the facts at ``path``; None where they are missing or damaged, so that the next run writes them anew."""
    try:
        return check(path)
    except ValueError:
        return None


def check(path: Path) -> pd.DataFrame:
    """Return the facts at ``path``; raise ValueError where they are missing or damaged."""
    try:
        table = parquet.read_table(regular(path), partitioning=None)
        facts = table.to_pandas()
        if table.schema.metadata[b"sha256"].decode() == digest(facts, path):
            return facts
    except Exception:  # noqa: BLE001, S110 - a damaged file can raise almost anything, and the remedy is the same
        pass
    raise ValueError(f"{path} is missing or damaged; the next run on its data set writes it anew")


def digest(facts: pd.DataFrame, path: Path) -> str:
    """Return a sha256 of the file's name, which tells whose facts it holds, and of all columns' names and values."""
    parts = [path.name.encode(), *(name.encode() + facts[name].to_numpy().tobytes() for name in facts)]
    return hashlib.sha256(b"".join(parts)).hexdigest()
