"""Weights kept beside a record give back the model that the record is about."""

import errno
import shutil
from dataclasses import replace

import jaxtyping
import pandas as pd
import pytest

import bench
from bench import registry
from bench.cli.main import main
from bench.registry import source
from bench.run import job, trained, weights
from bench.run.due import is_due
from bench.spec import BenchError
from bench.store.store import Store
from tests.run import made
from tests.run.made import planned
from tests.toy import write_folder

OWN = """
from dataclasses import dataclass

from baselines.bprmf import BPRMF


class Own(BPRMF):
    @dataclass(frozen=True, kw_only=True)
    class Hyper(BPRMF.Hyper):
        pass
"""


@pytest.fixture(scope="module")
def run_of_three(tmp_path_factory):
    """A folder of data, and the results of three models on it."""
    place = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCLN_BENCH_CACHE", str(place / "cache"))
        jobs = planned(write_folder(place / "tiny"), models=["VBPR", "MCLN", "EASE"], keep_weights=True)
        assert made.local(Store(place / "results")).run(jobs) == ["done"] * 3
    return place


@pytest.fixture
def kept(run_of_three, tmp_path, cache):
    """A store of its own for each test, and the folder of its data."""
    return Store(shutil.copytree(run_of_three / "results", tmp_path / "results")), str(run_of_three / "tiny")


def test_a_loaded_model_has_its_record_s_metrics_to_the_bit(kept):
    store, folder = kept
    records = store.records()
    assert len(records) == 3
    for record in records:
        for ranking in ("sampled",) if record.job.model == "MCLN" else ("sampled", "full"):
            found = trained.load(store, record.key, location=folder, ranking=ranking).metrics()
            assert found == {k: v for k, v in record.metrics.items() if k.startswith(ranking)}


def test_nothing_met_is_recommended(kept):
    """40 users of a set of 150 items; each met 8 of them, so that 142 are left."""
    store, folder = kept
    (record,) = [r for r in store.records() if r.job.model == "VBPR"]
    model = bench.load_model(record.key[:8], results=store.root, data=folder)
    dataset = model.prepared.dataset
    met = {(int(user), int(item)) for part in (dataset.train, dataset.valid, dataset.test) for user, item in part}
    lists = model.recommend(k=1000)
    assert lists.groupby("user").size().tolist() == [dataset.n_items - 8] * 40
    users = {own: number for number, own in enumerate(dataset.ids["user"])}
    items = {own: number for number, own in enumerate(dataset.ids["item"])}
    assert not met & {(users[line.user], items[line.item]) for line in lists.itertuples()}
    few = model.recommend([3, 5], k=2)
    assert few["user"].tolist() == [3, 3, 5, 5]
    assert few["rank"].tolist() == [1, 2, 1, 2]
    best = lists[lists["user"] == 3].head(2)
    assert few[few["user"] == 3]["item"].tolist() == best["item"].tolist()
    assert lists.groupby("user")["score"].apply(lambda s: s.is_monotonic_decreasing).all()


def test_weights_are_made_where_a_record_lacks_them(folder, tmp_path):
    store = Store(tmp_path / "results")
    (plain,), (keeping,) = planned(folder), planned(folder, keep_weights=True)
    made.local(store).run([plain])
    first = store.find(plain.job)
    with pytest.raises(BenchError, match="run the job again with --keep-weights"):
        trained.load(store, first.key, location=str(folder))
    assert [is_due(store, one, when="missing") for one in (plain, keeping)] == [False, True]
    made.local(store).run([keeping])
    second = store.find(plain.job)
    assert (second.key, second.metrics, second.ranks_sha256) == (first.key, first.metrics, first.ranks_sha256)
    assert not is_due(store, keeping, when="missing")


def test_damaged_weights_are_not_believed(kept):
    store, folder = kept
    (record,) = [r for r in store.records() if r.job.model == "VBPR"]
    path = store.weights(record.job)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BenchError, match="was changed after it was written"):
        trained.load(store, record.key, location=folder)


