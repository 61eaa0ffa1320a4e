"""BM3: the reference's arrays, a worked toy, what gradients may reach, and what dropout keeps."""

import pytest
import torch

from baselines.bm3 import BM3, distance, last_place
from bench.train.batches import Batches
from tests.models.reference import files, worst
from tests.toy import TOY_ITEMS, TOY_USERS, make, random_batch, random_set, set_rows, toy_set

USER, ITEM = torch.tensor([1, 2]), torch.tensor([1, 2])  # the batch of the specs


def small(data=None, **settings):
    return make(BM3, data or random_set(), **{"embedding_size": 4, **settings})


def identity(model):
    """The predictor made the identity."""
    with torch.no_grad():
        model.predictor.weight.copy_(torch.eye(len(model.predictor.weight)))
        model.predictor.bias.zero_()
    return model


def toy(**settings):
    """One layer on the toy, without predictor and dropout."""
    model = identity(small(toy_set(), **{"embedding_size": 2, "drop_rate": 0.0, **settings}))
    set_rows(model.user_embedding.weight, TOY_USERS)
    set_rows(model.item_embedding.weight, TOY_ITEMS)
    return model


def terms_of(model, user=USER, item=ITEM):
    return model.terms(user, item, model.draw(user, item))


@pytest.mark.parametrize("path", files("bm3"))
def test_reference(path):
    assert worst(path) < 1e-5


def test_toy_vectors_and_score():
    """Degrees: users 2 and 2, items 1, 2 and 1; an edge of degrees 1 and 2 weighs root, of 2 and 2 a half."""
    model, root = toy(), 0.5**0.5
    u = [(0.1 + root * 0.5 + 0.5 * 0.2) / 2, (0.2 - root * 0.1 + 0.5 * 0.3) / 2]
    i = [(0.5 + root * 0.1) / 2 + 0.5, (-0.1 + root * 0.2) / 2 - 0.1]  # and the ids once more
    users, items = model.views()
    assert users[1].tolist() == pytest.approx(u)
    assert items[1].tolist() == pytest.approx(i)
    with torch.no_grad():
        model.predictor.weight.mul_(2)
        model.predictor.bias.copy_(torch.tensor([1.0, -1.0]))
    g = [[2 * x + b for x, b in zip(row, (1, -1), strict=True)] for row in (u, i)]
    score = model.score_all(model.represent(), torch.tensor([1]))[0, 1]
    assert score.item() == pytest.approx(g[0][0] * g[1][0] + g[0][1] * g[1][1])


def test_toy_loss():
    """No layer: u = P, i = 2 Q; both interaction terms are 1 - mean cos(P_u, Q_i), the content's by its cosine."""
    model = toy(n_layers=0, reg_weight=0.1)
    terms = terms_of(model)
    cosines = [(0.1 * 0.5 - 0.2 * 0.1) / (0.05 * 0.26) ** 0.5, (-0.3 * 0.2 + 0.4 * 0.3) / (0.25 * 0.13) ** 0.5]
    for name in ("users", "items"):
        assert terms[name].item() == pytest.approx(1 - sum(cosines) / 2)
    norms = (0.05 + 0.25) ** 0.5 + 2 * (0.26 + 0.13 + 0.52) ** 0.5
    assert terms["reg"].item() == pytest.approx(0.1 * norms / 3)
    content = model.content["visual"]()[1:3]
    gaps = 1 - torch.nn.functional.cosine_similarity(content, torch.tensor(TOY_ITEMS)[:2])
    assert terms["inter_visual"].item() == pytest.approx(2 * gaps.mean().item())
    assert terms["intra_visual"].item() == pytest.approx(0, abs=1e-6)
    squares = terms_of(toy(n_layers=0, reg_weight=0.1, regulariser="squares"))["reg"].item()
    assert squares == pytest.approx(0.1 * (0.05 + 0.25 + 4 * (0.26 + 0.13)) / 2)


def test_no_gradient_reaches_a_target():
    """Without layers, the term of the users moves no item, and that of the items no user."""
    model = toy(n_layers=0)
    terms, tables = terms_of(model), (model.user_embedding.weight, model.item_embedding.weight)
    for name, reached in (("users", (True, False)), ("items", (False, True))):
        grads = torch.autograd.grad(terms[name], tables, retain_graph=True)
        assert tuple(bool(grad.any()) for grad in grads) == reached


def test_equal_vectors_leave_nothing_to_learn():
    rows = torch.randn(5, 4)
    assert distance(rows, rows).item() == pytest.approx(0, abs=1e-6)
    assert distance(3 * rows, rows).item() == pytest.approx(0, abs=1e-6)
    assert distance(-rows, rows).item() == pytest.approx(2)


def test_the_length_of_the_vectors_is_seen_by_the_regulariser_alone():
    model = toy()
    before = terms_of(model)
    with torch.no_grad():
        model.user_embedding.weight.mul_(3)
        model.item_embedding.weight.mul_(3)
    after = terms_of(model)
    assert after["reg"].item() == pytest.approx(3 * before["reg"].item())
    for name in before.keys() - {"reg"}:
        assert after[name].item() == pytest.approx(before[name].item(), abs=1e-6), name


def test_a_missing_modality_takes_its_two_terms_with_it():
    both, one = (terms_of(toy_of(m)) for m in (("visual", "textual"), ("visual",)))
    assert both.keys() - one.keys() == {"inter_textual", "intra_textual"}


def toy_of(modalities):
    return small(toy_set(modalities=modalities), embedding_size=2)


def test_rows_of_one_item_share_a_mask():
    model = small(drop_rate=0.5)
    user, item = torch.tensor([1, 2, 1, 3]), torch.tensor([5, 5, 6, 5])
    kept = model.draw(user, item)
    assert set(kept) == {"users", "items", "visual", "textual"}
    assert torch.equal(kept["users"][0], kept["users"][2])
    for name in ("items", "visual", "textual"):
        assert torch.equal(kept[name][0], kept[name][1])
        assert torch.equal(kept[name][0], kept[name][3])
    assert last_place(item, 7).tolist() == [3, 3, 2, 3]


def test_dropout_keeps_the_share_and_the_mean():
    torch.manual_seed(0)
    model = small(random_set(n_users=400), drop_rate=0.3, embedding_size=32)
    user = torch.arange(1, 401)
    kept = model.draw(user, torch.ones_like(user))["users"]
    assert kept.float().mean().item() == pytest.approx(0.7, abs=0.02)
    assert model.dropped(torch.ones(kept.shape), kept).mean().item() == pytest.approx(1, abs=0.03)
    assert not model.dropped(torch.ones(kept.shape), kept)[~kept].any()


def test_an_evaluation_has_no_dropout():
    model = small(drop_rate=0.5).eval()
    first, second = (model.score_all(model.represent(), torch.tensor([1, 2])) for _ in range(2))
    assert torch.equal(first, second)


def test_it_asks_for_no_negatives_and_reads_none():
    data = random_set()
    model = small(data)
    how = {"draw_negatives": model.draw_negatives, "n_negatives": model.n_negatives, "sampling": "interaction"}
    [batch] = Batches(data.user, data.item, size=len(data.user), generator=torch.Generator().manual_seed(0), **how)
    assert batch["neg_item_id"].shape == (len(data.user), 0)
    given = random_batch(data)  # RecBole's loader brings one
    losses = []
    for negative in (given["neg_item_id"], torch.ones_like(given["neg_item_id"])):
        torch.manual_seed(0)
        losses.append(model.calculate_loss({**given, "neg_item_id": negative}).item())
    assert losses[0] == losses[1]
