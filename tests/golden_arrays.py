"""Our arrays of a newer model: built from a file of reference arrays and computed again.

``python tests/golden.py FILE.npz`` comes here for every file with a ``model`` key. tests/golden/README.md has the
layout of the files.
"""

import re

import numpy as np
import torch

from bench.registry import find, load
from bench.train.bridge import TrainingSet, build
from tests.golden_models import FEATURES, SIDES, Side


def settings_of(side: Side, stored) -> dict:
    """Our settings, weights scaled where the reference divides by another batch size or does not divide."""
    given = {ours: stored[f"setting/{theirs}"].item() for theirs, ours in side.settings.items()}
    length = len(stored["users"])
    size = stored.get("setting/train_batch_size", stored.get("setting/batch_size", np.array(length)))
    for name in side.per_batch:
        given[name] *= length / size.item()
    return given | side.derived(stored) | side.fixed | {name: float(length) for name in side.added_up}


def built(side: Side, stored):
    """The model of the file's sizes, settings and weights."""
    user, item = np.nonzero(stored["R"])
    n_users, n_items = stored["R"].shape
    features = {m: stored[key] for key, m in FEATURES.items() if key in stored}
    data = TrainingSet(np.stack([user, item], axis=1), n_users=n_users, n_items=n_items, features=features)
    card, _ = find(str(stored["model"]))
    model = build(load(card), data, settings_of(side, stored))
    parameters = dict(model.named_parameters())
    given = {side.parameters.get(k[2:]): v for k, v in stored.items() if k.startswith("w/")}
    given.pop(None, None)
    missing = set(parameters) - set(given)
    if missing:
        raise ValueError(f"no weights for {', '.join(sorted(missing))}")
    for name, value in given.items():
        with torch.no_grad():
            real(parameters[name], value.shape, model).copy_(torch.from_numpy(value))
    return model


def computed(stored) -> dict[str, torch.Tensor]:
    """Ours of every array of the file that is a result: graphs, vectors, terms of the loss, gradients, scores.

    In float64: gradients of deep layers are what cancellation leaves, and the reference's rounding is enough.
    """
    name = str(stored["model"])
    if name not in SIDES:
        raise ValueError(f"no side of ours for {name}; tests/golden_models.py has {', '.join(SIDES)}")
    side = SIDES[name]
    model = built(side, stored)
    draws = {k[5:]: torch.from_numpy(v) for k, v in stored.items() if k.startswith("draw/")}
    draws |= {"is_refresh": bool(stored["setting/is_refresh"])} if "setting/is_refresh" in stored else {}
    side.prepare(model, draws)
    model = model.double().train()
    batch = {
        ours: torch.from_numpy(stored[theirs]).long() + 1
        for ours, theirs in (("user_id", "users"), ("item_id", "pos"), ("neg_item_id", "neg"))
        if theirs in stored
    }
    terms = side.terms(model, batch, draws)
    found = {f"loss/{k}": v for k, v in terms.items()}
    found |= gradients(side, model, stored, terms)
    found |= {f"forward/{k}": v for k, v in side.forward(model, batch, draws).items()}
    with torch.no_grad():
        found |= {f"graph/{k}": v for k, v in side.graphs(model).items()}
        found["scores"] = scores(model.eval(), draws)
    results = [k for k in stored if k == "scores" or re.match("loss|g/|g_contrast/|forward/|graph/", k)]
    return {k: None if k not in found else real(found[k], stored[k].shape, model) for k in results}


def gradients(side: Side, model, stored, terms) -> dict[str, torch.Tensor]:
    """The total loss and its gradients, zeros for a parameter that it does not reach.

    A reference with a second optimiser has a second total, of its contrastive terms.
    """
    contrast = {k: v for k, v in terms.items() if k.startswith("contrast")} if "loss_contrast" in stored else {}
    first = sum(v for k, v in terms.items() if k not in contrast)
    parts = {"loss": ("g/", first), "loss_contrast": ("g_contrast/", sum(contrast.values()))}
    out, parameters = {}, dict(model.named_parameters())
    for name, (prefix, total) in parts.items():
        if name not in stored:
            continue
        out[name] = total
        grads = torch.autograd.grad(total, parameters.values(), retain_graph=True, allow_unused=True)
        by_name = dict(zip(parameters, grads, strict=True))
        for key in stored:
            if key.startswith(prefix) and (variable := key.removeprefix(prefix)) in side.parameters:
                grad = by_name.get(side.parameters[variable])
                out[key] = torch.zeros(stored[key].shape) if grad is None else grad
    return out


def scores(model, draws) -> torch.Tensor:
    """(user, item) of all users and items, with the recorded noise where an evaluation has some."""
    noise = {k.removeprefix("eval_"): v for k, v in draws.items() if k.startswith("eval_")}
    shared = model.views(noise)[:2] if noise else model.represent()
    return model.score_all(shared, torch.arange(1, model.n_users))[:, 1:]


def real(value: torch.Tensor, shape, model) -> torch.Tensor:
    """``value`` without the rows, and in a graph the columns, of the padding ids."""
    for axis in range(value.dim()):
        value = value.transpose(0, axis)
        if len(value) == shape[axis] + 2:  # users, items and whatever else, one below the other
            value = torch.cat([value[1 : model.n_users], value[model.n_users + 1 :]])
        elif len(value) == shape[axis] + 1:
            value = value[1:]
        value = value.transpose(0, axis)
    return value
