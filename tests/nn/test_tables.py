"""Projected content: the same start however rows are stored and whether they train, gradients where they belong."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from bench.nn.tables import ContentProjection

ROWS = np.array([[0, 0], [1, 2], [0, 3]], dtype=np.float32)


def projection(rows=ROWS, **options):
    torch.manual_seed(0)
    return ContentProjection(rows, 3, **{"train_rows": True, **options})


@pytest.mark.parametrize("items", [None, torch.tensor([2, 1, 2])])
@pytest.mark.parametrize("train_rows", [True, False])
@pytest.mark.parametrize("rows", [ROWS, sp.csr_matrix(ROWS)])
def test_it_is_the_product_and_the_bias(rows, train_rows, items):
    content = projection(rows, train_rows=train_rows)
    expected = torch.from_numpy(ROWS) @ content.linear.weight.T + content.linear.bias
    assert torch.allclose(content(items), expected if items is None else expected[items])


def test_without_a_bias_empty_rows_stay_empty():
    assert not projection(bias=False)(torch.tensor([0])).any()


def test_the_rows_train_where_asked():
    content = projection()
    content(torch.tensor([2])).sum().backward()
    expected = torch.zeros(3, 2)
    expected[2] = content.linear.weight.sum(0)
    assert torch.allclose(content.rows.grad, expected)
    frozen = projection(train_rows=False)
    assert [name for name, _ in frozen.named_parameters()] == ["linear.weight", "linear.bias"]


def test_training_leaves_the_data_set_alone():
    rows = ROWS.copy()
    content = projection(rows)
    with torch.no_grad():
        content.rows += 1
    assert (rows == ROWS).all()
