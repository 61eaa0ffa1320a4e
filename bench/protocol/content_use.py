"""Measures how much a trained model's scores depend on a part of the content, by moving that part to other items.

The model is built again on the occluded content and takes over the trained weights, so that every path from content to
scores counts: feature rows, and graphs or latents made from them at the start. Weights that training changed stay, even
if they were learnt from content.

    score_change      mean |s' - s| over all candidates, over the mean of the cases' standard deviation of s
    rank_changed      share of the cases whose test item has another rank
    rank_change       mean |rank' - rank|
    ndcg@10_change    NDCG@10 after, less NDCG@10 before
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bench.protocol.candidates import Cases
from bench.protocol.evaluate import Evaluator, counts
from bench.protocol.metrics import per_case

PARTS = ("irrelevant", "relevant")


def measure(model, cases: Cases, *, untrained: Callable[[str], Any]) -> dict[str, float]:
    """Return the measures of the irrelevant part, those of the relevant part to compare with, and the ratio of both.

    Returns nothing if the scores within each case are all equal, since they have no spread to compare a change with.

    Args:
        untrained: returns the model before training, with nothing ("") or one of ``PARTS`` occluded.
    """
    evaluator = Evaluator(cases, device=model.device)
    start, before, facts = untrained("").state_dict(), scores(model, evaluator), {}
    if bool((before == before[:, :1]).all()):
        return {}
    for part in PARTS:
        occluded = untrained(part)
        take_over(occluded, model, start=start)
        measures = compare(before, scores(occluded, evaluator))
        facts |= {f"occlusion.{part}.{name}": value for name, value in measures.items()}
    irrelevant, relevant = (facts[f"occlusion.{part}.score_change"] for part in PARTS)
    return facts | ({"occlusion.ratio": irrelevant / relevant} if relevant else {})


def take_over(other, model, *, start: dict[str, Tensor]) -> None:
    """Give ``other`` the weights of ``model`` that training changed; those as at the ``start`` may be content."""
    moved = {name: value for name, value in model.state_dict().items() if not torch.equal(value, start[name])}
    other.load_state_dict({**other.state_dict(), **moved})


@torch.no_grad()
def scores(model, evaluator: Evaluator) -> Float[Tensor, "case item"]:
    """Return each case's scores of its candidates and, in the last column, of its target."""
    model.eval()
    shared, block = model.represent(), evaluator.sampled_block
    blocks = zip(evaluator.user.split(block), evaluator.items.split(block), strict=True)
    return torch.cat([model.score(shared, user, items) for user, items in blocks])


def compare(before: Float[Tensor, "case item"], after: Float[Tensor, "case item"]) -> dict[str, float]:
    """Return the four measures, unrounded."""
    ranks = [1 + counts(s[:, :-1], s[:, -1:])[0].cpu().numpy() for s in (before, after)]
    change, spread = (after - before).abs().double().mean(), before.double().std(dim=1, correction=0).mean()
    gain = per_case(ranks[1], "ndcg@10") - per_case(ranks[0], "ndcg@10")
    return {
        "score_change": float(change / spread),
        "rank_changed": float((ranks[1] != ranks[0]).mean()),
        "rank_change": float(abs(ranks[1] - ranks[0]).mean()),
        "ndcg@10_change": float(gain.mean()),
    }
