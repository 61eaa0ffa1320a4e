"""InvRL: UltraGCN with content, limited to the feature columns whose gradients agree across environments.

Du, Wu, Feng, He, Tang. "Invariant Representation Learning for Multimedia Recommendation", ACM MM 2022,
pp. 619-628; backbone: Mao et al., "UltraGCN", CIKM 2021. Written from the authors' code, nickwzk/InvRL at commit
d4e6db3, and not from the paper: the steps have no equation numbers, and there is no preset `paper`.

    s_ui = <u, [v_i | W' (x_i * m) + c]>, x_i = unit rows side by side    Networks.items
    L_UG = a+ softplus(-s_ui) + mean over K of a- softplus(s_uj)          pair_losses, ranking
        a = 1 + beta_u beta_i, beta_u = sqrt(D_u + 1) / D_u, beta_i = 1 / sqrt(D_i + 1)
    stage 0: the backbone with m = 1                                      pretrain
    frontend: a network per environment, pairs move to the best one       environments, assign
    backend: W and mu on frozen u, v; gate clip(mu + noise + 1/2, 0, 1)   Backend
        Pen = sum over (f, r) of [(mu_f + 1/2) sum_e (g_e - mean g)^2]^2, g_e = dL_e / dW    penalty
    final model: a fresh backbone, the last mask fixed                    calculate_loss

u and v are id vectors, x_i are the content rows of item i and m is the mask over their columns; D_u and D_i are the
numbers of training pairs of u and i. a+ is a of a positive item, and a- that of a negative one times
``negative_weight``. The frontend splits the training pairs into environments, where L_e is the loss of environment e.
The backend learns the mask, with the penalty Pen over columns f and outputs r of W.

The authors sum a loss over a batch of 512. Here every objective is their sum divided by 512, and so a mean: the squares
of the tables get the weight wd / 512, and Pen, which is of the fourth power in the gradients, 512^3 alpha. The terms
are balanced as in their code, and the batch size no longer changes that balance.

Stages have their full length when the main loop has 500 epochs or more. With a share q of that, stage 0 gets a share q
of its epochs, rounds, front_iters and front_epochs get q^(1/3) each and back_epochs q^(2/3), but at least one each, so
that the work of every stage shrinks with q. RecBole's Trainer does not run the stages: the model is then UltraGCN with
content and m = 1.

Departures:
- the negative that the loader brings is ignored; as in the authors' code, K are drawn here, uniformly over all items,
  positives included;
- the frontend and the backend count repeated training pairs once;
- stage 0 ends with its last epoch, because it has no validation;
- all environments take the same number of steps per epoch, with batches shuffled over all pairs, where the authors give
  each its own steps of 512; and they start from new random draws, where the authors repeat one seed;
- every batch of the backend is full, because a shorter environment starts over;
- an environment without pairs takes no part; the authors' predicts 0, which beats negative logits;
- items are ranked with the vectors of the current weights, where the authors' code takes the item vectors of its last
  training step, computed before that step's update;
- outside the frontend, ids and projection share one Adam, where the authors have two with the same learning rate.
Left out are the trainable bag of words of one of their data sets and the options that they leave off (item-item term,
pretrained environment networks, sifting, BPR).

Modalities: all that the data set has, as unit rows side by side; at least one.
Fusion: the columns times the learnt mask go through one linear map, whose output stands beside the id vector.
Loss: no BPR, but a weighted logistic loss of a positive item and K = ``n_sampled`` uniformly drawn negatives, and the
    squares of whole tables, divided by 512.
Parameters: U (d + k) + I d + (F + 1) k, for U users, I items and F content columns, with k = ``content_size``; the mask
    is no parameter.
Cost per step: Z k multiply-adds to project the content of all items, with Z stored entries, B (K + 1) (d + k) to score
    the pairs of a batch of B, and one pass over all parameters for the squares. At full length the stages add 500
    epochs of such steps, up to 1,000 epochs of the frontend, with Z k for each of its networks, and 200 epochs of the
    backend, each as long as the largest environment.
Checked: On a toy data set, rows, weights, projection, scores, loss, regularisers and penalty equal values worked out by
    hand, to 1e-6. The loss equals a loop over pairs. Networks computed side by side equal separate ones, in loss and
    gradients. The gradients g_e that are written out, and the second derivatives of the backend, equal those of
    autograd, to 1e-6 and (relative) 1e-5. The mask stays within its bounds, and the backend leaves the frozen backbone
    untouched. Run beside the authors' code with copied weights, the loss is the same (1051.011 in both).
Quality: The default learning rate and L2 weights are chosen for this benchmark, on Taobao. There ours reach a sampled
    N@10 (NDCG@10) of 0.283 after five epochs under the protocol `paper`, and 0.291 after 100. The authors' values
    reached 0.245 in an earlier run, whose training pairs were drawn by user (``sampling="user"``), so that a part of
    the difference is the sampler's. On the validation set of the protocol `clean` it is 0.341 and 0.276.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from baselines.invrl.backend import DECAY, Backend
from baselines.invrl.networks import RELEASED_BATCH, Networks, lengths, square, step
from bench.nn.dots import dots
from bench.nn.features import FeatureRows, concatenate
from bench.nn.graph import SparseMatrix
from bench.nn.knn import unit_rows
from bench.nn.recommender import EmbeddingRecommender
from bench.spec import Count, NotApplicable, Rate, Size, Weight, choice, log_uniform

RELEASED_EPOCHS = 500  # of the main loop, from which on the stages have their full length
SETTLED = 0.01  # the environments are final once at most this share of the pairs moves
GROWTH = 1.05  # factor of alpha and lambda_mu from round to round
PAIRS_AT_ONCE = 4096  # pairs scored at a time when they are assigned to environments


class InvRL(EmbeddingRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d, size of the id vectors
        content_size: Size = 64  # k, size of the projected content
        n_sampled: Size = 50  # K, negatives per positive
        negative_weight: Weight = 1.0  # of the negatives' mean in the loss
        reg_weight: Weight = log_uniform(1e-3, low=1e-6, high=1e-2)  # wd_1, L2 on u and v
        item_reg_factor: Weight = 2.0  # w_v, times wd_1 for v; 1 in stage 0
        projection_reg_weight: Weight = log_uniform(1.0, low=1e-4, high=1.0)  # wd_2, L2 on W and c
        stage_projection_reg_weight: Weight = 1e-2  # wd_2 in the stages
        mask: Literal["learned", "ones"] = "learned"  # ones: m = 1, without the stages
        n_environments: Size = 10  # E, number of environments
        pretrain_epochs: Count = 500  # of stage 0
        rounds: Size = 5  # T, of frontend and backend
        front_iters: Size = choice(10, among=(1, 3, 10))  # times the frontend reassigns pairs in a round
        front_epochs: Count = 20  # of the networks before each reassignment
        back_epochs: Count = 40  # of the backend in a round
        stage_learning_rate: Rate = 1e-3  # of every optimiser in the stages
        penalty_weight: Weight = log_uniform(1.0, low=1e-3, high=1e2)  # alpha, weight of Pen
        mask_reg_weight: Weight = choice(0.1, among=(10.0, 1.0, 0.1, 0.0))  # lambda_mu, pulls the mask towards 1/2

    training: ClassVar[dict[str, Any]] = {"learning_rate": 1e-2}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "default": {},
        "released": {
            "reg_weight": 1e-4,
            "projection_reg_weight": 1e-1,
            "learning_rate": 1e-3,
            "train_batch_size": 512,
        },
    }

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        if not dataset.item_features:
            raise NotApplicable("InvRL masks item features, and the data set has none")
        rows = concatenate({m: unit_rows(f) for m, f in dataset.item_features.items()})  # x, (item, feat)
        self.content = FeatureRows(rows)
        self.transposed = SparseMatrix(rows.T) if self.content.is_sparse else None
        self.networks = self.fresh_networks(1)
        pairs = dataset.inter_matrix(form="coo")
        user_degree = np.bincount(pairs.row, minlength=self.n_users)
        item_degree = np.bincount(pairs.col, minlength=self.n_items)
        is_positive = np.arange(self.hyper.n_sampled + 1) == 0
        constants = {
            "user_factor": np.sqrt(user_degree + 1) / np.maximum(user_degree, 1),  # beta_u
            "item_factor": 1 / np.sqrt(item_degree + 1),  # beta_i
            "sign": np.where(is_positive, -1, 1),
            "share": np.where(is_positive, 1, self.hyper.negative_weight / self.hyper.n_sampled),
        }
        for name, values in constants.items():
            self.register_buffer(name, torch.from_numpy(values.astype(np.float32)), persistent=False)
        pairs = torch.from_numpy(np.stack([pairs.row, pairs.col]).astype(np.int64))
        self.register_buffer("pairs", pairs, persistent=False)  # (2, pair): users, items

    def fresh_networks(self, n: int) -> Networks:
        sizes = self.hyper.embedding_size, self.hyper.content_size
        return Networks(n, rows=(self.n_users, self.n_items, self.content.width), sizes=sizes)

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        return self.networks.user.flatten(1), self.networks.items(self.content)

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        return self.objective(interaction, self.hyper.item_reg_factor, self.hyper.projection_reg_weight)

    def objective(self, interaction, item_reg_factor: float, projection_reg: float) -> Float[Tensor, ""]:
        user, positive, _ = self.triple(interaction)  # (batch,) each
        net = self.networks
        ids = self.hyper.reg_weight * (square(net.user) + item_reg_factor * square(net.item))
        reg = ids + projection_reg * (square(net.projection) + square(net.bias))
        return self.pair_losses(net, user, positive, torch.zeros_like(user)).mean() + reg / RELEASED_BATCH

    def pair_losses(self, networks: Networks, user, positive, label) -> Float[Tensor, " batch"]:
        """L_UG of each pair under the network whose number is its ``label``."""
        index = self.with_negatives(positive)
        rows = F.embedding(user * networks.n + label, networks.user.flatten(0, 1))
        logit = dots(rows, networks.items(self.content), index * networks.n + label.unsqueeze(1))
        return self.ranking(logit, user, index)

    def with_negatives(self, positive: Int[Tensor, " batch"]) -> Int[Tensor, "batch draw"]:
        """The positive item, then K items drawn uniformly from all items."""
        size = len(positive), self.hyper.n_sampled
        drawn = torch.randint(1, self.n_items, size, device=positive.device)
        return torch.cat([positive.unsqueeze(1), drawn], dim=1)

    def weight(self, user, index) -> Float[Tensor, "batch draw"]:
        """a+ for the positive item, a- / K for the negatives."""
        return (1 + self.user_factor[user].unsqueeze(1) * self.item_factor[index]) * self.share

    def ranking(self, logit: Float[Tensor, "batch draw"], user, index) -> Float[Tensor, " batch"]:
        return (self.weight(user, index) * F.softplus(self.sign * logit)).sum(1)

    def pretrain(self, batches, *, epochs: int) -> None:
        h = self.hyper
        if h.mask == "ones":
            return
        length = lengths(h, min(1.0, epochs / RELEASED_EPOCHS))
        optimizer = torch.optim.Adam(self.networks.parameters(), lr=h.stage_learning_rate, fused=True)
        for _ in range(length["pretrain_epochs"]):
            for batch in batches:
                step(self.objective(batch, 1.0, h.stage_projection_reg_weight), optimizer)
        mask = torch.zeros_like(self.networks.mask)
        for r in range(length["rounds"]):
            label = self.environments(mask, length["front_iters"], length["front_epochs"])
            mask = Backend(self).invariant_mask(label, length["back_epochs"], growth=GROWTH**r)
        self.networks.reset()
        self.networks.mask.copy_(mask)

    def environments(self, mask: Float[Tensor, " feat"], iters: int, epochs: int) -> Int[Tensor, " pair"]:
        """The frontend: an environment for each training pair, by networks penalised for using what ``mask`` keeps."""
        h, label = self.hyper, torch.randint_like(self.pairs[0], self.hyper.n_environments)
        for _ in range(iters):
            networks = self.fresh_networks(h.n_environments).to(label.device)
            optimizers = self.optimizers(networks)
            steps = -(-len(label) // (h.n_environments * RELEASED_BATCH))
            for _ in range(epochs):
                for rows in torch.randperm(len(label), device=label.device).tensor_split(steps):
                    step(self.environment_loss(networks, mask, label[rows], self.pairs[:, rows]), *optimizers)
            before, label = label, self.assign(networks, label)
            if (label != before).float().mean() <= SETTLED:
                break
        return label

    def optimizers(self, networks: Networks) -> list[torch.optim.Optimizer]:
        """Adagrad for the ids, Adam for the content. Weight decay replaces the squares of whole tables in the loss."""
        h, lr = self.hyper, self.hyper.stage_learning_rate
        users = {"params": [networks.user], "weight_decay": DECAY * h.reg_weight}
        items = {"params": [networks.item], "weight_decay": DECAY * h.reg_weight * h.item_reg_factor}
        content, decay = [networks.projection, networks.bias], DECAY * h.stage_projection_reg_weight
        adam = torch.optim.Adam(content, lr=lr, weight_decay=decay, fused=True)
        return [torch.optim.Adagrad([users, items], lr=lr, fused=self.pairs.device.type == "cpu"), adam]

    def environment_loss(self, networks: Networks, mask, label, pairs) -> Float[Tensor, ""]:
        """The sum over environments of mean L_UG and wd_2 mean |W * mask| / 512; L2 is left to the optimisers."""
        loss = self.pair_losses(networks, pairs[0], pairs[1], label)
        mean = (loss / torch.bincount(label, minlength=networks.n)[label]).sum()
        known = networks.n * (networks.projection.abs() * mask.view(-1, 1, 1)).mean()
        return mean + self.hyper.stage_projection_reg_weight * known / RELEASED_BATCH

    @torch.no_grad()
    def assign(self, networks: Networks, label: Int[Tensor, " pair"]) -> Int[Tensor, " pair"]:
        """For each pair the environment whose network gives it the largest logit, among those that have pairs."""
        items = networks.items(self.content).view(self.n_items, networks.n, -1)
        blocks = self.pairs.split(PAIRS_AT_ONCE, dim=1)
        logits = torch.cat([(networks.user[user] * items[item]).sum(-1) for user, item in blocks])
        is_empty = torch.bincount(label, minlength=networks.n) == 0
        return logits.masked_fill(is_empty, -torch.inf).argmax(1)
