"""BPRMF: matrix factorisation trained with the Bayesian personalised ranking loss.

Rendle, Freudenthaler, Gantner, Schmidt-Thieme. "BPR: Bayesian Personalized Ranking from Implicit
Feedback", UAI 2009, arXiv:1205.2618.

    score     inner product of a user and an item vector    EmbeddingRecommender
    BPR-Opt   mean -ln sigma(x_ui - x_uj)                    calculate_loss

Departures: one L2 weight for users, positives and negatives, on the rows of the batch divided by the batch
size, and Xavier initialisation with dense Adam, as in the code base that MCLN's baselines come from; the
paper has separate weights and plain SGD.

Modalities: none.
Fusion: none.
Loss: mean BPR, and L2 on the rows of the batch.
Parameters: N d.
Cost per step: B d.
Checked: worked toy (scores, loss, gradients); the gradient of each triple by its formula; a change of basis, swapped
    items, and batches whose negatives are never training items. SVD++, NGCF, LightGCN and VBPR equal this model where
    they reduce to it.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from bench.nn.losses import bpr_rows
from bench.nn.recommender import EmbeddingRecommender
from bench.spec import Size, Weight, log_uniform


class BPRMF(EmbeddingRecommender):
    @dataclass(frozen=True, kw_only=True)
    class Hyper:
        embedding_size: Size = 64  # d
        reg_weight: Weight = log_uniform(1e-2, low=1e-5, high=1e-1)  # lambda

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.user_embedding = nn.Embedding(self.n_users, self.hyper.embedding_size)
        self.item_embedding = nn.Embedding(self.n_items, self.hyper.embedding_size)
        nn.init.xavier_uniform_(self.user_embedding.weight)
        nn.init.xavier_uniform_(self.item_embedding.weight)

    def embed(self) -> tuple[Float[Tensor, "user dim"], Float[Tensor, "item dim"]]:
        return self.user_embedding.weight, self.item_embedding.weight

    def calculate_loss(self, interaction) -> Float[Tensor, ""]:
        user, positive, negative = self.triple(interaction)  # (batch,) each
        users, items = self.embed()
        return bpr_rows(users, items, user, positive, negative, reg_weight=self.hyper.reg_weight)
