"""Records are written whole or not at all, and read strictly."""

import json
import os
import shutil
import sys

import pandas as pd
import pytest

from bench.spec import BUDGETS, PROTOCOLS, Job
from bench.store.record import Record
from bench.store.store import Store


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


def ranks(places=(1, 99), **more) -> pd.DataFrame:
    return pd.DataFrame({"user": [0, 3], "target": [7, 1], "rank_sampled": places, "ties_sampled": [0, 2], **more})


def files(store) -> list[str]:
    return sorted(path.name for path in store.root.glob("*/*/*"))


def test_rank_columns_are_the_ranks_without_ties(tmp_path):
    store = Store(tmp_path)
    store.write(record(), ranks())
    assert store.ranks(job()).equals(ranks())
    found = store.rank_columns(job())
    assert {name: values.tolist() for name, values in found.items()} == ranks().drop(columns="ties_sampled").to_dict(
        "list"
    )


def test_jobs_with_equal_cases_share_one_file_of_them(tmp_path):
    store = Store(tmp_path)
    for seed in range(3):
        store.write(record(job=job(seed=seed)), ranks(places=[seed + 1, 5]))
    assert len(list(tmp_path.glob("toy/cases/*.pairs.parquet"))) == 1
    assert len(list(tmp_path.glob("toy/BPRMF/*.parquet"))) == 3
    assert [store.ranks(job(seed=seed)).rank_sampled[0] for seed in range(3)] == [1, 2, 3]
    store.write(record(job=job(seed=3)), ranks(target=[7, 2]))
    assert len(list(tmp_path.glob("toy/cases/*.pairs.parquet"))) == 2


def test_a_rerun_leaves_no_old_ranks(tmp_path):
    store = Store(tmp_path)
    store.write(record(), ranks())
    before = files(store)
    store.write(record(), ranks())
    assert files(store) == before
    store.write(record(), ranks(places=[2, 2]))
    assert len(files(store)) == len(before)
    assert store.ranks(job()).rank_sampled.tolist() == [2, 2]


def test_a_record_written_again_without_ranks_keeps_them(tmp_path):
    store = Store(tmp_path)
    store.write(record(), ranks())
    store.write(store.find(job()).model_copy(update={"facts": {"tuning.trials": 3}}))
    assert store.find(job()).facts == {"tuning.trials": 3}
    assert store.ranks(job()).equals(ranks())


def test_killed_between_its_writes_a_rerun_leaves_the_record_that_stood(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.write(record(), ranks())
    before = store.find(job())
    monkeypatch.setattr("bench.store.store.write_record", lambda *_: sys.exit("killed"))
    with pytest.raises(SystemExit):
        store.write(record(), ranks(places=[2, 2]))
    assert store.find(job()) == before
    assert store.ranks(job()).equals(ranks())
    monkeypatch.undo()
    store.write(record(), ranks(places=[2, 2]))
    assert len(list(tmp_path.glob("toy/BPRMF/*.parquet"))) == 1


def damage(store, how: str) -> None:
    """Damage the record of seed 0; that of seed 1 has other ranks."""
    path, other = store.path(job()), store.path(job(seed=1))
    (own,), (pairs,) = path.parent.glob(f"{path.stem}.*.parquet"), store.root.glob("*/cases/*")
    (others,) = path.parent.glob(f"{other.stem}.*.parquet")
    done = {
        "edited": lambda: path.write_text(path.read_text().replace("0.333", "0.9")),
        "cut": lambda: path.write_bytes(path.read_bytes()[:100]),
        "another job's": lambda: shutil.copy(other, path),
        "without ranks": own.unlink,
        "with another's ranks": lambda: shutil.copy(others, own),
        "without cases": pairs.unlink,
        "with damaged cases": lambda: pairs.write_bytes(pairs.read_bytes().replace(b"PAR1", b"PAR2")),
    }
    done[how]()


@pytest.mark.parametrize(
    "how",
    ["edited", "cut", "another job's", "without ranks", "with another's ranks", "without cases", "with damaged cases"],
)
def test_a_record_that_does_not_hold_is_missing_and_named_once(tmp_path, capsys, how):
    store = Store(tmp_path)
    store.write(record(), ranks())
    store.write(record(job=job(seed=1)), ranks(places=[3, 4]))
    assert len(store.records()) == 2
    damage(store, how)
    assert store.find(job()) is store.find(job()) is None
    left = [] if "cases" in how else [1]  # both have the same cases
    assert [r.job.seed for r in store.records()] == left
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 - len(left)
    assert all(line.startswith(f"warning: {tmp_path}") or str(tmp_path) in line for line in said)
    assert list(store.left_out) == [store.path(job(seed=seed)) for seed in range(2) if seed not in left]
    store.write(record(), ranks())  # what the next run does
    assert Store(tmp_path).find(job()).metrics == record().metrics
    assert store.ranks(job()).equals(ranks())


def test_files_of_others_are_named_and_stay(tmp_path, capsys):
    store = Store(tmp_path)
    store.write(record())
    foreign = tmp_path / "toy" / "web" / "package.json"
    foreign.parent.mkdir()
    foreign.write_text('{"name": "page"}')
    assert store.records() == [record()]
    assert "package.json cannot be read as a record" in capsys.readouterr().err
    assert foreign.exists()


def test_a_record_of_schema_1_keeps_its_ranks(tmp_path):
    """Its ranks are one parquet of all columns, which nothing vouches for."""
    store = Store(tmp_path)
    path = store.path(job())
    path.parent.mkdir(parents=True)
    old = record().model_dump(mode="json", exclude={"digest", "ranks_sha256", "cases_sha256"})
    path.write_text(json.dumps({**old, "schema_version": 1}, indent=1))
    ranks().to_parquet(path.with_suffix(".users.parquet"), index=False)
    assert [r.metrics for r in store.records()] == [record().metrics]
    assert store.ranks(job()).equals(ranks())
    store.write(store.find(job()).model_copy(update={"facts": {"tuning.trials": 3}}))
    assert store.ranks(job()).equals(ranks())
    store.write(record(), ranks(places=[2, 2]))
    assert store.ranks(job()).rank_sampled.tolist() == [2, 2]
    assert not path.with_suffix(".users.parquet").exists()


def test_shipped_records_below_the_users_own_are_not_the_users(tmp_path):
    Store(tmp_path / "reference").write(record(), ranks())
    assert Store(tmp_path).records() == []
    Store(tmp_path).sweep()
    assert Store(tmp_path / "reference").records()


def test_a_clock_that_jumps_back_hides_no_new_record(tmp_path):
    """Runners tell a new record by its file, not by its time."""
    store = Store(tmp_path)
    path = store.write(record())
    before = store.stamp(job())
    store.write(record())
    os.utime(path, ns=(0, 0))
    assert store.stamp(job()) not in (None, before)
