"""The Python interface, as for notebooks: records of a folder as frames, comparisons of two rows, runs from Python.

Reading results does not import torch:
    import bench
    results = bench.load("results/reference")  # to_frame(), table2(), ranks(), curves(), plot_curves()
    results.compare("MCLN", "LightGCN", metric="ndcg@10")
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from bench import registry
from bench.files import findable
from bench.report.boards import Board, boards
from bench.report.conditions import apart
from bench.report.differences import incomparable, measures
from bench.report.evidence import Evidence
from bench.report.leaderboard import TABLE
from bench.report.rows import BLOCK, STUDIED, order
from bench.report.sections import curves
from bench.report.sections.slices import sliceable
from bench.spec import SHOWN, BenchError, read, unknown
from bench.store.frame import chosen
from bench.store.store import Store
from bench.study import own

SHORT = ["dataset", "row", "features", "protocol", "budget", "seed", "status", "sampled.ndcg@10", "full.ndcg@10", "key"]
RUN_COLUMNS = ["dataset", "features", "protocol", "budget", "seed", "key"]
MEASURE_COLUMNS = {"difference": "difference", "low": "low", "high": "high", "p_permutation": "p", "n_cases": "n_cases"}


@dataclass(frozen=True, eq=False)
class Results:
    """The records of one folder, as ``load`` read them."""

    evidence: Evidence

    def to_frame(self) -> pd.DataFrame:
        """Return one line per run: its job, metrics, facts, times and key. Of several records of one row and seed, it
        has the one that Table 2 shows."""
        return self.evidence.frame.drop(columns=["hyper", "settings"], errors="ignore")

    def boards(self, **which: Any) -> list[Board]:
        """Return the comparisons that match ``which``: any of dataset, features, protocol, budget and ranking.

        Raises:
            BenchError: where no comparison matches.
        """
        all_boards = boards(self.evidence)
        names = pd.DataFrame([board.names for board in all_boards], columns=[*TABLE, *BLOCK])
        return [all_boards[place] for place in chosen(names, which, "comparison").index]

    def table2(self, dataset: str, **which: Any) -> pd.DataFrame:
        """Return the means of Table 2 on a data set, one line per protocol, budget, ranking and row."""
        matching = self.boards(dataset=dataset, **which)
        parts = [board.means.loc[board.rows].assign(**board.names).reset_index() for board in matching]
        columns = [name for name in (*TABLE, *BLOCK) if name != "dataset"]
        return pd.concat(parts).set_index([*columns, "row"])[list(SHOWN)].rename(columns=SHOWN)

    def compare(
        self, row: str, other: str, *, metric: str = "ndcg@10", per_slice: bool = False, **which: Any
    ) -> pd.DataFrame:
        """Return the difference ``row`` minus ``other``, paired by test case: one line per comparison that has both.

        Args:
            row, other: rows as tables name them, such as "MCLN:itemwise" or "SVD++".
            metric: one of ``bench.spec.SHOWN``.
            per_slice: adds a line for each slice of the test cases, such as the tail, where their facts are stored.
            which: any of dataset, features, protocol, budget and ranking.

        Returns:
            The mean ``difference``, its 95 % interval from ``low`` to ``high``, and ``p`` of the sign-flip test, as the
            significance table has them before Holm's correction; ``n_cases``; ``note`` says why a line is empty,
            ``unequal`` in which conditions the two differ.

        Raises:
            BenchError: for an unknown metric or row, or two rows that share no comparison.
        """
        matching = self.boards(**which)
        rows = order(name for board in matching for name in board.rows)
        for kind, name, known in (("metric", metric, list(SHOWN)), ("row", row, rows), ("row", other, rows)):
            if name not in known:
                raise unknown(kind, name, known)
        shared = [board for board in matching if row in board.rows and other in board.rows]
        if not shared:
            raise BenchError(f"{row} and {other} share no comparison")
        return pd.DataFrame([line for board in shared for line in self._lines(board, row, other, metric, per_slice)])

    def _lines(self, board: Board, row: str, other: str, metric: str, per_slice: bool) -> list[dict[str, Any]]:
        ranked = [board.ranked(self.evidence, name) for name in (row, other)]
        why = incomparable(*ranked, other)
        differs = apart(self.evidence.rows_of([*board.keys[row], *board.keys[other]]), board.ranking)
        parts, lines = [("", "all", ranked)], []
        slicings, fitting, _ = sliceable(self.evidence, board) if per_slice and not why else ({}, {}, [])
        for name, slicing in slicings.items() if {row, other} <= set(fitting) else ():
            for label in slicing.categories:
                parts.append((name, label, [ranks.part(slicing == label) for ranks in ranked]))
        for slicing_name, label, pair in parts:
            found = dict.fromkeys(MEASURE_COLUMNS, float("nan")) if why else measures(*pair, metric)
            values = {column: found[measure] for measure, column in MEASURE_COLUMNS.items()} | {"note": why}
            lines.append({**board.names, "slicing": slicing_name, "slice": label, **values, "unequal": differs})
        return lines

    def ranks(self, row: str, **which: Any) -> pd.DataFrame:
        """Return the rank of every test case in every run of ``row``: dataset, features, protocol, budget, seed, key,
        user, target, and ``rank_...`` and ``ties_...`` of each ranking.

        Raises:
            BenchError: for a row that no run has, or where no run matches ``which``.
        """
        frame = self.to_frame()
        runs = chosen(frame[frame["status"] == "done"], which)
        if row not in list(runs["row"]):
            raise unknown("row", row, set(runs["row"]))
        store, runs = Store(self.evidence.results), runs.loc[runs["row"] == row, RUN_COLUMNS].to_dict("records")
        ranks = pd.concat([store.ranks(self.evidence.by_key[run["key"]].job).assign(**run) for run in runs])
        return ranks.reset_index(drop=True)[[*RUN_COLUMNS, *ranks.columns.drop(RUN_COLUMNS)]]

    def curves(self) -> pd.DataFrame:
        """Return the selecting metric, epoch and seconds so far of each evaluation of runs of two epochs or more."""
        done = self.evidence.main[self.evidence.main["status"] == "done"]
        return curves.points(done, self.evidence.by_key)

    def plot_curves(self, **which: Any):
        """Return the learning curves as a matplotlib figure; ``which`` gives columns of ``curves`` and their values."""
        from bench.report.render.figures import PLOTS  # matplotlib takes a second to import

        return PLOTS["curves"](chosen(self.curves(), which))

    def __repr__(self) -> str:
        runs = self.to_frame().reindex(columns=SHORT)
        return f"{len(runs)} runs in {self.evidence.results}\n{runs.to_string(index=False)}"

    def _repr_html_(self) -> str:
        return self.to_frame().reindex(columns=SHORT).to_html(index=False, float_format="{:.4f}".format)


def place(name: str, given: Any) -> Path:
    """Return the folder that the argument ``name`` of a call gives; refuse, as a BenchError, what is no path."""
    if not isinstance(given, str | PathLike):
        raise BenchError(f"{name}={given!r}: give the path of a folder")
    return findable(given)


def load(folder: str | Path = "results", *, ours: str = STUDIED) -> Results:
    """Read the records of a folder; an invalid record is left out and named on standard error.

    Raises:
        BenchError: where there is no record, or ``ours`` is neither a row of the records nor a model.
    """
    evidence = Evidence.of(Store(place("folder", folder)), is_installed=registry.is_installed)
    if not evidence.records:
        raise BenchError(f"no records in {evidence.results}")
    evidence = replace(evidence, ours=registry.row_of(str(ours), lambda: set(evidence.frame["row"])))
    return Results(evidence)


def load_model(
    key: str, *, results: str | Path = "results", ranking: str = "", data: str | Path | None = None, model: str = ""
):
    """Return the trained model of a record whose weights were kept (see ``bench.run.trained.load``); ``data`` is the
    folder of a data set that is not built in, and ``model`` is ``path/to/file.py:MODEL`` of a model of your own."""
    from bench.run import trained  # imports torch

    store = Store(place("results", results))
    return trained.load(store, str(key), ranking=ranking, location=str(data or ""), model_file=model)


def run(
    *,
    datasets: Sequence[str | Path],
    models: Sequence[str] | None = None,
    results: str | Path = "results",
    reports: str | Path = "reports",
    machines: dict[str, Any] | None = None,
    when: str = "missing",
    mode: str = "default",
    configs: str | Path = "configs/tuned",
    **request: Any,
) -> Results:
    """Do what ``run_all.py`` does: run the jobs that have no record, write the tables, and return all records.

    Args:
        datasets, models: as the flags of the same names.
        machines: fields of ``bench.run.machines.Machines``, such as ``{"jobs": 2, "gpus": "none"}``.
        mode: where the settings are from, default, released or tuned, as ``--hyper``; ``configs`` as its flag.
        request: ``protocols``, ``budget``, ``seeds``, ``features``, ``data_dir`` and ``keep_weights`` as the flags of
            the same names; ``hyper`` is the dictionary that ``--set`` gives, and ``studies`` are ``--study``.

    Raises:
        BenchError: for a request that cannot be met, or a job that failed; KeyboardInterrupt after Ctrl-C.
    """
    from bench import session
    from bench.run.clock import Clock
    from bench.run.due import When
    from bench.run.machines import Machines
    from bench.run.plan import Request
    from bench.tune.winners import Mode

    for name, value, allowed in (("when", when, When), ("mode", mode, Mode)):
        if value not in get_args(allowed):
            raise unknown(name, value, get_args(allowed))
    folders = {"results": results, "reports": reports, "configs": configs}
    folders = {name: place(name, given) for name, given in folders.items()}
    if not isinstance(machines, dict | None):
        raise BenchError(f"machines={machines!r}: give a dictionary, such as {{'jobs': 2}}")
    how = {"when": when, "mode": mode, "machines": read(Machines, own(machines or {}), what="field of machines")}
    asked = read(Request, own({"datasets": datasets, "models": models, **request}), what="argument")
    asked = replace(asked, data_dir=asked.data_dir and findable(asked.data_dir))
    if code := session.run(asked, **folders, **how, clock=Clock(), dry_run=False, ranking=None, tables={}):
        message = f"not every job was done (exit code {code}); the lines above name those that failed"
        raise KeyboardInterrupt(message) if code == 130 else BenchError(message)  # 130: Ctrl-C
    return load(results)
