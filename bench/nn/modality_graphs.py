"""What models with one user-item graph per modality share: MMGCN and MGAT."""

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

    A layer is called as ``layer(x, ids, graph)`` with the rows x (node, width) before it, and as
    ``layer(x, ids, graph, nodes)`` where only the rows of ``nodes`` are wanted.

    Args:
        features: the rows of the items, of any width.
        width: of the first layer's input; the user tables are as wide.
        layers: makes the layers, after the tables have drawn their weights.
        squash: what the projected features go through.
        frozen: the preferences keep their random start.
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
        """Unit rows of [preferences ; squashed, projected features]."""
        items = self.squash(self.features(self.project.weight.T.contiguous()) + self.project.bias)
        return normalize(torch.cat([self.preference, items]))

    def forward(self, ids, graph, nodes: Int[Tensor, " some"] | None = None) -> list[Tensor]:
        """What each layer returns: (node, dim) each, but the last (some, dim), at ``nodes`` alone."""
        steps = [self.start()]
        for layer in self.layers[:-1]:
            steps.append(layer(steps[-1], ids, graph))
        return [*steps[1:], self.layers[-1](steps[-1], ids, graph, nodes)]


class ModalityGraphRecommender(EmbeddingRecommender):
    """A model that averages or adds what its modality graphs return for a node. A subclass writes ``node_rows``."""

    def make_graphs(self, dataset, make: Callable[[FeatureRows, int], ModalityGraph]) -> nn.ModuleDict:
        """A graph for every modality of the data set, the visual one of width ``hyper.visual_size``.

        Raises:
            NotApplicable: where the data set has no item features.
        """
        name, h = type(self).__name__, self.hyper
        if not dataset.item_features:
            raise NotApplicable(f"{name} has one graph per modality, and the data set has no item features")
        widths = {m: h.visual_size if m == "visual" else h.other_size for m in dataset.item_features}
        return nn.ModuleDict({m: make(self.feature_rows(dataset, m), width) for m, width in widths.items()})

    def node_rows(self, nodes: Int[Tensor, " some"] | None = None) -> Float[Tensor, "some dim"]:
        """The final vectors of some nodes or of all, the users first."""
        raise NotImplementedError

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        users, items = self.node_rows().split([self.n_users, self.n_items])
        return users, items

    def batch_nodes(self, interaction) -> Int[Tensor, "three_batches"]:
        """Users, positive items and negative items of a batch, as nodes, one after another."""
        user, positive, negative = self.triple(interaction)
        return torch.cat([user, positive + self.n_users, negative + self.n_users])

    def batch_scores(self, nodes: Int[Tensor, "three_batches"]) -> tuple[Float[Tensor, " batch"], ...]:
        """(scores of the positive items, scores of the negative ones)."""
        u, p, n = self.node_rows(nodes).chunk(3)
        return (u * p).sum(-1), (u * n).sum(-1)


def pick(x: Float[Tensor, "node dim"], nodes: Int[Tensor, " some"] | None) -> Float[Tensor, "some dim"]:
    """The rows of some nodes; all of them where ``nodes`` is None."""
    return x if nodes is None else F.embedding(nodes, x)


def two_products(
    x: Float[Tensor, "node width"], weight: Float[Tensor, "width out"], linear: nn.Linear, nodes=None
) -> tuple[Float[Tensor, "node out"], Float[Tensor, "some dim"]]:
    """(x weight, linear(x) at ``nodes``), in one product where these are all the nodes: narrow ones are slow."""
    if nodes is not None:
        return x @ weight, linear(pick(x, nodes))
    wide, narrow = (x @ torch.cat([weight, linear.weight.T], dim=1)).split([weight.shape[1], linear.out_features], 1)
    return wide.contiguous(), narrow + linear.bias


def hold(module: nn.Module, name: str, *shape: int, frozen: bool) -> None:
    """Give ``module`` a random table: a parameter, or a buffer where it must keep its start."""
    table = nn.init.xavier_normal_(torch.empty(*shape))
    if frozen:
        module.register_buffer(name, table)
    else:
        module.register_parameter(name, nn.Parameter(table))
