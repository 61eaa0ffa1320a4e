"""What a job tells while it runs."""

from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench import registry
from bench.files import read_sealed, write_sealed
from bench.run import job
from bench.run.prepared import prepare
from bench.store.store import Store
from bench.train import batches as batching
from bench.train import checkpoint
from bench.train.checkpoint import Stopped
from bench.train.fit import Fit
from tests.run.made import planned


@pytest.mark.parametrize(
    ("model", "stages"),
    [("BPRMF", ["loading", 1, "testing"]), ("InvRL", ["loading", "before the epochs", 1, "testing"])],
)
def test_stages_and_epochs_in_order(folder, tmp_path, model, stages):
    (work,) = planned(folder, models=[model])
    events = []
    record = job.run(work, Store(tmp_path / "results"), device="cpu", tell=events.append)
    assert record.status == "done"
    assert [event.stage or event.epoch for event in events] == stages


@pytest.mark.parametrize("change", [{"choices": {"full.ndcg@10": {"top": 1.0}}}, {"fit": {"steps": 9}}, {"model": {}}])
def test_a_state_that_other_code_wrote_is_left_aside(folder, tmp_path, capsys, change):
    """The job starts anew, as if there had been no state: its record is the same."""
    (work,) = planned(folder, budget="quick")
    store, fresh = Store(tmp_path / "results"), Store(tmp_path / "fresh")
    with pytest.raises(Stopped):
        job.run(work, store, device="cpu", stop=lambda: True)
    path = store.checkpoint(work.job)
    state = torch.load(BytesIO(read_sealed(path, owner=path.stem)), weights_only=True)
    torch.save({**state, **change}, content := BytesIO())
    write_sealed(path, content.getbuffer(), owner=path.stem)
    again, whole = (job.run(work, place, device="cpu") for place in (store, fresh))
    assert (again.status, again.metrics) == ("done", whole.metrics)
    assert [entry["loss"] for entry in again.curve] == [entry["loss"] for entry in whole.curve]
    said = capsys.readouterr().err
    assert said.startswith(f"{path} cannot be used (")
    assert said.endswith("); starting anew\n")


def test_a_record_names_the_conditions_of_earlier_parts_of_its_run(folder, tmp_path, monkeypatch):
    """Stopped after one epoch with eight threads and after another with nine, then run to its end with those of now."""
    (work,), store = planned(folder, budget="quick"), Store(tmp_path / "results")
    now = checkpoint.conditions()
    for threads in ("8 threads", "9 threads", None):
        monkeypatch.setattr(checkpoint, "conditions", lambda threads=threads: threads or now)
        if threads:
            with pytest.raises(Stopped):
                job.run(work, store, device="cpu", stop=lambda: True)
    assert job.run(work, store, device="cpu").provenance["earlier"] == "8 threads; 9 threads"
    with pytest.raises(Stopped):
        job.run(work, store, device="cpu", stop=lambda: True)
    assert "earlier" not in job.run(work, store, device="cpu").provenance


def test_what_is_reported_is_of_the_chosen_epoch(folder, tmp_path):
    """Under ``paper`` the curve is that of the test cases, so that the record's metrics are its best values."""
    hyper = {"learning_rate": 0.01}
    (work,) = planned(folder, budget="quick", protocols=["paper"], hyper=hyper)
    record = job.run(work, Store(tmp_path / "results"), device="cpu", tell=lambda event: None)
    for ranking in ("sampled", "full"):
        name = f"{ranking}.ndcg@10"
        course = [entry[name] for entry in record.curve]
        assert record.metrics[name] == pytest.approx(max(course), rel=1e-12)
        assert course[-1] < max(course)
        assert record.facts[f"best_epoch.{ranking}"] == record.curve[int(np.argmax(course))]["epoch"]


@pytest.mark.parametrize(
    "body",
    [
        "def before_epoch(self, epoch):\n        self.sign = 1 if epoch <= 5 else -1\n\n"
        "    def embed(self):\n        users, items = super().embed()\n        return self.sign * users, items",
        "def embed(self):\n        users, items = super().embed()\n        return torch.randn_like(users), items",
    ],
)
def test_a_model_whose_weights_do_not_hold_all_of_its_state_fails(folder, tmp_path, monkeypatch, body):
    """Its record would mix the weights of one epoch with what another epoch left."""
    monkeypatch.setattr(registry, "outside", {})
    path = tmp_path / "own.py"
    hyper = "class Hyper(BPRMF.Hyper):\n        pass"
    path.write_text(
        f"import torch\n\nfrom baselines.bprmf import BPRMF\n\n\nclass Own(BPRMF):\n    {hyper}\n\n    {body}\n"
    )
    (work,) = planned(folder, models=[f"{path}:Own"], budget="quick", hyper={"learning_rate": 0.01})
    record = job.run(work, Store(tmp_path / "results"), device="cpu")
    assert record.status == "failed"
    assert "has the sampled.ndcg@10 0." in record.reason
    assert "not in its state_dict(), or its scores are random" in record.reason
    assert record.curve


