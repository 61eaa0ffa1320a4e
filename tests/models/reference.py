"""The reference arrays of a model."""

from pathlib import Path

from tests import golden


def files(model: str) -> list[Path]:
    return sorted((Path(__file__).parents[1] / "golden").glob(f"{model}_*.npz"))


def worst(path: Path) -> float:
    """The largest difference of an array from ours, relative to its largest entry; NaN where ours is missing."""
    found = golden.differences(str(path)).values()
    return float("nan") if any(x != x for x in found) else max(found)
