"""Records are written whole or not at all, and read strictly."""

import os
import shutil
import sys

import pytest

from bench.files import digest
from bench.spec import BenchError
from bench.store import store as store_module
from bench.store.store import Store
from tests.store.made import followed, job, ranks, record, rewritten


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


def test_without_locks_what_killed_runners_left_is_swept_too(tmp_path):
    store = Store(tmp_path, is_locked=False)
    done, under_way = job(), job(seed=1)
    store.write(record(job=done))
    left = [store.checkpoint(done), store.path(under_way).with_name(f".{under_way.key}.json.x1.json")]
    kept = [store.checkpoint(under_way), store.path(done).with_name(".notes")]
    for path in left + kept:
        path.write_text("half")
    store.sweep()
    assert [path.exists() for path in left + kept] == [False, False, True, True]


@pytest.mark.parametrize("is_locked", [True, False])
def test_the_state_of_a_job_that_runs_again_is_not_swept(tmp_path, is_locked):
    """Its record stands without weights, say; a run that was to keep them was killed on the way."""
    store = Store(tmp_path, is_locked=is_locked)
    store.write(record())
    store.checkpoint(job()).write_text("state")
    store.path(job()).with_suffix(".lock").write_text("")
    store.sweep(due=[job()])
    assert store.checkpoint(job()).exists()
    store.path(job()).with_suffix(".lock").write_text("")
    store.sweep(due=[job(seed=1)])
    assert not store.checkpoint(job()).exists()


def test_a_lock_that_cannot_be_opened_is_no_leftover(tmp_path):
    store, target = Store(tmp_path / "results"), tmp_path / "precious"
    store.write(record())
    link = store.path(job()).with_suffix(".lock")
    link.symlink_to(target)
    store.sweep()
    assert link.is_symlink()
    assert not target.exists()


def files(store) -> list[str]:
    return sorted(path.name for path in store.root.glob("*/*/*"))


def test_rank_columns_are_the_ranks(tmp_path):
    store = Store(tmp_path)
    store.write(record(), ranks())
    assert store.ranks(job()).equals(ranks())
    found = store.rank_columns(job())
    assert {name: values.tolist() for name, values in found.items()} == ranks().to_dict("list")


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
    store.write(followed(), ranks())
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
        "edited": lambda: path.write_text(path.read_text().replace("0.5", "0.9")),
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
    store.write(followed(), ranks())
    store.write(followed((3, 4), job=job(seed=1)), ranks(places=[3, 4]))
    assert len(store.records()) == 2
    damage(store, how)
    assert store.find(job()) is store.find(job()) is None
    left = [] if "cases" in how else [1]  # both have the same cases
    assert [r.job.seed for r in store.records()] == left
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 - len(left)
    assert all(line.startswith(f"warning: {tmp_path}") for line in said)
    assert all(path.stem in line for path, line in zip(store.left_out, said, strict=True))
    assert list(store.left_out) == [store.path(job(seed=seed)) for seed in range(2) if seed not in left]
    store.write(followed(), ranks())  # what the next run does
    assert Store(tmp_path).find(job()).metrics == followed().metrics
    assert store.ranks(job()).equals(ranks())


def test_a_record_that_is_replaced_while_it_is_read_is_not_damaged(tmp_path, monkeypatch, capsys):
    """Its old ranks are gone before they are read."""
    store, real, names = Store(tmp_path), store_module.read_checked, []
    store.write(followed(), ranks())

    def read_late(path, sha256):
        if not names:
            names.append(path.name)
            Store(tmp_path).write(followed((3, 4)), ranks((3, 4)))
        return real(path, sha256)

    monkeypatch.setattr(store_module, "read_checked", read_late)
    assert [one.metrics for one in store.records()] == [followed((3, 4)).metrics]
    assert (names != [], store.left_out, capsys.readouterr().err) == (True, {}, "")


def test_ranks_that_cannot_be_read_are_replaced(tmp_path):
    """A reader of a pipe would wait for ever."""
    store = Store(tmp_path)
    store.write(followed(), ranks())
    for file in store.rank_files(store.find(job())):
        file.unlink()
        os.mkfifo(file)
    assert store.find(job()) is None
    store.write(followed(), ranks())
    assert store.find(job()).metrics == followed().metrics


