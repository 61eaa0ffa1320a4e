"""Is our MCLN the paper's MCLN? Our values against the paper's, and against the authors' code run by others."""

import math

import pandas as pd

from bench.report import independent
from bench.report.boards import Board, answering
from bench.report.conditions import mixtures
from bench.report.evidence import Evidence, Places
from bench.report.leaderboard import improvement
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.paper import IMPROVEMENT
from bench.report.rows import BASELINES, BLOCK, DATASETS, STUDIED, baselines_among, heading
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
    """One table, where MCLN was run on a data set of the paper under its protocol."""
    data = compared(evidence)
    if data.empty:
        return []
    lines = [line(one) for one in data.to_dict("records")]
    what = f"Reproduction: our {STUDIED} and the paper's"
    about = {"question": Question.ANSWER, "kind": "reproduction", "what": what, "caption": CAPTION}
    said = [Note(text) for text in [*sentences(evidence), *courses(evidence, data), *NOTES, *second_runs(data)]]
    said += mixtures(evidence.rows_of(data["keys"]))
    return [Table(blocks=[Block(columns=COLUMNS, lines=lines)], notes=said, data=data, **about)]


def compared(evidence: Evidence) -> pd.DataFrame:
    """One line per data set and metric, unrounded."""
    lines = []
    for board in answering(evidence, [STUDIED]):
        is_papers = (board.protocol, board.ranking) == ("paper", "sampled") and board.block[0] in DATASETS
        if is_papers and STUDIED in board.keys:
            lines += [values(evidence, board, metric) for metric in SHOWN] + mean_improvement(evidence, board)
    return pd.DataFrame(lines, columns=CSV)


def values(evidence: Evidence, board: Board, metric: str) -> dict:
    dataset = board.block[0]
    theirs = independent.value(dataset, metric)
    return {
        **dict(zip(BLOCK, board.block, strict=True)),
        "budget": board.budget,
        "metric": metric,
        "ours": board.means.loc[STUDIED, metric],
        "paper": evidence.published.get(("table2", dataset, STUDIED, metric), math.nan),
        "independent": theirs,
        "corrected": independent.corrected(theirs, evidence.published["table1", dataset, "", "items"]),
        "keys": " ".join(board.keys[STUDIED]),
    }


def mean_improvement(evidence: Evidence, board: Board) -> list[dict]:
    """The line of the mean gain over the best of the paper's baselines; none where one of them was not run."""
    if baselines_among(board.rows, STUDIED) != set(BASELINES):
        return []
    ours = [improvement(board.means[metric].to_dict(), STUDIED) for metric in SHOWN]
    theirs = [evidence.published.get(("table2", board.block[0], IMPROVEMENT, metric), math.nan) for metric in SHOWN]
    rows = [row for row in board.rows if baselines_among([row], STUDIED)]
    keys = " ".join(key for row in [*rows, STUDIED] for key in board.keys[row])
    about = {**dict(zip(BLOCK, board.block, strict=True)), "budget": board.budget, "metric": MEAN, "keys": keys}
    return [{**about, "ours": sum(ours) / len(ours), "paper": sum(theirs) / len(theirs)}]


def line(one: dict) -> Line:
    form = ".2f" if one["metric"] == MEAN else ".4f"
    name = f"{DATASETS[one['dataset']]} ({one['features']}), {one['budget']}"
    cells = [Cell(name), Cell(SHOWN.get(one["metric"], MEAN)), Cell(number(one["ours"], form))]
    for other in ("paper", "independent", "corrected"):
        cells += [Cell(number(one[other], form)), Cell(number(one["ours"] - one[other], f"+{form}"))]
    about = {name: one[name] for name in (*BLOCK, "budget")} | {"protocol": "paper", "ranking": "sampled"}
    return Line(cells, about=about, keys=one["keys"])


def sentences(evidence: Evidence, among: Places | None = None) -> list[str]:
    """How far our H@5 is from both, a sentence per data set and features; ``among`` as in the answer's."""
    said = []
    for one in compared(evidence).query("metric == 'hr@5'").to_dict("records"):
        if among is not None and (one["dataset"], "paper", "sampled") not in among:
            continue
        place = heading([one[name] for name in BLOCK])
        gaps = [number(one["ours"] - one[other], "+.4f") for other in ("paper", "independent", "corrected")]
        said.append(
            f"{place}, H@5: our {STUDIED} has {one['ours']:.4f}; {gaps[0]} from the paper's "
            f"{number(one['paper'], '.4f')}, {gaps[1]} from the independent run's {one['independent']:.4f}, and "
            f"{gaps[2]} from that corrected for redrawn candidates, {one['corrected']:.4f}."
        )
    return said


def courses(evidence: Evidence, data: pd.DataFrame) -> list[str]:
    """Of which epoch the values are, ours and the independent run's, and how long both trained, by data set."""
    said = []
    for one in data.query("metric == 'hr@5'").to_dict("records"):
        own = evidence.rows_of([one["keys"]]).sort_values("seed")
        ours = [f"{epoch:.0f} of {n:.0f}" for epoch, n in own[["best_epoch.sampled", "epochs"]].itertuples(index=False)]
        theirs = independent.runs().query("dataset == @one['dataset'] and run == 1")["epoch"].max()
        best = independent.best()["epoch"].get((one["dataset"], 1))
        said.append(
            f"{heading([one[name] for name in BLOCK])}: our values come from epoch {', '.join(ours)} trained "
            f"(the budget allows {own['budget_epochs'].max()}); the independent run's come from epoch {best} of "
            f"{theirs}."
        )
    return said


def second_runs(data: pd.DataFrame) -> list[str]:
    """What the further runs of a data set came to."""
    said = []
    for (dataset, run), found in independent.best().iterrows():
        if run > 1 and dataset in set(data["dataset"]):
            shown = ", ".join(f"{name} {found[metric]:.4f}" for metric, name in SHOWN.items())
            said.append(f"Independent run {run} on {DATASETS[dataset]}, epoch {found['epoch']:.0f}: {shown}.")
    return said
