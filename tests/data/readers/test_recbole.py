"""MMRec's and RecBole's layouts, and ml-100k."""

from collections import Counter

import numpy as np
import pytest

from bench.data import sources
from bench.data.readers.recbole import inter_recipe
from bench.spec import BenchError
from tests.data.files import write_folder

MMREC = "userID\titemID\trating\tx_label\n0\t1\t5\t0\n0\t2\t5\t1\n1\t0\t5\t0\n0\t0\t5\t2\n"
ATOMIC = "user_id:token\titem_id:token\ttimestamp:float\n" + "".join(
    f"{u}\t{i}\t{t}\n" for u, i, t in [("b", 10, 3), ("a", 9, 5), ("a", 10, 1), ("a", 2, 5), ("b", 2, 1)]
)
ITEMS = "item_id:token\ttitle:token_seq\tyear:token\n2\tRed Car\t1999\n9\tred\t1999\n77\tBlue\t1999\n"


@pytest.mark.parametrize("header", [MMREC, MMREC.replace("userID\titemID", "user_id:token\titem_id:token")])
def test_mmrec_layout(tmp_path, load, header):
    folder = write_folder(tmp_path / "baby", {"baby.inter": header}, image=np.ones((3, 2)), text=np.eye(3))
    data = load(folder)
    assert (data.n_users, data.n_items, data.feature_id) == (2, 3, "npy")
    assert data.train.tolist() == [[0, 1], [1, 0]]
    assert data.valid.tolist() == [[0, 2]]
    assert data.test.tolist() == [[0, 0]]
    assert list(data.features) == ["visual", "textual"]


def test_the_core_is_part_of_what_the_data_are(tmp_path):
    folder = write_folder(tmp_path / "shop", {"shop.inter": ATOMIC})
    whole, core = (inter_recipe(folder, None, core=core) for core in (0, 2))
    assert whole.digests == core.digests
    assert whole.hash != core.hash


def test_recbole_layout(tmp_path, load):
    """Items 2, 9, 10 become 0, 1, 2. User a: 10 at 1, then 9 and 2 at 5 (file order); b: 2 at 1, 10 at 3."""
    data = load(write_folder(tmp_path / "shop", {"shop.inter": ATOMIC, "shop.item": ITEMS}))
    assert (data.n_users, data.n_items, data.feature_id) == (2, 3, "words")
    assert data.train.tolist() == [[0, 2], [0, 1], [1, 0]]
    assert data.valid.tolist() == [[0, 1]]
    assert data.test.tolist() == [[0, 0], [1, 2]]
    rows = data.features["textual"].toarray()  # columns: title:car, title:red
    assert rows[1].tolist() == [0, 1]
    assert rows[0, 0] > rows[0, 1] > 0
    assert not rows[2].any()
    assert data.warnings == ["1 items without textual features"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"s\.inter cannot be read as a \.inter table \(its first line must hold the columns' names\)"),
        ("user_id\titem_id\ttimestamp\n", r"s\.inter has a header only"),
        ("user_id\titem_id\n0\t1\n", r"s\.inter: no column timestamp; there are: user_id, item_id; the first line"),
        ("user_id\tthing\tx_label\n0\t1\t0\n", r"s\.inter: no column item_id or itemID or item; there are: user_id, "),
        (
            "user_id item_id timestamp\n0 1 2\n",
            r"s\.inter: no column .*; the first line must name the columns, which tabs",
        ),
        (ATOMIC.replace("timestamp", "item_id"), r"s\.inter: no column timestamp"),
        (ATOMIC.replace("timestamp", "item_id:x\ttimestamp"), r"s\.inter: column item_id occurs twice; keep one"),
        (ATOMIC + "a\t \t5\n", r"s\.inter: row 6 has no item_id"),
        (ATOMIC + "\t1\t5\n", r"s\.inter: row 6 has no user_id"),
        (ATOMIC + "a\t1\n", r"s\.inter: row 6: timestamp '' is not a finite number"),
        (ATOMIC + "a\t1\tnoon\n", r"s\.inter: row 6: timestamp 'noon' is not a finite number"),
        ("userID\titemID\tx_label\n0\t1\t1\n0\t2\t2\n", r"s\.inter: no row has an x_label of 0, so that there"),
        (MMREC + "0\t1\t5\t3\n", r"s\.inter: row 5: x_label '3' is no whole number from 0 to 2; correct it, or"),
        (MMREC + "0\t-1\t5\t0\n", r"s\.inter: row 5: itemID '-1' is no whole number"),
        (
            MMREC + "u\t1\t5\t0\n",
            r"s\.inter: row 5: userID 'u' is no whole number from 0 to 99,999,999; .* bench import",
        ),
        (MMREC + "0\t1.5\t5\t0\n", r"s\.inter: row 5: itemID '1.5' is no whole number"),
        (MMREC + "0\t100000000\t5\t0\n", r"s\.inter: row 5: itemID '100000000' is no whole number"),
    ],
)
def test_broken_inter(tmp_path, load, text, message):
    with pytest.raises(BenchError, match=message):
        load(write_folder(tmp_path / "s", {"s.inter": text}))


