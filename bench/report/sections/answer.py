"""The answer: does the model under study beat the strongest baseline, by how much, and by more than chance?"""

from collections import Counter
from typing import Any

import pandas as pd

from bench.report.boards import Board, answering
from bench.report.conditions import TWO_UNLIKE, UNEQUAL, marked
from bench.report.evidence import Evidence, Places, remember
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
    """Return a table of the verdicts (or why there is none), and a figure of the differences if any was measured."""
    entries = answers(evidence)
    if not entries:
        return []
    data = pd.DataFrame([line for entry in entries for line in long_form(entry)], columns=CSV)
    about: dict[str, Any] = {"question": Question.ANSWER, "caption": summary(entries), "notes": [*map(Note, NOTES)]}
    what = f"The answer: {evidence.ours} against its baselines"
    found: list[Page] = [Table(kind="answer", what=what, blocks=[block(entries)], data=data, **about)]
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
        found.append(Figure(kind="answer-figure", what=gap, data=drawn, plot="forest", **about))
    return found


@remember
def answers(evidence: Evidence) -> list[dict[str, Any]]:
    """Return one entry per answering board and row under study, and one per data set of the paper without a record."""
    lines, names = comparisons(evidence).to_dict("records"), [*TABLE, *BLOCK, "row", "metric"]
    tests = {tuple(line[name] for name in names): line for line in lines}
    entries, boards = [], answering(evidence)
    for board in boards:
        rows = {row for row in evidence.studied if row in board.keys} | {evidence.ours}
        entries += [answer(evidence, board, row, tests) for row in order(rows)]
    with_records = {board.block[0] for board in boards} & set(DATASETS)
    missing = [name for name in DATASETS if with_records and name not in with_records]
    entries += [unasked({"dataset": name, "row": evidence.ours}, NOT_RUN) for name in missing]
    return sorted(entries, key=lambda entry: place(entry["dataset"]))


def answer(evidence: Evidence, board: Board, row: str, tests: dict[tuple, dict]) -> dict[str, Any]:
    """Return the entry of ``row`` on ``board``; ``tests`` are the lines of ``comparisons`` by board, row and metric."""
    names = {**board.names, "row": row}
    if row not in board.keys:
        return unasked(names, why_not(evidence, names))
    found = {metric: tests.get((*board.names.values(), row, metric)) for metric in METRICS}
    if not all(found.values()):
        return unasked(names, f"no baseline was run under budget {board.budget}")
    if reasons := [test["note"] for test in found.values() if test["note"]]:
        return unasked(names, reasons[0])
    keys_of = {metric: test["keys"].split() for metric, test in found.items()}
    differs = {metric: test["unequal"] for metric, test in found.items()}
    verdict, text = verdict_of(found, differs)
    return {
        **names,
        "found": found,
        "verdict": verdict,
        "text": text,
        "n_baselines": len(board.baselines(evidence)),
        "n_seeds": len(board.keys[row]),
        "settings": settings(evidence, board.keys[row], keys_of),
        "unequal": differs,
        "keys": " ".join(dict.fromkeys(key for keys in keys_of.values() for key in keys)),
    }


def unasked(names: dict[str, str], reason: str) -> dict[str, Any]:
    """Return the entry of a row that cannot be compared, with the reason."""
    empty = dict.fromkeys([*TABLE, *BLOCK, "settings", "keys"], "") | {"n_baselines": 0, "n_seeds": 0}
    return {**empty, **names, "found": {}, "unequal": {}, "verdict": NOT_ASKED, "text": f"{NOT_ASKED}: {reason}"}


def why_not(evidence: Evidence, names: dict[str, str]) -> str:
    """Return why the row that ``names`` describe has no values: the first note of its cells, or that it was not run."""
    notes = leaderboard(evidence).merge(pd.DataFrame([names]))["note"]
    return next((note for note in notes if note not in ("", NOT_RUN)), f"{NOT_RUN} under budget {names['budget']}")


def verdict_of(found: dict[str, dict], differs: dict[str, str]) -> tuple[str, str]:
    """Return the verdict, and a text that adds the baseline, or each metric's where verdicts or baselines differ; the
    text has a mark where ``differs`` names unequal conditions."""
    words = {metric: WORDS[sign(test)] for metric, test in found.items()}
    word = next(iter(words.values())) if len(set(words.values())) == 1 else MIXED
    if word != MIXED and len({test["vs"] for test in found.values()}) == 1:
        return word, marked(f"{word} {found[METRICS[0]]['vs']}", differs[METRICS[0]])
    by_metric = [marked(f"{words[m]} {test['vs']} in {SHOWN[m]}", differs[m]) for m, test in found.items()]
    return word, ", ".join(by_metric)


def settings(evidence: Evidence, ours: list[str], keys_of: dict[str, list[str]]) -> str:
    """Say whether a search found the settings of the row, whose keys are ``ours``, and those of its baselines;
    ``keys_of`` has the keys of the row and of the baseline by metric."""
    tuned = set(evidence.frame.loc[evidence.frame["tuning.trials"] > 0, "key"])
    is_tuned = bool(tuned & set(ours))
    unlike = [SHOWN[m] for m, keys in keys_of.items() if bool(tuned & (set(keys) - set(ours))) != is_tuned]
    if not unlike:
        return "tuned" if is_tuned else "not tuned"
    baseline = "the baseline" + (f" in {', '.join(unlike)}" if len(unlike) < len(keys_of) else "")
    return f"tuned, {baseline} is not" if is_tuned else f"not tuned, {baseline} is"


