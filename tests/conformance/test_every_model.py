"""What holds for every model and preset, whoever wrote it."""

import dataclasses

import numpy as np
import pytest
import torch

from bench import registry
from bench.nn.precision import forward_pass
from bench.protocol.candidates import draw_cases
from bench.protocol.evaluate import Evaluator
from bench.spec import NotApplicable
from bench.train.batches import Batches
from bench.train.bridge import TrainingSet
from benchmarks import agreement
from tests.conformance.rows import batch_for, build_row, fit_plainly, other_value
from tests.toy import random_set


def scores_of(model, user=(1, 2, 3)):
    """Scores of the same six candidates for some users, and the loss of one batch is elsewhere."""
    user = torch.tensor(user)
    items = torch.arange(1, 7).expand(len(user), -1)
    with torch.no_grad():
        return model.eval().score(model.represent(), user, items)


def loss_of(model, data):
    torch.manual_seed(5)  # draws inside the loss, if any
    return model.train().calculate_loss(batch_for(model, data))


def trained(build, data, *, epochs=3, seed=0, **more):
    model = build(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    batches = Batches(
        data.user,
        data.item,
        draw_negatives=model.draw_negatives,
        n_negatives=model.n_negatives,
        size=24,
        sampling="user",
        generator=generator,
    )
    torch.manual_seed(seed)
    fit_plainly(model, batches, epochs=epochs, **more)
    return model


def test_every_parameter_learns(build, data):
    model = build()
    loss_of(model, data).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_no_tensor_learns_outside_the_parameters(build):
    model = build()
    stray = [k for m in model.modules() for k, v in vars(m).items() if torch.is_tensor(v)]
    assert stray == []


def test_loss_is_a_finite_scalar(build, data):
    loss = loss_of(build(), data)
    assert loss.shape == ()
    assert torch.isfinite(loss)


def test_scores_do_not_depend_on_the_other_users(build):
    model = build()
    assert torch.allclose(scores_of(model, (2, 3)), scores_of(model, (1, 2, 3))[1:], atol=1e-6)


def test_scores_depend_on_the_candidates_only_where_declared(build):
    model = build().eval()
    user, items = torch.tensor([1]), torch.arange(1, 7).unsqueeze(0)
    with torch.no_grad():
        few, many = (model.score(model.represent(), user, i)[0, :3] for i in (items[:, :3], items))
    assert torch.allclose(few, many, atol=1e-6) is not model.is_candidate_dependent


def test_predict_equals_its_cell(build, data):
    model = build().eval()
    user, item = torch.tensor([1, 1, 2, 2]), torch.tensor([1, 5, 5, 7])
    with torch.no_grad():
        pair = model.predict({"user_id": user, "item_id": item})
        if model.is_candidate_dependent:
            table = model.score(model.represent(), torch.tensor([1, 2]), torch.tensor([[1, 5], [5, 7]]))
            assert torch.allclose(pair, table.flatten(), atol=1e-6)
        else:
            table = model.full_sort_predict({"user_id": user}).view(4, data.num("item_id"))
            assert torch.allclose(pair, table[torch.arange(4), item], atol=1e-5)


def test_a_part_of_the_items_has_their_scores(build):
    model, user, items = build().eval(), torch.tensor([1, 3, 2]), torch.tensor([0, 7, 2, 2, 9])
    shared = model.represent()
    part = model.part(shared, items)
    if part is not None:
        with torch.no_grad():
            every = model.score_all(shared, user)
            assert torch.allclose(model.score_all(part, user), every[:, items], atol=1e-6)


def test_full_ranking_is_refused_where_it_is_not_defined(build):
    model = build().eval()
    if model.is_candidate_dependent:
        with pytest.raises(registry.BenchError, match="so it cannot rank all items"):
            model.full_sort_predict({"user_id": torch.tensor([1])})


def test_scores_follow_the_weights(build):
    a, b = build(seed=0), build(seed=1)
    assert not torch.equal(scores_of(a), scores_of(b))  # and a cache filled here must not survive
    b.load_state_dict(a.state_dict())
    assert torch.equal(scores_of(a), scores_of(b))


def test_the_weights_of_an_earlier_epoch_score_as_they_did_then(build, data):
    """A job loads those of the chosen epoch at its end."""
    built, then = [], {}

    def remembered(**more):
        built.append(build(**more))
        return built[0]

    def report(entry, so_far):
        if entry["epoch"] == 1:
            then.update({name: value.clone() for name, value in built[0].state_dict().items()})
            then["scores"] = scores_of(built[0])

    model = trained(remembered, data, report=report)
    scores = then.pop("scores")
    assert not torch.equal(scores_of(model), scores)
    model.load_state_dict(then)
    assert torch.equal(scores_of(model), scores)


def test_equal_seeds_give_equal_weights(build, data):
    a, b, c = trained(build, data), trained(build, data), trained(build, data, seed=1)
    pairs = list(zip(a.state_dict().values(), b.state_dict().values(), c.state_dict().values(), strict=True))
    assert all(torch.equal(x, y) for x, y, _ in pairs)
    assert not all(torch.equal(x, z) for x, _, z in pairs)


def test_dense_and_sparse_rows_agree(row):
    dense, sparse = (build_row(row, random_set(sparse=s)) for s in (False, True))
    sparse.load_state_dict(dense.state_dict())
    data = random_set()
    assert torch.allclose(loss_of(dense, data), loss_of(sparse, data), atol=1e-5)
    assert torch.allclose(scores_of(dense), scores_of(sparse), atol=1e-5)


@pytest.mark.parametrize("modalities", [("visual",), ("textual",), ("visual", "textual", "acoustic")])
def test_any_modalities(row, modalities):
    data = random_set(modalities=modalities)
    model = build_row(row, data)
    loss_of(model, data).backward()
    assert torch.isfinite(scores_of(model)).all()


def test_without_content_a_model_trains_or_is_not_applicable(row):
    data = random_set(modalities=())
    try:
        model = build_row(row, data)
    except NotApplicable:  # any other error would be a failed job, not a skipped one
        return
    loss_of(model, data).backward()
    assert torch.isfinite(scores_of(model)).all()


def test_every_field_matters(model, field):
    """Another value of the field changes a weight, a loss or a score, untrained or trained, under a preset."""
    card, _ = registry.find(model)
    declared = {f.name: f for f in dataclasses.fields(registry.load(card).Hyper)}[field]
    assert any(differs(f"{model}:{preset}", field, other_value(declared)) for preset in card.presets)


def differs(row, field, value) -> bool:
    data = random_set()
    a, b = build_row(row, data), build_row(row, data, **{field: value})
    one, two = a.state_dict(), b.state_dict()
    if one.keys() != two.keys() or any(one[k].shape != two[k].shape for k in one):
        return True
    if not all(torch.equal(one[k], two[k]) for k in one):
        return True
    losses = loss_of(a, data), loss_of(b, data)
    if not torch.equal(*losses) or not torch.equal(scores_of(a), scores_of(b)):
        return True
    changed = ({}, {field: value})  # what a stage before training reads, or a part that starts at zero
    one, two = (trained(lambda seed, c=c: build_row(row, data, seed=seed, **c), data, epochs=4) for c in changed)
    pairs = zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    return any(not torch.equal(x, y) for x, y in pairs)


def checkerboard(n=16):
    """Users and items of equal parity belong together; user u's pair (u, u) is held out."""
    train = np.array([(u, i) for u in range(n) for i in range(n) if (u + i) % 2 == 0 and u != i])
    test = np.array([(u, u) for u in range(n)])
    parity = np.eye(2, dtype=np.float32)[np.arange(n) % 2]
    noise = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    features = {"visual": np.hstack([parity, noise]), "textual": np.hstack([noise, parity])}
    return TrainingSet(train, n_users=n, n_items=n, features=features), test


def test_the_checkerboard_is_learnt(row, unchecked):
    """The held-out item beats the items of the other parity, none of which the user has met."""
    data, test = checkerboard()
    met = np.concatenate([np.stack([data.user, data.item], axis=1) - 1, test])
    cases = draw_cases(test, met, n_users=16, n_items=16, n_candidates=8, seed=0)
    model = trained(lambda seed: build_row(row, data, seed=seed), data, epochs=40)
    ranks = Evaluator(cases, device=torch.device("cpu")).ranks(model, rankings=("sampled",))
    assert (ranks.rank_sampled == 1).mean() >= 0.85


def test_bfloat16_stays_near_float32(build, data):
    model = build()
    exact = loss_of(model, data)
    with forward_pass("bf16", torch.device("cpu")):
        rounded = loss_of(model, data)
    assert torch.isclose(rounded.float(), exact, rtol=1e-2)
    model = trained(build, data, epochs=1, precision="bf16")
    assert {value.dtype for value in (*model.parameters(), scores_of(model))} == {torch.float32}
    assert torch.isfinite(scores_of(model)).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cpu_and_gpu_agree(row, data):
    found = agreement.compare(row, data, device="cuda", batch_size=16)
    assert found["verdict"] == "agrees", found
