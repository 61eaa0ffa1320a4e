"""Does MCLN beat MEGCF by their authors' own code and content? Their published runs beside our difference."""

import math

import pandas as pd

from bench.report import independent
from bench.report.boards import Board
from bench.report.conditions import mixtures
from bench.report.evidence import Evidence, remember
from bench.report.model import Block, Cell, Column, Line, Note, Question, Table, number
from bench.report.rows import BLOCK, DATASETS, STUDIED, about, heading
from bench.report.sections.reproduction import comparable, corrected
from bench.spec import SHOWN

RIVAL = "MEGCF"
SAID = "ndcg@10"
GAP = f"{STUDIED} - {RIVAL}"
COLUMNS = [
    Column("Data set", "name"), Column("Metric", "name"), Column(STUDIED, term="independent"), Column("corrected"),
    Column(RIVAL), Column(f"corrected - {RIVAL}"), Column(f"ours: {GAP}"),
]  # fmt: skip
CSV = [*BLOCK, "metric", "mcln", "corrected", "megcf", "gap", "ours", "keys"]
CAPTION = (
    f"{STUDIED} and {RIVAL}, both by their authors' code and on the content that their authors used, on sampled "
    "candidates of the paper's splits, at the epoch with the best N@10 on the test set. The last column is the "
    "difference of our own two rows under the paper's protocol, which have the same content."
)
NOTES = [
    independent.NOTE,
    f"The values of {RIVAL} are its authors' (hfutmars/MEGCF; bench/report/megcf_authors_runs.csv), on entities of "
    "titles, images and, but for Taobao, reviews. Its evaluation draws the candidates anew each time, too, but never "
    "the test item.",
    f"Corrected is the least that the value of {STUDIED} may be without copies of the test item, so the difference is "
    "the least, too.",
    "Each run drew its own candidates, and there is one run of each model: a difference of some thousandths may be "
    "chance.",
]


def pages(evidence: Evidence) -> list[Table]:
    """Return one table if MCLN was run on a data set of the paper under the paper's protocol."""
    data = compared(evidence)
    if data.empty:
        return []
    notes = [Note(text) for text in [*sentences(evidence), *NOTES]] + mixtures(evidence.rows_of(data["keys"]))
    what = f"{STUDIED} and {RIVAL} by their authors' code"
    block = Block(columns=COLUMNS, lines=[line(entry) for entry in data.to_dict("records")])
    named = {"question": Question.ANSWER, "kind": "authors", "what": what, "caption": CAPTION}
    return [Table(blocks=[block], notes=notes, data=data, **named)]


@remember
def compared(evidence: Evidence) -> pd.DataFrame:
    """Return one line per data set of the paper and metric, unrounded; none where no board of ours has MCLN."""
    boards, lines = comparable(evidence), []
    for name in DATASETS if boards else ():
        for board in [board for board in boards if board.block[0] == name] or [None]:
            lines += [values(evidence, name, board, metric) for metric in SHOWN]
    return pd.DataFrame(lines, columns=CSV)


def values(evidence: Evidence, dataset: str, board: Board | None, metric: str) -> dict:
    """Return the line of one metric; ``board`` is ours on the data set, if there is one."""
    least, rival = corrected(evidence, dataset, metric), float(independent.megcf()[metric].get(dataset, math.nan))
    rows = [STUDIED, RIVAL] if board and RIVAL in board.keys else []
    ours = board.means.loc[STUDIED, metric] - board.means.loc[RIVAL, metric] if rows else math.nan
    return {
        **about(board.block if board else (dataset, ""), metric=metric),
        "mcln": independent.value(dataset, metric),
        "corrected": least,
        "megcf": rival,
        "gap": least - rival,
        "ours": ours,
        "keys": " ".join(key for row in rows for key in board.keys[row]),
    }


def line(entry: dict) -> Line:
    """Return the table's line of one line of ``compared``."""
    name = heading([entry[column] for column in BLOCK]) if entry["features"] else DATASETS[entry["dataset"]]
    texts = [name, SHOWN[entry["metric"]]]
    texts += [number(entry[column], ".4f") for column in ("mcln", "corrected", "megcf")]
    texts += [number(entry[column], "+.4f") for column in ("gap", "ours")]
    place = {column: entry[column] for column in BLOCK if entry[column]} | {"protocol": "paper", "ranking": "sampled"}
    return Line([*map(Cell, texts)], about=place, keys=entry["keys"])


def sentences(evidence: Evidence) -> list[str]:
    """Return one sentence with the differences in N@10 by the authors' code and by ours, if MCLN was run."""
    data = compared(evidence)
    parts = []
    for entry in data[data["metric"] == SAID].to_dict("records"):
        missing = f"no {RIVAL} there" if entry["features"] else "no run of ours"
        ours = missing if math.isnan(entry["ours"]) else f"ours {number(entry['ours'], '+.4f')}"
        beside = ", ".join(filter(None, (entry["features"], ours)))
        parts.append(f"{number(entry['gap'], '+.4f')} on {DATASETS[entry['dataset']]} ({beside})")
    text = f"By their authors' own code and content, the {SHOWN[SAID]} of {STUDIED} minus that of {RIVAL} is at least"
    return [f"{text} {', '.join(parts)}."] if parts else []
