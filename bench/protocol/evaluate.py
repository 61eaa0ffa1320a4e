"""Ranks the target of each case: representations are computed once, then users are scored in blocks."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.protocol.candidates import Cases

SAMPLED_BLOCK = 4_000_000  # scores held at once: 16 MB in float32
FULL_BLOCK = {"cpu": 500_000, "cuda": 16_000_000}  # a full block stays in a core's cache on a CPU
FEW_USERS, MANY_USERS = 16, 64  # a block of fewer than 16 users would reread the items too often: 64 users instead


class NotFinite(ArithmeticError):
    """A score is NaN or infinite, so that no rank has a meaning."""


class Evaluator:
    """Ranks targets among frozen candidates by a model's scores, on the model's device.

    Ties are resolved against the target: it ranks below every candidate with an equal score. Works on any module
    with ``represent``, ``score``, ``score_all`` and ``n_items``; ids are shifted by the padding id here.
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
                score, block = self._sampled, SAMPLED_BLOCK // self.items.shape[1]
            else:
                score, block = self._full, full_block(model.n_items, self.device.type)
            rank, ties = torch.empty(2, len(self.user), dtype=torch.int32, device=self.device)
            total = torch.empty(len(self.user), dtype=torch.float64, device=self.device)
            # filled in place: small results of a block, if kept, would come to lie where its scores were, so that the
            # scores of the next block would need new memory, up to that of all scores
            for part in np.array_split(np.arange(len(self.user)), -(-len(self.user) // max(1, block))):
                rows = slice(part[0], part[-1] + 1)
                rank[rows], ties[rows], total[rows] = score(model, shared, rows)
            if not bool(torch.isfinite(total).all()):
                raise NotFinite("a score is NaN or infinite")
            columns[f"rank_{ranking}"], columns[f"ties_{ranking}"] = rank.cpu().numpy(), ties.cpu().numpy()
        model.train(was_training)
        return pd.DataFrame(columns)

    def _sampled(self, model, shared, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        scores = model.score(shared, self.user[rows], self.items[rows])
        return *rank_and_ties(scores[:, :-1], scores[:, -1:]), scores.sum(1)

    def _full(self, model, shared, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        scores = model.score_all(shared, self.user[rows])
        total = scores.sum(1)  # not finite if any score is not
        target = scores.gather(1, self.items[rows, -1:])
        first, last = self.met_start[rows.start], self.met_start[rows.stop]
        scores[self.met_case[first:last] - rows.start, self.met_item[first:last]] = -torch.inf  # the target is met too
        scores[:, 0] = -torch.inf
        return *rank_and_ties(scores, target), total


def full_block(n_items: int, device: str) -> int:
    """Return the number of users whose scores of all items are held at once."""
    block = FULL_BLOCK[device] // n_items
    return block if block >= FEW_USERS else MANY_USERS


def rank_and_ties(others: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return (batch,) rank from 1 and ties of ``target`` (batch, 1) among ``others`` (batch, n); -inf is masked."""
    flags = torch.empty_like(others)  # sums of floats are several times faster than those of booleans
    better = torch.gt(others, target, out=flags).sum(1).int()
    ties = torch.eq(others, target, out=flags).sum(1).int()
    return 1 + better + ties, ties
