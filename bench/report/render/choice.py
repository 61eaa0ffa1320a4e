"""The one choice of the page: what can be chosen, what is chosen at first, and what each element is about."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

from bench.report.boards import answering, place_of_budget
from bench.report.evidence import Evidence
from bench.report.model import Block, Column, Line, Page, Table
from bench.report.rows import BLOCK, DATASETS, blocks, order
from bench.report.sections.answer import answers
from bench.spec import RANKINGS, SHOWN

FILTERS = {
    "dataset": "Data set",
    "features": "Features",
    "protocol": "Protocol",
    "budget": "Budget",
    "ranking": "Ranking",
    "metric": "Metric",
}
BEST = "*best"  # the budget that answers, data set by data set; the token of a name has no star

Tags = dict[str, str]  # data attributes
Place = tuple[str, str, str, tuple[str, str]]  # kind of page, protocol, ranking, data set and features


@dataclass(frozen=True, eq=False)
class Choice:
    """What of all ``found`` pages a reader may choose.

    Every element says in data attributes what it is about, as tokens apart by spaces, and the page's script hides what
    is about something else than what is chosen.
    """

    found: Sequence[Page]
    evidence: Evidence

    @cached_property
    def options(self) -> dict[str, list[tuple[str, str]]]:
        """The token and the text of every choice that a filter offers."""
        rows = self.evidence.every
        named = {"features": sorted(rows["base"].unique()), "protocol": sorted(rows["protocol"].unique())}
        budgets = sorted(rows["budget"].unique(), key=place_of_budget, reverse=True)
        datasets = dict.fromkeys(dataset for dataset, _ in blocks(rows))
        metrics = {c.metric for page in self.found if isinstance(page, Table) for b in page.blocks for c in b.columns}
        rankings = {page.ranking for page in self.found}
        return {
            "dataset": [(token(one), DATASETS.get(one, one)) for one in datasets],
            **{name: [(token(one), one) for one in some] for name, some in named.items()},
            "budget": [(BEST, "best of each"), *((token(one), one) for one in budgets)],
            "ranking": [(one, one) for one in RANKINGS if one in rankings],
            "metric": [(token(one), one) for one in SHOWN.values() if one in metrics],
        }

    @property
    def models(self) -> list[tuple[str, str]]:
        """The token and the text of every row that can be hidden."""
        return [(token(row), row) for row in order(self.evidence.main["row"])]

    @property
    def at_first(self) -> dict[str, str]:
        """What is chosen when the page opens: protocol and ranking of the first verdict, or else of the first answer,
        under the best budgets."""
        asked = [one for one in answers(self.evidence) if "protocol" in one]  # not so a data set without any record
        found = sorted(asked, key=lambda one: not one["found"])
        named = {"protocol": token(found[0]["protocol"]), "ranking": found[0]["ranking"]} if found else {}
        return {"budget": BEST, **named}

    @property
    def possible(self) -> list[dict[str, list[str]]]:
        """What can be chosen together, a line for each comparison that answers and then for each other one."""
        found = [{**board.names, "budget": [board.budget, BEST]} for board in answering(self.evidence)]
        for page in self.found:
            if page.protocol and page.ranking:
                names = {"protocol": page.protocol, "budget": [page.budget], "ranking": page.ranking}
                found += [
                    {**names, "dataset": dataset, "features": features} for dataset, features in self.of[page.name]
                ]
        lines = [{name: list(map(token, listed(one[name]))) for name in FILTERS if name in one} for one in found]
        return [line for n, line in enumerate(lines) if line not in lines[:n]]

    @cached_property
    def of(self) -> dict[str, list[tuple[str, str]]]:
        """The data sets and features of each page's records, by the page's name."""
        rows = self.evidence.every.set_index("key", drop=False)
        return {page.name: blocks(rows.loc[rows.index.intersection(page.keys)]) for page in self.found}

    @cached_property
    def best(self) -> Mapping[Place, str]:
        """The budget to be seen at first: the one that answers, or the longest where a kind of page lacks that."""
        answers, budgets, chosen = defaultdict(set), defaultdict(set), {}
        for board in answering(self.evidence):
            for protocol in (board.protocol, ""):  # some pages are about several protocols
                answers[protocol, board.block].add(board.budget)
        for page in self.found:
            for block in self.of[page.name]:
                budgets[page.kind, page.protocol, page.ranking, block].add(page.budget)
        for (kind, protocol, ranking, block), some in budgets.items():
            known = some & answers[protocol, block]
            chosen[kind, protocol, ranking, block] = max(known or some, key=lambda name: (place_of_budget(name), name))
        return chosen

    def budgets(self, page: Page, block: tuple[str, str]) -> list[str]:
        """Under which choices of a budget ``page`` shows its part on ``block``; nothing where any will do."""
        if not page.budget:
            return []
        best = self.best.get((page.kind, page.protocol, page.ranking, block), page.budget)
        return [page.budget, *([BEST] if best == page.budget else [])]

    def protocols(self, page: Page) -> list[str]:
        """Whose a page is; of one that compares several, all of them."""
        if page.protocol or not page.budget:
            return [page.protocol]
        return [self.evidence.by_key[key].job.protocol.name for key in page.keys]

    def page_tags(self, page: Page) -> Tags:
        own = self.of[page.name]
        about = {name: [block[n] for block in own] for n, name in enumerate(BLOCK)}
        about |= {"protocol": self.protocols(page), "ranking": [page.ranking]}
        return tags(**about, budget=[budget for block in own for budget in self.budgets(page, block)])

    def part_tags(self, page: Page, part: Block | Line) -> Tags:
        """Of a block or line, which may be about one data set of its page, or name a budget of its own."""
        about = {name: [value] for name, value in part.about.items()}
        if "budget" in about:
            about["budget"].append(BEST)  # the answer, and what lists all
        elif all(name in part.about for name in BLOCK):
            about["budget"] = self.budgets(page, tuple(part.about[name] for name in BLOCK))
        return tags(**about)


@dataclass(frozen=True)
class Abouts:
    """What lines are about, each once, in the order in which they are asked for; a line names the place of its own."""

    choice: Choice
    known: dict[tuple[tuple[str, str], ...], int] = field(default_factory=dict)

    def place(self, page: Page, line: Line) -> str:
        """Empty where the line alone is about nothing."""
        tags = self.choice.part_tags(page, line)
        return str(self.known.setdefault(tuple(tags.items()), len(self.known))) if tags else ""

    @property
    def lines(self) -> list[Tags]:
        return [{name.removeprefix("data-"): value for name, value in about} for about in self.known]


def column_tags(column: Column) -> Tags:
    """Of its head: whether it is a name, or a number, which is sorted by value; and its metric."""
    return {"class": column.kind} | tags(metric=[column.metric])


def tags(**values: Collection[str]) -> Tags:
    """Data attributes; what has no value is left out."""
    found = {name: " ".join(sorted({token(value) for value in some if value})) for name, some in values.items()}
    return {f"data-{name}": text for name, text in found.items() if text}


def token(name: str) -> str:
    """``name`` without spaces; BEST is no name and stays as it is."""
    return name if name == BEST else quote(name, safe="@")


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
