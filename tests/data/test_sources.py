"""Names, where the paper's sets are looked for, and what is said when they cannot be had."""

import hashlib
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest

from bench.data import sources
from bench.data.cache import sha256
from bench.spec import DATA_SETS, BenchError
from tests.data.files import GOOD, write_folder

RETRIEVE = pooch.retrieve
PINS = sources.PINS


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch, tmp_path):
    """No data folder in the environment, an empty cache, no network, and a release that is small."""

    def offline(url, *args, **kwargs):
        raise ConnectionError(url)

    monkeypatch.delenv("MCLN_BENCH_DATA", raising=False)
    monkeypatch.setenv("MCLN_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("pooch.retrieve", offline)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in GOOD.items()}
    pins = {f"{folder}/{name}": digest for folder in sources.FOLDERS.values() for name, digest in digests.items()}
    monkeypatch.setattr(sources, "PINS", pins)


def test_names():
    assert DATA_SETS == (*sources.FOLDERS, sources.MOVIELENS, *sources.SIMULATED)
    assert all(sources.find(name).name == name for name in DATA_SETS)


def test_unknown_name_and_folder(tmp_path):
    with pytest.raises(BenchError, match="unknown data set 'beuaty'; did you mean .*beauty"):
        sources.find("beuaty")
    with pytest.raises(BenchError, match="data set folder .*nowhere is not there"):
        sources.find(str(tmp_path / "nowhere"))
    (tmp_path / "log.csv").write_text("user,item\n")
    with pytest.raises(BenchError, match=r"log\.csv is a file; python -m bench import makes a data set of one"):
        sources.find(str(tmp_path / "log.csv"))
    with pytest.raises(BenchError, match="no known layout; it needs train.txt, .*inter"):
        sources.find(str(tmp_path))


def test_the_papers_own_features_are_known_though_the_release_lacks_them(tmp_path):
    said = "features 'deep' of art need item2imgfeat.txt, itemtitle2vec.txt, which must lie beside train.txt in "
    with pytest.raises(BenchError, match=f"{said}a folder Art below --data-dir"):
        sources.find("art").fingerprint("deep")
    folder = write_folder(tmp_path / "Art")
    with pytest.raises(BenchError, match=f"{said}{folder}$"):
        sources.find("art", data_dir=tmp_path).fingerprint("deep")
    with pytest.raises(BenchError, match="unknown features of art 'npy'; known: entities, none"):
        sources.find("art", data_dir=tmp_path).fingerprint("npy")


def test_a_folder_named_as_the_shipped_records_are(tmp_path):
    """Its records would lie in results/reference, among those that are shipped."""
    with pytest.raises(BenchError, match="reference: results/reference holds the records that are shipped; rename"):
        sources.find(str(write_folder(tmp_path / "reference")))


def test_a_link_to_a_folder_goes_by_its_own_name(tmp_path):
    target = write_folder(tmp_path / "v1")
    for name in ("clothing", "sports"):
        (tmp_path / name).symlink_to(target)
    assert [sources.find(str(tmp_path / name)).name for name in ("clothing", "sports")] == ["clothing", "sports"]
    assert sources.find(str(tmp_path / "x" / ".." / "clothing")).name == "clothing"


def test_missing_data_names_set_attempts_and_remedies(tmp_path):
    with pytest.raises(BenchError) as caught:
        sources.find("art", data_dir=tmp_path).fingerprint()
    text = str(caught.value)
    parts = ["data set art", f"--data-dir: no folder {tmp_path / 'Art'}", "MCLN_BENCH_DATA is not set"]
    parts += ["hfutmars/MEGCF/3022b330", "ConnectionError", "network", "--data-dir", "ml-100k", "art-sim"]
    assert all(part in text for part in parts)
    assert "\n" not in text


def test_places_are_tried_in_order(tmp_path, monkeypatch):
    for place, test in (("flag", "0 3\n"), ("env", "0 2\n")):
        write_folder(tmp_path / place / "taobao", GOOD | {"test.txt": test})
    monkeypatch.setenv("MCLN_BENCH_DATA", str(tmp_path / "env"))
    monkeypatch.delitem(sources.PINS, "taobao/test.txt")
    (tmp_path / "other").mkdir()
    assert sources.find("taobao", data_dir=tmp_path / "flag").load().test.tolist() == [[0, 3]]
    assert sources.find("taobao", data_dir=tmp_path / "other").load().test.tolist() == [[0, 2]]
    assert sources.find("taobao").load().test.tolist() == [[0, 2]]


def test_local_files_that_are_not_the_release(tmp_path):
    """They never pass for it; by their path they go, under the name of their folder."""
    other = {**GOOD, "train.txt": "0 0 1 2\n1 1 3\n2 2\n", "i2e_title.txt": "0 1\n"}
    folder = write_folder(tmp_path / "amazon-beauty", other)
    with pytest.raises(BenchError, match=r"amazon-beauty: train\.txt, i2e_title\.txt of data set beauty are not those"):
        sources.find("beauty", data_dir=tmp_path).load()
    assert sources.find(str(folder)).load().name == "amazon-beauty"


@pytest.mark.parametrize(
    ("name", "asked", "feature_id", "modalities"),
    [
        ("beauty", None, "entities", ["visual", "textual"]),
        ("taobao", None, "entities", ["visual"]),
        ("taobao", "entities+title", "entities+title", ["visual", "textual"]),
    ],
)
def test_default_features(tmp_path, name, asked, feature_id, modalities):
    write_folder(tmp_path / sources.FOLDERS[name])
    data = sources.find(name, data_dir=tmp_path).load(asked)
    assert (data.feature_id, list(data.features)) == (feature_id, modalities)


def test_deep_needs_all_its_files(tmp_path):
    write_folder(tmp_path / "taobao", GOOD | {"item2imgfeat.txt": "0 1\n"})
    assert sources.find("taobao", data_dir=tmp_path).load().feature_id == "deep"
    write_folder(tmp_path / "Art", GOOD | {"item2imgfeat.txt": "0 1\n"})
    with pytest.raises(BenchError, match="features 'deep' of art need itemtitle2vec.txt"):
        sources.find("art", data_dir=tmp_path).load()
    assert sources.find("art", data_dir=tmp_path).load("entities").feature_id == "entities"


def test_a_missing_local_file_is_not_fetched(tmp_path):
    write_folder(tmp_path / "Art", {name: text for name, text in GOOD.items() if name != "test.txt"})
    with pytest.raises(BenchError, match=r"Art/test\.txt is missing"):
        sources.find("art", data_dir=tmp_path).load()


def test_download_asks_for_the_pinned_files(tmp_path, monkeypatch):
    asked = {}

    def serve(url, known_hash, *, fname, path, downloader):
        asked[url.split("3022b330a2089664bd45b3d498e88129b3415b62/Data/")[1]] = known_hash
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_text(GOOD[fname])
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", serve)
    assert sources.find("taobao").load().n_users == 3
    names = ["train.txt", "validation.txt", "test.txt", "i2e_visual.txt"]
    assert asked == {f"taobao/{name}": sources.PINS[f"taobao/{name}"] for name in names}


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server on this machine in the place of the public one, and pooch as it is."""
    monkeypatch.setattr("pooch.retrieve", RETRIEVE)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = write_folder(tmp_path / "served" / "taobao")
    digests = {f"taobao/{path.name}": sha256(path) for path in folder.iterdir()}
    handler = partial(QuietHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()  # looks for its end
        monkeypatch.setattr(sources, "URL", f"http://127.0.0.1:{server.server_port}")
        yield digests
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_download(served, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "PINS", served)
    data = sources.find("taobao").load()
    assert (data.n_users, data.feature_id) == (3, "entities")
    assert data.warnings == ["1 items without visual (i2e_visual.txt) features"]
    assert len(list((tmp_path / "cache" / "raw" / "taobao").iterdir())) == 4


@pytest.mark.parametrize("broken", ["train.txt", "i2e_visual.txt"])
def test_a_download_of_other_content_is_refused(served, tmp_path, monkeypatch, broken):
    monkeypatch.setattr(sources, "PINS", served | {f"taobao/{broken}": "0" * 64})
    with pytest.raises(BenchError, match=rf"taobao is not available.*download of .*{broken} failed"):
        sources.find("taobao").load()
    names = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert broken not in names
    assert set(names) < set(GOOD)


def test_pins_are_whole():
    assert len(PINS) == 17
    assert {len(bytes.fromhex(digest)) for digest in PINS.values()} == {hashlib.sha256().digest_size}


def test_no_heavy_import_to_read_a_cached_set():
    """A start that finds its data cached pays for neither torch nor recbole nor scikit-learn."""
    code = "import sys, bench.data.sources as s; s.find('ml-100k').fingerprint(); s.find('ml-100k').load()"
    heavy = "print([m for m in ('torch', 'recbole', 'sklearn') if m in sys.modules])"
    sources.find("ml-100k").load()
    done = subprocess.run([sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_tilde_in_the_environment_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MCLN_BENCH_DATA", "~/data")
    monkeypatch.setenv("MCLN_BENCH_CACHE", "~/kept")
    write_folder(tmp_path / "data" / "Art")
    assert sources.find("art").load().n_users == 3
    assert list((tmp_path / "kept").rglob("*.npz"))


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "a\x7f"])
def test_a_folder_whose_name_steers_a_terminal_is_refused(tmp_path, name):
    write_folder(tmp_path / name)
    with pytest.raises(BenchError, match="its name has a character that cannot be printed") as error:
        sources.find(str(tmp_path / name))
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["train.txt", "image_feat.npy", "i2e_title.txt"])
def test_a_pipe_in_place_of_a_file_is_refused(tmp_path, name):
    write_folder(tmp_path / "set", image=np.ones((4, 2)))
    (tmp_path / "set" / name).unlink()
    os.mkfifo(tmp_path / "set" / name)
    with pytest.raises(BenchError, match=f"{name} is not a regular file"):
        sources.find(str(tmp_path / "set")).load("entities" if name == "i2e_title.txt" else "npy")
