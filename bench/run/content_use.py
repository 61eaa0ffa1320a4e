"""Measures MCLN's claim on simulated sets: how much of a trained model's scores the irrelevant content decides.

Only there is it known which content bears on preference (``bench.data.synthetic``).
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from bench.data import knockout
from bench.data.dataset import Dataset
from bench.nn.features import FeatureRows
from bench.nn.knn import unit_rows
from bench.protocol import content_use as occlusion
from bench.protocol.candidates import Cases
from bench.protocol.evaluate import Evaluator

SEED = 2023
N_CASES = 256  # test cases whose gradients are taken


def facts(model, dataset: Dataset, cases: Cases, *, build: Callable[[Dataset], Any]) -> dict[str, float | str]:
    """Return the record's facts on the use of content by ``model``, trained on ``dataset``.

    Draws from torch's global generator. ``build`` returns the untrained model on a data set, from the job's seed.
    """

    def untrained(part: str):
        return build(knockout.occlude(dataset, part) if part else dataset)

    return {**occlusion.measure(model, cases, untrained=untrained), **gradients(model, dataset, cases)}


def gradients(model, dataset: Dataset, cases: Cases) -> dict[str, float | str]:
    """Return ``gradient.irrelevant``, or ``gradient.reason`` that says why there is no such value.

    The value is the mean norm, over some cases, of d score / d (irrelevant columns of all items), divided by the mean
    norm of d score / d (all columns); the score is that of the test item.
    """
    model = copy.deepcopy(model).eval()
    modules = [m for m in model.modules() if isinstance(m, FeatureRows)]
    columns = [irrelevant_columns(rows, dataset) for rows in modules]
    if not modules:
        return {"gradient.reason": "the model holds no rows of content"}
    if any(c is None for c in columns):
        return {"gradient.reason": "the rows of content are not those of the data set, or not dense"}
    tables = [rows.rows.requires_grad_() for rows in modules]
    evaluator, shared, norms = Evaluator(cases, device=model.device), model.represent(), []
    n = len(cases.user)
    for k in np.random.default_rng(SEED).choice(n, min(N_CASES, n), replace=False):
        score = model.score(shared, evaluator.user[k : k + 1], evaluator.items[k : k + 1])[0, -1]
        if not score.requires_grad:
            return {"gradient.reason": "no score depends on the rows of content"}
        grads = torch.autograd.grad(score, tables, retain_graph=True, materialize_grads=True)
        squares = [[g[:, c].square().sum(), g.square().sum()] for g, c in zip(grads, columns, strict=True)]
        norms.append(torch.tensor(squares).sum(0).sqrt())
    part, whole = torch.stack(norms).double().mean(0).tolist()
    return {"gradient.irrelevant": part / whole} if whole else {"gradient.reason": "every gradient is zero"}


def irrelevant_columns(rows: FeatureRows, dataset: Dataset) -> torch.Tensor | None:
    """Return (width,) bool, true for columns planted as irrelevant; None where ``rows`` are no modality's rows.

    The rows may be those of one modality or of all side by side, and each item's row may have been scaled.
    """
    if rows.is_sparse or any(sp.issparse(table) for table in dataset.features.values()):
        return None
    for names in (*([m] for m in dataset.features), list(dataset.features)):
        widths = [dataset.features[m].shape[1] for m in names]
        if sum(widths) != rows.width:
            continue
        parts = rows.rows[1:].detach().cpu().split(widths, dim=1)  # without the padding row
        originals = [torch.from_numpy(unit_rows(dataset.features[m])) for m in names]
        if all(torch.allclose(unit_rows(p), o, atol=1e-5) for p, o in zip(parts, originals, strict=True)):
            return torch.cat([is_irrelevant(m, width, dataset) for m, width in zip(names, widths, strict=True)])
    return None


def is_irrelevant(modality: str, width: int, dataset: Dataset) -> torch.Tensor:
    first, last = dataset.planted.get(modality, {}).get("irrelevant", (0, 0))
    place = torch.arange(width)
    return (place >= first) & (place < last)
