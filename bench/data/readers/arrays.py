"""Reads feature rows from ``.npy`` files, and checks that models can compute with them in float32."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from bench.data.tables import first_line
from bench.files import regular
from bench.spec import BenchError

LARGEST, SMALLEST = 1e12, 1e-12  # sums of squares stay finite, and normalising does not take lengths for zero


def load_npy(path: Path, *, mode: Literal["r"] | None = None) -> np.ndarray:
    """Return the array of a ``.npy`` file; with the ``mode`` "r", its values stay on the disk until they are used."""
    try:
        with open(regular(path), "rb") as file:
            first = file.read(24)
        if first.startswith(b"PK"):
            raise BenchError(f"{path} is an archive of arrays (.npz); save the one table with numpy.save")
        if not first.startswith(b"\x93NUMPY"):
            raise BenchError(f"{path} is not an .npy file (it begins with {first.decode(errors='replace')!r})")
        return np.load(path, mmap_mode=mode, allow_pickle=False)
    except BenchError:
        raise
    except FileNotFoundError:
        raise BenchError(f"{path} is missing") from None
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise BenchError(f"{path} is not a readable .npy table ({first_line(error):.200})") from None
    except Exception:  # numpy parses the header as Python, and what is not Python fails in many ways
        raise BenchError(f"{path} is not a readable .npy table (its header is damaged)") from None


def table_of_numbers(values: np.ndarray, what: object) -> np.ndarray:
    """Return ``values`` if they are a table of numbers, one row per item."""
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.shape[1]:
        raise BenchError(f"{what}: a table of numbers is expected, found shape {values.shape}, {values.dtype}")
    return values


def in_float32(values: np.ndarray, ids: Sequence | np.ndarray, what: object) -> np.ndarray:
    """Return ``values`` (item, feat) as float32, if the lengths of the rows can be computed in that type."""
    with np.errstate(invalid="ignore", over="ignore"):  # values that are not finite are refused below
        largest = np.maximum(values.max(axis=1).astype(np.float64), -values.min(axis=1).astype(np.float64))
    for row in np.flatnonzero(~np.isfinite(largest))[:1]:
        raise BenchError(f"{what}: item {ids[row]} has a value that is not finite")
    for row in np.flatnonzero((largest > LARGEST) | (largest < SMALLEST) & (largest > 0))[:1]:
        raise BenchError(
            f"{what}: the largest value of item {ids[row]} is {largest[row]:.3g}; scale the features so that every "
            f"row's is from {SMALLEST:g} to {LARGEST:g}, as models square them"
        )
    return values.astype(np.float32)
