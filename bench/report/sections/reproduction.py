"""Is our MCLN the paper's MCLN? Our values beside the paper's, and beside those of the authors' code run by others."""

import math

import pandas as pd

from bench.report import independent
from bench.report.boards import Board, answering
from bench.report.conditions import mixtures
from bench.report.evidence import Evidence, Places, remember
from bench.report.leaderboard import improvement
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paper import IMPROVEMENT
from bench.report.rows import BASELINES, BLOCK, DATASETS, STUDIED, about, baselines_among, heading
from bench.spec import SHOWN

MEAN = f"{IMPROVEMENT}, mean"
COLUMNS = [
    Column("Data set", "name"), Column("Metric", "name"), Column("ours"), Column("paper's"), Column("ours - paper's"),
    Column("independent"), Column("ours - independent"), Column("corrected"), Column("ours - corrected"),
]  # fmt: skip
CSV = [*BLOCK, "budget", "metric", "ours", "paper", "independent", "corrected", "keys"]
CAPTION = (
    f"{STUDIED} under the paper's protocol, sampled candidates, beside the paper's own values and those of the "
    "authors' code run by others."
)
NOTES = [
    independent.NOTE,
    "Corrected is the independent run's value over 1 + that chance. Without copies, the value lies between the two, "
    "since the copy of a hit in the last place of a list is not counted.",
    f"{MEAN} is the mean over the four metrics; it needs all of the paper's baselines.",
]


def pages(evidence: Evidence) -> list[Table]:
    """Return one table if MCLN was run on a data set of the paper under the paper's protocol."""
    data = compared(evidence)
    if data.empty:
        return []
    lines = [line(entry) for entry in data.to_dict("records")]
    what = f"Reproduction: our {STUDIED} and the paper's"
    named = {"question": Question.ANSWER, "kind": "reproduction", "what": what, "caption": CAPTION}
    notes = [Note(text) for text in [*sentences(evidence), *courses(evidence, data), *NOTES, *second_runs(data)]]
    notes += mixtures(evidence.rows_of(data["keys"]))
    return [Table(blocks=[Block(columns=COLUMNS, lines=lines)], notes=notes, data=data, **named)]


@remember
def compared(evidence: Evidence) -> pd.DataFrame:
    """Return one line per data set, features and metric, unrounded."""
    lines = []
    for board in comparable(evidence):
        lines += [values(evidence, board, metric) for metric in SHOWN] + mean_improvement(evidence, board)
    return pd.DataFrame(lines, columns=CSV)


@remember
def comparable(evidence: Evidence) -> list[Board]:
    """Return the boards with MCLN under the paper's protocol, on sampled candidates and the paper's data sets."""
    boards = [board for board in answering(evidence, [STUDIED]) if STUDIED in board.keys]
    boards = [board for board in boards if (board.protocol, board.ranking) == ("paper", "sampled")]
    return [board for board in boards if board.block[0] in DATASETS and board.block[1] != "none"]


def corrected(evidence: Evidence, dataset: str, metric: str) -> float:
    """Return the least that the independent run's value may be without copies of the test item; NaN without one."""
    n_items = evidence.paper.get(("table1", dataset, "", "items"), math.nan)
    return independent.corrected(independent.value(dataset, metric), n_items)


def values(evidence: Evidence, board: Board, metric: str) -> dict:
    """Return the line of one metric on one board."""
    dataset = board.block[0]
    return {
        **about(board.block, budget=board.budget, metric=metric),
        "ours": board.means.loc[STUDIED, metric],
        "paper": evidence.paper.get(("table2", dataset, STUDIED, metric), math.nan),
        "independent": independent.value(dataset, metric),
        "corrected": corrected(evidence, dataset, metric),
        "keys": " ".join(board.keys[STUDIED]),
    }


