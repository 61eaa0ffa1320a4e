"""Simulated sets: exact counts, planted columns, and preference that can be learnt."""

import hashlib

import numpy as np
import pytest

from bench.data import sources
from bench.data.audit import stats
from bench.data.split import keys
from bench.data.synthetic import GENERATOR, SIMULATED, USUAL, simulate
from bench.spec import BenchError
from tests.data.files import same

TINY = {"name": "tiny-sim", "n_users": 300, "n_items": 120, "n_train": 2500, "seed": 1}


@pytest.fixture(scope="module")
def tiny():
    return simulate(**TINY)


def test_counts(tiny):
    train, valid, test = (keys(tiny, pairs) for pairs in (tiny.train, tiny.valid, tiny.test))
    assert (len(train), len(valid), len(test)) == (2500, 300, 300)
    assert len(np.unique(train)) == 2500
    assert np.isin(valid, train).all()
    assert not np.isin(test, train).any()
    assert np.array_equal(tiny.valid[:, 0], np.arange(300))
    assert np.array_equal(tiny.test[:, 0], np.arange(300))
    assert np.bincount(tiny.train[:, 0]).min() == 4
    assert np.bincount(tiny.train[:, 1], minlength=120).min() >= 1


def test_equal_seeds_give_equal_data(tiny):
    assert same(tiny, simulate(**TINY))
    assert not np.array_equal(tiny.train, simulate(**TINY | {"seed": 2}).train)


def test_the_stream_is_pinned(tiny):
    """The content hash covers settings alone: whoever changes what they give raises VERSION, and this."""
    digest = hashlib.sha256(np.concatenate([tiny.train, tiny.valid, tiny.test]).astype("<i8").tobytes())
    assert digest.hexdigest()[:16] == "97807cd333b2fac3"


def test_modalities_do_not_move_the_pairs(tiny):
    alone = simulate(**TINY, modalities=("visual",))
    assert list(alone.features) == ["visual"]
    assert np.array_equal(alone.train, tiny.train)
    assert np.array_equal(alone.features["visual"], tiny.features["visual"])


def hit_rate(data, scores):
    """HR@10 of the test item among all items outside the user's train list."""
    scores = scores.astype(np.float64)
    scores[data.train[:, 0], data.train[:, 1]] = -np.inf
    own = scores[data.test[:, 0], data.test[:, 1]][:, None]
    return ((scores > own).sum(axis=1) < 10).mean()


def profile(data, columns):
    """Scores by the mean of the user's train rows, over some columns of the visual content."""
    rows = data.features["visual"][:, slice(*columns)]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    history = np.zeros((data.n_users, data.n_items))
    history[data.train[:, 0], data.train[:, 1]] = 1
    return history @ rows @ rows.T


def test_planted_content(tiny):
    planted = tiny.planted["visual"]
    assert planted == {"relevant": (0, 64), "irrelevant": (64, 128)}
    assert tiny.features["visual"].shape == (120, 128)
    assert tiny.features["textual"].shape == (120, 64)
    popularity = np.tile(np.bincount(tiny.train[:, 1]), (300, 1))
    relevant, irrelevant = (hit_rate(tiny, profile(tiny, planted[kind])) for kind in planted)
    assert relevant > 1.3 * hit_rate(tiny, popularity)
    assert irrelevant < 0.5 * relevant
    spread = [tiny.features["visual"][:, slice(*planted[kind])].std() for kind in planted]
    assert spread[1] > 1.5 * spread[0]


@pytest.mark.parametrize(
    "wrong", [{"n_train": 1199}, {"n_users": 5, "n_train": 100}, {"n_train": 12_001}, {"n_items": 6}]
)
def test_impossible_counts(wrong):
    with pytest.raises(BenchError, match="cannot have"):
        simulate(**TINY | wrong)


def test_a_crowded_set_ends():
    """Every user holds a third of the items: popular ones run out, and drawing must still end."""
    data = simulate(name="crowded", n_users=40, n_items=60, n_train=800)
    assert np.bincount(data.train[:, 0]).max() == np.bincount(data.train[:, 0]).min() == 20


@pytest.mark.parametrize(
    ("name", "users", "items", "interactions"),
    [
        ("beauty-sim", 15_576, 8_678, 139_318),
        ("art-sim", 25_165, 9_324, 201_427),
        ("taobao-sim", 12_539, 8_735, 83_648),
    ],
)
def test_the_papers_counts(tmp_path, name, users, items, interactions):
    data = sources.find(name).load(cache_dir=tmp_path)
    facts = stats(data)
    assert (facts["users"], facts["items"], facts["interactions"]) == (users, items, interactions)
    assert len(np.unique(data.train[:, 1])) == items
    assert data.feature_id == "planted"
    assert list(data.planted) == list((USUAL | SIMULATED[name])["modalities"])


def test_other_features_are_refused():
    with pytest.raises(BenchError, match="unknown features of beauty-sim 'entities'; known: none, planted"):
        sources.find("beauty-sim").fingerprint("entities")


def test_the_hash_covers_the_settings(monkeypatch):
    names = list(SIMULATED)
    before = [sources.find(name).fingerprint() for name in names]
    assert before == [sources.find(name).fingerprint() for name in names]
    monkeypatch.setitem(GENERATOR, "sharpness", 1.0)
    after = [sources.find(name).fingerprint() for name in names]
    assert len({*before, *after}) == 6