def test_other_data_than_the_record_s_are_named(kept, tmp_path):
    store, folder = kept
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "text_feat.npy").unlink()
    (record,) = [r for r in store.records() if r.job.model == "VBPR"]
    with pytest.raises(BenchError, match=f"{other} is not the data that {record.key} was made on; name that with"):
        trained.load(store, record.key, location=str(other))
    (other / "image_feat.npy").unlink()  # without any features, it does not have those of the record
    with pytest.raises(BenchError, match=rf"{other} is not the data that {record.key} was made on \(unknown features"):
        trained.load(store, record.key, location=str(other))


def test_a_user_named_twice_has_one_list(kept):
    store, folder = kept
    (record,) = [r for r in store.records() if r.job.model == "VBPR"]
    model = trained.load(store, record.key, location=folder)
    pd.testing.assert_frame_equal(model.recommend([3, 5, 3], k=1000), model.recommend([3, 5], k=1000))


def test_lists_have_the_ids_from_before_import(kept, tmp_path, monkeypatch):
    """``import`` numbers users and items and keeps their ids in two files; 07 is no number."""
    store, folder = kept
    (record,) = [r for r in store.records() if r.job.model == "VBPR"]
    known = trained.load(store, record.key, location=folder).recommend([7, 3], k=2)
    imported = shutil.copytree(folder, tmp_path / "imported")
    for kind, n in (("user", 40), ("item", 150)):
        ids = pd.DataFrame({"number": range(n), "id": [f"0{number}" for number in range(n)]})
        ids.to_csv(imported / f"{kind}s.csv", index=False)
    model = trained.load(store, record.key, location=str(imported))
    lists = model.recommend(["07", "03"], k=2)
    assert lists["user"].tolist() == ["07", "07", "03", "03"]
    assert lists["item"].tolist() == [f"0{item}" for item in known["item"]]
    assert model.recommend("07", k=2)["item"].tolist() == lists["item"].tolist()[:2]  # one id, not two letters
    monkeypatch.setenv("HOME", str(tmp_path))
    at_home = trained.load(store, record.key, location="~/imported")
    pd.testing.assert_frame_equal(at_home.recommend(["07", "03"], k=2), lists)
    assert model.recommend([]).empty
    with pytest.raises(BenchError, match="has no user 3.5"):
        model.recommend(3.5)
    ids.head(3).to_csv(imported / "items.csv", index=False)
    model = trained.load(store, record.key, location=str(imported))
    with pytest.raises(BenchError, match=r"items.csv has no id for item \d+ of the lists; import the data set again"):
        model.recommend("07")


def test_weights_of_an_earlier_run_count_as_not_kept(folder, tmp_path, capsys):
    """The job ran again without keeping them, so that its record does not vouch for the file that is there."""
    store = Store(tmp_path / "results")
    (plain,), (keeping,) = planned(folder), planned(folder, keep_weights=True)
    for one in (keeping, plain):
        made.local(store).run([one])
    record = store.find(plain.job)
    assert store.weights(record.job).exists()
    with pytest.raises(BenchError, match="not of this record; run the job again with --keep-weights"):
        trained.load(store, record.key, location=str(folder))
    assert is_due(store, keeping, when="missing")
    assert "was changed" not in capsys.readouterr().err


def test_a_model_of_other_code_is_not_given_the_weights(kept, monkeypatch):
    store, folder = kept
    (record,) = [r for r in store.records() if r.job.model == "VBPR"]
    card = replace(registry.cards()["VBPR"], code=("other",))
    monkeypatch.setitem(registry.standing_cards(), "VBPR", card)
    with pytest.raises(BenchError, match="was made with other code of VBPR.*--keep-weights"):
        trained.load(store, record.key, location=folder)


