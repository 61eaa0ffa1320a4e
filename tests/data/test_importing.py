"""From a file or a frame to a folder that is a data set: what is kept, how it is split, and what is said."""

import inspect
import math

import numpy as np
import pandas as pd
import pytest

import bench
from bench.data import sources
from bench.data.importing import dataset_from_frame, import_file
from bench.spec import BenchError
from tests.data.files import same, write_folder

pytestmark = pytest.mark.usefixtures("cache")

BOUGHT = pd.DataFrame(
    [
        ("ann", "shoe", 3, "2023-01-03"),
        ("ann", "hat", 5, "2023-01-01"),
        ("ann", "bag", 4, "2023-01-02"),
        ("ann", "hat", 5, "2023-01-09"),
        ("bob", "hat", 5, "2023-01-01"),
        ("bob", "bag", 1, "2023-01-05"),
        ("cat", "NA", 5, "2023-01-01"),
    ],
    columns=["buyer", "product", "stars", "day"],
)
NAMED = {"user": "buyer", "item": "product"}
PRICES = pd.DataFrame({"product": ["hat", "bag"], "price": [9, 8]})


def pairs_by_id(found):
    """The three parts with the ids of the file."""
    users, items = (
        pd.read_csv(found.folder / f"{kind}.csv", dtype=str, na_filter=False) for kind in ("users", "items")
    )
    data = found.dataset
    return [[(users["id"][u], items["id"][i]) for u, i in part] for part in (data.train, data.valid, data.test)]


def test_leave_one_out_by_hand(tmp_path):
    """Ann: hat, bag, shoe, and the hat again, which counts once, the first time. Bob: hat, bag. Cat has one item."""
    found = bench.dataset_from_frame(BOUGHT, **NAMED, time="day", out=tmp_path / "shop")
    train, valid, test = pairs_by_id(found)
    assert train == [("ann", "hat"), ("ann", "bag"), ("bob", "hat"), ("cat", "NA")]
    assert (valid, test) == ([("ann", "bag")], [("ann", "shoe"), ("bob", "bag")])
    assert found.left_out == {"repeats of a pair": 1}
    assert str(found) == (
        f"{tmp_path / 'shop'} holds 3 users, 4 items, 6 interactions, split leave-one-out by time (4 to train on, "
        "1 of these for validation, 2 for test); left out: 1 repeat of a pair.\n"
        f"To use it: python run_all.py --datasets {tmp_path / 'shop'}"
    )


