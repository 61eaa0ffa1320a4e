"""The answer first: a table of the verdicts, a figure of the differences, and sentences for the terminal."""

from collections import Counter
from typing import Any

import pandas as pd

from bench.report.answers import BEATS, LEVEL, LOSES, METRICS, MIXED, NOT_ASKED, WORDS, Answer, answers
from bench.report.conditions import TWO_UNLIKE, UNEQUAL
from bench.report.differences import sign
from bench.report.evidence import Evidence, Places
from bench.report.leaderboard import TABLE
from bench.report.model import EMPTY, Block, Cell, Column, Figure, Line, Note, Page, Question, Table, number
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK, DATASETS, MODELS, ROWS, order
from bench.report.sections.significance import extent, small
from bench.spec import NEWER_MODELS, SHOWN, counted

MEASURES = ["vs", "difference", "low", "high", "p_holm"]
CSV = [
    *TABLE, *BLOCK, "row", "metric", *MEASURES, "verdict", "n_baselines", "n_above", "n_seeds", "settings", "unequal",
    "keys",
]  # fmt: skip
UNSETTLED = {LEVEL: ("without a clear difference",) * 2, MIXED: ("that differs by metric", "that differ by metric")}
UNCOUNTED = order(MODELS - {*ROWS, *NEWER_MODELS})  # models that are no baselines
OF_THE_PAPER = (
    "The table Claims compares MCLN with the paper's own baselines alone. Where the table Reproduction has our MCLN "
    "further below the paper's than it is below a baseline here, the paper's own MCLN might not lose."
)
NOTES = [
    "Baselines are the paper's models and newer ones. Baselines above: how many of those that were run have a higher "
    f"{SHOWN[METRICS[0]]}; one that was not run may be stronger. A model counts once, whatever its settings. "
    f"{', '.join(UNCOUNTED)} are not baselines, even where Table 2 has them above the strongest baseline.",
    "The strongest baseline of a metric is the one with the best mean on the same test cases and, of equal ones, with "
    "the higher N@10. The best of many owes some of its lead to luck, the more of them the more; this counts against "
    "the row compared with it, and no test allows for it.",
    "Beats and loses to: the paired difference over the test cases is more than chance (sign-flip test, Holm's "
    f"p < {ALPHA}). The correction is over all rows and the four metrics of the data set in its Table 2, so that p "
    "grows with the number of rows; it is not over data sets, protocols and rankings.",
    "Shows no clear difference: it is no more than chance, which does not show that the two are equal.",
    "The interval says how large the difference may be. It is of that one difference, without Holm's correction, so "
    "it may leave out 0 although the verdict is that there is no clear difference.",
    "The tests are about these trained models. With one seed they say nothing about another training; with several, "
    "the values of a case are averaged first. Seeds are those of the row; the baseline may have another number. Under "
    "the protocol paper every row's epoch was chosen on the test set itself, which the tests leave out of account.",
    f"{UNEQUAL} {TWO_UNLIKE}; the column Settings says in what they differ, and that may explain the difference.",
    "If there are several budgets, one under which a row under study was run is used: of these, the one with most "
    "baselines and, among equals, the longest.",
]


def pages(evidence: Evidence) -> list[Page]:
    """Return a table of the verdicts (or why there is none), and a figure of the differences if any was measured."""
    found = answers(evidence)
    if not found:
        return []
    data = pd.DataFrame([line for one in found for line in long_form(one)], columns=CSV)
    about: dict[str, Any] = {"question": Question.ANSWER, "caption": summary(found, evidence.ours)}
    is_papers = any(one.dataset in DATASETS for one in found)  # then there are the tables that OF_THE_PAPER names
    about["notes"] = [Note(text) for text in ([*NOTES, OF_THE_PAPER] if is_papers else NOTES)]
    what = f"The answer: {evidence.ours} against its baselines"
    made: list[Page] = [Table(kind="answer", what=what, blocks=[block(found)], data=data, **about)]
    drawn = data[data["difference"].notna()]
    if len(drawn):
        gap = f"{evidence.ours} minus the strongest baseline"
        about["caption"] = f"{gap}, which is named, with 95% intervals over the test cases. Filled: more than chance."
        if drawn["unequal"].any():
            about["caption"] += f" {UNEQUAL} The two were not made under equal conditions."
        of_paper = drawn["dataset"].isin(list(DATASETS))
        if of_paper.any() and not of_paper.all():  # the gains on simulated data are many times larger
            drawn = drawn[of_paper]
            about["caption"] += " Only the paper's data sets are drawn."
        about["notes"] = [Note("The notes below the table of the answer say what was compared, and how it was tested.")]
        made.append(Figure(kind="answer-figure", what=gap, data=drawn, plot="forest", **about))
    return made


