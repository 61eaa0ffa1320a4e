"""The answer first: does the model under study beat the strongest baseline, by how much, and is it more than chance?"""

from collections import Counter
from functools import lru_cache
from typing import Any

import pandas as pd

from bench.report.boards import Board, answering
from bench.report.conditions import TWO_UNLIKE, UNEQUAL, marked
from bench.report.evidence import Evidence, Places
from bench.report.leaderboard import NOT_RUN, TABLE, leaderboard
from bench.report.model import EMPTY, Block, Cell, Column, Figure, Line, Note, Page, Question, Table, number
from bench.report.paired import ALPHA
from bench.report.rows import BLOCK, DATASETS, order, place
from bench.report.sections.significance import BETTER, WORSE, comparisons, extent, sign, small
from bench.spec import SHOWN, counted

METRICS = ("ndcg@10", "hr@5")
BEATS, LEVEL, LOSES, NOT_ASKED, MIXED = "beats", "is level with", "loses to", "has no answer", "differs by metric"
WORDS = {BETTER: BEATS, WORSE: LOSES, "": LEVEL}
MEASURES = ["vs", "difference", "low", "high", "p_holm"]
CSV = [*TABLE, *BLOCK, "row", "metric", *MEASURES, "verdict", "n_baselines", "n_seeds", "settings", "unequal", "keys"]
NOTES = [
    "The strongest baseline of a metric is the one with the best mean among all rows of baselines.",
    "Beats and loses to: the paired difference over the test cases is more than chance (sign-flip test, Holm's "
    f"p < {ALPHA} over all rows and metrics of the data set in its Table 2, so that p grows with the number of rows). "
    "Is level with: the difference is no more than chance, which does not show that the two are equal.",
    "Baselines: how many were run there. A baseline that was not run may be stronger than the strongest of them.",
    "The tests are about these trained models. With one seed they say nothing about another training. Under the "
    "protocol paper every row's epoch was chosen on the test set itself, which the tests leave out of account.",
    f"{UNEQUAL} {TWO_UNLIKE}; the column Settings says in what they differ, and that may explain the difference.",
    "If there are several budgets, one under which a row under study was run is used: of these, the one with most "
    "baselines and, among equals, the longest.",
]


def pages(evidence: Evidence) -> list[Page]:
    """The table of verdicts, or of the reasons why there is none, and the differences drawn, where there are any."""
    found = answers(evidence)
    if not found:
        return []
    data = pd.DataFrame([line for one in found for line in long_form(one)], columns=CSV)
    about: dict[str, Any] = {"question": Question.ANSWER, "caption": summary(found), "notes": [*map(Note, NOTES)]}
    what = f"The answer: {evidence.ours} against its baselines"
    shown = [Table(kind="answer", what=what, blocks=[block(found)], data=data, **about)]
    drawn = data[data["difference"].notna()]
    is_papers = drawn["dataset"].isin(list(DATASETS))
    if len(drawn):
        gap = f"{evidence.ours} minus the strongest baseline"
        about["caption"] = f"{gap}, which is named, with 95% intervals over the test cases. Filled: more than chance."
        if drawn["unequal"].any():
            about["caption"] += f" {UNEQUAL} The two were not made under equal conditions."
        if is_papers.any() and not is_papers.all():  # the gains on simulated data are many times larger
            drawn = drawn[is_papers]
            about["caption"] += " Only the paper's data sets are drawn."
        shown.append(Figure(kind="answer-figure", what=gap, data=drawn, plot="forest", **about))
    return shown


@lru_cache(maxsize=2)
def answers(evidence: Evidence) -> list[dict[str, Any]]:
    """One per board that answers and row under study, and one per data set of the paper without any record."""
    found = comparisons(evidence)
    tests = {tuple(one[name] for name in [*TABLE, *BLOCK, "row", "metric"]): one for one in found.to_dict("records")}
    made, boards = [], answering(evidence)
    for board in boards:
        own = {row for row in evidence.studied if row in board.keys} | {evidence.ours}
        made += [answer(evidence, board, row, tests) for row in order(own)]
    asked = {board.block[0] for board in boards} & set(DATASETS)
    missing = [name for name in DATASETS if asked and name not in asked]
    made += [unasked({"dataset": name, "row": evidence.ours}, NOT_RUN) for name in missing]
    return sorted(made, key=lambda one: place(one["dataset"]))


