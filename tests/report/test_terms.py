"""Every head of a column is explained, and the glossary says the same."""

from pathlib import Path

import pytest

from bench.report.model import Column, Table
from bench.report.sections import content_use, knockouts, pages, records
from bench.report.sections.content_use import COLUMNS as CONTENT
from bench.report.terms import TERMS, term
from tests.report.made import evidence, many, record

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    made = evidence(*many(), record("VBPR", 0.1, features="entities,shuffled"), folder=tmp_path_factory.mktemp("terms"))
    found = [*pages(made), *knockouts.pages(made), *content_use.pages(made), records.table(made)]
    tables = [page for page in found if isinstance(page, Table)]
    blocks = [block for table in tables for block in [*table.blocks, *([table.cost] if table.cost else [])]]
    return [column for block in blocks for column in block.columns]


def test_every_column_has_a_term(shown):
    assert {column.name for column in [*shown, *CONTENT] if not term(column)} == set()


def test_a_column_s_own_term_comes_first_then_its_name_then_its_metric():
    assert term(Column("paper: users", term="paper")) == "paper"
    assert term(Column("paper", metric="H@5")) == "paper"
    assert term(Column("Q1 (2-3) H@5", metric="H@5")) == "H@5"
    assert term(Column("H@20", metric="H@20")) == "H@k"
    assert term(Column("unheard of")) == ""


def test_the_glossary_has_the_same_terms_in_the_same_words():
    _, _, table = GLOSSARY.read_text(encoding="utf-8").partition("| column | meaning |\n|---|---|\n")
    lines = [line.strip("| ").split(" | ", 1) for line in table.splitlines() if line.startswith("|")]
    assert dict(lines) == TERMS
    assert all(text.endswith(".") for text in TERMS.values())


def test_a_row_that_is_not_tuned_may_have_been_searched_in_vain():
    """Where no trial was better, the default stands and is not called tuned: see ``bench.tune.winners.choose``."""
    assert "none of its trials was better than the default" in TERMS["Settings"]
    assert "none was better than the default" in TERMS["trials"]
