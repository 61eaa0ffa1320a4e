"""The files that hold the ranks of a job's test cases: small, named by their content, and checked when they are read.

Users and targets are the same for every job on one data set and protocol and would fill half of the space, so they lie
in one file that these jobs share; a job's own file has its ranks and ties.
"""

import math
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from bench.files import regular, write_whole
from bench.protocol.metrics import means
from bench.spec import BenchError
from bench.store.record import Record

CASE = ["user", "target"]


def encode(columns: pd.DataFrame) -> bytes:
    """Return the integer ``columns`` as the content of a parquet file.

    The split by bytes puts the upper bytes of all numbers side by side: most of them are equal, so zstd packs them.
    """
    table = pa.Table.from_pandas(columns, preserve_index=False).replace_schema_metadata()
    buffer = BytesIO()
    packing = {"compression": "zstd", "compression_level": 15, "column_encoding": "BYTE_STREAM_SPLIT"}
    parquet.write_table(table, buffer, use_dictionary=False, write_statistics=False, store_schema=False, **packing)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, unless the file already holds it. What cannot be read there is replaced."""
    with suppress(BenchError, OSError):
        if regular(path).read_bytes() == content:
            return
    write_whole(path, [content], is_durable=True)


def decode(content: bytes) -> dict[str, np.ndarray]:
    """Return the numbers of each column, by its name."""
    with parquet.ParquetFile(pa.BufferReader(content)) as file:
        table = file.read(use_threads=False)
    return {name: table[name].to_numpy() for name in table.column_names}


def check(record: Record, content: bytes, path: Path) -> None:
    """Raise ValueError unless the metrics of ``record``, which lies at ``path``, follow from the ``content`` of its
    file of ranks."""
    try:
        check_metrics(record, decode(content))
    except ValueError as error:
        raise ValueError(f"{path} does not follow from its ranks ({error})") from None


def check_metrics(record: Record, columns: dict[str, np.ndarray]) -> None:
    ranks = {name: values for name, values in columns.items() if name.startswith("rank_")}
    last = {"rank_sampled": record.job.protocol.n_candidates + 1}
    for name, values in ranks.items():
        if values.dtype.kind not in "iu" or not len(values) or values.min() < 1 or values.max() > last.get(name, 2**31):
            raise ValueError(f"{name} holds values that are not ranks")
    expected = means(pd.DataFrame(ranks))
    rankings = {name.partition(".")[0] for name in record.metrics}
    for ranking in {name.partition(".")[0] for name in expected} ^ rankings:
        raise ValueError(f"it has ranks or metrics of the {ranking} ranking without the other")
    for name, value in record.metrics.items():
        if not math.isclose(value, expected.get(name, math.nan), rel_tol=1e-9, abs_tol=1e-12):
            raise ValueError(
                f"{name} is {value:.4f}, and {expected.get(name, math.nan):.4f} when computed from its ranks"
            )
