"""RecBole's floors through our evaluator."""

import sys

import numpy as np
import pytest
import torch

from baselines.floors import EASE, ItemKNN, Pop
from tests.toy import make, random_set

pytestmark = pytest.mark.filterwarnings("ignore")  # RecBole's own: np.matrix, sparse efficiency


def scores(model):
    return model.score_all(model.represent(), torch.tensor([1, 2, 3]))


def test_popularity_is_the_count_of_entries():
    data = random_set()
    count = np.bincount(data.item, minlength=41)
    assert torch.allclose(scores(make(Pop, data))[1], torch.from_numpy(count / count.max()))


def test_ease_in_closed_form():
    """B = I - P diag(1 / P) with P = (X'X + reg I)^-1; scores are X B."""
    data = random_set()
    x = data.inter_matrix().toarray()
    p = np.linalg.inv(x.T @ x + 20 * np.eye(41))
    expected = x @ (np.eye(41) - p / np.diag(p))
    assert np.allclose(scores(make(EASE, data, reg_weight=20.0)), expected[1:4], atol=1e-4)


def test_item_neighbours_by_cosine():
    data = random_set()
    x = data.inter_matrix().toarray()
    norm = np.linalg.norm(x, axis=0)
    cosine = x.T @ x / np.maximum(np.outer(norm, norm), 1e-9)
    np.fill_diagonal(cosine, 0)
    assert np.allclose(scores(make(ItemKNN, data, k=41)), (x @ cosine)[1:4], atol=1e-4)


@pytest.mark.parametrize("model", [Pop, EASE, ItemKNN])
def test_candidates_are_cells_of_the_whole_row(model, monkeypatch):
    """The scores of all items are held for a few users at a time: of many users they would not fit in memory."""
    floor, user = make(model, random_set()), torch.arange(1, 8)
    item, whole, asked = torch.arange(1, 22).view(7, 3), floor.score_all(None, user), []
    theirs = floor.inner[0].full_sort_predict
    monkeypatch.setattr(floor.inner[0], "full_sort_predict", lambda x: asked.append(len(x["user_id"])) or theirs(x))
    monkeypatch.setattr("bench.nn.floor.AT_ONCE", 3 * floor.n_items)
    assert torch.equal(floor.score(None, user, item), whole.gather(1, item))
    assert asked == [3, 3, 1]


@pytest.mark.parametrize("floor", [Pop, ItemKNN, EASE])
def test_nothing_is_imported_on_a_floor_s_time(floor, monkeypatch):
    """RecBole's models import scikit-learn, for seconds; that belongs to no model."""
    monkeypatch.delattr("recbole.model.general_recommender")
    monkeypatch.setitem(sys.modules, "recbole.model.general_recommender", None)
    make(floor, random_set())
