"""The base classes of models: which of them can score a part of the items."""

import pytest
import torch

from bench.nn.recommender import EmbeddingRecommender


class WithBias(EmbeddingRecommender):
    def score_all(self, shared, user):
        return super().score_all(shared, user) + torch.ones(5)  # of all items


class OfItsOwn(WithBias):
    pass


class Encoded(EmbeddingRecommender):
    def represent(self):
        return {"vectors": self.embed()}


def test_a_part_has_the_vectors_of_its_items():
    users, items = torch.arange(6.0).view(3, 2), torch.arange(10.0).view(5, 2)
    part = EmbeddingRecommender.__new__(EmbeddingRecommender).part((users, items), torch.tensor([4, 1]))
    assert torch.equal(part[0], users)
    assert part[1].tolist() == [[8, 9], [2, 3]]


@pytest.mark.parametrize("model", [WithBias, OfItsOwn, Encoded])
def test_a_model_with_scores_of_its_own_has_no_parts(model):
    vectors = torch.ones(3, 2), torch.ones(5, 2)
    assert model.__new__(model).part(vectors, torch.tensor([4, 1])) is None