def test_weights_of_an_earlier_engine_are_not_given(kept, monkeypatch):
    store, folder = kept
    (record,) = [r for r in store.records() if r.job.model == "VBPR"]
    monkeypatch.setattr(source, "ENGINE", record.job.engine + 1)
    with pytest.raises(BenchError, match="was made with other code of VBPR"):
        trained.load(store, record.key, location=folder)


def test_lists_are_of_the_full_ranking_where_there_is_one(kept):
    store, folder = kept
    found = {r.job.model: trained.load(store, r.key, location=folder).ranking for r in store.records()}
    assert found == {"VBPR": "full", "MCLN": "sampled", "EASE": "full"}


def test_a_model_from_outside_is_named_by_its_file(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "outside", {})
    own = tmp_path / "own.py"
    own.write_text(OWN)
    store, model = Store(tmp_path / "results"), f"{own}:Own"
    (work,) = planned(folder, models=[model], keep_weights=True)
    made.local(store).run([work])
    registry.outside.clear()  # as in another process
    with pytest.raises(BenchError, match="name its file with --model path/to/file.py:Own"):
        trained.load(store, work.job.key, location=str(folder))
    found = trained.load(store, work.job.key, location=str(folder), ranking="full", model_file=model).metrics()
    assert found == {k: v for k, v in store.find(work.job).metrics.items() if k.startswith("full")}


def test_what_cannot_be_asked_is_one_line(kept, monkeypatch):
    store, folder = kept
    keys = {record.job.model: record for record in store.records()}
    with pytest.raises(BenchError, match="so it cannot rank all items"):
        trained.load(store, keys["MCLN"].key, location=folder).recommend()
    with pytest.raises(BenchError, match="no weights of the full ranking"):
        trained.load(store, keys["MCLN"].key, location=folder, ranking="full")
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users have no checks of types
    for k in (0, 1.5, "5"):
        with pytest.raises(BenchError, match=f"k={k!r}: a list needs a whole number of items, at least one"):
            trained.load(store, keys["VBPR"].key, location=folder).recommend(k=k)
    with pytest.raises(BenchError, match="has no user 77"):
        trained.load(store, keys["VBPR"].key, location=folder).recommend([77])
    with pytest.raises(BenchError, match="is of the folder tiny, which is not here; name it with --data FOLDER"):
        trained.load(store, keys["VBPR"].key)
    with pytest.raises(BenchError, match="is not there"):
        weights.read(store.root / "none.safetensors", "full", sha256="")


def test_the_command_writes_lists(kept, capsys, tmp_path, monkeypatch):
    store, folder = kept
    (record,) = [r for r in store.records() if r.job.model == "VBPR"]
    out = tmp_path / "lists" / "out.csv"
    flags = (record.key, "--top", "3", "--data", folder, "--results", store.root, "--out", out)
    with pytest.raises(SystemExit, match="0"):
        main([*map(str, flags)], command="recommend")
    assert "40 users, at most 3 items each" in capsys.readouterr().out
    assert pd.read_csv(out).columns.tolist() == ["user", "rank", "item", "score"]
    assert len(pd.read_csv(out)) == 120
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="0"):
        main([*map(str, flags[:-2])], command="recommend")
    assert (tmp_path / f"recommended-{record.key}.csv").read_bytes() == out.read_bytes()


def test_a_disk_that_is_full_when_weights_are_written_costs_no_training(folder, tmp_path, monkeypatch):
    """The run ends there, and the next start goes on from the last epoch, as where a record cannot be written."""
    (work,) = planned(folder, keep_weights=True, budget="quick")
    store = Store(tmp_path / "results")

    def full(*args, **more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights, "write_whole", full)
    with pytest.raises(BenchError, match="No space left on device"):
        job.run(work, store, device="cpu", checkpoint_every=5)
    assert store.find(work.job) is None
    assert store.checkpoint(work.job).exists()
    monkeypatch.undo()
    record = job.run(work, store, device="cpu", checkpoint_every=5)
    assert record.facts["weights_sha256"]