def test_ratings_and_core(tmp_path):
    """From 4 stars on: ann hat bag, bob hat, cat NA; the 2-core of these is empty, the 1-core all."""
    choices = {**NAMED, "rating": "stars", "at_least": 4, "time": "day"}
    found = dataset_from_frame(BOUGHT, **choices, k_core=1, out=tmp_path / "shop")
    assert found.left_out == {"below stars 4": 2, "repeats of a pair": 1}
    assert pairs_by_id(found)[2] == [("ann", "bag")]
    with pytest.raises(BenchError, match="no interaction is left: all 4 are outside the 2-core"):
        dataset_from_frame(BOUGHT, **choices, k_core=2, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_2_core_by_hand(tmp_path):
    """Shoe and NA have one buyer; without them cat has nothing, and ann and bob keep hat and bag."""
    found = dataset_from_frame(BOUGHT, **NAMED, time="day", k_core=2, out=tmp_path / "shop")
    assert found.left_out == {"repeats of a pair": 1, "outside the 2-core": 2}
    assert (found.dataset.n_users, found.dataset.n_items) == (2, 2)


def test_columns_that_are_an_index_or_have_numbers_for_names(tmp_path):
    """As tables without a header, and frames that were grouped, have them."""
    named = dataset_from_frame(BOUGHT, **NAMED, time="day", out=tmp_path / "named")
    frame = BOUGHT.set_index(["buyer", "day"])
    found = dataset_from_frame(frame, **NAMED, time="day", out=tmp_path / "index")
    assert pairs_by_id(found) == pairs_by_id(named)
    frame = BOUGHT.set_axis(range(4), axis=1)
    found = dataset_from_frame(frame, user=0, item=1, time=3, out=tmp_path / "numbers")
    assert pairs_by_id(found) == pairs_by_id(named)


def test_one_moment_for_all(tmp_path):
    found = dataset_from_frame(
        BOUGHT, **NAMED, time="day", split="global-time", shares=(0.2, 0.2), out=tmp_path / "shop"
    )
    _, valid, test = pairs_by_id(found)
    assert (valid, test) == ([("ann", "shoe")], [("bob", "bag")])
    late = BOUGHT.assign(day=["2023-01-0" + str(8 if user == "cat" else 1) for user in BOUGHT["buyer"]])
    found = dataset_from_frame(late, **NAMED, time="day", split="global-time", shares=(0, 0.2), out=tmp_path / "late")
    assert "1 user with nothing to train on" in str(found)


def test_without_times_the_draw_is_seeded_and_no_matter_of_order(tmp_path):
    """Sorted files are common: were the last row held out, it would always be the last item."""
    frame = pd.DataFrame([(u, i) for u in range(300) for i in range(4)], columns=["user_id", "item_id"])
    found = [dataset_from_frame(frame, out=tmp_path / name) for name in "ab"]
    held = np.bincount(found[0].dataset.test[:, 1])
    assert held.sum() == 300
    assert held.min() > 45  # 75 each are expected, with a standard deviation of 7.5
    assert found[0].dataset.hash == found[1].dataset.hash
    other = dataset_from_frame(frame.sample(frac=1, random_state=0), out=tmp_path / "other")
    assert other.dataset.hash == found[0].dataset.hash
    assert "at random (seed 2023), as no column of times was given" in str(found[0])


def test_the_command_for_a_set_without_validation_runs_it(tmp_path):
    found = dataset_from_frame(BOUGHT, **NAMED, split="ratio", shares=(0, 0.2), out=tmp_path / "my shop")
    assert str(found).endswith(f"--datasets '{tmp_path}/my shop' --protocols paper")


def test_movielens_imported_is_the_built_in_set(tmp_path):
    """An independent way to the same parts: RecBole's file read by pandas."""
    file, built_in = sources.movielens_folder() / "ml-100k.inter", sources.find("ml-100k").load()
    found = import_file(file, tmp_path / "ml", k_core=5)
    assert found.left_out == {"outside the 5-core": 713}
    for part in ("train", "valid", "test"):
        assert np.array_equal(getattr(found.dataset, part), getattr(built_in, part))


def test_an_inter_file_with_labels_is_split_as_it_says(tmp_path):
    text = "userID\titemID\tx_label\n0\t5\t0\n0\t6\t1\n0\t7\t2\n1\t7\t0\n1\t5\t2\n"
    (tmp_path / "baby.inter").write_text(text)
    found = import_file(tmp_path / "baby.inter", tmp_path / "baby")
    assert pairs_by_id(found) == [[("0", "5"), ("1", "7")], [("0", "6")], [("0", "7"), ("1", "5")]]
    assert "split as the file says (2 to train on, 1 for validation, 2 for test)" in str(found)
    (tmp_path / "baby.inter").write_text(text.replace("\t2\n", "\t3\n"))
    with pytest.raises(BenchError, match=r"baby\.inter: row 3: x_label is none of 0, 1, 2"):
        import_file(tmp_path / "baby.inter", tmp_path / "other")


def test_a_column_that_stands_twice(tmp_path):
    for name in ("user_id", "x_label"):
        (tmp_path / "t.csv").write_text(f"user_id,item_id,x_label,{name}\n1,2,0,1\n1,3,2,1\n")
        with pytest.raises(BenchError, match=rf"t\.csv: column {name} occurs twice; keep one"):
            import_file(tmp_path / "t.csv", tmp_path / "shop")


def test_labels_without_validation_in_any_order_of_lines(tmp_path):
    """The latest of the user's train pairs is validation; a pair that stands twice takes its label and time along."""
    lines = ["u t 2 9", "u a 0 1", "u a 0 2", "u c 0 5", "v b 0 8", "v t 2 3", "u b 0 3", "v a 0 4"]
    text = "userID itemID x_label timestamp\n" + "\n".join(lines) + "\n"
    (tmp_path / "baby.inter").write_text(text.replace(" ", "\t"))
    train, valid, test = pairs_by_id(import_file(tmp_path / "baby.inter", tmp_path / "baby"))
    assert (sorted(valid), sorted(test)) == ([("u", "c"), ("v", "b")], [("u", "t"), ("v", "t")])
    assert sorted(train) == [("u", "a"), ("u", "b"), ("u", "c"), ("v", "a"), ("v", "b")]


def test_features_that_are_named_stand_before_those_that_a_folder_has(tmp_path):
    raw = write_folder(tmp_path / "raw", {"train.txt": "1 1 2\n2 2\n", "valid.txt": "1 3\n", "test.txt": "2 3\n"})
    np.save(raw / "image_features.npy", np.arange(8).reshape(4, 2))
    own = pd.DataFrame({"item": ["1", "2", "3"], "x": [7.0, 8.0, 9.0]})
    found = import_file(raw, tmp_path / "mine", features={"image": own})
    assert found.dataset.features["visual"].ravel().tolist() == [7, 8, 9]


def test_a_folder_of_lists_with_names_and_without_validation(tmp_path):
    lists = {"train.txt": "u1 a b c\nu2 b\n", "test.txt": "u1 d\nu2 a\n"}
    found = import_file(write_folder(tmp_path / "raw", lists), tmp_path / "mine")
    train, valid, test = pairs_by_id(found)
    assert sorted(train) == [("u1", "a"), ("u1", "b"), ("u1", "c"), ("u2", "b")]
    assert [user for user, _ in valid] == ["u1"]
    assert set(valid) < set(train)
    assert test == [("u1", "d"), ("u2", "a")]
    assert "with a validation pair of each user out of train at random" in str(found)


def test_users_of_a_folder_who_have_no_item_are_counted(tmp_path):
    """A user who has none in train, but one in test, is no such user."""
    lists = {"train.txt": "1 1 2\n2\n3\n", "valid.txt": "1 3\n3\n", "test.txt": "1 4\n2 1\n"}
    found = import_file(write_folder(tmp_path / "raw", lists), tmp_path / "mine")
    assert found.dataset.n_users == 2
    assert "left out: 1 user without an item" in str(found)


def test_a_folder_of_lists_whose_files_have_other_names(tmp_path):
    lists = {"train.txt": "1 1 2\n2 2\n", "valid.txt": "1 3\n", "test.txt": "2 3\n"}
    raw = write_folder(tmp_path / "raw", lists)
    np.save(raw / "image_features.npy", np.arange(8).reshape(4, 2))
    found = import_file(raw, tmp_path / "mine")
    assert pairs_by_id(found) == [[("1", "1"), ("1", "2"), ("2", "2")], [("1", "3")], [("2", "3")]]
    assert found.dataset.features["visual"].tolist() == [[2, 3], [4, 5], [6, 7]]
    assert "1 row of other items left out" in str(found)


def test_features_of_a_folder_that_import_does_not_read_are_named(tmp_path):
    lists = {"train.txt": "1 1 2\n2 2\n", "test.txt": "1 3\n2 3\n", "i2e_title.txt": "1 5\n", "notes.md": "x"}
    raw = write_folder(tmp_path / "raw", lists)
    for name in ("image_features.npy", "text-vectors.npy"):
        np.save(raw / name, np.ones((4, 2)))
    said = "features not read: i2e_title.txt, text-vectors.npy (--features takes .npy files and tables)."
    assert said in str(import_file(raw, tmp_path / "mine"))
    found = import_file(raw, tmp_path / "other", features={"text": raw / "text-vectors.npy"})
    assert found.unread == ["i2e_title.txt"]


def test_features_and_the_map_of_items(tmp_path):
    table = pd.DataFrame({"product": ["hat", "bag", "shoe"], "x": [1.0, 2.0, 3.0]})
    rows = {"image": table, "text": np.array([[9.0], [8.0], [7.0], [6.0]])}
    ids = {"text": ["shoe", "hat", "bag", "NA"]}
    found = dataset_from_frame(BOUGHT, **NAMED, features=rows, row_ids=ids, out=tmp_path / "shop")
    items = pd.read_csv(found.folder / "items.csv", na_filter=False)
    assert items.to_dict("list") == {
        "number": [0, 1, 2, 3],
        "id": ["NA", "bag", "hat", "shoe"],
        "has_image": [0, 1, 1, 1],
        "has_text": [1, 1, 1, 1],
    }
    assert found.dataset.features["visual"].ravel().tolist() == [0, 2, 1, 3]
    assert found.dataset.features["textual"].ravel().tolist() == [6, 7, 8, 9]
    assert "image features for 3 items, 1 without, whose rows are zero; text features for 4 items." in str(found)
    assert same(found.dataset, sources.find(str(found.folder)).load())


@pytest.mark.parametrize("choices", [{}, {"rating": "rating", "at_least": 4}, {"k_core": 2}])
def test_rows_from_id_1_on_are_refused_whatever_is_left_out(tmp_path, choices):
    """Item 4 is met once, with a rating of 1; without it, the rows of items 1 to 4 could be those of 0 to 3."""
    pairs = [(user, item, 5) for user in "abc" for item in (1, 2, 3)]
    frame = pd.DataFrame([*pairs, ("a", 4, 1)], columns=["user_id", "item_id", "rating"])
    with pytest.raises(BenchError, match="there are 4 rows and an item 4; .* start at 1, give --row-ids image=FILE"):
        dataset_from_frame(frame, features={"image": np.eye(4)}, out=tmp_path / "shop", **choices)


@pytest.mark.parametrize("change", [lambda i: 3 * i, lambda i: i + 1, lambda i: f"item-{i:03}"])
def test_how_items_are_named_changes_nothing(tmp_path, rng, change):
    frame = pd.DataFrame(
        {"user": rng.integers(20, size=300), "item": rng.integers(40, size=300), "timestamp": range(300)}
    )
    plain = dataset_from_frame(frame, out=tmp_path / "plain").dataset
    other = dataset_from_frame(frame.assign(item=frame["item"].map(change)), out=tmp_path / "other").dataset
    assert (plain.hash, plain.n_items) == (other.hash, other.n_items)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            {},
            "the frame: no column user_id or userID or user; there are: buyer, .*, day; name one with --user",
        ),
        ({**NAMED, "item": "thing"}, "the frame: no column thing; there are: buyer"),
        ({**NAMED, "time": "stars", "rating": "stars"}, "--rating COL and --at-least X go together"),
        ({**NAMED, "at_least": 4}, "--rating COL and --at-least X go together"),
        ({**NAMED, "rating": "day", "at_least": 4}, "the frame: row 1: day '2023-01-03' is not a finite number"),
        ({**NAMED, "rating": "stars", "at_least": 9}, "no interaction is left: all 7 are below stars 9"),
        ({**NAMED, "split": "loo"}, "unknown split 'loo'"),
        ({**NAMED, "split": "global-time"}, "--split global-time needs the column of times"),
        ({**NAMED, "split": "ratio", "shares": (0.5, 0.5)}, "--shares: validation and test must leave some"),
        ({**NAMED, "split": "ratio", "shares": (0.5, 0)}, "the share of test, the second one, must be above 0"),
        ({**NAMED, "split": "ratio", "shares": (0.2,)}, "--shares takes two numbers"),
        ({**NAMED, "split": "ratio", "shares": 0.2}, r"argument shares=0.2: give a list"),
        ({**NAMED, "kcore": 2}, "unknown argument 'kcore'; did you mean k_core"),
        (
            {**NAMED, "rating": "stars", "at_least": "four"},
            "argument at_least.*='four': input should be a valid number",
        ),
        ({**NAMED, "features": {"image": PRICES}, "row_ids": {"image": ["hat", "bag"]}}, "leave out --row-ids image"),
        ({**NAMED, "split": "ratio", "shares": (math.nan, 0.2)}, "--shares: validation and test must leave some"),
        ({**NAMED, "shares": (0.2, 0.2)}, "--shares goes with --split ratio or global-time; give one of them"),
        (
            {"user": "day", "item": "stars"},
            "no test pair comes from the split leave-one-out.*; there must be users",
        ),
        ({**NAMED, "time": "stars", "split": "global-time"}, "no test pair .*; so small a share begins after the last"),
        (
            {**NAMED, "features": dict.fromkeys(("image", "visual"), PRICES)},
            "image_feat.npy and visual_feat.npy are both",
        ),
    ],
)
def test_what_cannot_be_imported(tmp_path, choices, message):
    with pytest.raises(BenchError, match=message):
        dataset_from_frame(BOUGHT, **choices, out=tmp_path / "shop")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [[("ann", "hat")], {"user_id": ["ann"]}, BOUGHT["buyer"], "shop.csv"])
