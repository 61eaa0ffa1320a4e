"""Boards: the rows compared under one protocol, budget, ranking and data set, with their ranks case by case."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, UInt8

from bench.protocol.metrics import lost_to_ties, per_case
from bench.report import paired
from bench.report.evidence import Evidence, remember
from bench.report.leaderboard import TABLE, leaderboard
from bench.report.rows import BLOCK, heading, order, place
from bench.spec import BUDGETS, RANKINGS, SHOWN
from bench.store.store import Store

PLACES = 10  # the longest list of SHOWN: a test item that ranks below it scores nothing, however far below
GAINS = {metric: per_case(np.arange(1, PLACES + 2), metric) for metric in SHOWN}  # by rank - 1; the last for all below


class Ranked(NamedTuple):
    """The ranks of a row: one line per seed, one column per test case."""

    cases: str  # a hash: equal hashes mean equal users and test items in equal order
    place: UInt8[np.ndarray, "seed case"]  # rank - 1, or PLACES for every rank below the list
    user: Int[np.ndarray, " case"]  # numbered from 0 in the order of their first cases
    lost: float = 0.0  # the N@10 that ties cost the row, as the mean over the seeds
    seeds: tuple[int, ...] = ()

    def values(self, metric: str) -> Float[np.ndarray, "seed case"]:
        """Return the metric of each seed and test case."""
        return GAINS[metric][self.place]

    def minus(self, other: "Ranked", metric: str) -> paired.Differences:
        """Return the difference of each user from another row with the same cases."""
        return paired.differences(self.values(metric), other.values(metric), self.user)

    def part(self, is_in: Bool[np.ndarray, " case"]) -> "Ranked":
        """Return the ranks of some of the cases."""
        return self._replace(place=self.place[:, is_in], user=pd.factorize(self.user[is_in])[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Board:
    """One data set of one Table 2.

    Attributes:
        block: data set and features.
        means: the means in Table 2, one line per row of which a record has all values, one column per metric of SHOWN.
        keys: for each of these rows, the keys of the records behind it, in the order of their seeds.
    """

    protocol: str
    budget: str
    ranking: str
    block: tuple[str, str]
    means: pd.DataFrame
    keys: dict[str, list[str]]

    @property
    def table(self) -> tuple[str, str, str]:
        """The protocol, budget and ranking, which name the Table 2 that the board belongs to."""
        return self.protocol, self.budget, self.ranking

    @property
    def names(self) -> dict[str, str]:
        """The columns that name the board in each line of a CSV, with their values."""
        return dict(zip([*TABLE, *BLOCK], (*self.table, *self.block), strict=True))

    @property
    def rows(self) -> list[str]:
        """The rows that have all values, in the order of Table 2."""
        return order(self.means.index)

    @property
    def heading(self) -> str:
        return heading(self.block)

    def baselines(self, evidence: Evidence, *, above: str = "", metric: str = "") -> set[str]:
        """Return the baselines that have a row, with a higher mean in ``metric`` than the row ``above`` if it is given;
        each model once however many presets and settings have rows."""
        rows = evidence.baselines & set(self.rows)
        if above:
            rows = {row for row in rows if self.means.loc[row, metric] > self.means.loc[above, metric]}
        return {evidence.by_key[key].job.model for row in rows for key in self.keys[row]}

    def ranked(self, evidence: Evidence, row: str) -> Ranked | str:
        """Return the ranks of ``row``, or the reason why they cannot be used."""
        return ranked(evidence, self.keys[row], self.ranking, row)


@remember
def boards(evidence: Evidence) -> list[Board]:
    """Return all boards of the evidence, in the order of the tables."""
    all_boards = []
    for (*table, dataset, features), part in leaderboard(evidence).groupby([*TABLE, *BLOCK], sort=False):
        means = part.pivot(index="row", columns="metric", values="mean").reindex(columns=list(SHOWN)).dropna()
        keys = part.drop_duplicates("row").set_index("row")["keys"]
        names = {**dict(zip(TABLE, table, strict=True)), "block": (dataset, features)}
        by_row = {row: valued(evidence, keys[row].split(), names["ranking"]) for row in means.index}
        keys_of_rows = {row: found for row, found in by_row.items() if found}  # else no seed alone has all values
        all_boards.append(Board(**names, means=means.loc[list(keys_of_rows)], keys=keys_of_rows))
    return all_boards


def valued(evidence: Evidence, keys: Sequence[str], ranking: str) -> list[str]:
    """Return those of ``keys`` whose records have all values of this ranking; unfinished records have none."""
    needed = {f"{ranking}.{metric}" for metric in SHOWN}
    return [key for key in keys if needed <= evidence.by_key[key].metrics.keys()]


def ranked(evidence: Evidence, keys: Sequence[str], ranking: str, row: str) -> Ranked | str:
    """Return the ranks behind one cell of ``row``, a line for each record of ``keys`` that is ``valued``, or the reason
    why they cannot be used."""
    keys = valued(evidence, keys, ranking)
    if not keys:
        return f"no record of {row} has all values"
    by_seed = []
    for key in keys:
        ranks = ranks_of(evidence, key)
        if ranking not in ranks:
            return f"the ranks of record {key} are missing or broken"
        by_seed.append(ranks[ranking])
    if len({ranks.cases for ranks in by_seed}) > 1:
        return f"the seeds of {row} were tested on different cases"
    places, lost = np.concatenate([ranks.place for ranks in by_seed]), fmean(ranks.lost for ranks in by_seed)
    return Ranked(by_seed[0].cases, places, by_seed[0].user, lost, tuple(evidence.by_key[key].job.seed for key in keys))


def answering(evidence: Evidence, rows: Collection[str] = ()) -> list[Board]:
    """Return the board that answers most about ``rows``, or those under study, for each data set, protocol and ranking,
    in this order.

    A board with any of the rows is preferred, then the board with the most baselines, then that with the longest
    budget. Boards of the full ranking without any row are left out.
    """
    rows = set(rows) or evidence.studied
    groups: dict[tuple, list[Board]] = {}
    for board in boards(evidence):
        if board.rows or board.ranking != "full":
            order_of = place(board.block[0]), board.block, board.protocol != "paper", board.protocol
            groups.setdefault((*order_of, RANKINGS.index(board.ranking)), []).append(board)

    def weight(board: Board) -> tuple[bool, int, int]:
        return not rows.isdisjoint(board.keys), len(board.baselines(evidence)), place_of_budget(board.budget)

    return [max(groups[key], key=weight) for key in sorted(groups)]


def place_of_budget(name: str) -> int:
    """Return the place of a budget by length, the longest highest; -1 for a budget that is not one of BUDGETS."""
    return list(BUDGETS).index(name) if name in BUDGETS else -1


@remember  # one byte per case and ranking, and eight per case for its user
def ranks_of(evidence: Evidence, key: str) -> dict[str, Ranked]:
    """Return the ranks of one record by ranking; empty where its file of ranks is missing or broken."""
    try:
        ranks = Store(evidence.results).rank_columns(evidence.by_key[key].job)
    except (OSError, ValueError):  # pyarrow's own errors are ValueErrors
        return {}
    cases = hashlib.sha256(ranks["user"].tobytes() + ranks["target"].tobytes()).hexdigest()
    user = pd.factorize(ranks["user"])[0]
    return {
        ranking: Ranked(
            cases,
            np.minimum(ranks[f"rank_{ranking}"] - 1, PLACES).astype(np.uint8)[None],
            user,
            lost_to_ties(ranks[f"rank_{ranking}"], ranks[f"ties_{ranking}"], "ndcg@10"),
        )
        for ranking in RANKINGS
        if f"rank_{ranking}" in ranks
    }