def answer(evidence: Evidence, board: Board, row: str, tests: dict[tuple, dict]) -> dict[str, Any]:
    """What one board says of one row; ``found`` is the test of each metric."""
    names = {**board.names, "row": row}
    if row not in board.keys:
        return unasked(names, why_not(evidence, names))
    found = {metric: tests.get((*board.names.values(), row, metric)) for metric in METRICS}
    if not all(found.values()):
        return unasked(names, f"no baseline was run under budget {board.budget}")
    reasons = [test["note"] for test in found.values() if test["note"]]
    if reasons:
        return unasked(names, reasons[0])
    behind = {metric: test["keys"].split() for metric, test in found.items()}
    keys = list(dict.fromkeys(key for some in behind.values() for key in some))
    differs = {metric: test["unequal"] for metric, test in found.items()}
    verdict, text = verdict_of(found, differs)
    return {
        **names,
        "found": found,
        "verdict": verdict,
        "text": text,
        "n_baselines": len(board.baselines(evidence)),
        "n_seeds": len(board.keys[row]),
        "settings": settings(evidence, board.keys[row], behind),
        "unequal": differs,
        "keys": " ".join(keys),
    }


def unasked(names: dict[str, str], reason: str) -> dict[str, Any]:
    empty = dict.fromkeys([*TABLE, *BLOCK, "settings", "keys"], "") | {"n_baselines": 0, "n_seeds": 0}
    return {**empty, **names, "found": {}, "unequal": {}, "verdict": NOT_ASKED, "text": f"{NOT_ASKED}: {reason}"}


def why_not(evidence: Evidence, names: dict[str, str]) -> str:
    """The reason of the empty cell."""
    notes = leaderboard(evidence).merge(pd.DataFrame([names]))["note"]
    return next((note for note in notes if note not in ("", NOT_RUN)), f"{NOT_RUN} under budget {names['budget']}")


def verdict_of(found: dict[str, dict], differs: dict[str, str]) -> tuple[str, str]:
    """One word for both metrics, and with the baseline and the mark of what ``differs``, by metric if need be."""
    words = {metric: WORDS[sign(test)] for metric, test in found.items()}
    word = next(iter(words.values())) if len(set(words.values())) == 1 else MIXED
    if word != MIXED and len({test["vs"] for test in found.values()}) == 1:
        return word, marked(f"{word} {found[METRICS[0]]['vs']}", differs[METRICS[0]])
    said = [marked(f"{words[m]} {test['vs']} in {SHOWN[m]}", differs[m]) for m, test in found.items()]
    return word, ", ".join(said)


def settings(evidence: Evidence, ours: list[str], behind: dict[str, list[str]]) -> str:
    """Whether a search found the settings of the row, and of the baseline of each metric, whose keys ``behind`` has."""
    tuned = set(evidence.frame.loc[evidence.frame["tuning.trials"] > 0, "key"])
    is_tuned = bool(tuned & set(ours))
    unlike = [SHOWN[m] for m, keys in behind.items() if bool(tuned & (set(keys) - set(ours))) != is_tuned]
    if not unlike:
        return "tuned" if is_tuned else "not tuned"
    baseline = "the baseline" + (f" in {', '.join(unlike)}" if len(unlike) < len(behind) else "")
    return f"tuned, {baseline} is not" if is_tuned else f"not tuned, {baseline} is"


def long_form(one: dict[str, Any]) -> list[dict]:
    """The lines of the CSV: one per metric, one in all where nothing could be asked."""
    about = {name: one[name] for name in CSV if name in one}
    if not one["found"]:
        return [{**about, "verdict": one["text"], "unequal": ""}]
    return [
        {**about, "metric": m, **{name: test[name] for name in MEASURES}, "verdict": WORDS[sign(test)]}
        | {"unequal": one["unequal"][m]}
        for m, test in one["found"].items()
    ]


