"""Frozen candidates: distinct, unmet, uniform, the same every time."""

import numpy as np
import pytest

from bench.data import sources
from bench.data.split import split
from bench.protocol.candidates import draw_cases, draw_distinct
from bench.run.prepared import frozen_cases
from bench.spec import PROTOCOLS
from tests.data.files import DATA, write_folder

SHAPE = {"n_users": 8, "n_items": 40}


def cases(seed=0, n=12, **shape):
    rng = np.random.default_rng(7)
    met = np.array([(u, i) for u in range(8) for i in rng.choice(40, 5 + u, replace=False)])
    pairs = np.array([met[met[:, 0] == u][0] for u in range(8)])
    return draw_cases(pairs, met, n_candidates=n, seed=seed, **{**SHAPE, **shape}), met


def test_candidates_are_distinct_and_unmet():
    drawn, met = cases()
    for user, row in zip(drawn.user, drawn.candidates, strict=True):
        assert len(set(row)) == 12
        assert not set(row) & set(met[met[:, 0] == user][:, 1])
        assert row.min() >= 0
        assert row.max() < 40


def test_every_unmet_item_is_equally_likely():
    counts = np.zeros((8, 40))
    for seed in range(400):
        drawn, met = cases(seed)
        np.add.at(counts, (np.repeat(drawn.user, 12), drawn.candidates.ravel()), 1)
    counts[met[:, 0], met[:, 1]] = np.nan
    for user in range(8):
        free = 40 - 5 - user
        expected, spread = 400 * 12 / free, (400 * 12 / free * (1 - 12 / free)) ** 0.5
        assert np.nanmax(abs(counts[user] - expected)) < 4.5 * spread


def test_all_free_items_can_be_asked_for():
    drawn, met = cases(n=28)  # the last user has 28 left
    assert sorted(drawn.candidates[7]) == sorted(set(range(40)) - set(met[met[:, 0] == 7][:, 1]))


def test_the_seed_decides_and_the_hash_names_it():
    assert cases(0)[0].hash == cases(0)[0].hash
    assert cases(0)[0].hash != cases(1)[0].hash


def test_candidates_against_a_list_of_the_free_items():
    """A place among the free items of a user is looked up in a plain list of them."""
    drawn, met = cases(seed=3)
    free = [sorted(set(range(40)) - set(met[met[:, 0] == user][:, 1])) for user in range(8)]
    places = draw_distinct(np.array([len(free[user]) for user in drawn.user]), 12, np.random.default_rng(3))
    looked_up = [[free[user][place] for place in row] for user, row in zip(drawn.user, places, strict=True)]
    assert drawn.candidates.tolist() == looked_up


def test_the_first_distinct_values_of_the_sequence():
    sizes, n = np.full(5, 1000), 4
    sequence = (np.random.default_rng(2).random((5, 4 + 1 + 8)) * 1000).astype(int)
    expected = []
    for row in sequence.tolist():
        expected.append([value for place, value in enumerate(row) if value not in row[:place]][:4])
    assert draw_distinct(sizes, n, np.random.default_rng(2)).tolist() == expected
    few = draw_distinct(np.array([99, 100, 99]), 99, np.random.default_rng(2))
    assert [sorted(row) for row in few[[0, 2]].tolist()] == [list(range(99))] * 2
    assert draw_distinct(np.empty(0, dtype=int), 9, np.random.default_rng(2)).shape == (0, 9)


def test_the_draws_are_pinned():
    """Published numbers stand on these candidates: whoever changes them raises the protocol's version."""
    assert cases(seed=2023)[0].hash == "2a8ffdf62d99adbf"
    assert cases(seed=2023, n=28)[0].hash == "e1e96f45acbead2f"  # rows that NumPy draws anew among them


def test_gaps_between_item_ids_change_no_candidate(tmp_path, rng):
    """Items that never occur would be easy candidates: with ids times three, Pop scored four times as much."""
    lists = rng.permuted(np.tile(np.arange(150), (40, 1)), axis=1)[:, :8]
    lists = np.concatenate([lists, np.arange(150 + 10).reshape(-1, 8) % 150])  # every item occurs
    drawn = []
    for factor in (1, 3):
        parts = {"train.txt": slice(6), "validation.txt": slice(6, 7), "test.txt": slice(7, 8)}
        texts = {
            name: "".join(f"{user} {' '.join(map(str, row[part] * factor))}\n" for user, row in enumerate(lists))
            for name, part in parts.items()
        }
        dataset = sources.find(str(write_folder(tmp_path / f"times{factor}", texts))).load(cache_dir=tmp_path / "c")
        assert dataset.n_items == 150
        drawn.append(frozen_cases(dataset, dataset.test, PROTOCOLS["clean"], part=0))
    assert drawn[0].candidates.max() == 149
    assert drawn[0].hash == drawn[1].hash


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="the paper's files are not here: set MCLN_BENCH_DATA")
@pytest.mark.parametrize(
    ("name", "paper", "clean", "valid"),
    [
        ("beauty", "6584daa40a1052e6", "6584daa40a1052e6", "0b6a4dcba7698fb1"),
        ("art", "258b15559f620625", "4a7187bbf304ba7e", "61d02f727ff543ba"),
        ("taobao", "2457bbb095b5319d", "2457bbb095b5319d", "58df74dafd166129"),
    ],
)
def test_the_candidates_of_the_papers_sets_are_pinned(tmp_path, name, paper, clean, valid):
    dataset = sources.find(name, data_dir=DATA).load(cache_dir=tmp_path)
    found = []
    for protocol in (PROTOCOLS["paper"], PROTOCOLS["clean"]):
        parts = split(dataset, protocol.train)
        found.append(frozen_cases(dataset, parts.test, protocol, part=0).hash)
    found.append(frozen_cases(dataset, parts.valid, protocol, part=1).hash)
    assert found == [paper, clean, valid]


def test_met_items_are_listed_by_user():
    drawn, met = cases()
    for user in range(8):
        listed = drawn.met_items[drawn.met_start[user] : drawn.met_start[user + 1]]
        assert sorted(listed) == sorted(met[met[:, 0] == user][:, 1])