def test_an_item_with_two_rows(tmp_path, load):
    with pytest.raises(BenchError, match=r"s\.item: row 4: item 2 has two rows; keep one"):
        load(write_folder(tmp_path / "s", {"s.inter": ATOMIC, "s.item": ITEMS + "2\tBlue\t1999\n"}))


def test_npy_rows_need_integer_ids(tmp_path, load):
    with pytest.raises(BenchError, match="need a column x_label"):
        load(write_folder(tmp_path / "s", {"s.inter": ATOMIC}, image=np.ones((3, 2))))


def test_several_inter_files(tmp_path, load):
    with pytest.raises(BenchError, match=r"one \.inter file is expected, found a\.inter, b\.inter"):
        load(write_folder(tmp_path / "s", {"a.inter": ATOMIC, "b.inter": ATOMIC}))


@pytest.fixture(scope="module")
def movielens(tmp_path_factory):
    return sources.find("ml-100k").load(cache_dir=tmp_path_factory.mktemp("cache"))


def test_movielens_counts(movielens):
    assert (movielens.name, movielens.feature_id) == ("ml-100k", "words")
    assert (movielens.n_users, movielens.n_items) == (943, 1349)
    assert (len(movielens.train), len(movielens.valid), len(movielens.test)) == (98_344, 943, 943)
    pairs = np.concatenate([movielens.train, movielens.test])
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert min(np.bincount(ids).min() for ids in pairs.T) == 5
    assert movielens.features["textual"].shape == (1349, 2177)


def test_movielens_against_plain_loops(movielens):
    """The raw file, thinned to its 5-core and sorted by time with plain lists, gives the same sequences."""
    lines = (sources.movielens_folder() / "ml-100k.inter").read_text().splitlines()[1:]
    raw = [tuple(int(field) for field in line.split("\t")) for line in lines]
    size = None
    while size != len(raw):
        size = len(raw)
        users, items = Counter(r[0] for r in raw), Counter(r[1] for r in raw)
        raw = [r for r in raw if users[r[0]] >= 5 and items[r[1]] >= 5]
    user_id = {user: k for k, user in enumerate(sorted({r[0] for r in raw}))}
    item_id = {item: k for k, item in enumerate(sorted({r[1] for r in raw}))}
    sequences = {}
    for user, item, _, _ in sorted(raw, key=lambda r: r[3]):
        sequences.setdefault(user_id[user], []).append(item_id[item])
    users = range(len(user_id))
    assert movielens.train.tolist() == [[u, i] for u in users for i in sequences[u][:-1]]
    assert movielens.valid.tolist() == [[u, sequences[u][-2]] for u in users]
    assert movielens.test.tolist() == [[u, sequences[u][-1]] for u in users]
