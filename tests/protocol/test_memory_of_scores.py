"""What a block of scores takes of a GPU's memory, where every model makes all of the block at once."""

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import baselines.dmrl.model
import models.mcln.model
from bench import registry
from bench.protocol.evaluate import FULL_BLOCK, SAMPLED_BLOCK
from bench.spec import N_CANDIDATES
from tests.toy import make, random_set

MOST = 2 * 2**30  # bytes: a small part of a GPU, as several jobs share one


class Peak(TorchDispatchMode):
    """The most bytes that the tensors made inside held at once."""

    def __init__(self):
        super().__init__()
        self.held, self.bytes = {}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        given = {id_of(t) for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        for made in tree_leaves(out):
            if isinstance(made, torch.Tensor) and id_of(made) not in given:
                storage = made.untyped_storage()
                self.held[id_of(made)] = StorageWeakRef(storage), storage.nbytes()
        self.held = {key: entry for key, entry in self.held.items() if not entry[0].expired()}
        self.bytes = max(self.bytes, sum(size for _, size in self.held.values()))
        return out


def id_of(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


@pytest.fixture
def _as_on_a_gpu(monkeypatch):
    """Without the smaller blocks that the models make on a CPU."""
    monkeypatch.setattr(models.mcln.model, "SCORED_ROWS", 10**9)
    monkeypatch.setattr(baselines.dmrl.model, "USERS", 10**6)
    monkeypatch.setattr(baselines.dmrl.model, "ITEMS", 10**6)


def of_paper(name: str):
    """The model with the sizes of its default preset, on a small data set of two modalities."""
    card, preset = registry.find(name)
    values = registry.settings(card, preset, dataset="", hyper={})
    return make(registry.load(card), random_set(), **registry.split_settings(values)[1]).eval()


@pytest.mark.usefixtures("_as_on_a_gpu")
@pytest.mark.parametrize("name", ["MCLN", "DMRL", "CausalRec", "LightGCN"])
def test_a_block_of_a_ranking_takes_little_of_a_gpu(name):
    """The first three hold more for each score than the other models do."""
    model, user = of_paper(name), torch.arange(1, 31)
    item = torch.randint(1, model.n_items, (len(user), N_CANDIDATES + 1))
    with torch.no_grad():
        shared = model.represent()
        with Peak() as sampled:
            model.score(shared, user, item)
        assert sampled.bytes / item.numel() * SAMPLED_BLOCK["cuda"] < MOST
        if not model.is_candidate_dependent:
            with Peak() as full:
                model.score_all(shared, user)
            assert full.bytes / (len(user) * model.n_items) * FULL_BLOCK["cuda"] < MOST