def mean_improvement(evidence: Evidence, board: Board) -> list[dict]:
    """Return the line of the mean gain over the best of the paper's baselines, or none where a baseline was not run."""
    if baselines_among(board.rows, STUDIED) != set(BASELINES):
        return []
    ours = [improvement(board.means[metric].to_dict(), STUDIED) for metric in SHOWN]
    theirs = [evidence.paper.get(("table2", board.block[0], IMPROVEMENT, metric), math.nan) for metric in SHOWN]
    rows = [row for row in board.rows if baselines_among([row], STUDIED)]
    keys = " ".join(key for row in [*rows, STUDIED] for key in board.keys[row])
    names = about(board.block, budget=board.budget, metric=MEAN, keys=keys)
    return [{**names, "ours": sum(ours) / len(ours), "paper": sum(theirs) / len(theirs)}]


def line(entry: dict) -> Line:
    """Return the table's line of one line of ``compared``."""
    form = ".2f" if entry["metric"] == MEAN else ".4f"
    name = f"{DATASETS[entry['dataset']]} ({entry['features']}), {entry['budget']}"
    cells = [Cell(name), Cell(SHOWN.get(entry["metric"], MEAN)), Cell(number(entry["ours"], form))]
    for other in ("paper", "independent", "corrected"):
        cells += [Cell(number(entry[other], form)), Cell(number(entry["ours"] - entry[other], f"+{form}"))]
    place = {name: entry[name] for name in (*BLOCK, "budget")} | {"protocol": "paper", "ranking": "sampled"}
    return Line(cells, about=place, keys=entry["keys"])


def sentences(evidence: Evidence, among: Places | None = None) -> list[str]:
    """Return a sentence per data set and features (limited as in ``answer.sentences``): how far our H@5 is from the
    paper's and from the independent run's."""
    texts = []
    for entry in compared(evidence).query("metric == 'hr@5'").to_dict("records"):
        if among is not None and (entry["dataset"], "paper", "sampled") not in among:
            continue
        place = heading([entry[name] for name in BLOCK])
        others = [entry[other] for other in ("paper", "independent", "corrected")]
        gaps, values = [number(entry["ours"] - other, "+.4f") for other in others], [number(v, ".4f") for v in others]
        texts.append(
            f"{place}, H@5: our {STUDIED} has {entry['ours']:.4f}, against {values[0]} in the paper ({gaps[0]}) and "
            f"{values[1]} in the independent run ({gaps[1]}), which is {values[2]} once corrected for copies of the "
            f"test item among its candidates ({gaps[2]})."
        )
    return texts


def courses(evidence: Evidence, data: pd.DataFrame) -> list[str]:
    """Return a sentence per data set and features: the epochs that our values and the independent run's come from."""
    texts = []
    for entry in data.query("metric == 'hr@5'").to_dict("records"):
        runs = evidence.rows_of([entry["keys"]]).sort_values("seed")
        epochs = runs[["best_epoch.sampled", "epochs"]].itertuples(index=False)
        ours = ", ".join(f"{best:.0f} of {n:.0f}" for best, n in epochs)
        theirs = independent.runs().query("dataset == @entry['dataset'] and run == 1")["epoch"].max()
        best = independent.best()["epoch"].get((entry["dataset"], 1))
        texts.append(
            f"{heading([entry[name] for name in BLOCK])}: our values come from epoch {ours} trained (the budget allows "
            f"{runs['budget_epochs'].max()}); the independent run's come from epoch {best} of {theirs}."
        )
    return texts


def second_runs(data: pd.DataFrame) -> list[str]:
    """Return a sentence for each further independent run on these data sets, with its epoch and metrics."""
    texts = []
    for (dataset, run), best in independent.best().iterrows():
        if run > 1 and dataset in set(data["dataset"]):
            values = ", ".join(f"{name} {best[metric]:.4f}" for metric, name in SHOWN.items())
            texts.append(f"Independent run {run} on {DATASETS[dataset]}, epoch {best['epoch']:.0f}: {values}.")
    return texts
