"""Made-up data for CausalMMRec, and small models of it."""

import numpy as np
import torch

from bench.train.bridge import TrainingSet
from models.causal_mmrec.model import CausalMMRec
from tests.toy import make, random_batch

SMALL = {"embedding_size": 8, "n_coarse": 3, "n_fine": 2, "n_contexts": 4, "n_neighbours": 4}


def linked_set(n_items=120, n_users=40, *, strangers=False, modalities=2, seed=0):
    """Items of two kinds; textual rows are a linear map of the visual ones, or independent of them."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n_items) % 2
    visual = rng.normal(size=(n_items, 8)) + 3 * kind[:, None]
    textual = rng.normal(size=(n_items, 6)) if strangers else visual @ rng.normal(size=(8, 6))
    rows = {"visual": visual, "textual": textual, "acoustic": visual[:, :3] + rng.normal(size=(n_items, 3))}
    pairs = [(u, i) for u in range(n_users) for i in rng.choice(np.flatnonzero(kind == u % 2), 6, replace=False)]
    features = {m: rows[m].astype(np.float32) for m in list(rows)[:modalities]}
    return TrainingSet(np.array(pairs), n_users=n_users, n_items=n_items, features=features)


def scores(model):
    with torch.no_grad():
        return model.eval().full_sort_predict({"user_id": torch.arange(1, model.n_users)})


def train(model, data, *, steps=5, lr=0.05):
    """A few steps with fixed draws; the losses."""
    torch.manual_seed(3)
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    for step in range(steps):
        model.train()
        model.before_epoch(step + 1)
        loss = model.calculate_loss(random_batch(data, size=64, seed=step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def shaken(data, seed=0, **settings):
    """A model whose adjustments are away from their zero start."""
    model = make(CausalMMRec, data, seed=seed, **SMALL, **settings)
    with torch.no_grad():
        for door in (model.back_door, model.front_door):
            for parameter in door.parameters() if door else ():
                parameter.normal_()
    return model
