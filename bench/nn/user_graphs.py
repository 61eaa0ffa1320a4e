"""Matrices that sum or average the rows of each user's items."""

import numpy as np
import scipy.sparse as sp

from bench.nn.graph import SparseMatrix, power


def gather_items(interactions, *, by_user: float, by_item: float) -> SparseMatrix:
    """Return the (user, item) matrix D_u^(-by_user) R D_i^(-by_item): 0, 0 sums a user's items, 1, 0 averages them.

    Args:
        interactions: (user, item) SciPy matrix; repeats become 1.
    """
    r = sp.csr_matrix(interactions, dtype=np.float64)
    r.sum_duplicates()
    r.data[:] = 1.0
    users, items = (np.asarray(r.sum(axis=axis)).ravel() for axis in (1, 0))
    return SparseMatrix(sp.diags(power(users, -by_user)) @ r @ sp.diags(power(items, -by_item)))
