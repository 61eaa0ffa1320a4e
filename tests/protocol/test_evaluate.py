"""Ranks against a plain loop, ties against the target, and RecBole's own metrics."""

import weakref

import numpy as np
import pytest
import torch

from bench.protocol import evaluate
from bench.protocol.candidates import Cases, draw_cases
from bench.protocol.evaluate import Evaluator, NotFinite, rank_and_ties

CPU = torch.device("cpu")


class Table:
    """A stand-in model: scores are a fixed table (user, item), padding counted."""

    is_candidate_dependent, training = False, True

    def __init__(self, scores):
        self.scores, self.n_items, self.represented = torch.as_tensor(scores), scores.shape[1], 0

    def eval(self):
        self.training = False

    def train(self, mode=True):
        self.training = mode

    def represent(self):
        assert not self.training
        self.represented += 1

    def score(self, shared, user, item):
        return self.scores[user.unsqueeze(1), item]

    def score_all(self, shared, user):
        return self.scores[user]


def drawn(rng, n_users=25, n_items=40):
    met = np.array([(u, i) for u in range(n_users) for i in rng.choice(n_items, 6, replace=False)])
    test = met[::6]
    shape = {"n_users": n_users, "n_items": n_items}
    return draw_cases(test, met, n_candidates=9, seed=0, **shape), met


def by_loop(scores, cases, met):
    """(sampled, full) ranks with ties against the target, one comparison at a time."""
    out = []
    for user, target, candidates in zip(cases.user, cases.target, cases.candidates, strict=True):
        mine = scores[user + 1, target + 1]
        known = set(met[met[:, 0] == user][:, 1])
        others = [i for i in range(scores.shape[1] - 1) if i not in known]
        rank = [1 + sum(scores[user + 1, i + 1] >= mine for i in pool) for pool in (candidates, others)]
        out.append(rank)
    return np.array(out)


def test_a_block_has_users_enough_however_many_items_there_are():
    """The paper's sets keep the blocks that their records were made with."""
    items = {8_679: 57, 31_250: 16, 31_251: 64, 10**6: 64}
    assert {n: evaluate.full_block(n, "cpu") for n in items} == items
    assert evaluate.full_block(10**6, "cuda") == 16


@pytest.mark.parametrize("block", [1, 100, 4_000_000])
@pytest.mark.parametrize("decimals", [8, 1])
def test_ranks_equal_a_plain_loop(rng, monkeypatch, block, decimals):
    monkeypatch.setattr(evaluate, "SAMPLED_BLOCK", block)
    monkeypatch.setitem(evaluate.FULL_BLOCK, "cpu", block)
    monkeypatch.setattr(evaluate, "FEW_USERS", 1)
    monkeypatch.setattr(evaluate, "MANY_USERS", 1)
    cases, met = drawn(rng)
    scores = rng.normal(size=(26, 41)).round(decimals)
    got = Evaluator(cases, device=CPU).ranks(Table(scores), rankings=("sampled", "full"))
    assert (got[["rank_sampled", "rank_full"]].to_numpy() == by_loop(scores, cases, met)).all()


@pytest.mark.parametrize("ranking", ["sampled", "full"])
def test_nothing_of_a_block_is_left_when_the_next_begins(rng, monkeypatch, ranking):
    """Small tensors that stay would lie where its scores were, so that memory would grow to hold the scores of all."""
    monkeypatch.setattr(evaluate, "SAMPLED_BLOCK", 40)
    monkeypatch.setattr(evaluate, "full_block", lambda n_items, device: 4)
    evaluator = Evaluator(drawn(rng)[0], device=CPU)
    score, before = getattr(evaluator, f"_{ranking}"), []

    def watched(*args):
        assert all(tensor() is None for tensor in before)
        out = score(*args)
        before.extend(weakref.ref(tensor) for tensor in out)
        return out

    monkeypatch.setattr(evaluator, f"_{ranking}", watched)
    evaluator.ranks(Table(rng.normal(size=(26, 41))), rankings=(ranking,))
    assert len(before) == 3 * 7


def test_ties_count_against_the_target_and_are_counted():
    rank, ties = rank_and_ties(torch.tensor([[3.0, 2.0, 2.0, 1.0], [0, 0, 0, 0]]), torch.tensor([[2.0], [1.0]]))
    assert rank.tolist() == [4, 1]
    assert ties.tolist() == [2, 0]


def test_constant_scores_rank_last():
    cases = Cases(
        user=np.array([0]),
        target=np.array([2]),
        candidates=np.array([[0, 1]]),
        met_start=np.array([0, 1]),
        met_items=np.array([2]),
    )
    got = Evaluator(cases, device=CPU).ranks(Table(np.zeros((2, 5))), rankings=("sampled", "full"))
    assert got.rank_sampled.tolist() == [3]
    assert got.rank_full.tolist() == [4]  # three other items, the padding id not among them


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("ranking", ["sampled", "full"])
def test_a_score_that_is_not_finite_is_an_error(rng, bad, ranking):
    cases, _ = drawn(rng)
    scores = rng.normal(size=(26, 41))
    scores[cases.user[3] + 1, cases.candidates[3, 0] + 1] = bad
    with pytest.raises(NotFinite):
        Evaluator(cases, device=CPU).ranks(Table(scores), rankings=(ranking,))


def test_a_target_s_score_that_is_not_finite_is_an_error(rng):
    """A comparison with NaN is false, so that the target would stand first."""
    cases, _ = drawn(rng)
    scores = rng.normal(size=(26, 41))
    scores[cases.user[3] + 1, cases.target[3] + 1] = np.nan
    with pytest.raises(NotFinite):
        Evaluator(cases, device=CPU).ranks(Table(scores), rankings=("sampled",))


def test_representations_are_computed_once_and_the_mode_is_restored(rng):
    model = Table(rng.normal(size=(26, 41)))
    Evaluator(drawn(rng)[0], device=CPU).ranks(model, rankings=("sampled",))
    assert model.represented == 1
    assert model.training
