"""A whole folder is looked through, and each thing that does not hold is one line."""

import pytest

from bench.files import digest, write_sealed
from bench.store import case_facts
from bench.store.store import Store
from bench.store.verify import verify
from tests.store.made import followed, job, ranks, rewritten
from tests.store.test_case_facts import FACTS


@pytest.fixture
def store(tmp_path):
    """Two records with ranks, of which one kept its weights; case facts, a checkpoint, the trial of a search."""
    store = Store(tmp_path)
    store.write(followed(facts={"weights_sha256": digest(b"w")}), ranks())
    store.weights(job()).write_bytes(b"w")
    store.write(followed((3, 4), job=job(seed=1)), ranks((3, 4)))
    case_facts.write(FACTS, store.cases(job()))
    write_sealed(store.checkpoint(job(seed=2)), b"state", owner=job(seed=2).key)
    trial = followed(job=job(hyper={"x": 1})).model_copy(update={"metrics": {}})
    Store(tmp_path / "tuning" / "records").write(trial)
    return store


WHOLE = "checked 3 records, 1 file of weights, 1 table of case facts, 1 checkpoint; "


def test_a_whole_folder_holds(store):
    found = verify(store.root)
    assert (found.wrong, found.words) == ([], f"{WHOLE}every check passed")


def test_the_half_of_a_checkpoint_that_a_killed_job_left_is_no_checkpoint(store):
    """The next run sweeps it away; a run at work here may be writing it just now."""
    path = store.checkpoint(job(seed=2))
    path.with_name(f".{path.name}.0a1b2c3d.checkpoint").write_bytes(b"half")
    assert verify(store.root).words == f"{WHOLE}every check passed"


def test_what_a_run_replaces_meanwhile_is_not_damaged(store, monkeypatch):
    """Its new record names new ranks and weights, and the old ranks are gone, when those of the old record are read."""
    plain, runs = Store.rank_files, [1]

    def rank_files(self, record):
        found = plain(self, record)
        if record.job == job() and runs:
            runs.pop()
            self.write(followed((5, 6), facts={"weights_sha256": digest(b"v")}), ranks((5, 6)))
            self.weights(job()).write_bytes(b"v")
        return found

    monkeypatch.setattr(Store, "rank_files", rank_files)
    found = verify(store.root)
    assert (found.wrong, found.words, runs) == ([], f"{WHOLE}every check passed", [])


def test_new_weights_whose_record_comes_after_them_are_not_damaged(store, monkeypatch):
    plain, runs = Store.check_weights, [1]
    store.weights(job()).write_bytes(b"v")

    def check_weights(self, record):
        if runs:
            runs.pop()
            self.write(followed((5, 6), facts={"weights_sha256": digest(b"v")}), ranks((5, 6)))
        plain(self, record)

    monkeypatch.setattr(Store, "check_weights", check_weights)
    assert (verify(store.root).wrong, runs) == ([], [])


def test_a_checkpoint_that_a_run_removes_meanwhile_is_not_damaged(store, monkeypatch):
    def read_sealed(path, owner):
        path.unlink()
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr("bench.store.verify.read_sealed", read_sealed)
    assert verify(store.root).wrong == []


def test_nothing_is_found_in_an_empty_folder(tmp_path):
    assert verify(tmp_path).seen == {}


def flip(path):
    content, place = path.read_bytes(), path.stat().st_size // 2
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


def edit(path):
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 5'))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda s: edit(s.path(job())), "was changed"),
        (lambda s: rewritten(s, metrics=followed((3, 4)).metrics), "does not follow from its ranks"),
        (lambda s: flip(next(s.path(job()).parent.glob(f"{job().key}.*.parquet"))), "was changed"),
        (lambda s: flip(s.weights(job())), "was changed"),
        (lambda s: flip(s.cases(job())), "is missing or damaged"),
        (lambda s: flip(s.checkpoint(job(seed=2))), "is not what was written there"),
        (lambda s: s.checkpoint(job(seed=2)).rename(s.checkpoint(job(seed=3))), "is not what was written there"),
        (lambda s: s.path(job()).rename(s.path(job(seed=4))), "holds the record of another job"),
        (lambda s: edit(next(s.root.glob("tuning/records/*/*/*.json"))), "was changed"),
    ],
)
def test_each_kind_of_damage_is_one_line(store, damage, said):
    damage(store)
    found = verify(store.root)
    assert len(found.wrong) == 1
    assert said in found.wrong[0]
    assert found.words.endswith("; 1 of them failed a check")


def test_metrics_without_ranks_are_counted(store):
    store.write(followed(job=job(seed=4)))
    said = "every check passed; 1 record with metrics but no ranks to hold them against"
    assert verify(store.root).words.endswith(said)
