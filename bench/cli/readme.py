"""Writes the README's table of results from the reference records, so that nobody types a number."""

from pathlib import Path

import pandas as pd

from bench.files import write_text, writing
from bench.report.conditions import UNEQUAL, marked
from bench.report.evidence import Evidence
from bench.report.model import number
from bench.report.rows import DATASETS
from bench.report.sections import answer
from bench.run.studies import KNOWN
from bench.spec import BenchError
from bench.store.store import Store

BEGIN, END = "<!-- the answer, written by python -m bench readme -->", "<!-- end of the answer -->"
REFERENCE = Path("results/reference")

UNLIKE = (
    "The two were not made under equal conditions; [the whole table](reports/reference/answer.md) names what differs."
)


def table(answers: pd.DataFrame) -> str:
    """Return a line per data set of the paper, protocol, ranking and row: its verdict and its difference in NDCG@10.
    ``answers`` is the unrounded data of the answer's page; the numbers of its CSV would be rounded twice."""
    selected = answers[answers["dataset"].isin(DATASETS) & (answers["metric"] == "ndcg@10")]
    lines = [
        "| data set | protocol | ranking | row | N@10 | 95 % interval | against | baselines above |",
        "|---|---|---|---|---:|---|---|---:|",
    ]
    for entry in selected.itertuples():
        if pd.isna(entry.difference):
            continue
        where = (DATASETS[entry.dataset], entry.protocol, entry.ranking, entry.row)
        difference, low, high = (number(value, "+.4f") for value in (entry.difference, entry.low, entry.high))
        verdict = marked(f"{entry.verdict} {entry.vs}", entry.unequal)
        above = f"{entry.n_above} of {entry.n_baselines}"
        lines.append(f"| {' | '.join(where)} | {difference} | [{low}, {high}] | {verdict} | {above} |")
    if selected["unequal"].any():
        lines += ["", f"{UNEQUAL} {UNLIKE}"]
    return "\n".join(lines)


def answered(records: Path) -> pd.DataFrame:
    """Return the data of the answer's page, made from the records of a folder."""
    evidence = Evidence.of(Store(records), **KNOWN)
    pages = answer.pages(evidence)
    if not pages:
        raise BenchError(f"no record in {records} answers anything; run this in a checkout of the repository")
    return pages[0].data


def renewed(text: str, answers: pd.DataFrame) -> str:
    """Return ``text`` with a new table between the lines BEGIN and END."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BenchError(f"README.md has no place for the answer; it needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table(answers)}\n\n{END}{after}"


def write(readme: Path) -> Path:
    """Renew the table in the file ``readme``, and return the file."""
    records = readme.parent / REFERENCE
    for path in (readme, records):
        if not path.exists():
            raise BenchError(f"{path} is not there; run this in a checkout of the repository")
    text = renewed(readme.read_text(encoding="utf-8"), answered(records))
    with writing(readme, remedy="free it"):
        write_text(readme, text)
    return readme
