"""Knock-outs: which words there are, what they do to rows, and that nothing else moves."""

import numpy as np
import pytest
import scipy.sparse as sp

from bench.data import knockout, sources
from bench.data.synthetic import simulate
from bench.spec import BenchError, is_knocked_out
from tests.data.files import GOOD, lists_only, same, write_folder

BOTH = ("visual", "textual")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("MCLN_BENCH_CACHE", str(tmp_path / "cache"))
    return sources.find(str(write_folder(tmp_path / "shop")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, (None, [])),
        ("entities+review", ("entities+review", [])),
        ("none", ("none", [])),
        ("real", (None, ["real"])),
        ("shuffled", (None, ["shuffled"])),
        ("visual=none,textual=noise", (None, ["visual=none", "textual=noise"])),
        ("deep,none", ("deep", ["none"])),
    ],
)
def test_words(text, expected):
    assert knockout.parse(text) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["real"], {}),
        (["noise"], {"visual": "noise", "textual": "noise"}),
        (["textual=none", "visual=shuffled"], {"visual": "shuffled", "textual": "none"}),
        (["shuffled", "textual=real"], {"visual": "shuffled"}),
    ],
)
def test_kinds(words, expected):
    assert knockout.choose(words, BOTH) == expected
    assert list(knockout.choose(words, BOTH)) == list(expected)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("entities,shufled", "unknown knock-out in --features 'shufled'; did you mean shuffled?"),
        ("visul=noise", "unknown modality in --features 'visul'; did you mean visual?"),
        ("visual=noise,visual=none", "--features visual=noise,visual=none: visual is named twice"),
        ("noise,shuffled", "all modalities is named twice"),
        ("none,shuffled", "--features shuffled: there is no content to knock out"),
    ],
)
def test_mistakes(shop, features, message):
    with pytest.raises(BenchError, match=message):
        shop.fingerprint(features)


def test_feature_ids_are_canonical_and_keep_the_base_as_it_was(shop):
    base = shop.fingerprint()
    assert base == shop.fingerprint("real") == shop.fingerprint("entities,real") == shop.fingerprint("visual=real")
    assert base[0] == "entities"
    ids = {
        "shuffled": "entities,shuffled",
        "entities,noise": "entities,noise",
        "textual=noise,visual=noise": "entities,noise",
        "textual=noise,visual=shuffled": "entities,visual=shuffled,textual=noise",
        "entities+review,review=none": "entities+review,review=none",
    }
    prints = {text: shop.fingerprint(text) for text in ids}
    assert {text: found[0] for text, found in prints.items()} == ids
    assert len({base[1], *(found[1] for found in prints.values())}) == 5
    assert all(shop.fingerprint(found[0]) == found for found in prints.values())  # an id names itself
    assert shop.fingerprint("entities,none") == shop.fingerprint("visual=none,textual=none") == shop.fingerprint("none")
    assert [is_knocked_out(text) for text in ("entities+review", "none", "entities,noise")] == [False, False, True]


def test_which_modality_has_which_kind_is_in_the_hash(shop):
    one, other = "visual=noise,textual=shuffled", "visual=shuffled,textual=noise"
    assert shop.fingerprint(one)[1] != shop.fingerprint(other)[1]


def test_the_hash_follows_the_base(shop, tmp_path):
    other = sources.find(str(write_folder(tmp_path / "other", GOOD | {"test.txt": "0 3\n"})))
    assert shop.fingerprint("shuffled")[1] != other.fingerprint("shuffled")[1]


def test_only_the_rows_move(shop):
    base, moved = shop.load(), shop.load("visual=shuffled")
    assert (moved.feature_id, moved.hash) == shop.fingerprint("visual=shuffled")
    for part in ("train", "valid", "test"):
        assert np.array_equal(getattr(base, part), getattr(moved, part))
    assert not (base.features["textual"] != moved.features["textual"]).nnz
    assert (base.features["visual"] != moved.features["visual"]).nnz
    assert same(shop.load(), base)  # and the cached base is as it was
    assert list(shop.load("visual=none").features) == ["textual"]