def test_what_is_no_frame(tmp_path, given):
    plain = inspect.unwrap(dataset_from_frame)  # without the tests' own check of types
    with pytest.raises(BenchError, match=r"the frame: give a pandas DataFrame, not a (builtins|pandas)\."):
        plain(given, out=tmp_path / "shop")


@pytest.mark.parametrize(("label", "message"), [(0, "no test pair .* x_label must be 2"), (2, "no train .* must be 0")])
def test_labels_of_one_part_alone(tmp_path, label, message):
    """Without a train pair, a folder was left that no command could read."""
    with pytest.raises(BenchError, match=message + " for some; --split NAME does not read it"):
        dataset_from_frame(BOUGHT.assign(x_label=label), **NAMED, out=tmp_path / "shop")
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for out in (".", "shop/.."):
        with pytest.raises(BenchError, match="a data set goes by the name of its folder, and this path has none"):
            dataset_from_frame(BOUGHT, **NAMED, out=out)
    assert dataset_from_frame(BOUGHT, **NAMED, out="shop").dataset.name == "shop"
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_places_that_cannot_take_it(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    for name, message in {
        "full": "full is there already; choose another --out",
        "beauty": "name of a built-in",
    }.items():
        with pytest.raises(BenchError, match=message):
            dataset_from_frame(BOUGHT, **NAMED, out=tmp_path / name)
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match=r"folder .*x cannot be written \(Not a directory\); choose another --out"):
        dataset_from_frame(BOUGHT, **NAMED, out=tmp_path / "file" / "x")