def told_unequal(one: dict[str, Any]) -> str:
    """In what the rows of its tests differ that must not."""
    return "; ".join(dict.fromkeys(filter(None, one["unequal"].values())))


def summary(found: list[dict[str, Any]]) -> str:
    """How often each verdict was reached, on the paper's data sets where there are any."""
    own = [one for one in found if one["dataset"] in DATASETS] or found
    n = Counter(one["verdict"] for one in own)
    said = [f"{word} {n[word]}" for word in (BEATS, LEVEL, LOSES, MIXED, NOT_ASKED) if n[word]]
    only = " on the paper's data sets" if len(own) < len(found) else ""
    asked = f"{counted(len(own), 'comparison')} with the strongest baseline{only}"
    return f"Verdicts of {asked}, one for each data set, protocol, ranking and row: {', '.join(said)}."


def where(one: dict[str, Any]) -> str:
    """Data set, features, protocol and ranking in words."""
    name = DATASETS.get(one["dataset"], one["dataset"])
    return ", ".join(filter(None, (name, one["features"], one["protocol"], one["ranking"])))


def block(found: list[dict[str, Any]]) -> Block:
    columns = [Column(name, "name") for name in ("Where", "Model", "Verdict")]
    for name in (SHOWN[metric] for metric in METRICS):
        columns += [Column(f"{name} difference", metric=name), Column("95% CI", "text", metric=name)]
        columns += [Column("p Holm", metric=name)]
    columns += [Column("Baselines"), Column("Seeds"), Column("Budget", "name"), Column("Settings", "name")]
    lines = []
    for one in found:
        cells = [Cell(where(one)), Cell(one["row"]), Cell(one["text"])]
        for metric in METRICS:
            test = one["found"].get(metric)
            cells += [Cell(text) for text in (figures(test) if test else [EMPTY] * 3)]
        cells += [Cell(str(one[count] or EMPTY)) for count in ("n_baselines", "n_seeds")]
        differs = f"{UNEQUAL} {told}" if (told := told_unequal(one)) else ""
        cells += [Cell(one["budget"]), Cell("; ".join(filter(None, (one["settings"], differs))))]
        about = {name: one[name] for name in (*TABLE, *BLOCK) if one[name]} | {"model": one["row"]}
        lines.append(Line(cells, about=about, keys=one["keys"], is_run=bool(one["keys"])))
    return Block(columns=columns, lines=lines)


def figures(test: dict) -> list[str]:
    """Difference, interval and corrected p of one test."""
    return [number(test["difference"], "+.4f"), extent(test), small(test["p_holm"], ".4f")]


def sentences(evidence: Evidence, among: Places | None = None) -> list[str]:
    """The same in words, of all or of the data sets, protocols and rankings ``among``: a sentence per line, and then
    one for all that could not be asked for the same reason."""
    said, unasked = [], {}
    for one in answers(evidence):
        if among is not None and (one["dataset"], one["protocol"], one["ranking"]) not in among:
            continue
        if one["found"]:
            said.append(f"{where(one)}: {one['row']} {one['text']} ({'; '.join(details(one))}).")
        else:
            unasked.setdefault(f"{one['row']} {one['text']}", []).append(where(one))
    return said + [f"{text} ({'; '.join(places)})." for text, places in unasked.items()]


def details(one: dict[str, Any]) -> list[str]:
    """What stands behind a verdict."""
    parts = []
    for metric, test in one["found"].items():
        difference, interval, p = figures(test)
        sign_of_p = p.replace("<", "< ") if p.startswith("<") else f"= {p}"
        parts.append(f"{SHOWN[metric]} {difference} {interval}, p {sign_of_p}")
    counts = counted(one["n_baselines"], "baseline"), counted(one["n_seeds"], "seed")
    parts.append(", ".join((*counts, f"budget {one['budget']}", one["settings"])))
    return parts + ([f"{UNEQUAL} the two differ in: {told}"] if (told := told_unequal(one)) else [])