def test_files_of_others_are_named_and_stay(tmp_path, capsys):
    store = Store(tmp_path)
    store.write(record())
    foreign = tmp_path / "toy" / "web" / "package.json"
    foreign.parent.mkdir()
    foreign.write_text('{"name": "page"}')
    assert store.records() == [record()]
    assert "package.json cannot be read as a record" in capsys.readouterr().err
    assert foreign.exists()


def test_shipped_records_below_the_users_own_are_not_the_users(tmp_path):
    Store(tmp_path / "reference").write(followed(), ranks())
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


@pytest.mark.parametrize("value", [0.9, 7.5, 0.0])
def test_metrics_that_do_not_follow_from_the_ranks_are_left_out(tmp_path, capsys, value):
    """The digest fits: only the ranks know better."""
    store = Store(tmp_path)
    store.write(followed(), ranks())
    assert store.find(job()).metrics == followed().metrics
    rewritten(store, metrics={**followed().metrics, "sampled.ndcg@10": value})
    for _ in range(2):
        assert store.find(job()) is None
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"(sampled.ndcg@10 is {value:.4f}, and 0.5000 when computed from its ranks)" in said
    store.write(followed(), ranks())
    assert store.find(job()).metrics == followed().metrics
    assert store.left_out == {}


def test_ranks_of_a_ranking_without_metrics_are_no_whole_record(tmp_path):
    store = Store(tmp_path)
    store.write(followed(), ranks().assign(rank_full=ranks()["rank_sampled"], ties_full=0))
    assert store.find(job()) is None
    assert "ranks or metrics of the full ranking without the other" in next(iter(store.left_out.values()))


@pytest.mark.parametrize("content", ['"NaN"', "NaN", "null", '"0.5"', "[]", "1" * 400])
def test_a_metric_of_another_type_is_no_record(tmp_path, content):
    store = Store(tmp_path)
    path = store.write(record())
    path.write_text(path.read_text().replace("0.3333333333333333", content))
    assert store.find(job()) is None
    assert "cannot be read as a record" in store.left_out[path]


def test_ranks_of_another_model_or_seed_are_not_believed(tmp_path):
    """Not even where the record names them."""
    store = Store(tmp_path)
    store.write(followed(), ranks())
    store.write(followed((3, 4), job=job(seed=1)), ranks((3, 4)))
    other = store.find(job(seed=1))
    shutil.copy(next(store.path(job(seed=1)).parent.glob(f"{other.key}.*.parquet")), tmp_path / "x")
    rewritten(store, ranks_sha256=other.ranks_sha256)
    shutil.copy(tmp_path / "x", store.path(job()).with_suffix(f".{other.ranks_sha256[:16]}.parquet"))
    assert store.find(job()) is None


@pytest.mark.parametrize("place", ["other/BPRMF", "toy/MCLN"])
def test_a_record_copied_into_another_folder_is_not_another(tmp_path, place):
    store = Store(tmp_path)
    path = store.write(record())
    (tmp_path / place).mkdir(parents=True)
    shutil.copy(path, tmp_path / place)
    assert store.records() == [record()]
    assert "holds the record of another job" in store.left_out[tmp_path / place / path.name]


@pytest.mark.parametrize("places", [[0, 1], [-3, 1], [101, 1]])
def test_what_is_no_rank_is_named(tmp_path, places):
    store = Store(tmp_path)
    store.write(followed(), ranks(places))
    assert store.find(job()) is None
    assert "rank_sampled holds values that are not ranks" in next(iter(store.left_out.values()))


def test_a_log_that_is_a_link_leaves_what_it_names(tmp_path):
    store, target = Store(tmp_path / "results"), tmp_path / "precious"
    target.write_text("x")
    store.path(job()).parent.mkdir(parents=True)
    for suffix in (".log", ".lock"):
        store.path(job()).with_suffix(suffix).symlink_to(target)
    assert store.start_log(job()).read_text() == ""
    with pytest.raises(BenchError, match="cannot be written"), store.lock(job()):
        pass
    assert target.read_text() == "x"


def test_weights_that_were_changed_count_as_missing(tmp_path, capsys):
    store = Store(tmp_path)
    kept = record(facts={"weights_sha256": digest(b"w")})
    store.write(kept)
    assert not store.has_weights(kept)
    for content, holds in ((b"w", True), (b"v", False)):
        store.weights(job()).write_bytes(content)
        assert store.has_weights(kept) is holds
    assert capsys.readouterr().err.count("was changed after it was written") == 1
