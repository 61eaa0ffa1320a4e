"""What five training steps of every model and preset lead to, to five significant digits.

A job's key hashes the model's own files. Code that models share (losses, graphs, sampling, the training loop, the
evaluation) is not in the key: ``bench.spec.ENGINE`` stands for it. These fingerprints show when it has to be raised.

Write them anew with ``python -m tests.conformance.fingerprints [MODEL ...]``; no model stands for all of them.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.protocol.candidates import draw_cases
from bench.protocol.evaluate import Evaluator
from bench.protocol.metrics import means
from bench.train.batches import Batches
from tests.conformance.conftest import every_row
from tests.conformance.rows import build_row, fit_plainly
from tests.toy import random_set

PATH = Path(__file__).with_name("fingerprints.json")
BATCH_SIZE = 40  # of 180 training pairs and 30 users: five steps an epoch by either sampler


def set_weights(model) -> None:
    """Weights that hang on nothing but their names and shapes, so that no random generator decides them."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = np.random.RandomState(zlib.crc32(name.encode())).uniform(-0.5, 0.5, tuple(parameter.shape))
            parameter.copy_(torch.from_numpy(values))


def fingerprint(row: str) -> dict[str, float]:
    """Mean loss of the five steps, scores of three users after them, and the mean reciprocal rank of held-out pairs."""
    data = random_set()
    model = build_row(row, data)
    set_weights(model)
    generator = torch.Generator().manual_seed(1)
    shared = {"draw_negatives": model.draw_negatives, "n_negatives": model.n_negatives, "generator": generator}
    sampling = "interaction" if row.startswith("BPRMF") else "user"  # both samplers are shared code
    batches = Batches(data.user, data.item, size=BATCH_SIZE, sampling=sampling, **shared)
    torch.manual_seed(5)
    result = fit_plainly(model, batches, epochs=1)
    user, items = torch.tensor([1, 2, 3]), torch.arange(1, 7).expand(3, -1)
    with torch.no_grad():
        scores = model.eval().score(model.represent(), user, items).double()
    met = np.stack([data.user, data.item], axis=1) - 1
    held_out = np.array([(u, next(i for i in range(40) if (u, i) not in set(map(tuple, met)))) for u in range(30)])
    cases = draw_cases(held_out, np.concatenate([met, held_out]), n_users=30, n_items=40, n_candidates=20, seed=0)
    ranks = Evaluator(cases, device=torch.device("cpu")).ranks(model, rankings=("sampled",))
    found = {"loss": result.curve[0]["loss"], "mrr": means(ranks)["sampled.mrr"]}
    found |= {f"score {u} {i}": float(scores[u, i]) for u in range(3) for i in range(6)}
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def agrees(found: dict[str, float], known: dict[str, float]) -> bool:
    """Whether the two differ by no more than the rounding of two machines does."""
    return found == pytest.approx(known, rel=1e-4, abs=1e-6)


def renewed(known: dict[str, dict], models: list[str]) -> dict[str, dict]:
    """``known`` with the rows of ``models`` (all, if there are none) that are new or have moved; the others keep every
    digit."""
    made = {}
    for row in every_row():
        found = fingerprint(row) if not models or row.partition(":")[0] in models else known.get(row)
        if found is not None:
            made[row] = known[row] if row in known and agrees(found, known[row]) else found
    return made


if __name__ == "__main__":
    PATH.write_text(json.dumps(renewed(json.loads(PATH.read_text()), sys.argv[1:]), indent=1) + "\n")
