"""LGMRec: the reference's arrays, one hyperedge by hand, LightGCN where it reduces to it, noise and dropout."""

import pytest
import torch

from baselines.lgmrec import LGMRec
from baselines.lightgcn import LightGCN
from tests.models.reference import files, worst
from tests.toy import make, random_batch, random_set


def small(data=None, **settings):
    return make(LGMRec, data or random_set(), **{"embedding_size": 4, **settings})


@pytest.mark.parametrize("path", files("lgmrec"))
def test_reference(path):
    assert worst(path) < 1e-5


def test_one_hyperedge_is_one_vector_for_all():
    """K = 1: every incidence is 1, y is the sum of the items' vectors, and all nodes reach it."""
    model = small(n_hyperedges=1, n_layers=1).eval()
    ids = torch.cat([model.user_embedding.weight, model.item_embedding.weight])
    collaborative = (ids + model.adjacency(ids)) / 2
    total = collaborative[model.n_users + 1 :].sum(0)
    for users, items in model.views({})[2].values():
        assert all(torch.allclose(part.rows(), total.expand_as(part.rows()), atol=1e-6) for part in (users, items))


def test_without_content_and_hyperedges_it_is_lightgcn():
    data = random_set()
    model = small(data, n_layers=2, global_weight=0.0).eval()
    with torch.no_grad():
        for weight in model.projection.values():
            weight.zero_()
    plain = make(LightGCN, data, embedding_size=4, n_layers=2)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k.endswith("embedding.weight")})
    for ours, theirs in zip(model.embed(), plain.embed(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-7)


def test_a_user_starts_at_the_mean_of_the_items():
    data = random_set()
    model = small(data, n_modality_layers=0)
    rows = torch.randn(model.n_items, 4)
    met = data.item[data.user == 7]
    assert torch.allclose(model.modality_view(rows)[7], rows[met].mean(0), atol=1e-6)


def test_incidences_add_up_to_one_before_dropout_and_keep_their_mean_after():
    model, logits = small(drop_rate=0.5), torch.randn(500, 4)
    assert torch.allclose(model.incidence(logits, None, None).sum(1), torch.ones(500))
    torch.manual_seed(0)
    kept = torch.rand(500, 4) < 0.5
    assert model.incidence(logits, None, kept).sum(1).mean().item() == pytest.approx(1, abs=0.1)
    assert not model.incidence(logits, None, kept)[~kept].any()


@pytest.mark.parametrize("eval_noise", [False, True])
def test_two_evaluations_agree(eval_noise):
    model = small(eval_noise=eval_noise).eval()
    assert all(torch.equal(a, b) for a, b in zip(model.embed(), model.embed(), strict=True))


def test_noise_moves_the_scores_of_the_released_model():
    quiet, noisy = small(eval_noise=False).eval(), small(eval_noise=True).eval()
    assert not torch.allclose(quiet.embed()[0], noisy.embed()[0], atol=1e-3)
    a, b = quiet.train().embed(), quiet.embed()
    assert not torch.equal(a[0], b[0])


def test_the_padding_ids_have_no_part():
    model = small().eval()
    before = model.embed()
    with torch.no_grad():
        model.user_embedding.weight[0], model.item_embedding.weight[0] = 100, 100
    assert all(torch.equal(a[1:], b[1:]) for a, b in zip(before, model.embed(), strict=True))


def test_every_two_modalities_are_contrasted():
    data = random_set(modalities=("visual", "textual", "acoustic"))
    model = small(data).eval()
    edges = model.views({})[2]
    batch = random_batch(data)
    pairs = [part for part, side, _ in model.contrasted(edges, batch["user_id"], batch["item_id"]) if "users" in side]
    names = [(a, b) for a, b in [("visual", "textual"), ("visual", "acoustic"), ("textual", "acoustic")]]
    assert len(pairs) == 3
    assert all(x is edges[a][0] and y is edges[b][0] for (x, y), (a, b) in zip(pairs, names, strict=True))
    alone = small(random_set(modalities=("visual",)))
    assert set(alone.terms(batch, alone.draw())) == {"bpr", "reg"}
