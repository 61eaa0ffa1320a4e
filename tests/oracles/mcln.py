"""MCLN written naively from its spec, one formula a line: the test oracle, and the speed baseline.

Nothing is shared with models/mcln/ but the names of the weights: the graph is normalised here,
softmax(S - S*) is computed as it is written, and every user's candidates are scored by themselves.
"""

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn import functional as F


class NaiveMCLN:
    """The model with the weights of ``state`` (names and values of an MCLN's ``state_dict``).

    Args:
        data: the training set, ids shifted by the padding id.
        hyper: the settings.
        state: weight name to tensor; copied, each copy wants a gradient.
        dtype: float32 or float64.
        is_sparse: keep the graph as a COO matrix, where a dense one does not fit.
    """

    def __init__(self, data, hyper, state, *, dtype=torch.float64, is_sparse=False):
        self.hyper, self.state, self.d = hyper, {}, hyper.embedding_size
        for name, value in state.items():
            self.state[name] = value.detach().clone().to(dtype).requires_grad_()
        self.modalities = [m for m in data.item_features if f"projections.{m}" in state]
        self.features = {}
        for m in self.modalities:
            rows = data.item_features[m]
            self.features[m] = torch.as_tensor(rows.toarray() if sp.issparse(rows) else rows).to(dtype)
        self.graph = graph(data, hyper, is_sparse=is_sparse).to(dtype)

    def embed(self):
        users, items = self.state["user_embedding.weight"], self.state["item_embedding.weight"]
        layers = [torch.cat([users, items])]
        for _ in range(self.hyper.n_layers):
            layers.append(self.graph @ layers[-1])
        base = torch.stack(layers).mean(0)
        content = {m: self.features[m] @ self.state[f"projections.{m}"] for m in self.modalities}
        return base[: len(users)], {"base": base[len(users) :], **content}

    def tokens(self, parts, item):
        token = [parts[name][item] for name in parts if name != "base" or self.hyper.use_id]
        return torch.cat(token, dim=1) if self.hyper.attention == "batch" else torch.stack(token, dim=1)

    def layer(self, number, z, c=None):
        w = {n.removeprefix(f"layers.{number}."): v for n, v in self.state.items() if f"layers.{number}." in n}
        root = z.shape[-1] ** 0.5
        weight = {n.removeprefix("weights."): v for n, v in w.items() if "weights." in n}
        s = (z @ weight["query"]) @ (z @ weight["key"]).transpose(-1, -2) / root
        a = torch.softmax(s, -1)
        if c is not None:
            s_star = (c @ weight["counterfactual_query"]) @ (c @ weight["counterfactual_key"]).transpose(-1, -2)
            s_star = s_star / root
            probs = self.hyper.attn_diff == "probs"
            a = a - torch.softmax(s_star, -1) if probs else torch.softmax(s - s_star, -1)
        p = a @ (z @ weight["value"])
        if "linear" in weight:
            p = p @ weight["linear"]
        y = F.layer_norm(p + z, z.shape[-1:], w["attention_norm.weight"], w["attention_norm.bias"], 1e-12)
        g = torch.relu(y @ w["expand.weight"].T + w["expand.bias"]) @ w["contract.weight"].T + w["contract.bias"]
        g = torch.relu(g) if self.hyper.ffn_second_relu else g
        return F.layer_norm(g + y, z.shape[-1:], w["output_norm.weight"], w["output_norm.bias"], 1e-12)

    def fuse(self, z, c, head):
        for number in range(self.hyper.n_attention_layers):
            z = self.layer(number, z, c)
        m = z.reshape(len(z), -1) @ self.state[f"heads.{head}"]
        return torch.relu(m) if self.hyper.head_relu else m

    def pair(self, parts, positive, negative, counterfactual):
        """(m+, m-)."""
        c = self.tokens(parts, counterfactual) if self.hyper.attn_diff != "none" else None
        own = c if self.hyper.neg_branch == "counterfactual" else None
        negative_head = 0 if self.hyper.share_heads else 1
        better = self.fuse(self.tokens(parts, positive), c, 0)
        return better, self.fuse(self.tokens(parts, negative), own, negative_head)

    def losses(self, user, positive, negative, counterfactual):
        """(BPR terms summed, regulariser)."""
        users, parts = self.embed()
        better = {c: parts[c][positive] for c in parts}
        worse = {c: parts[c][negative] for c in parts}
        better["fused"], worse["fused"] = self.pair(parts, positive, negative, counterfactual)
        x = {c: (users[user] * (better[c] - worse[c])).sum(1) for c in better}
        if self.hyper.loss == "two_term":
            x = {"base": x["base"], "content": sum(v for c, v in x.items() if c != "base")}
        ranking = sum(-F.logsigmoid(v).mean() for v in x.values())
        ids = self.state["user_embedding.weight"][user], self.state["item_embedding.weight"][positive]
        rows = [*ids, self.state["item_embedding.weight"][negative]]
        rows += [side[c] for side in (better, worse) for c in side if c != "base"]
        return ranking, self.hyper.reg_weight / len(user) * 0.5 * sum((r**2).sum() for r in rows)

    def scores(self, user, item):
        """Scores of the candidates ``item`` (C,) of one user, each its own counterfactual."""
        users, parts = self.embed()
        c = self.tokens(parts, item) if self.hyper.attn_diff != "none" else None
        vectors = {name: parts[name][item] for name in parts}
        vectors["fused"] = self.fuse(self.tokens(parts, item), c, 0)
        everywhere = self.hyper.lambda_m_on == "all_content"
        weighed = [c for c in vectors if c == "visual" or (everywhere and c != "base")]
        return sum((self.hyper.lambda_m if c in weighed else 1) * (v @ users[user]) for c, v in vectors.items())


def graph(data, hyper, *, is_sparse=False):
    """D^(-1/2) (A + I) D^(-(1/2 - alpha)), target node in the row; the self-loop counts in D."""
    r = data.inter_matrix("csr")
    a = sp.bmat([[None, r], [r.T, None]]).astype(np.float64)
    a = (a + sp.identity(a.shape[0])).tocoo() if hyper.self_loop else a.tocoo()
    degree = np.bincount(a.row, weights=a.data, minlength=a.shape[0]).clip(1)
    values = degree[a.row] ** -0.5 * a.data * degree[a.col] ** -(0.5 - hyper.alpha)
    coo = torch.sparse_coo_tensor(np.stack([a.row, a.col]), values, a.shape, check_invariants=True).coalesce()
    return coo if is_sparse else coo.to_dense()