def long_form(one: Answer) -> list[dict]:
    """Return the answer's lines of the CSV: one per metric, or a single line with the reason if there was no test."""
    about = {name: getattr(one, name) for name in CSV if hasattr(one, name)}
    if not one.tests:
        return [{**about, "verdict": one.text, "unequal": ""}]
    lines = []
    for metric, test in one.tests.items():
        values = {name: test[name] for name in (*MEASURES, "unequal", "keys")} | {"verdict": WORDS[sign(test)]}
        lines.append({**about, "metric": metric, **values})
    return lines


def summary(found: list[Answer], ours: str) -> str:
    """Say how often each verdict was reached, on the paper's data sets alone where any of them has an answer."""
    of_paper = [one for one in found if one.dataset in DATASETS]
    selected = of_paper if any(one.tests for one in of_paper) else found
    n = Counter(one.verdict for one in selected)
    n_made = len(selected) - n[NOT_ASKED]
    if not n_made:
        return f"No comparison of {ours} with a baseline has an answer."
    counts = [f"{n[BEATS]} won", f"{n[LOSES]} lost"]
    counts += [counted(n[verdict], *words) for verdict, words in UNSETTLED.items() if n[verdict]]
    rows = Counter(one.row for one in selected if one.verdict != NOT_ASKED)
    *first, last = [f"{row} ({rows[row]})" for row in order(rows)]
    compared = f"{', '.join(first)} and {last}" if first else next(iter(rows))
    only = " on the paper's data sets" if len(selected) < len(found) else ""
    asked = f"Of {counted(n_made, 'comparison')} of {compared} with the strongest baseline{only}"
    rest = f"; no answer for {n[NOT_ASKED]} more" if n[NOT_ASKED] else ""
    return f"{asked}: {', '.join(counts)}. There is one for each data set, protocol, ranking and row{rest}."


def block(found: list[Answer]) -> Block:
    """Lay out the table of verdicts, one line per answer."""
    columns = [Column(name, "name") for name in ("Where", "Model", "Verdict")]
    for name in (SHOWN[metric] for metric in METRICS):
        columns += [Column(f"{name} difference", metric=name), Column("95% CI", "text", metric=name)]
        columns += [Column("p Holm", metric=name)]
    columns += [Column("Baselines above", "text"), Column("Seeds")]
    columns += [Column("Budget", "name"), Column("Settings", "name")]
    lines = []
    for one in found:
        texts = [one.where, one.row, one.text]
        for metric in METRICS:
            texts += figures(one.tests[metric]) if one.tests else [EMPTY] * 3
        differs = f"{UNEQUAL} {one.unequal}" if one.unequal else ""
        texts += [one.above if one.tests else EMPTY, str(one.n_seeds or EMPTY), one.budget]
        texts.append("; ".join(filter(None, (one.settings, differs))))
        about = {name: getattr(one, name) for name in (*TABLE, *BLOCK) if getattr(one, name)} | {"model": one.row}
        lines.append(Line([*map(Cell, texts)], about=about, keys=one.keys, is_run=bool(one.keys)))
    return Block(columns=columns, lines=lines)


def figures(test: dict) -> list[str]:
    """Return the difference, its interval and the corrected p of one test, as texts."""
    return [number(test["difference"], "+.4f"), extent(test), small(test["p_holm"], ".4f")]


def sentences(evidence: Evidence, among: Places | None = None) -> list[str]:
    """Return a sentence for each verdict, then the ``reasons``, of all places or of those ``among`` (data set,
    protocol, ranking)."""
    found = [one for one in answers(evidence) if one.tests and is_among(one, among)]
    verdicts = [f"{one.where}: {one.row} {one.text} ({'; '.join(details(one))})." for one in found]
    return verdicts + reasons(evidence, among)


def reasons(evidence: Evidence, among: Places | None = None) -> list[str]:
    """Return a sentence for each reason why rows were not compared, with the places where it is so."""
    places: dict[str, list[str]] = {}
    for one in answers(evidence):
        if not one.tests and is_among(one, among):
            places.setdefault(f"{one.row} {one.text}", []).append(one.where)
    return [f"{text} ({'; '.join(where)})." for text, where in places.items()]


def is_among(one: Answer, among: Places | None) -> bool:
    return among is None or (one.dataset, one.protocol, one.ranking) in among


def details(one: Answer) -> list[str]:
    """Return what a verdict rests on: the tests, the numbers of baselines and seeds, the budget, and the settings."""
    parts = []
    for metric, test in one.tests.items():
        difference, interval, p = figures(test)
        sign_of_p = p.replace("<", "< ") if p.startswith("<") else f"= {p}"
        parts.append(f"{SHOWN[metric]} {difference} {interval}, p {sign_of_p}")
    above = f"baselines with a higher {SHOWN[METRICS[0]]}: {one.above}"
    parts.append(", ".join((above, counted(one.n_seeds, "seed"), f"budget {one.budget}", one.settings)))
    return parts + ([f"{UNEQUAL} the two differ in: {one.unequal}"] if one.unequal else [])
