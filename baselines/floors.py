"""Sanity floors: simple methods that a trained model has to beat. All three are RecBole's own classes.

    Pop      popularity: the number of training interactions of an item
    ItemKNN  Deshpande, Karypis. "Item-Based Top-N Recommendation Algorithms", TOIS 2004: k neighbours by cosine
    EASE     Steck. "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: a linear auto-encoder, closed form

EASE and ItemKNN hold an item-by-item matrix in memory, because that matrix is the method. Of items that are equally
similar, NumPy's partition decides in ItemKNN which one is still a neighbour, and versions of NumPy and kinds of CPU
differ in that. On Taobao (``clean``), NumPy 1.26 and 2.5 give it a sampled N@10 (NDCG@10) of .1685 and .1687.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int

from bench.nn.floor import Floor
from bench.spec import Size, Weight, choice, log_uniform


class Pop(Floor):
    theirs = "Pop"
    is_floor = True

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        pass

    def learn(self, count: Int[np.ndarray, " item"]) -> None:
        # RecBole counts an item once per batch, however often it occurs there, so no batch here repeats an item
        for times in range(count.max()):
            self.inner[0].calculate_loss({self.ITEM_ID: torch.from_numpy(np.flatnonzero(count > times))})


class ItemKNN(Floor):
    theirs = "ItemKNN"
    is_floor = True

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        k: Size = choice(100, among=(10, 50, 100, 200, 400))  # number of neighbours
        shrink: Weight = choice(0.0, among=(0.0, 0.5, 1.0, 2.0))
        knn_method: str = "item"


class EASE(Floor):
    theirs = "EASE"
    is_floor = True

    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        reg_weight: Weight = log_uniform(250.0, low=1.0, high=2000.0)
