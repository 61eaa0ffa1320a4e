"""What is compared with what: the rows of one protocol, budget, ranking and data set, and their ranks case by case."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import fmean
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from bench.protocol.metrics import lost_to_ties, per_case
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE, leaderboard
from bench.report.rows import BLOCK, blocks, heading, order
from bench.spec import BUDGETS, RANKINGS, SHOWN
from bench.store.store import Store

PLACES = 10  # the longest list of SHOWN: whoever ranks below it scores nothing, however far below
GAINS = {metric: per_case(np.arange(1, PLACES + 2), metric) for metric in SHOWN}  # by place, the last stands for below


class Ranked(NamedTuple):
    """A row's ranks: one line per seed, one column per test case."""

    cases: str  # equal names mean equal users and test items in equal order
    place: UInt8[np.ndarray, "seed case"]  # rank - 1, PLACES for all below
    lost: float = 0.0  # N@10 that equal scores cost, as the mean over the seeds
    seeds: tuple[int, ...] = ()

    def values(self, metric: str) -> Float[np.ndarray, "seed case"]:
        return GAINS[metric][self.place]


@dataclass(frozen=True, eq=False, kw_only=True)
class Board:
    """One data set of one Table 2.

    Attributes:
        block: data set and features.
        means: Table 2's means, one line per row that has all of them, one column per metric of SHOWN.
        keys: of the records behind each of these rows, by seed.
    """

    protocol: str
    budget: str
    ranking: str
    block: tuple[str, str]
    means: pd.DataFrame
    keys: dict[str, list[str]]

    @property
    def table(self) -> tuple[str, str, str]:
        """What one table is about."""
        return self.protocol, self.budget, self.ranking

    @property
    def names(self) -> dict[str, str]:
        """What a line of a CSV says of its board."""
        return dict(zip([*TABLE, *BLOCK], (*self.table, *self.block), strict=True))

    @property
    def rows(self) -> list[str]:
        """In the order of Table 2."""
        return order(self.means.index)

    @property
    def heading(self) -> str:
        return heading(self.block)

    def baselines(self, evidence: Evidence) -> set[str]:
        """The baselines that have a row, each once, whatever presets and settings of it have one."""
        rows = evidence.baselines & set(self.rows)
        return {evidence.by_key[key].job.model for row in rows for key in self.keys[row]}

    def ranked(self, evidence: Evidence, row: str) -> Ranked | str:
        """The ranks of ``row``, or why they cannot be used."""
        return ranked(evidence, self.keys[row], self.ranking, row)


@lru_cache(maxsize=2)
def boards(evidence: Evidence) -> list[Board]:
    """All that the evidence holds, in the order of the tables."""
    found = []
    for (*table, dataset, features), part in leaderboard(evidence).groupby([*TABLE, *BLOCK], sort=False):
        means = part.pivot(index="row", columns="metric", values="mean").reindex(columns=list(SHOWN)).dropna()
        keys = part.drop_duplicates("row").set_index("row")["keys"]
        about = {**dict(zip(TABLE, table, strict=True)), "block": (dataset, features)}
        own = {row: valued(evidence, keys[row].split(), about["ranking"]) for row in means.index}
        found.append(Board(**about, means=means, keys=own))
    return found


def valued(evidence: Evidence, keys: Sequence[str], ranking: str) -> list[str]:
    """Of ``keys`` those of the records that have all values of this ranking; what did not finish has none."""
    needed = {f"{ranking}.{metric}" for metric in SHOWN}
    return [key for key in keys if needed <= evidence.by_key[key].metrics.keys()]


def ranked(evidence: Evidence, keys: Sequence[str], ranking: str, row: str) -> Ranked | str:
    """The ranks behind one cell of ``row``, a line for each record of ``keys`` that is ``valued``, or why they cannot
    be used."""
    keys = valued(evidence, keys, ranking)
    if not keys:
        return f"no record of {row} has all values"
    found = [ranks_of(evidence, key) for key in keys]
    for key, ranks in zip(keys, found, strict=True):
        if ranking not in ranks:
            return f"the ranks of record {key} are missing or broken"
    if len({ranks[ranking].cases for ranks in found}) > 1:
        return f"the seeds of {row} were tested on different cases"
    own, seeds = [ranks[ranking] for ranks in found], tuple(evidence.by_key[key].job.seed for key in keys)
    return Ranked(own[0].cases, np.concatenate([one.place for one in own]), fmean(one.lost for one in own), seeds)


def answering(evidence: Evidence, rows: Collection[str] = ()) -> list[Board]:
    """Of each data set, protocol and ranking the board that answers most about ``rows``, in this order.

    It is one that has any of them, where there is one; of several the one with the most baselines, and then the one
    with the longest budget. A full ranking that no row has is left out.

    Args:
        rows: those under study where they are not given.
    """
    rows = set(rows) or evidence.studied
    groups: dict[tuple, list[Board]] = {}
    for board in (one for one in boards(evidence) if one.rows or one.ranking != "full"):
        groups.setdefault((board.block, board.protocol, board.ranking), []).append(board)

    def weight(board: Board) -> tuple[bool, int, int]:
        return not rows.isdisjoint(board.keys), len(board.baselines(evidence)), place_of_budget(board.budget)

    names = evidence.frame[BLOCK].drop_duplicates()
    places = {block: place for place, block in enumerate(blocks(names))}
    order_of = {key: (places[key[0]], key[1] != "paper", key[1], RANKINGS.index(key[2])) for key in groups}
    return [max(groups[key], key=weight) for key in sorted(groups, key=order_of.get)]


def place_of_budget(name: str) -> int:
    """The longer the higher; one that is not ours stands below all."""
    return list(BUDGETS).index(name) if name in BUDGETS else -1


@cache  # one byte per case and ranking
def ranks_of(evidence: Evidence, key: str) -> dict[str, Ranked]:
    """Ranking to ranks, of one record; nothing where they are not there."""
    try:
        ranks = Store(evidence.results).rank_columns(evidence.by_key[key].job)
    except (OSError, ValueError):  # pyarrow's own errors are ValueErrors
        return {}
    cases = hashlib.sha256(ranks["user"].tobytes() + ranks["target"].tobytes()).hexdigest()
    return {
        ranking: Ranked(
            cases,
            np.minimum(ranks[f"rank_{ranking}"] - 1, PLACES).astype(np.uint8)[None],
            lost_to_ties(ranks[f"rank_{ranking}"], ranks[f"ties_{ranking}"], "ndcg@10"),
        )
        for ranking in RANKINGS
        if f"rank_{ranking}" in ranks
    }
