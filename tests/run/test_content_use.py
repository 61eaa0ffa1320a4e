"""What a trained model's scores owe to irrelevant content: every model by one path, VBPR worked out by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from bench.data import knockout, synthetic
from bench.data.synthetic import simulate
from bench.nn.features import FeatureRows
from bench.protocol.content_use import scores, take_over
from bench.protocol.evaluate import Evaluator
from bench.run import content_use, job, plan
from bench.run.prepared import frozen_cases
from bench.spec import PROTOCOLS
from bench.store.store import Store
from bench.train.bridge import TrainingSet
from tests.conformance.conftest import every_row
from tests.conformance.rows import build_row
from tests.conformance.test_every_model import trained
from tests.toy import as_dense

SIZES = {"n_users": 40, "n_items": 130, "n_train": 300}


@pytest.fixture(scope="module")
def data():
    return simulate(name="tiny-sim", **SIZES)


@pytest.fixture(scope="module")
def cases(data):
    return frozen_cases(data, data.test, PROTOCOLS["paper"], part=0)


def training_set(data):
    return TrainingSet(data.train, n_users=data.n_users, n_items=data.n_items, features=data.features)


def build(row, data, **settings):
    return build_row(row, training_set(data), **settings)


def test_occlusion_moves_the_planted_columns_alone(data):
    moved = knockout.occlude(data, "irrelevant")
    other = knockout.cycle(data.n_items)
    for modality, columns in data.planted.items():
        before, after = data.features[modality], moved.features[modality]
        first, last = columns["irrelevant"]
        assert np.array_equal(after[:, first:last], before[other, first:last])
        assert np.array_equal(after[:, :first], before[:, :first])
        assert not np.array_equal(after, before)


@pytest.mark.parametrize("row", every_row())
def test_every_model(row, data, cases):
    """Built again and given its weights, a model scores as before; all numbers are finite, and content counts."""
    model = trained(lambda seed: build(row, data, seed=seed), training_set(data), epochs=2)
    start, twin, evaluator = build(row, data), build(row, data), Evaluator(cases, device=model.device)
    take_over(twin, model, start=start.state_dict())
    assert torch.equal(scores(model, evaluator), scores(twin, evaluator))
    found = content_use.facts(model, data, cases, build=lambda other: build(row, other))
    numbers = {name: value for name, value in found.items() if name != "gradient.reason"}
    assert np.isfinite(list(numbers.values())).all()
    name = row.partition(":")[0]
    reads_nothing = name in ("BPRMF", "SVDPP", "NGCF", "LightGCN", "MACR", "BM3")  # BM3: content in its loss alone
    trains_a_copy = name in ("FREEDOM", "LATTICE", "MEGCF", "MGCN")  # a table that starts at the rows, then moves
    assert (found["occlusion.irrelevant.score_change"] == 0) == (found["occlusion.relevant.score_change"] == 0)
    assert ("gradient.irrelevant" in found) != ("gradient.reason" in found)
    if not trains_a_copy:  # whose training takes the content over, so that occluding the rows may change nothing
        assert ("occlusion.ratio" in found) != reads_nothing
        keeps_rows = not reads_nothing and row != "DMRL:released"  # which keeps content projected, not its rows
        assert ("gradient.irrelevant" in found) == keeps_rows


def vbpr(data, **settings):
    model = build("VBPR", data, feature_scale="none", **settings)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


def test_vbpr_by_hand(data, cases):
    """s_ui = beta_i + <gamma_u, gamma_i> + f_i' (E theta_u + beta'): changes and slopes are those of the last term."""
    model = vbpr(data)
    found = content_use.facts(model, data, cases, build=lambda other: build("VBPR", other, feature_scale="none"))
    slope = (model.projection @ model.user_content.weight[cases.user + 1].T + model.visual_bias).T.detach().numpy()
    items = np.column_stack([cases.candidates, cases.target])
    other, rows, half = knockout.cycle(data.n_items), data.features["visual"], data.features["visual"].shape[1] // 2
    changes = {}
    for part, columns in (("relevant", slice(half)), ("irrelevant", slice(half, None))):
        moved = (rows[other] - rows)[:, columns]
        changes[part] = abs(np.einsum("bd,bcd->bc", slope[:, columns], moved[items])).mean()
    assert found["occlusion.ratio"] == pytest.approx(changes["irrelevant"] / changes["relevant"], rel=1e-4)
    norms = [np.linalg.norm(slope[:, columns], axis=1).mean() for columns in (slice(half, None), slice(None))]
    assert found["gradient.irrelevant"] == pytest.approx(norms[0] / norms[1], rel=1e-4)


def test_a_model_that_ignores_the_irrelevant_columns_scores_zero(data, cases):
    model, half = vbpr(data), data.features["visual"].shape[1] // 2
    with torch.no_grad():
        model.projection[half:], model.visual_bias[half:] = 0.0, 0.0
    found = content_use.facts(model, data, cases, build=lambda other: build("VBPR", other, feature_scale="none"))
    assert found["gradient.irrelevant"] == 0
    assert found["occlusion.irrelevant.score_change"] < 1e-6 < found["occlusion.relevant.score_change"]
    assert found["occlusion.irrelevant.rank_changed"] == 0


class Length(nn.Module):
    """Half the squared length of the item's visual rows, whose slope is the row itself."""

    device = torch.device("cpu")

    def __init__(self, data):
        super().__init__()
        self.rows = FeatureRows(training_set(data).item_features["visual"])

    def represent(self):
        return 0.5 * as_dense(self.rows).square().sum(1)

    def score(self, shared, user, item):
        return shared[item]


