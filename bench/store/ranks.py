"""The files that hold the ranks of a job's test cases: small, named by their content, and checked when they are read.

Users and targets are the same for every job on one data set and protocol and would fill half of the space, so they lie
in one file that these jobs share; a job's own file has its ranks and ties.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from bench.files import write_whole

CASE = ["user", "target"]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def encode(columns: pd.DataFrame) -> bytes:
    """Integer ``columns`` as the content of a parquet file.

    The split by bytes puts the upper bytes of all numbers side by side: they are mostly equal, and zstd packs them.
    """
    table = pa.Table.from_pandas(columns, preserve_index=False).replace_schema_metadata()
    buffer = BytesIO()
    packing = {"compression": "zstd", "compression_level": 15, "column_encoding": "BYTE_STREAM_SPLIT"}
    parquet.write_table(table, buffer, use_dictionary=False, write_statistics=False, store_schema=False, **packing)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write ``content`` unless it stands there already."""
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, lambda name: Path(name).write_bytes(content), is_durable=True)


def read(path: Path, sha256: str) -> bytes:
    """The content of a file; an empty ``sha256`` is that of a record of schema 1, which cannot be checked.

    Raises:
        OSError: where it cannot be read.
        ValueError: where it is not what was written.
    """
    content = path.read_bytes()
    if sha256 and digest(content) != sha256:
        raise ValueError(f"{path} was changed after it was written")
    return content


def decode(content: bytes) -> dict[str, np.ndarray]:
    """Column name to its numbers."""
    with parquet.ParquetFile(pa.BufferReader(content)) as file:
        table = file.read(use_threads=False)
    return {name: table[name].to_numpy() for name in table.column_names}
