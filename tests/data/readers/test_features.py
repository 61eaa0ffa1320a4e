"""Which features are chosen among the files that are there, and the rows of the items."""

import numpy as np
import pytest

from bench.data.readers.features import count_empty, dense, is_empty, read_features, select, weigh
from bench.spec import BenchError
from tests.data.files import write_folder

ENTITIES = ["i2e_title.txt", "i2e_visual.txt"]
IDS = np.array([1, 4, 6])


@pytest.mark.parametrize(
    ("present", "modalities", "asked", "expected"),
    [
        ([], None, None, ("none", {})),
        (ENTITIES, None, "none", ("none", {})),
        (["i2e_title.txt"], None, None, ("entities", {"textual": "i2e_title.txt"})),
        (ENTITIES, ("visual",), None, ("entities", {"visual": "i2e_visual.txt"})),
        (["image_feat.npy", *ENTITIES], None, None, ("npy", {"visual": "image_feat.npy"})),
        (["item2imgfeat.txt", "image_feat.npy"], None, None, ("deep", {"visual": "item2imgfeat.txt"})),
        (
            ["image_feat.npy", "i2e_review.txt", *ENTITIES],
            None,
            "npy+title+review",
            ("npy+review+title", {"visual": "image_feat.npy", "review": "i2e_review.txt", "textual": "i2e_title.txt"}),
        ),
    ],
)
def test_choice(present, modalities, asked, expected):
    assert select(present, asked, name="shop", modalities=modalities) == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("deep+title", "features 'deep.title': deep has textual features already"),
        ("entitys", "unknown features of shop 'entitys'; did you mean entities"),
        ("npy", "unknown features of shop 'npy'; known: deep, entities, none"),
        ("entities+revew", "unknown features of shop 'entities.revew'"),
    ],
)
def test_what_cannot_be_chosen(asked, message):
    with pytest.raises(BenchError, match=message):
        select(["item2imgfeat.txt", "itemtitle2vec.txt", *ENTITIES], asked, name="shop")


def test_a_base_of_which_a_file_is_missing():
    said = "features 'deep' of shop need itemtitle2vec.txt, which must lie beside train.txt in /data/shop"
    with pytest.raises(BenchError, match=said):
        select(["item2imgfeat.txt"], None, name="shop", modalities=("visual", "textual"), folder="/data/shop")


def test_names_of_dense_tables():
    present = ["mood_feat.npy", "text_feat.npy", "image_feat.npy", "other.npy"]
    assert list(dense(present).items()) == [
        ("visual", "image_feat.npy"),
        ("textual", "text_feat.npy"),
        ("mood", "mood_feat.npy"),
    ]
    with pytest.raises(BenchError, match="image_feat.npy and visual_feat.npy are both visual features"):
        dense(["visual_feat.npy", "image_feat.npy"])
    with pytest.raises(BenchError, match="does not name a modality"):
        dense(["a b_feat.npy"])


def test_every_kind_of_file_gives_the_rows_of_the_items(tmp_path):
    """Items 1, 4 and 6 become rows 0, 1 and 2; what the files have of others is counted."""
    texts = {"item2imgfeat.txt": "6 1 2\n2 9 9\n1 3 4\n", "i2e_title.txt": "4 8\n1 8 8\n5 7\n0 7\n"}
    folder = write_folder(tmp_path / "f", texts, audio=np.arange(8.0)[:, None])
    names = {"visual": "item2imgfeat.txt", "textual": "i2e_title.txt", "acoustic": "audio_feat.npy"}
    rows, warnings = read_features({m: folder / name for m, name in names.items()}, IDS)
    assert rows["visual"].tolist() == [[3, 4], [0, 0], [1, 2]]
    assert rows["textual"].toarray().tolist() == [[1], [1], [0]]
    assert rows["acoustic"].tolist() == [[1], [4], [6]]
    assert warnings == [
        "item2imgfeat.txt has rows of items that never occur: 1; they are left out",
        "i2e_title.txt has rows of items that never occur: 2; they are left out",
        "audio_feat.npy has rows of items that never occur: 5; they are left out",
        "1 items without visual (item2imgfeat.txt) features",
        "1 items without textual (i2e_title.txt) features",
    ]


def test_weights_do_not_count_items_that_never_occur(tmp_path):
    """The inverse document frequency is that of the items there are."""
    whole = write_folder(tmp_path / "whole", {"i2e_title.txt": "0 1 2\n1 2\n2 2 3\n"}) / "i2e_title.txt"
    more = write_folder(tmp_path / "more", {"i2e_title.txt": "1 1 2\n4 2\n6 2 3\n0 1\n2 1\n5 3\n"}) / "i2e_title.txt"
    (one, _), (other, _) = read_features({"t": whole}, np.arange(3)), read_features({"t": more}, IDS)
    assert not (one["t"] != other["t"]).nnz


def test_empty_rows_are_found_in_both_forms():
    table = np.array([[0, 0], [0, 1], [-1, 1]], dtype=np.float32)
    for form in (table, weigh(np.array([1, 2]), np.array([5, 5]), n_items=3)):
        assert is_empty(form).tolist() == [True, False, False]
        assert count_empty({"x": form, "y": form[1:]}) == ["1 items without x features"]
