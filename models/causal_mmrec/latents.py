"""Fixed latent vectors of content rows, and out-of-fold prediction of one set of latents from another."""

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

CLIP = 8.0
DENSE_WIDTH = 512  # up to this many columns the covariance matrix is computed and decomposed as a whole


def principal_latents(rows, size: int, known: np.ndarray) -> np.ndarray:
    """(item, size) float32: the centred rows projected to the top eigenvectors of their covariance and scaled.

    All are divided by one scalar, the root of the mean of the kept eigenvalues. The largest component of an eigenvector
    is positive. The fit uses the ``known`` rows; the others are zero, as are columns that narrow rows cannot fill.

    Args:
        rows: (item, feat) array or SciPy sparse matrix; a sparse one is never made dense as a whole.
    """
    out = np.zeros((rows.shape[0], size), dtype=np.float32)
    fitted = rows[known].astype(np.float64)
    n, width = fitted.shape
    if not n:
        return out
    mean = np.asarray(fitted.mean(axis=0)).ravel()
    values, vectors = _eigen(fitted, mean, min(size, width))
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    vectors = vectors * np.where(largest < 0, -1.0, 1.0)
    scale = np.sqrt(values.mean())
    latents = (fitted @ vectors - mean @ vectors) / (scale if scale > 1e-9 else 1.0)
    out[known, : vectors.shape[1]] = np.clip(latents, -CLIP, CLIP)
    return out


def _eigen(x, mean: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``size`` largest eigenvalues of the covariance of ``x``, in descending order, and their eigenvectors."""
    n, width = x.shape
    if width <= max(DENSE_WIDTH, size + 1):
        square = x.T @ x
        covariance = (square.toarray() if sp.issparse(square) else square) / n - np.outer(mean, mean)
        values, vectors = np.linalg.eigh(covariance)
    else:

        def times(v):
            v = v.ravel()
            return x.T @ (x @ v) / n - mean * (mean @ v)

        operator = LinearOperator((width, width), matvec=times, dtype=np.float64)
        values, vectors = eigsh(operator, k=size, v0=np.ones(width))
    order = np.argsort(-values, kind="stable")[:size]
    return np.maximum(values[order], 0.0), vectors[:, order]


def draw_folds(usable: Bool[Tensor, " item"], n_folds: int) -> Int[Tensor, " item"]:
    """Random folds of equal size for the usable items, and -1 for the others."""
    fold = torch.full(usable.shape, -1, device=usable.device)
    place = torch.randperm(int(usable.sum()), device=usable.device)
    fold[usable] = place % n_folds
    return fold


def ridge_cross_fit(
    source: Float[Tensor, "item source"],
    target: Float[Tensor, "item target"],
    fold: Int[Tensor, " item"],
    fits: Bool[Tensor, " item"],
    *,
    penalty: float = 0.1,
) -> Float[Tensor, "item target"]:
    """Ridge regression of ``target`` on ``source``; the model of a fold is not fitted on that fold.

    Args:
        fold: from ``draw_folds``; items at -1 get zero.
        fits: items that have both a source and a target; the models are fitted on these alone.
        penalty: weight of the squared coefficients, multiplied by the number of fitted items.
    """
    out = torch.zeros_like(target)
    one = torch.eye(source.shape[1], dtype=torch.float64, device=source.device)
    for f in range(int(fold.max()) + 1):
        train, apply = fits & (fold != f), fold == f
        if not bool(train.any()):
            continue
        x, y = source[train].double(), target[train].double()
        x_mean, y_mean = x.mean(0), y.mean(0)
        x, y = x - x_mean, y - y_mean
        weight = torch.linalg.solve(x.T @ x + penalty * len(x) * one, x.T @ y)
        out[apply] = ((source[apply].double() - x_mean) @ weight + y_mean).to(out.dtype)
    return out


def explained(
    target: Float[Tensor, "item dim"], predicted: Float[Tensor, "item dim"], rows: Bool[Tensor, " item"]
) -> Float[Tensor, " dim"]:
    """R^2 of each dimension over the items in ``rows``; 0 where the target does not vary."""
    y, p = target[rows].double(), predicted[rows].double()
    if not len(y):
        return torch.zeros(target.shape[1], device=target.device)
    total, left = (y - y.mean(0)).square().sum(0), (y - p).square().sum(0)
    return torch.where(total > 1e-9, 1 - left / total.clamp_min(1e-9), torch.zeros_like(total)).float()