def long_form(entry: dict[str, Any]) -> list[dict]:
    """Return the entry's lines of the CSV: one per metric, or a single line with the reason if nothing was compared."""
    about = {name: entry[name] for name in CSV if name in entry}
    if not entry["found"]:
        return [{**about, "verdict": entry["text"], "unequal": ""}]
    lines = []
    for metric, test in entry["found"].items():
        values = {name: test[name] for name in MEASURES} | {"verdict": WORDS[sign(test)]}
        lines.append({**about, "metric": metric, **values, "unequal": entry["unequal"][metric]})
    return lines


def unequal_conditions(entry: dict[str, Any]) -> str:
    """Return in what conditions the compared rows differ, over all metrics; empty where they do not differ."""
    return "; ".join(dict.fromkeys(filter(None, entry["unequal"].values())))


def summary(entries: list[dict[str, Any]]) -> str:
    """Say how often each verdict was reached, on the paper's data sets alone where any of them has an entry."""
    selected = [entry for entry in entries if entry["dataset"] in DATASETS] or entries
    n = Counter(entry["verdict"] for entry in selected)
    verdicts = [f"{word} {n[word]}" for word in (BEATS, LEVEL, LOSES, MIXED, NOT_ASKED) if n[word]]
    only = " on the paper's data sets" if len(selected) < len(entries) else ""
    asked = f"{counted(len(selected), 'comparison')} with the strongest baseline{only}"
    return f"Verdicts of {asked}, one for each data set, protocol, ranking and row: {', '.join(verdicts)}."


def where(entry: dict[str, Any]) -> str:
    """Return data set, features, protocol and ranking in words."""
    name = DATASETS.get(entry["dataset"], entry["dataset"])
    return ", ".join(filter(None, (name, entry["features"], entry["protocol"], entry["ranking"])))


def block(entries: list[dict[str, Any]]) -> Block:
    """Lay out the table of verdicts, one line per entry."""
    columns = [Column(name, "name") for name in ("Where", "Model", "Verdict")]
    for name in (SHOWN[metric] for metric in METRICS):
        columns += [Column(f"{name} difference", metric=name), Column("95% CI", "text", metric=name)]
        columns += [Column("p Holm", metric=name)]
    columns += [Column("Baselines"), Column("Seeds"), Column("Budget", "name"), Column("Settings", "name")]
    lines = []
    for entry in entries:
        cells = [Cell(where(entry)), Cell(entry["row"]), Cell(entry["text"])]
        for metric in METRICS:
            test = entry["found"].get(metric)
            cells += [Cell(text) for text in (figures(test) if test else [EMPTY] * 3)]
        cells += [Cell(str(entry[count] or EMPTY)) for count in ("n_baselines", "n_seeds")]
        differs = f"{UNEQUAL} {conditions}" if (conditions := unequal_conditions(entry)) else ""
        cells += [Cell(entry["budget"]), Cell("; ".join(filter(None, (entry["settings"], differs))))]
        about = {name: entry[name] for name in (*TABLE, *BLOCK) if entry[name]} | {"model": entry["row"]}
        lines.append(Line(cells, about=about, keys=entry["keys"], is_run=bool(entry["keys"])))
    return Block(columns=columns, lines=lines)


def figures(test: dict) -> list[str]:
    """Return the difference, its interval and the corrected p of one test, as texts."""
    return [number(test["difference"], "+.4f"), extent(test), small(test["p_holm"], ".4f")]


def sentences(evidence: Evidence, among: Places | None = None) -> list[str]:
    """Return a sentence for each verdict, then one for each reason why rows were not compared, of all places or of
    those ``among`` (data set, protocol, ranking)."""
    verdicts, places_by_reason = [], {}
    for entry in answers(evidence):
        if among is not None and (entry["dataset"], entry["protocol"], entry["ranking"]) not in among:
            continue
        if entry["found"]:
            verdicts.append(f"{where(entry)}: {entry['row']} {entry['text']} ({'; '.join(details(entry))}).")
        else:
            places_by_reason.setdefault(f"{entry['row']} {entry['text']}", []).append(where(entry))
    return verdicts + [f"{text} ({'; '.join(places)})." for text, places in places_by_reason.items()]


def details(entry: dict[str, Any]) -> list[str]:
    """Return what a verdict rests on: the tests, the numbers of baselines and seeds, the budget, and the settings."""
    parts = []
    for metric, test in entry["found"].items():
        difference, interval, p = figures(test)
        sign_of_p = p.replace("<", "< ") if p.startswith("<") else f"= {p}"
        parts.append(f"{SHOWN[metric]} {difference} {interval}, p {sign_of_p}")
    counts = counted(entry["n_baselines"], "baseline"), counted(entry["n_seeds"], "seed")
    parts.append(", ".join((*counts, f"budget {entry['budget']}", entry["settings"])))
    differs = unequal_conditions(entry)
    return parts + ([f"{UNEQUAL} the two differ in: {differs}"] if differs else [])
