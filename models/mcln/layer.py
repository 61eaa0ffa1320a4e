"""MCLN's layer: attention minus counterfactual attention."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from bench.nn.attention import attention


class CounterfactualLayer(nn.Module):
    """Attention minus counterfactual attention, then a feed-forward network, each with residual and normalisation.

    With the tokens Z and the counterfactual tokens C, both (*token, dim), and LN layer normalisation:

        S = Z W_Q (Z W_K)' / sqrt(dim),  S* = C W_Q* (C W_K*)' / sqrt(dim)
        Y = LN(A Z W_V W_linear + Z),    A = softmax(S - S*) or softmax(S) - softmax(S*)
        LN(ReLU(ReLU(Y W_1 + b_1) W_2 + b_2) + Y)
    """

    def __init__(self, width: int, hyper):
        super().__init__()
        names = ["query", "key", "value"] + ["linear"] * hyper.attn_linear
        names += ["counterfactual_query", "counterfactual_key"] * (hyper.attn_diff != "none")
        self.weights = nn.ParameterDict({name: xavier(width, width) for name in names})
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for linear in (self.expand, self.contract):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
        # the authors' epsilon; torch's own 1e-5 would move the outputs by up to 2 %
        self.attention_norm, self.output_norm = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
        self.diff, self.second_relu = hyper.attn_diff, hyper.ffn_second_relu

    def own(self, tokens: Float[Tensor, "*token dim"]) -> tuple[Tensor, Tensor]:
        """(Z W_Q W_K' / sqrt(dim), Z W_V W_linear): queries whose keys are the tokens themselves, and values."""
        w = self.weights
        value = w["value"] @ w["linear"] if "linear" in w else w["value"]
        return tokens @ _bilinear(w["query"], w["key"]), tokens @ value

    def other(self, tokens: Float[Tensor, "*token dim"]) -> tuple[Tensor, Tensor]:
        """The queries and keys of the counterfactual tokens."""
        w = self.weights
        return tokens @ _bilinear(w["counterfactual_query"], w["counterfactual_key"]), tokens

    def attend(self, tokens: Tensor, own, other=None) -> Tensor:
        """A times the values; ``own`` and ``other`` are what the methods of these names return."""
        query, value = own
        if other is None:
            return attention(query, tokens, value)
        if self.diff == "probs":
            return attention(query, tokens, value) - attention(*other, value)
        # S - S* is one product: [Q, -Q*] [K, K*]'
        return attention(torch.cat([query, -other[0]], -1), torch.cat([tokens, other[1]], -1), value)

    def forward(self, tokens: Float[Tensor, "*token dim"], other=None, own=None) -> Float[Tensor, "*token dim"]:
        """The tokens after this layer; pass ``own`` where it is already known, to save computing it."""
        attended = self.attend(tokens, self.own(tokens) if own is None else own, other)
        hidden = self.attention_norm(attended + tokens)
        update = self.contract(F.relu(self.expand(hidden)))
        return self.output_norm((F.relu(update) if self.second_relu else update) + hidden)


def _bilinear(query: Tensor, key: Tensor) -> Tensor:
    return query @ key.T / query.shape[0] ** 0.5


def xavier(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(rows, columns)))
