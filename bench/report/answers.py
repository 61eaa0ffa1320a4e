"""The answers: does a row under study beat the strongest baseline of its board, and by more than chance?"""

from dataclasses import dataclass, field

import pandas as pd

from bench.report.boards import Board, answering
from bench.report.conditions import marked
from bench.report.differences import BETTER, WORSE, by_place, sign
from bench.report.evidence import Evidence, remember
from bench.report.leaderboard import NOT_RUN, leaderboard
from bench.report.rows import DATASETS, order, place
from bench.spec import SHOWN
from bench.store.frame import TUNED

METRICS = ("ndcg@10", "hr@5")
BEATS, LEVEL, LOSES = "beats", "shows no clear difference from", "loses to"
NOT_ASKED, MIXED = "has no answer", "differs by metric"
WORDS = {BETTER: BEATS, WORSE: LOSES, "": LEVEL}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the records say about one row under study on one board; empty texts where a data set has no board.

    Attributes:
        text: the verdict with the baseline, or with the reason why there is none.
        tests: the lines of ``comparisons`` against the strongest baseline, by metric; empty where nothing was compared.
        n_above: how many of the baselines have a higher mean in the first of METRICS.
        settings: whether searches found the settings of the two rows.
        keys: of the records behind it, with spaces between them.
    """

    dataset: str
    features: str = ""
    protocol: str = ""
    budget: str = ""
    ranking: str = ""
    row: str
    verdict: str
    text: str
    tests: dict[str, dict] = field(default_factory=dict)
    n_baselines: int = 0
    n_above: int = 0
    n_seeds: int = 0
    settings: str = ""
    keys: str = ""

    @property
    def where(self) -> str:
        """Data set, features, protocol and ranking in words."""
        name = DATASETS.get(self.dataset, self.dataset)
        return ", ".join(filter(None, (name, self.features, self.protocol, self.ranking)))

    @property
    def above(self) -> str:
        """How many of the baselines are above the row, and how many there are."""
        return f"{self.n_above} of {self.n_baselines}"

    @property
    def unequal(self) -> str:
        """In what conditions the compared rows differ, over all metrics; empty where they do not differ."""
        return "; ".join(dict.fromkeys(test["unequal"] for test in self.tests.values() if test["unequal"]))


@remember
def answers(evidence: Evidence) -> list[Answer]:
    """Return the answers for each row under study on each board that answers, and for data sets of the paper without
    records."""
    found, boards = [], answering(evidence)
    for board in boards:
        rows = {row for row in evidence.studied if row in board.keys} | {evidence.ours}
        found += [answer(evidence, board, row) for row in order(rows)]
    with_records = {board.block[0] for board in boards} & set(DATASETS)
    missing = [name for name in DATASETS if with_records and name not in with_records]
    found += [without({"dataset": name, "row": evidence.ours}, NOT_RUN) for name in missing]
    return sorted(found, key=lambda one: place(one.dataset))


def answer(evidence: Evidence, board: Board, row: str) -> Answer:
    """Return the answer for ``row`` on ``board``."""
    names, lines = {**board.names, "row": row}, by_place(evidence)
    if row not in board.keys:
        return without(names, why_not(evidence, names))
    tests = {metric: lines.get((*board.names.values(), row, metric)) for metric in METRICS}
    if not all(tests.values()):
        return without(names, f"no baseline has a value under budget {board.budget}")
    if reasons := [test["note"] for test in tests.values() if test["note"]]:
        return without(names, reasons[0])
    keys = [key for test in tests.values() for key in test["keys"].split()]
    verdict, text = verdict_of(tests)
    return Answer(
        **names,
        verdict=verdict,
        text=text,
        tests=tests,
        n_baselines=len(board.baselines(evidence)),
        n_above=len(board.baselines(evidence, above=row, metric=METRICS[0])),
        n_seeds=len(board.keys[row]),
        settings=settings(row, tests),
        keys=" ".join(dict.fromkeys(keys)),
    )


def without(names: dict[str, str], reason: str) -> Answer:
    """Return the answer for a row that cannot be compared, with the reason."""
    return Answer(**names, verdict=NOT_ASKED, text=f"{NOT_ASKED}: {reason}")


def why_not(evidence: Evidence, names: dict[str, str]) -> str:
    """Return why the row that ``names`` describe has no values: the first note of its cells, or that it was not run."""
    notes = leaderboard(evidence).merge(pd.DataFrame([names]))["note"]
    return next((note for note in notes if note not in ("", NOT_RUN)), f"{NOT_RUN} under budget {names['budget']}")


def verdict_of(tests: dict[str, dict]) -> tuple[str, str]:
    """Return the verdict, and a text that adds the baseline, or each metric's where verdicts or baselines differ; the
    text has a mark where the two rows were made under unequal conditions."""
    words = {metric: WORDS[sign(test)] for metric, test in tests.items()}
    word = next(iter(words.values())) if len(set(words.values())) == 1 else MIXED
    if word != MIXED and len({test["vs"] for test in tests.values()}) == 1:
        first = tests[METRICS[0]]
        return word, marked(f"{word} {first['vs']}", first["unequal"])
    parts = [marked(f"{words[m]} {test['vs']} in {SHOWN[m]}", test["unequal"]) for m, test in tests.items()]
    return word, ", ".join(parts)


def settings(row: str, tests: dict[str, dict]) -> str:
    """Say whether a search found the settings of ``row``, and those of the baseline of each metric's test."""
    is_tuned = row.endswith(TUNED)
    unlike = [SHOWN[metric] for metric, test in tests.items() if test["vs"].endswith(TUNED) != is_tuned]
    if not unlike:
        return "tuned" if is_tuned else "not tuned"
    baseline = "the baseline" + (f" in {', '.join(unlike)}" if len(unlike) < len(tests) else "")
    return f"tuned, {baseline} is not" if is_tuned else f"not tuned, {baseline} is"
