"""How large the page is, and how it grows: the complete reference, of nearly 300 jobs, is to fit into 2 MiB."""

import math
from pathlib import Path

from bench.report.render.html import html
from bench.report.sections import pages
from tests.report.made import drawn, evidence, record

REFERENCE = Path(__file__).parents[3] / "reports" / "reference" / "report.html"
MOST = 2 * 2**20
MODELS = ("BPRMF", "SVD++", "VBPR", "LightGCN", "NGCF", "MCLN")


def run(model: str, seed: int):
    """A record of sixty evaluations in both rankings, as a standard budget has them."""
    curve = [
        {"epoch": 5.0 * n, "loss": 1 / n, "seconds": 20.0 * n}
        | {f"{ranking}.ndcg@10": 0.4 - 0.3 / n + 0.002 * math.sin(n * (seed + 2)) for ranking in ("sampled", "full")}
        for n in range(1, 61)
    ]
    made = {"torch": "2.6.0", "code": f"{seed:012x}", "data": "d" * 64}
    facts = {"epochs": 300, "best_epoch": 250}
    settings = {"n_layers": 3, "reg_weight": 1e-4, "embedding_size": 64}
    return record(model, 0.4 + seed / 100, seed=seed, curve=curve, facts=facts, settings=settings, provenance=made)


def size(folder: Path, seeds: range) -> int:
    made = evidence(*(run(model, seed) for model in MODELS for seed in seeds), folder=folder)
    found = pages(made)
    return len(html(found, made, folder=folder, files=drawn(found)).encode())


def test_another_seed_costs_the_page_little(tmp_path):
    """Its line among the records, what it says of itself, its key below each table, and its courses, drawn twice."""
    one, three = (size(tmp_path, range(n)) for n in (1, 3))
    added = (three - one) / (2 * len(MODELS))
    assert added < 4500  # 3,800 today


def test_the_page_of_the_reference_is_small():
    assert REFERENCE.stat().st_size < MOST
