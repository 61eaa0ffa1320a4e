"""The filters of the HTML page: their options, the first choice, and the tags that say what each element is about."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

from bench.report.answers import answers
from bench.report.boards import answering, place_of_budget
from bench.report.evidence import Evidence
from bench.report.model import Block, Column, Line, Page, Table
from bench.report.rows import BLOCK, DATASETS, about, blocks, order
from bench.spec import RANKINGS, SHOWN

FILTERS = {
    "dataset": "Data set",
    "features": "Features",
    "protocol": "Protocol",
    "budget": "Budget",
    "ranking": "Ranking",
    "metric": "Metric",
}
BEST = "*best"  # the option for the budget that answers in each data set; a token of a name never has a star

Tags = dict[str, str]  # the data attributes of an element
Place = tuple[str, str, str, tuple[str, str]]  # kind of page, protocol, ranking, data set and features


@dataclass(frozen=True, eq=False)
class Choice:
    """What a reader may choose among all ``found`` pages.

    The data attributes of every element say what it is about, as tokens separated by spaces. The page's script hides
    the elements that are about anything else than what is chosen.
    """

    found: Sequence[Page]
    evidence: Evidence
    line_tags: dict[tuple[tuple[str, str], ...], int] = field(default_factory=dict, init=False)  # see ``place``

    @cached_property
    def options(self) -> dict[str, list[tuple[str, str]]]:
        """The token and the text of every choice that a filter offers."""
        rows = self.evidence.every
        budgets = sorted(rows["budget"].unique(), key=place_of_budget, reverse=True)
        datasets = dict.fromkeys(dataset for dataset, _ in blocks(rows))
        metrics = {c.metric for page in self.found if isinstance(page, Table) for b in page.blocks for c in b.columns}
        rankings = {page.ranking for page in self.found}
        return {
            "dataset": [(token(name), DATASETS.get(name, name)) for name in datasets],
            "features": [(token(name), name) for name in sorted(rows["base"].unique())],
            "protocol": [(token(name), name) for name in sorted(rows["protocol"].unique())],
            "budget": [(BEST, "best of each"), *((token(name), name) for name in budgets)],
            "ranking": [(name, name) for name in RANKINGS if name in rankings],
            "metric": [(token(name), name) for name in SHOWN.values() if name in metrics],
        }

    @property
    def models(self) -> list[tuple[str, str]]:
        """The token and the text of every row that can be hidden."""
        return [(token(row), row) for row in order(self.evidence.main["row"])]

    @property
    def at_first(self) -> dict[str, str]:
        """The choice when the page opens: the best budgets, with the protocol and ranking of the first answer that has
        a verdict, or else of the first answer."""
        with_records = [answer for answer in answers(self.evidence) if answer.protocol]
        in_order = sorted(with_records, key=lambda answer: not answer.tests)  # stable: verdicts first
        first = {"protocol": token(in_order[0].protocol), "ranking": in_order[0].ranking} if in_order else {}
        return {"budget": BEST, **first}

    @property
    def possible(self) -> list[dict[str, list[str]]]:
        """The options that can be chosen together, one entry for each comparison, first those that answer."""
        comparisons = [(board.names, [board.budget, BEST]) for board in answering(self.evidence)]
        for page in self.found:
            if page.protocol and page.ranking:
                for block in self.blocks_of[page.name]:
                    comparisons.append((about(block, protocol=page.protocol, ranking=page.ranking), [page.budget]))
        lines = []
        for names, budgets in comparisons:
            values = {name: [value] for name, value in names.items()} | {"budget": budgets}
            line = {name: list(map(token, values[name])) for name in FILTERS if name in values}
            if line not in lines:
                lines.append(line)
        return lines

    @cached_property
    def blocks_of(self) -> dict[str, list[tuple[str, str]]]:
        """The data sets and features of each page's records, by its name; knock-outs have those of their base."""
        rows_of = {page.name: self.evidence.rows_of(page.keys) for page in self.found}
        return {name: blocks(rows.assign(features=rows["base"])) for name, rows in rows_of.items()}

    @cached_property
    def best(self) -> Mapping[Place, str]:
        """The budget that BEST shows: one that answers, or the longest where the kind of page has none that answers."""
        answers, budgets, best = defaultdict(set), defaultdict(set), {}
        for board in answering(self.evidence):
            for protocol in (board.protocol, ""):  # some pages are about several protocols
                answers[protocol, board.block].add(board.budget)
        for page in self.found:
            for block in self.blocks_of[page.name]:
                budgets[page.kind, page.protocol, page.ranking, block].add(page.budget)
        for place, names in budgets.items():
            _, protocol, _, block = place
            candidates = names & answers[protocol, block] or names
            best[place] = max(candidates, key=lambda name: (place_of_budget(name), name))
        return best

    def budgets(self, page: Page, block: tuple[str, str]) -> list[str]:
        """Return the options of the budget that show the part of ``page`` on ``block``; empty if all of them do."""
        if not page.budget:
            return []
        best = self.best.get((page.kind, page.protocol, page.ranking, block), page.budget)
        return [page.budget, *([BEST] if best == page.budget else [])]

    def protocols(self, page: Page) -> list[str]:
        """Return the protocols that a page is about: its own, or those of all its records if it compares several."""
        if page.protocol or not page.budget:
            return [page.protocol]
        return [self.evidence.by_key[key].job.protocol.name for key in page.keys]

    def page_tags(self, page: Page) -> Tags:
        page_blocks = self.blocks_of[page.name]
        return tags(
            dataset=[dataset for dataset, _ in page_blocks],
            features=[features for _, features in page_blocks],
            protocol=self.protocols(page),
            ranking=[page.ranking],
            budget=[budget for block in page_blocks for budget in self.budgets(page, block)],
        )

    def part_tags(self, page: Page, part: Block | Line) -> Tags:
        """Return the tags of a block or line, which may be about one data set of its page or name its own budget."""
        values = {name: [value] for name, value in part.about.items()}
        if "budget" in values:
            values["budget"].append(BEST)  # the parts of the answer and of lists of everything, which BEST shows, too
        elif all(name in values for name in BLOCK):
            values["budget"] = self.budgets(page, tuple(part.about[name] for name in BLOCK))
        return tags(**values)

    def place(self, page: Page, line: Line) -> str:
        """Return the place of the line's tags in ``abouts``; empty where the line has no tags of its own."""
        tags = self.part_tags(page, line)
        return str(self.line_tags.setdefault(tuple(tags.items()), len(self.line_tags))) if tags else ""

    @property
    def abouts(self) -> list[Tags]:
        """The tags of all lines that have a ``place``, each set of tags once in order of first use."""
        return [{name.removeprefix("data-"): value for name, value in tags} for tags in self.line_tags]


def column_tags(column: Column) -> Tags:
    """Return the attributes of a column's head: its kind, which decides how the script sorts it, and its metric."""
    return {"class": column.kind} | tags(metric=[column.metric])


def tags(**values: Collection[str]) -> Tags:
    """Return the data attributes with the tokens of ``values``; an attribute without a value is left out."""
    texts = {name: " ".join(sorted({token(value) for value in given if value})) for name, given in values.items()}
    return {f"data-{name}": text for name, text in texts.items() if text}


def token(name: str) -> str:
    """Return ``name`` quoted as in a URL, which has no spaces; BEST is no name and stays as it is."""
    return name if name == BEST else quote(name, safe="@")
