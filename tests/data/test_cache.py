"""Fingerprints, the binary cache, and what happens when it is damaged or cannot be written."""

import dataclasses

import numpy as np
import pytest

from bench.data import cache, sources
from bench.data.synthetic import simulate
from bench.spec import BenchError
from tests.data.files import GOOD, lists_only, same, write_folder


@pytest.fixture
def shop(tmp_path):
    return sources.find(str(write_folder(tmp_path / "shop")))


def cached(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_second_load_is_equal_and_reads_no_text(shop, tmp_path, monkeypatch):
    first = shop.load("entities+review", cache_dir=tmp_path / "cache")
    assert (first.feature_id, first.hash) == shop.fingerprint("entities+review")
    assert cached(tmp_path / "cache") == [f"{first.hash[:32]}.npz"]
    monkeypatch.setattr("bench.data.readers.folders.read_lists", None)
    assert same(first, shop.load("entities+review", cache_dir=tmp_path / "cache"))


def test_dense_and_planted_survive(tmp_path):
    data = simulate(name="tiny", n_users=20, n_items=30, n_train=100)
    cache.write_cached(str(tmp_path / "tiny.npz"), data)
    assert same(data, cache.read_cached(tmp_path / "tiny.npz", data.hash))


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other", "swap"])
def test_damaged_cache_is_built_again(shop, tmp_path, damage):
    first = shop.load(cache_dir=tmp_path / "cache")
    (path,) = (tmp_path / "cache").rglob("*.npz")
    content = bytearray(path.read_bytes())
    middle = content.index(first.features["visual"].data.tobytes())
    flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
    foreign = tmp_path / "other.npz"
    np.savez(foreign, train=np.zeros(3))
    swapped = tmp_path / "swapped.npz"
    cache.write_cached(str(swapped), simulate(name="shop", n_users=20, n_items=30, n_train=100))
    texts = {"cut": content[: len(content) // 2], "flip": flipped, "empty": b""}
    texts |= {"other": foreign.read_bytes(), "swap": swapped.read_bytes()}
    path.write_bytes(texts[damage])
    assert cache.read_cached(path, first.hash) is None
    assert same(first, shop.load(cache_dir=tmp_path / "cache"))
    assert cache.read_cached(path, first.hash) is not None


def test_a_cache_of_other_arrays_is_built_again(shop, tmp_path):
    """A whole archive under the right name and hash, whose pairs are not those that were written."""
    first = shop.load(cache_dir=tmp_path / "cache")
    (path,) = (tmp_path / "cache").rglob("*.npz")
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **(arrays | {"test": arrays["test"][::-1]}))
    assert cache.read_cached(path, first.hash) is None
    assert same(first, shop.load(cache_dir=tmp_path / "cache"))


def test_a_folder_s_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    long = write_folder(tmp_path / ("y" * 250))
    assert sources.find(str(long)).load(cache_dir=tmp_path / "cache").name == "y" * 250


def test_no_partial_file_is_left(shop, tmp_path, monkeypatch):
    def break_off(path, dataset):
        with open(path, "wb") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "write_cached", break_off)
    with pytest.raises(KeyboardInterrupt):
        shop.load(cache_dir=tmp_path / "cache")
    assert cached(tmp_path / "cache") == []


def test_cache_that_cannot_be_written(shop, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="cannot be written .*MCLN_BENCH_CACHE"):
        shop.load(cache_dir=tmp_path / "file")


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MCLN_BENCH_CACHE", str(tmp_path))
    assert cache.cache_folder() == tmp_path
    monkeypatch.delenv("MCLN_BENCH_CACHE")
    assert cache.cache_folder().name == "mcln-bench"


def test_fingerprint_follows_what_enters(shop, tmp_path):
    base = shop.fingerprint()
    elsewhere = sources.find(str(write_folder(tmp_path / "elsewhere")))
    assert elsewhere.fingerprint() == base  # content, not place
    (tmp_path / "shop" / "i2e_review.txt").write_text("0 3\n")
    assert shop.fingerprint() == base  # not among these features
    prints = {base, shop.fingerprint("none"), shop.fingerprint("entities+review")}
    for name in ("train.txt", "validation.txt", "test.txt", "i2e_visual.txt"):
        changed = write_folder(tmp_path / name, GOOD | {name: GOOD[name] + "\n"})
        prints.add(sources.find(str(changed)).fingerprint())
    assert len(prints) == 7


def test_rows_under_another_name_are_other_features(tmp_path):
    rows = np.ones((4, 2))
    as_image = sources.find(str(write_folder(tmp_path / "a", lists_only(), image=rows)))
    as_text = sources.find(str(write_folder(tmp_path / "b", lists_only(), text=rows)))
    assert as_image.fingerprint() != as_text.fingerprint()


def test_files_that_change_while_they_are_read_are_not_cached(shop, tmp_path, monkeypatch):
    """The hash is that of what was there before; no later load may take other content for it."""
    train = tmp_path / "shop" / "train.txt"
    before = train.read_text()
    plain = shop.recipe

    def recipe(base):
        found = plain(base)
        return dataclasses.replace(found, build=lambda: (found.build(), train.write_text(before + "\n"))[0])

    monkeypatch.setattr(shop, "recipe", recipe)
    with pytest.raises(BenchError, match="shop: the files changed while they were read; start again"):
        shop.load(cache_dir=tmp_path / "cache")
    assert cached(tmp_path / "cache") == []
