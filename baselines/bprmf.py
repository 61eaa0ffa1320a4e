"""BPRMF: matrix factorisation trained with the Bayesian personalised ranking (BPR) loss.

Rendle, Freudenthaler, Gantner, Schmidt-Thieme. "BPR: Bayesian Personalized Ranking from Implicit
Feedback", UAI 2009, arXiv:1205.2618.

    score     inner product of a user and an item vector    EmbeddingRecommender
    BPR-Opt   mean -ln sigma(x_ui - x_uj)                    calculate_loss

Departures: A single L2 weight covers users, positive items and negative items. The penalty is taken over the
vectors of the batch and divided by the batch size. Weights start from Xavier initialisation and are trained with
dense Adam, as in the code of MCLN. An epoch passes over each training pair once. The paper has separate L2 weights and
plain SGD, and draws the training pairs with replacement.

Modalities: none.
Fusion: none.
Loss: mean BPR, and an L2 penalty on the vectors of the batch.
Parameters: N d, for N users and items with vectors of size d.
Cost per step: B d multiply-adds for the B triples (user, positive item, negative item) of a batch.
Checked: On a toy data set of two users and three items, scores, loss and gradients equal values worked out by hand, to
    2e-6. On random data the gradients equal the sum over triples of the closed-form gradient. A change of basis of the
    vectors leaves the loss without L2 as it is. Swapping positive and negative items changes that loss by their mean
    score difference. Sampled batches hold training items of the user as positives and never as negatives. SVD++, NGCF,
    LightGCN and VBPR equal this model in the special cases in which they reduce to it.
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
        embedding_size: Size = 64  # d, size of the vectors
        reg_weight: Weight = log_uniform(1e-2, low=1e-5, high=1e-1)  # lambda, weight of the L2 penalty

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
