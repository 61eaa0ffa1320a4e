"""Ranks the target of each case: representations are computed once, then users are scored in blocks."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.protocol.candidates import Cases

# Scores made at once. On a CPU, models that hold much for a score cut a block further, and a full block stays in a
# core's cache. On a GPU they do not: for a score MCLN holds 12 KB there, and DMRL 0.4 KB in a full ranking.
SAMPLED_BLOCK = {"cpu": 4_000_000, "cuda": 100_000}
FULL_BLOCK = {"cpu": 500_000, "cuda": 4_000_000}
# a block of all items and fewer than 32 users would reread the items too often: instead it has 256 users and a part of
# the items, or 64 users and all items where the model cannot score a part
FEW_USERS, PART_USERS, MANY_USERS = 32, 256, 64


class NotFinite(ArithmeticError):
    """A score is NaN or infinite, so that no rank has a meaning."""


class Evaluator:
    """Ranks targets among frozen candidates by a model's scores, on the model's device.

    Ties are resolved against the target: it ranks below every candidate with an equal score. Works on any module
    with ``represent``, ``score``, ``score_all``, ``part`` and ``n_items``; ids are shifted by the padding id here.
    """

    def __init__(self, cases: Cases, *, device: torch.device):
        self.cases, self.device = cases, device
        self.user = torch.from_numpy(cases.user + 1).to(device)
        target = torch.from_numpy(cases.target[:, None] + 1)
        candidates = torch.from_numpy(cases.candidates + 1)
        self.items = torch.cat([candidates, target], dim=1).to(device)  # the target comes last
        count = np.diff(cases.met_start)[cases.user]
        self.met_start = np.concatenate([[0], np.cumsum(count)])
        within = np.arange(self.met_start[-1]) - np.repeat(self.met_start[:-1], count)
        met = cases.met_items[np.repeat(cases.met_start[cases.user], count) + within]
        self.met_case = torch.from_numpy(np.repeat(np.arange(len(cases.user)), count)).to(device)
        self.met_item = torch.from_numpy(met + 1).to(device)

    @property
    def sampled_block(self) -> int:
        """The number of cases whose candidates are scored at once."""
        return max(1, SAMPLED_BLOCK[self.device.type] // self.items.shape[1])

    @torch.no_grad()
    def ranks(self, model, *, rankings: tuple[str, ...]) -> pd.DataFrame:
        """Return one row per case: ``user``, ``target``, and for each ranking ``rank_…`` (from 1) and ``ties_…``.

        Raises:
            NotFinite: when a score is not finite.
        """
        was_training = model.training
        model.eval()
        shared = model.represent()
        columns = {"user": self.cases.user, "target": self.cases.target}
        for ranking in rankings:
            if ranking == "sampled":
                score, block = self._sampled, self.sampled_block
            elif (block := FULL_BLOCK[self.device.type] // model.n_items) >= FEW_USERS:
                score = self._full
            elif model.part(shared, self.items[:0, -1]) is None:
                score, block = self._full, MANY_USERS
            else:
                score, block = self._full_in_parts, PART_USERS
            rank, ties = torch.empty(2, len(self.user), dtype=torch.int32, device=self.device)
            total = torch.empty(len(self.user), dtype=torch.float64, device=self.device)
            # filled in place: small results of a block, if kept, would come to lie where its scores were, so that the
            # scores of the next block would need new memory, up to that of all scores
            for part in np.array_split(np.arange(len(self.user)), -(-len(self.user) // block)):
                rows = slice(part[0], part[-1] + 1)
                rank[rows], ties[rows], total[rows] = score(model, shared, rows)
            if not bool(torch.isfinite(total).all()):
                raise NotFinite("a score is NaN or infinite")
            columns[f"rank_{ranking}"], columns[f"ties_{ranking}"] = rank.cpu().numpy(), ties.cpu().numpy()
        model.train(was_training)
        return pd.DataFrame(columns)

    def _sampled(self, model, shared, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        scores = model.score(shared, self.user[rows], self.items[rows])
        not_below, ties = counts(scores[:, :-1], scores[:, -1:])
        return 1 + not_below, ties, scores.sum(1)

    def _full(self, model, shared, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        scores = model.score_all(shared, self.user[rows])
        return self._counted([(0, scores)], scores.gather(1, self.items[rows, -1:]), rows)

    def _full_in_parts(self, model, shared, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Return what ``_full`` does, without ever holding the scores of all items: each part stays in the cache."""
        user, target = self.user[rows], self.items[rows, -1]
        width = FULL_BLOCK[self.device.type] // PART_USERS
        items = torch.arange(1, model.n_items, device=self.device).tensor_split(-(-(model.n_items - 1) // width))

        def scores_of(part: Tensor) -> Tensor:
            return model.score_all(model.part(shared, torch.cat([part.new_zeros(1), part])), user)

        # the targets, repeated, are a part as wide as the others: equal vectors have equal scores in equal products
        of_targets = scores_of(target.repeat(-(-width // len(target)))[: len(items[0])])
        before = np.cumsum([0, *map(len, items[:-1])]).tolist()
        parts = ((start, scores_of(part)) for start, part in zip(before, items, strict=True))
        return self._counted(parts, of_targets[:, 1 : 1 + len(target)].diagonal().unsqueeze(1), rows)

    def _counted(self, parts: Iterable[tuple[int, Tensor]], target: Tensor, rows: slice) -> tuple[Tensor, ...]:
        """Return ranks, ties and the sum of all scores. ``parts`` pairs the number of items before a part with the
        scores of the padding id and of the part's items."""
        first, last = self.met_start[rows.start], self.met_start[rows.stop]
        case, item = self.met_case[first:last] - rows.start, self.met_item[first:last]
        rank, ties, total = 1, 0, 0
        for before, scores in parts:
            total = total + scores.sum(1)  # not finite if any score is not
            column = item - before
            scores[case, column.where((column > 0) & (column < scores.shape[1]), 0)] = -torch.inf  # the target's, too
            scores[:, 0] = -torch.inf
            not_below, equal = counts(scores, target)
            rank, ties = rank + not_below, ties + equal
        return rank, ties, total


def counts(others: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many of ``others`` (batch, n) are not below ``target`` (batch, 1), and how many equal it, (batch,)
    each; -inf is masked."""
    flags = torch.empty_like(others)  # sums of floats are several times faster than those of booleans
    above = torch.gt(others, target, out=flags).sum(1).int()
    equal = torch.eq(others, target, out=flags).sum(1).int()
    return above + equal, equal