def test_slopes_are_those_of_the_test_items(data, cases):
    rows, half = data.features["visual"][cases.target], data.features["visual"].shape[1] // 2
    expected = np.linalg.norm(rows[:, half:], axis=1).mean() / np.linalg.norm(rows, axis=1).mean()
    assert content_use.gradients(Length(data), data, cases)["gradient.irrelevant"] == pytest.approx(expected, rel=1e-6)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(synthetic.SIMULATED, "beauty-sim", SIZES)


def run(tmp_path, *models, **more):
    works = plan.jobs(plan.Request(datasets=["beauty-sim"], models=models, budget="smoke", **more))
    return [job.run(work, Store(tmp_path / "results"), device="cpu") for work in works]


def test_base_reads_no_content(small, tmp_path):
    (base,) = run(tmp_path, "MCLN", hyper={"modalities": "none", "use_cl": False})
    found = {name: value for name, value in base.facts.items() if name.startswith("occlusion.")}
    assert len(found) == 8
    assert set(found.values()) == {0.0}
    assert base.facts["gradient.reason"] == "the model holds no rows of content"


def test_the_facts_move_no_metric(small, tmp_path, monkeypatch):
    (with_facts,) = run(tmp_path / "a", "VBPR")
    monkeypatch.setattr(content_use, "facts", lambda *args, **more: {})
    (without,) = run(tmp_path / "b", "VBPR")
    assert with_facts.metrics == without.metrics
    assert with_facts.key == without.key
    assert {n for n in with_facts.facts if n not in without.facts} >= {"occlusion.ratio", "gradient.irrelevant"}


def test_floors_and_knocked_out_content_are_left_alone(small, tmp_path):
    pop, shuffled, part = run(tmp_path, "Pop") + run(tmp_path, "VBPR", features=["shuffled", "textual=noise"])
    for record in (pop, shuffled):
        assert record.status == "done"
        assert not [name for name in record.facts if name.startswith(("occlusion", "gradient"))]
    assert "occlusion.ratio" in part.facts


def test_candidates_are_those_of_the_real_content_and_content_models_skip_none(small, tmp_path):
    features = ["real", "shuffled", "noise", "visual=none", "none"]
    records = run(tmp_path, "MCLN:itemwise", "VBPR", features=features, protocols=["paper"])
    done = [r for r in records if r.status == "done"]
    assert len({r.facts["candidate_hash"] for r in done}) == 1
    assert len({r.key for r in records}) == 10
    assert {r.key for r in records} > {r.key for r in run(tmp_path, "MCLN:itemwise", "VBPR", protocols=["paper"])}
    (skipped,) = [r for r in records if r.status != "done"]
    assert (skipped.job.row, skipped.job.features, skipped.status) == ("VBPR", "none", "skipped")
    assert "needs rows of item content" in skipped.reason
    ours = {r.job.features: r.metrics["sampled.ndcg@10"] for r in done if r.job.model == "MCLN"}
    assert len(set(ours.values())) > 1
