"""What users gather from their items: sums, means and the normalised sum, by hand."""

import scipy.sparse as sp
import torch

from bench.nn.user_graphs import gather_items

MET = sp.coo_matrix([[1, 1, 0], [0, 1, 0], [0, 0, 0]])


def test_sum_mean_and_normalised_sum():
    """Users have 2, 1 and no items; items 1, 2 and no users."""
    x = torch.tensor([[1.0], [10.0], [100.0]])

    def gathered(**powers):
        return gather_items(MET, **powers)(x).flatten()

    assert torch.allclose(gathered(by_user=0.0, by_item=0.0), torch.tensor([11.0, 10, 0]))
    assert torch.allclose(gathered(by_user=1.0, by_item=0.0), torch.tensor([5.5, 10, 0]))
    expected = torch.tensor([1 / 2**0.5 + 10 / 2, 10 / 2**0.5, 0])
    assert torch.allclose(gathered(by_user=0.5, by_item=0.5), expected)
