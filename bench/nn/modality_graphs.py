"""The common parts of models with one user-item graph per modality, which are MMGCN and MGAT."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.features import FeatureRows
from bench.nn.recommender import EmbeddingRecommender
from bench.nn.rows import normalize
from bench.spec import NotApplicable


class ModalityGraph(nn.Module):
    """The graph of one modality: learnt preferences on its users, projected features on its items, and layers.

    A layer is called as ``layer(x, ids, graph)`` with its input rows x (node, width), and as
    ``layer(x, ids, graph, nodes)`` where only the output rows of ``nodes`` are needed.

    Args:
        features: the rows of the items, of any width.
        width: the width of the first layer's input, and so of the users' preferences.
        layers: makes the layers, after the tables have drawn their weights.
        squash: is applied to the projected features.
        frozen: whether the preferences keep their random start.
    """

    def __init__(
        self,
        features: FeatureRows,
        n_users: int,
        *,
        width: int,
        layers: Callable[[], list[nn.Module]],
        squash: Callable[[Tensor], Tensor] = lambda x: x,
        frozen: bool = False,
    ):
        super().__init__()
        self.features, self.squash = features, squash
        self.project = nn.Linear(features.width, width)
        hold(self, "preference", n_users, width, frozen=frozen)
        self.layers = nn.ModuleList(layers())

    def start(self) -> Float[Tensor, "node width"]:
        """Return unit rows of [preferences ; squashed, projected features]."""
        items = self.squash(self.features(self.project.weight.T.contiguous()) + self.project.bias)
        return normalize(torch.cat([self.preference, items]))

    def forward(self, ids, graph, nodes: Int[Tensor, " some"] | None = None) -> list[Tensor]:
        """Return the output of each layer: (node, dim), and of the last layer (some, dim), only at ``nodes``."""
        steps = [self.start()]
        for layer in self.layers[:-1]:
            steps.append(layer(steps[-1], ids, graph))
        return [*steps[1:], self.layers[-1](steps[-1], ids, graph, nodes)]


class ModalityGraphRecommender(EmbeddingRecommender):
    """A model that averages or adds the outputs of its modality graphs for a node. A subclass writes ``node_rows``."""

    def make_graphs(self, dataset, make: Callable[[FeatureRows, int], ModalityGraph]) -> nn.ModuleDict:
        """Make a graph for each modality: of width ``hyper.visual_size`` for "visual", else of ``hyper.other_size``.

        Raises:
            NotApplicable: where the data set has no item features.
        """
        name, h = type(self).__name__, self.hyper
        if not dataset.item_features:
            raise NotApplicable(f"{name} has one graph per modality, and the data set has no item features")
        widths = {m: h.visual_size if m == "visual" else h.other_size for m in dataset.item_features}
        return nn.ModuleDict({m: make(self.feature_rows(dataset, m), width) for m, width in widths.items()})

    def node_rows(self, nodes: Int[Tensor, " some"] | None = None) -> Float[Tensor, "some dim"]:
        """Return the final vectors of some nodes or of all, the users first."""
        raise NotImplementedError

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        users, items = self.node_rows().split([self.n_users, self.n_items])
        return users, items

    def batch_nodes(self, interaction) -> Int[Tensor, "three_batches"]:
        """Return the users, then the positive items, then the negative items of a batch, as nodes."""
        user, positive, negative = self.triple(interaction)
        return torch.cat([user, positive + self.n_users, negative + self.n_users])

    def batch_scores(self, nodes: Int[Tensor, "three_batches"]) -> tuple[Float[Tensor, " batch"], ...]:
        """Return the scores of the positive items, and those of the negative items."""
        u, p, n = self.node_rows(nodes).chunk(3)
        return (u * p).sum(-1), (u * n).sum(-1)


def pick(x: Float[Tensor, "node dim"], nodes: Int[Tensor, " some"] | None) -> Float[Tensor, "some dim"]:
    """Return the rows of ``nodes``, or all rows where it is None."""
    return x if nodes is None else F.embedding(nodes, x)


def two_products(
    x: Float[Tensor, "node width"], weight: Float[Tensor, "width out"], linear: nn.Linear, nodes=None
) -> tuple[Float[Tensor, "node out"], Float[Tensor, "some dim"]]:
    """Return (x weight, linear(x) at ``nodes``), for all nodes by one product, since two narrow ones are slower."""
    if nodes is not None:
        return x @ weight, linear(pick(x, nodes))
    wide, narrow = (x @ torch.cat([weight, linear.weight.T], dim=1)).split([weight.shape[1], linear.out_features], 1)
    return wide.contiguous(), narrow + linear.bias


def hold(module: nn.Module, name: str, *shape: int, frozen: bool) -> None:
    """Give ``module`` a random table: a parameter, or a buffer where it is ``frozen``."""
    table = nn.init.xavier_normal_(torch.empty(*shape))
    if frozen:
        module.register_buffer(name, table)
    else:
        module.register_parameter(name, nn.Parameter(table))
