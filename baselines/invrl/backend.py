"""InvRL's backend, which learns the mask under which the gradients of all environments agree."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from baselines.invrl.networks import RELEASED_BATCH, square, step
from bench.nn.dots import dots, spread

DECAY = 2 / RELEASED_BATCH  # the weight decay that equals a table's squares over 512 in the loss
GATE_NOISE = 0.01  # standard deviation of the noise on the gate


class Backend:
    """Learns a mask and a projection on the frozen vectors u and v of ``model``, which it does not change."""

    def __init__(self, model):
        self.model, self.hyper = model, model.hyper

    def invariant_mask(self, label: Int[Tensor, " pair"], epochs: int, *, growth: float) -> Tensor:
        """The mask (feat,) that lowers the loss in all environments while their gradients agree."""
        h, mu = self.hyper, nn.Parameter(torch.zeros_like(self.model.networks.mask))
        projection = nn.Parameter(0.01 * torch.randn(len(mu), h.content_size, device=mu.device))
        decayed = {"params": [projection], "weight_decay": DECAY * h.stage_projection_reg_weight}
        optimizer = torch.optim.Adam([decayed, {"params": [mu]}], lr=h.stage_learning_rate, fused=True)
        for _ in range(epochs):
            for rows in self.blocks(label):
                step(self.loss(projection, mu, rows, growth=growth), optimizer)
        return (mu.detach() + 0.5).clamp(0, 1)

    def loss(self, projection, mu, rows, *, growth: float) -> Float[Tensor, ""]:
        """(sum of L_e / E + alpha Pen + lambda_mu |mu|^2) / 512; the L2 of W is left to the optimiser."""
        loss, gradient = self.gradients(projection, draw_gate(mu, len(rows)), rows)
        disagreement = self.hyper.penalty_weight * penalty(RELEASED_BATCH * gradient, mu)
        return loss + growth * (disagreement + self.hyper.mask_reg_weight * square(mu)) / RELEASED_BATCH

    def blocks(self, label: Int[Tensor, " pair"]) -> Int[Tensor, "step environment batch"]:
        """One epoch: the largest environment once, shorter ones repeated to the same length, empty ones left out."""
        pools = [(label == e).nonzero().squeeze(1) for e in label.unique()]
        longest = max(len(p) for p in pools)
        size = min(RELEASED_BATCH, longest)
        total = -(-longest // size) * size
        orders = (torch.rand(-(-total // len(p)), len(p), device=label.device).argsort(1) for p in pools)
        drawn = [p[order.flatten()[:total]].view(-1, size) for p, order in zip(pools, orders, strict=True)]
        return torch.stack(drawn, dim=1)

    def gradients(
        self, projection, gate: Float[Tensor, "feat environment"], rows: Int[Tensor, "environment batch"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "feat environment dim"]]:
        """The mean of L_e without L2, and the gradients g_e, both differentiable.

        Environment e projects x * m_e, and L_e depends on W through these projections alone. With Delta_e the
        derivative of L_e by the projections, one row per item, the gradient is g_e = (X * m_e)' Delta_e. Tables hold
        the environments side by side: row item * n + environment.
        """
        model, (n, size) = self.model, rows.shape
        user, positive = model.pairs[:, rows.flatten()]
        index = model.with_negatives(positive)
        own = index * n + torch.arange(n, device=rows.device).repeat_interleave(size).unsqueeze(1)
        gate = gate.unsqueeze(2)
        projected = model.content((gate * projection.unsqueeze(1)).flatten(1)).view(model.n_items * n, -1)
        networks, d = model.networks, self.hyper.embedding_size
        ids, content = networks.user.detach()[user, 0].tensor_split([d], dim=1)
        logit = dots(ids, networks.item.detach().flatten(1), index) + dots(content, projected, own)
        slope = model.weight(user, index) * model.sign * torch.sigmoid(model.sign * logit) / size  # dL_e / dlogit
        delta = spread(slope, content, own, len(projected)).view(model.n_items, -1)
        gathered = model.transposed(delta) if model.content.is_sparse else model.content.rows.T @ delta  # X' Delta
        return model.ranking(logit, user, index).mean(), gathered.view(len(gate), n, -1) * gate


def draw_gate(mu: Float[Tensor, " feat"], n: int) -> Float[Tensor, "feat environment"]:
    noise = GATE_NOISE * torch.randn(len(mu), n, device=mu.device)
    return (mu.unsqueeze(1) + noise + 0.5).clamp(0, 1)


def penalty(g: Float[Tensor, "feat environment dim"], mu: Float[Tensor, " feat"]) -> Float[Tensor, ""]:
    deviation = (g - g.mean(1, keepdim=True)).square().sum(1)
    return ((mu + 0.5).unsqueeze(1) * deviation).square().sum()