def test_weights_batches_and_what_training_draws_are_of_the_jobs_seed(folder, tmp_path, monkeypatch):
    """Or else the standard deviation over seeds would be that of something less."""
    (work,), drawn = planned(folder, seeds=[7]), []
    for name in ("seed_all", "generator"):
        real = getattr(job.seed, name)
        spy = lambda *args, real=real: (drawn.append(args[:2]), real(*args))[1]  # noqa: E731
        monkeypatch.setattr(job.seed, name, spy)
    job.run(work, Store(tmp_path / "results"), device="cpu")
    assert drawn == [(7, "sampling"), (7, "init"), (7, "train")]


@pytest.mark.parametrize(("protocol", "lead"), [("clean", "full"), ("paper", "sampled")])
def test_what_is_shown_and_ends_a_trial_is_the_ranking_that_a_search_judges_by(folder, tmp_path, protocol, lead):
    """Both rankings are in the curve; among 99 others a test item stands higher than among all."""
    (work,) = planned(folder, protocols=[protocol])
    events, store = [], Store(tmp_path / "results")
    (entry,) = job.run(work, store, device="cpu", tell=events.append).curve
    sampled, full = (entry[f"{ranking}.ndcg@10"] for ranking in ("sampled", "full"))
    assert sampled > full
    assert [event.value for event in events if event.epoch] == [entry[f"{lead}.ndcg@10"]]
    for limit, is_above in (((sampled + full) / 2, lead == "sampled"), (full / 2, True), (sampled * 2, False)):
        record = job.run(replace(work, is_trial=True, limits={1: limit}), Store(tmp_path / str(limit)), device="cpu")
        assert record.status == ("done" if is_above else "skipped")


@pytest.mark.parametrize("protocol", ["clean", "paper"])
def test_what_a_job_trains_on_chooses_by_and_is_tested_on(folder, tmp_path, monkeypatch, protocol):
    """Under ``clean`` neither the graph nor a batch has a pair that chooses the epoch or tests; ``paper`` does as its
    authors did, and chooses on the test cases."""
    train, valid = ((folder / f"{name}.txt").read_text().splitlines() for name in ("train", "validation"))
    both = [f"{line} {own.partition(' ')[2]}" for line, own in zip(train, valid, strict=True)]
    (folder / "train.txt").write_text("\n".join(both))  # as the paper's own lists have it
    (work,) = planned(folder, models=["LightGCN"], protocols=[protocol])
    prepared, graphs, batches, judged = prepare(work), [], [], []
    assert pairs_in(prepared.dataset.valid) <= pairs_in(prepared.dataset.train)

    class Batches(batching.Batches):
        def __init__(self, users, items, **more):
            batches.append(pairs_in(np.stack([users, items], axis=1) - 1))
            super().__init__(users, items, **more)

    class Evaluator(job.Evaluator):
        def __init__(self, cases, **more):
            judged.append(cases.hash)
            super().__init__(cases, **more)

    class TrainingSet(job.bridge.TrainingSet):
        def __init__(self, pairs, **more):
            graphs.append(pairs_in(pairs))
            super().__init__(pairs, **more)

    monkeypatch.setattr(batching, "Batches", Batches)
    monkeypatch.setattr(job, "Evaluator", Evaluator)
    monkeypatch.setattr(job.bridge, "TrainingSet", TrainingSet)
    assert job.run(work, Store(tmp_path / "results"), device="cpu", tell=lambda event: None).status == "done"
    expected = pairs_in(prepared.dataset.train)
    expected -= pairs_in(prepared.dataset.valid) | pairs_in(prepared.dataset.test) if protocol == "clean" else set()
    assert graphs == batches == [expected]
    chooses = prepared.valid if protocol == "clean" else prepared.test
    assert judged == [chooses.hash, prepared.test.hash]
    assert len(set(judged)) == (2 if protocol == "clean" else 1)


def pairs_in(pairs) -> set[tuple[int, int]]:
    return set(map(tuple, pairs.tolist()))


def test_the_use_of_content_is_of_the_weights_that_the_sampled_ranking_chose(folder, monkeypatch):
    (work,) = planned(folder)
    result, model = object.__new__(Fit), SimpleNamespace(device="cpu", holds="the last epoch")
    result.choices = dict.fromkeys(["sampled.ndcg@10", "full.ndcg@10"])
    monkeypatch.setattr(Fit, "load", lambda self, model, metric: setattr(model, "holds", metric))
    monkeypatch.setattr(job.content_use, "facts", lambda model, *_, **more: {"holds": model.holds})
    assert job.use_of_content(work, model, prepare(work), result) == {"holds": "sampled.ndcg@10"}


def test_a_mistake_that_the_user_can_mend_stands_in_the_job_s_log_too(folder, tmp_path, capsys):
    (work,) = planned(folder)
    changed = replace(work, job=replace(work.job, data_hash="other"))
    record = job.run(changed, Store(tmp_path / "results"), device="cpu")
    assert record.status == "failed"
    assert capsys.readouterr().err == f"{record.reason}\n"