def test_none_leaves_the_pairs_of_a_simulated_set(monkeypatch):
    from bench.data import synthetic

    small = {"n_users": 30, "n_items": 40, "n_train": 150}
    monkeypatch.setitem(synthetic.SIMULATED, "beauty-sim", small)
    real, none = (synthetic.simulated_recipe("beauty-sim", f).build() for f in (None, "none"))
    assert (none.feature_id, none.features, none.planted) == ("none", {}, {})
    assert np.array_equal(real.train, none.train)
    assert np.array_equal(real.test, none.test)


def test_what_is_knocked_out_is_planted_no_more():
    data = simulate(name="tiny", n_users=20, n_items=30, n_train=100)
    moved = knockout.apply(data, {"visual": "noise"})
    assert list(moved.planted) == ["textual"]
    assert list(moved.features) == ["visual", "textual"]


@pytest.mark.parametrize("n", [2, 3, 50])
def test_the_permutation_is_one_cycle(n):
    other, at, seen = knockout.cycle(n), 0, []
    for _ in range(n):
        seen.append(at)
        at = other[at]
    assert at == 0
    assert sorted(seen) == list(range(n))


@pytest.mark.parametrize("is_sparse", [False, True])
def test_shuffled_rows_are_all_there_on_other_items(is_sparse):
    rows = np.arange(1, 61, dtype=np.float32).reshape(20, 3)
    moved = knockout.knock_out("visual", sp.csr_matrix(rows) if is_sparse else rows, "shuffled")
    moved = moved.toarray() if is_sparse else moved
    assert not (moved == rows).all(axis=1).any()
    assert np.array_equal(moved[np.argsort(moved[:, 0])], rows)
    again = knockout.knock_out("textual", rows, "shuffled")
    assert np.array_equal(again, moved)  # an item gets all its modalities from one other item


def test_dense_noise():
    rows = np.random.default_rng(1).exponential(3.0, size=(400, 50)).astype(np.float32)
    rows[7] = 0
    drawn = knockout.knock_out("visual", rows, "noise")
    assert drawn.dtype == np.float32
    assert not drawn[7].any()
    norms = [np.linalg.norm(table, axis=1).mean() for table in (rows, drawn)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)
    others = np.delete(drawn, 7, axis=0).astype(np.float64)
    assert abs(others.mean()) < 0.02 * others.std()
    assert (np.abs(others) < others.std()).mean() == pytest.approx(0.683, abs=0.01)  # of a normal distribution
    assert abs(np.corrcoef(rows.ravel(), drawn.ravel())[0, 1]) < 0.02
    assert np.array_equal(drawn, knockout.knock_out("visual", rows, "noise"))
    assert not np.array_equal(drawn, knockout.knock_out("textual", rows, "noise"))
    assert not knockout.knock_out("visual", np.zeros((3, 2), dtype=np.float32), "noise").any()


def test_sparse_noise():
    rows = sp.random(300, 40, density=0.1, format="csr", dtype=np.float32, random_state=2)
    before = rows.copy()
    drawn = knockout.knock_out("visual", rows, "noise")
    assert (rows != before).nnz == 0  # the caller's own stay
    assert sp.issparse(drawn)
    assert drawn.dtype == np.float32
    assert drawn.has_canonical_format
    assert np.array_equal(np.diff(drawn.indptr), np.diff(rows.indptr))
    assert np.allclose(sp.linalg.norm(drawn, axis=1), sp.linalg.norm(rows, axis=1))
    share = drawn.multiply(rows != 0).nnz / rows.nnz
    assert share == pytest.approx(0.1, abs=0.03)  # columns met again by chance alone
    counts = np.bincount(drawn.indices, minlength=40)
    assert (counts > 10).all()


def test_a_set_without_content_keeps_real(tmp_path, monkeypatch):
    monkeypatch.setenv("MCLN_BENCH_CACHE", str(tmp_path / "cache"))
    bare = sources.find(str(write_folder(tmp_path / "bare", lists_only())))
    assert bare.fingerprint("real") == bare.fingerprint() == bare.fingerprint("none")
    with pytest.raises(BenchError, match="no content to knock out"):
        bare.fingerprint("shuffled")
