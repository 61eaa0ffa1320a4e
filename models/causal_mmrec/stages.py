"""What CausalMMRec learns before its first epoch and rebuilds between epochs: confounder, strata, graphs, contexts."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from bench.nn.knn import has_row, nearest
from bench.nn.recommender import EmbeddingRecommender
from models.causal_mmrec.diffusion import cross_fit
from models.causal_mmrec.latents import draw_folds, explained, principal_latents, ridge_cross_fit
from models.causal_mmrec.quantise import kmeans_codes, learn_codes
from models.causal_mmrec.topology import Topology

LATENT_SIZE, CODE_SIZE = 64, 32  # sizes of a latent vector and of a code
N_FOLDS, LEAST_R2, SMALLEST_CELL = 5, 0.02, 5
STAGE_EPOCHS, DIFFUSION_STEPS, WARM_STEPS, CODE_STEPS = 300, 3000, 200, 2000


class Stages(EmbeddingRecommender):
    """Stages A to C1 and the contexts of C2; the derived model has the modalities, the content and both doors."""

    def keep_content(self, rows) -> None:
        known = [has_row(rows[m]) for m in self.modalities]
        size = min(LATENT_SIZE, max(f.shape[1] for f in rows.values()))
        pairs = zip(self.modalities, known, strict=True)
        latents = np.stack([principal_latents(rows[m], size, there) for m, there in pairs])
        constants = {
            "known": torch.from_numpy(np.stack(known)),  # (modality, item)
            "latents": torch.from_numpy(latents),  # (modality, item, dim)
            "confounders": torch.zeros(self.n_items, len(known) * size),  # the input of stage B
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)
        self.register_buffer("r2", torch.zeros(len(known), size))  # R^2 of the prediction of each latent

    def keep_interactions(self, dataset, rows) -> None:
        h, n = self.hyper, len(self.modalities)
        visual = h.visual_weight if "visual" in rows and n > 1 else float("visual" in rows)
        rest = (1 - visual) / max(1, n - ("visual" in rows))
        self.topology = Topology(
            dataset.inter_matrix(form="csr"),
            torch.stack([nearest(rows[m], h.n_neighbours) for m in self.modalities]),
            [visual if m == "visual" else rest for m in self.modalities],
            residual_weight=h.residual_weight if self.has_channels and not h.no_topology else 0.0,
            n_added=h.n_added,
            added_weight=h.added_weight,
            drop_rate=h.drop_rate,
            is_plain=h.no_topology,
            is_full=h.eval_graph == "full",
        )
        self.history = self.topology.raw()[1]  # the mean over a user's items

    @property
    def has_channels(self) -> bool:
        return len(self.modalities) > 1 and not self.hyper.no_diffusion

    def pretrain(self, batches, *, epochs: int) -> None:
        h, share = self.hyper, min(1.0, epochs / STAGE_EPOCHS)
        is_read = self.back_door is not None or self.topology.residual_weight > 0
        if self.has_channels and is_read and h.confounder != "ridge":
            self.learn_confounder(steps=math.ceil(share * DIFFUSION_STEPS))
        self.set_strata(steps=math.ceil(share * CODE_STEPS), warm_steps=math.ceil(share * WARM_STEPS))

    def before_epoch(self, epoch: int) -> None:
        self.topology.sample()
        self.set_contexts()

    def learn_confounder(self, *, steps: int) -> None:
        """Stages A and C1: the confounders, and the topology that depends on them; ``steps=0`` uses the closed form."""
        predicted = residual = self.latents
        if self.has_channels:
            channels = [self.predict_channel(k, steps=steps) for k in range(len(self.modalities))]
            predicted = torch.stack(channels)
            residual = (self.latents - predicted) * self.known[:, :, None]  # what is missing has none
        self.confounders.copy_(predicted.transpose(0, 1).flatten(1))
        self.topology.rebuild(self.latents, residual)

    def predict_channel(self, k: int, *, steps: int) -> Float[Tensor, "item dim"]:
        """What the other modalities predict of modality ``k``; 0 in dimensions that they do not explain out of fold."""
        h, others = self.hyper, [m for m in range(len(self.modalities)) if m != k]
        source = torch.cat([self.latents[m] for m in others], dim=1)
        usable = self.known[others].any(0)
        fits, fold = usable & self.known[k], draw_folds(usable, N_FOLDS)
        if steps:
            predicted, losses = cross_fit(source, self.latents[k], fold, fits, steps=steps, how=h.confounder)
            self.stage_losses[self.modalities[k]] = losses
        else:
            predicted = ridge_cross_fit(source, self.latents[k], fold, fits)
        self.r2[k] = explained(self.latents[k], predicted, fits)
        return predicted * (self.r2[k] > LEAST_R2)

    def set_strata(self, *, steps: int, warm_steps: int = 0) -> None:
        """Stage B: the stratum of every item and the priors; ``steps=0`` uses k-means."""
        h = self.hyper
        if self.back_door is None:
            return
        rows = self.confounders[1:]
        if steps:
            sizes = {"code_size": CODE_SIZE, "warm_steps": warm_steps, "steps": steps}
            codes, self.stage_losses["vq"] = learn_codes(rows, h.n_coarse, h.n_fine, **sizes)
        else:
            codes = kmeans_codes(rows, h.n_coarse, h.n_fine)
        self.back_door.set_strata(codes, smallest=SMALLEST_CELL)

    @torch.no_grad()
    def set_contexts(self, *, start: bool = False) -> None:
        """Spherical k-means of the users' raw histories; unless ``start``, five rounds from the last centroids."""
        if self.front_door is not None:
            rows = F.normalize(self.history(self.adjust(self.content())), dim=1)
            met = torch.zeros(self.n_users, dtype=torch.bool, device=rows.device)
            met[self.topology.user] = True
            self.front_door.set_contexts(rows, met, start=start)
