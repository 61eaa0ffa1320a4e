"""Ranks against a plain loop, ties against the target, and RecBole's own metrics."""

import weakref

import numpy as np
import pytest
import torch

from bench.protocol import evaluate
from bench.protocol.candidates import Cases, draw_cases
from bench.protocol.evaluate import Evaluator, NotFinite, counts

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

    def part(self, shared, items):
        return None


class Vectors(Table):
    """A stand-in model: scores are inner products, so that a part of the items can be scored."""

    def __init__(self, users, items):
        super().__init__(users @ items.T)
        self.vectors, self.blocks = (torch.as_tensor(users), torch.as_tensor(items)), []

    def represent(self):
        return self.vectors

    def score_all(self, shared, user):
        self.blocks.append((len(user), len(shared[1])))
        return shared[0][user] @ shared[1].T

    def part(self, shared, items):
        return shared[0], shared[1][items]


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


@pytest.mark.parametrize(
    ("n_items", "of_whole", "of_parts"),
    [
        (8_678, (57, 8_679), (57, 8_679)),  # the paper's sets keep the blocks that their records were made with
        (15_624, (32, 15_625), (32, 15_625)),
        (15_625, (64, 15_626), (256, 1_738)),
        (10**5, (64, 100_001), (256, 1_925)),
    ],
)
def test_a_block_has_users_enough_however_many_items_there_are(n_items, of_whole, of_parts):
    """The largest block of users and items; a part's items include the padding id."""
    n_users = 600
    user, pool = np.arange(n_users), np.arange(n_users) % 99
    met = {"met_start": np.arange(n_users + 1), "met_items": pool}
    cases = Cases(user=user, target=pool, candidates=pool[:, None], **met)
    model = Vectors(np.ones((n_users + 1, 1), np.float32), np.ones((n_items + 1, 1), np.float32))
    for part, expected in ((model.part, of_parts), (lambda shared, items: None, of_whole)):
        model.part, model.blocks = part, []
        Evaluator(cases, device=CPU).ranks(model, rankings=("full",))
        users, items = zip(*model.blocks, strict=True)
        assert max(users) <= expected[0] < 1.5 * max(users)
        assert max(items) == expected[1]


@pytest.mark.parametrize("block", [1, 100, 4_000_000])
@pytest.mark.parametrize("decimals", [8, 1])
def test_ranks_equal_a_plain_loop(rng, monkeypatch, block, decimals):
    monkeypatch.setitem(evaluate.SAMPLED_BLOCK, "cpu", block)
    monkeypatch.setitem(evaluate.FULL_BLOCK, "cpu", block)
    monkeypatch.setattr(evaluate, "FEW_USERS", 1)
    monkeypatch.setattr(evaluate, "MANY_USERS", 1)
    cases, met = drawn(rng)
    scores = rng.normal(size=(26, 41)).round(decimals)
    got = Evaluator(cases, device=CPU).ranks(Table(scores), rankings=("sampled", "full"))
    assert (got[["rank_sampled", "rank_full"]].to_numpy() == by_loop(scores, cases, met)).all()


@pytest.mark.parametrize(("n_users", "n_items"), [(1, 1), (2, 7), (4, 20), (25, 40)])
def test_ranks_in_parts_equal_a_plain_loop(rng, monkeypatch, n_users, n_items):
    """Small whole numbers, whose products have no rounding and many ties."""
    monkeypatch.setitem(evaluate.FULL_BLOCK, "cpu", n_users * n_items)
    monkeypatch.setattr(evaluate, "FEW_USERS", 10**6)
    monkeypatch.setattr(evaluate, "PART_USERS", n_users)
    cases, met = drawn(rng)
    model = Vectors(*(rng.integers(-2, 3, size=(n, 2)).astype(np.float32) for n in (26, 41)))
    got = Evaluator(cases, device=CPU).ranks(model, rankings=("full",))
    assert max(items for _, items in model.blocks) == n_items + 1
    assert (got["rank_full"].to_numpy() == by_loop(model.scores, cases, met)[:, 1]).all()


def test_equal_vectors_tie_in_whatever_part_they_are(rng):
    """Sums are rounded otherwise in products of other shapes, and a tie with the target would be lost."""
    n_users, n_items, copies = 300, 40_000, 7
    vectors = rng.normal(size=(n_items // copies, 64)).astype(np.float32)
    items = np.concatenate([vectors[:1], *[vectors] * copies, vectors[: n_items - copies * len(vectors)]])
    user, target = np.arange(n_users), rng.integers(n_items - 7, size=n_users)
    met = {"met_start": np.arange(n_users + 1), "met_items": target}
    cases = Cases(user=user, target=target, candidates=target[:, None] + 1, **met)
    model = Vectors(rng.normal(size=(n_users + 1, 64)).astype(np.float32), items)
    got = Evaluator(cases, device=CPU).ranks(model, rankings=("full",))
    assert max(model.blocks) == (150, 1_906)
    number = np.arange(n_items) % len(vectors)
    assert (got["ties_full"] == [np.sum(number == number[t]) - 1 for t in target]).all()


@pytest.mark.parametrize("ranking", ["sampled", "full"])
def test_nothing_of_a_block_is_left_when_the_next_begins(rng, monkeypatch, ranking):
    """Small tensors that stay would lie where its scores were, so that memory would grow to hold the scores of all."""
    monkeypatch.setitem(evaluate.SAMPLED_BLOCK, "cpu", 40)
    monkeypatch.setattr(evaluate, "FEW_USERS", 4)
    monkeypatch.setitem(evaluate.FULL_BLOCK, "cpu", 4 * 41)
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
    not_below, ties = counts(torch.tensor([[3.0, 2.0, 2.0, 1.0], [0, 0, 0, 0]]), torch.tensor([[2.0], [1.0]]))
    assert not_below.tolist() == [3, 0]
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


def test_a_score_that_is_not_finite_is_an_error_in_the_last_part_too(monkeypatch):
    monkeypatch.setitem(evaluate.FULL_BLOCK, "cpu", 10)
    monkeypatch.setattr(evaluate, "PART_USERS", 1)
    met = {"met_start": np.array([0, 1]), "met_items": np.array([2])}
    cases = Cases(user=np.array([0]), target=np.array([2]), candidates=np.array([[0, 1]]), **met)
    items = np.ones((41, 1), np.float32)
    items[40] = np.nan
    with pytest.raises(NotFinite):
        Evaluator(cases, device=CPU).ranks(Vectors(np.ones((2, 1), np.float32), items), rankings=("full",))


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
