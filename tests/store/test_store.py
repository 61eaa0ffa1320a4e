"""Records are written whole or not at all, and read strictly."""

import os
from pathlib import Path

import pandas as pd
import pytest

from bench.spec import BUDGETS, PROTOCOLS, BenchError, Job
from bench.store.record import Record
from bench.store.store import Store, frame, write_whole


def job(**more) -> Job:
    fixed = {
        "dataset": "toy",
        "data_hash": "d",
        "features": "npy",
        "model": "BPRMF",
        "preset": "default",
        "hyper": {},
    }
    return Job(
        **{
            **fixed,
            "protocol": PROTOCOLS["clean"],
            "budget": BUDGETS["smoke"],
            "seed": 0,
            "source": "s",
            **more,
        }
    )


def record(**more) -> Record:
    j = more.pop("job", job())
    return Record(job=j, key=j.key, status="done", metrics={"sampled.hr@5": 1 / 3}, **more)


def test_a_record_survives_the_disk_unrounded(tmp_path):
    store = Store(tmp_path)
    store.write(record())
    assert store.find(job()) == record()
    assert store.find(job(seed=1)) is None


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    def broken(name):
        Path(name).write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, broken)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_fields_in_a_record_are_an_error(tmp_path):
    store = Store(tmp_path)
    path = store.write(record())
    path.write_text(path.read_text().replace('"reason"', '"reasn"'))
    with pytest.raises(BenchError, match="cannot be read"):
        store.find(job())


def test_the_frame_names_what_a_table_needs(tmp_path):
    rows = frame([record(), record(job=job(model="MCLN", preset="itemwise"))])
    assert rows.row.tolist() == ["BPRMF", "MCLN:itemwise"]
    assert rows["sampled.hr@5"].tolist() == [1 / 3, 1 / 3]


def test_the_key_is_stable():
    """A key that drifts orphans every record that stands: this one may change only with the schema of jobs."""
    assert job().key == job().key
    assert job(hyper={"a": 1, "b": 2}).key == job(hyper={"b": 2, "a": 1}).key


def test_what_killed_runners_left_is_swept_and_what_is_held_stays(tmp_path):
    store = Store(tmp_path)
    dead, alive = job(), job(seed=1)
    store.write(record(job=dead))
    leftovers = [store.path(dead).with_suffix(s) for s in (".lock", ".checkpoint")]
    leftovers.append(store.path(dead).with_name(f".{dead.key}.json.x1.json"))
    for path in leftovers:
        path.write_text("half")
    assert store.records() == [record(job=dead)]
    with store.lock(alive) as is_ours:
        store.sweep()
        assert is_ours
        assert store.path(alive).with_suffix(".lock").exists()
    assert not [path for path in leftovers if path.exists()]
    assert store.find(dead) == record(job=dead)


def test_rank_columns_are_the_ranks_without_ties(tmp_path):
    store = Store(tmp_path)
    ranks = pd.DataFrame({"user": [0, 3], "target": [7, 1], "rank_sampled": [1, 99], "ties_sampled": [0, 2]})
    store.write(record(), ranks)
    assert store.ranks(job()).equals(ranks)
    found = store.rank_columns(job())
    assert {name: values.tolist() for name, values in found.items()} == ranks.drop(columns="ties_sampled").to_dict(
        "list"
    )


def test_a_clock_that_jumps_back_hides_no_new_record(tmp_path):
    """Runners tell a new record by its file, not by its time."""
    store = Store(tmp_path)
    path = store.write(record())
    before = store.stamp(job())
    store.write(record())
    os.utime(path, ns=(0, 0))
    assert store.stamp(job()) not in (None, before)
