"""The HTML page: sound, whole, the same twice, and free of anything outside it."""

import json
import re
from dataclasses import replace

import pytest

from bench.report.model import Block, Cell, Column, Line, Question, Table
from bench.report.render.html import html
from bench.report.sections import pages
from bench.report.terms import TERMS
from bench.store.store import Store
from tests.report.made import HOSTILE, drawn, evidence, line_figure, many, record, unfinished
from tests.report.page import Page

FILES = {"table1": {"md": b"", "csv": b""}, "table2-paper-smoke-full": {"tex": b""}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Everything a report may show, two figures among it, with the files beside the page."""
    folder = tmp_path_factory.mktemp("made")
    records = evidence(*many(), folder=folder / "results")
    found = [*pages(records), line_figure("one"), line_figure("two")]
    text = html(found, records, folder=folder / "reports", files={**FILES, **drawn(found)})
    return found, records, text, Page(text)


def small(*records, tmp_path) -> str:
    made = evidence(*records, folder=tmp_path)
    found = pages(made)
    return html(found, made, folder=tmp_path, files=drawn(found))


def test_equal_records_give_equal_bytes(made, tmp_path):
    _, records, text, _ = made
    again = evidence(*many()[::-1], folder=records.results)
    found = [*pages(again), line_figure("one"), line_figure("two")]
    folder = records.results.parent / "reports"
    assert html(found, again, folder=folder, files={**FILES, **drawn(found)}) == text


def test_ids_are_unique_and_every_reference_resolves(made):
    *_, page = made
    attributes = [attrs for _, attrs, _ in page.elements]
    ids = [attrs["id"] for attrs in attributes if "id" in attrs]
    assert len(set(ids)) == len(ids)
    values = [value for attrs in attributes for value in attrs.values() if value]
    targets = [attrs["href"][1:] for attrs in attributes if attrs.get("href", "").startswith("#")]
    targets += [name for value in values for name in re.findall(r"url\(#(.*?)\)", value)]
    targets += [name for attrs in attributes for name in attrs.get("aria-labelledby", "").split()]
    assert {"main", "table1", "records"} <= set(targets)
    assert set(targets) <= set(ids)


def test_nothing_is_loaded_from_anywhere(made):
    _, _, text, page = made
    text = text.replace('"http://www.w3.org/2000/svg"', "")  # a name that browsers know, no address
    assert not re.search(r"(?i)\w+://|//\w+\.|@import|url\((?!#)|expression\(", text)
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _, _ in page.elements}
    assert not [attrs for _, attrs, _ in page.elements if "src" in attrs or "srcset" in attrs]
    assert "default-src 'none'" in text


def test_every_word_of_the_tables_stands_on_the_page(made):
    found, _, _, page = made
    cells, heads = page.of("td") + page.of("th"), set(page.of("th"))
    said = {" ".join(text.split()) for text in page.of("li") + page.of("p")}
    for table in (page for page in found if isinstance(page, Table)):
        for block in [*table.blocks, *([table.cost] if table.cost else [])]:
            assert {column.name for column in block.columns} <= heads
            for cell in (cell for line in block.lines for cell in line.cells):
                number = str(table.reasons.index(cell.note) + 1) if cell.note else ""
                assert cell.text + number in cells
        for text in (table.caption, *(note.text for note in table.notes), *table.reasons):
            assert " ".join(text.split()) in said
    assert {table.title for table in found} <= set(page.of("h3"))


def test_the_page_opens_with_the_answer_in_one_sentence_and_explains_the_verdicts(made):
    found, _, text, _ = made
    (answer,) = (page for page in found if page.kind == "answer")
    opening, _, rest = text.partition('<div class="cards">')
    assert answer.caption in opening
    assert answer.caption not in rest
    assert rest.index("p after Holm's correction") < rest.index("<article")


def test_the_best_value_is_strong_and_the_second_underlined(tmp_path):
    page = Page(small(record("BPRMF", 0.25), record("VBPR", 0.5), record("NGCF", 0.125), tmp_path=tmp_path))
    assert {text for text in page.of("strong") if "MCLN" not in text} == {"0.5000"}
    assert set(page.of("u")) == {"0.2500"}


def test_a_sign_and_the_number_of_a_reason_stand_raised_behind_the_value(tmp_path):
    records = evidence(record(), folder=tmp_path)
    cells = [Cell("A"), Cell("0.5", mark="best", sign="▲"), Cell("—", note="not run"), Cell("0.1", mark="few")]
    columns = [Column("Model", "name"), *(Column(name, metric=name) for name in ("H@5", "N@5", "H@10"))]
    sizes = next(page for page in pages(records) if page.kind == "table1")
    table = replace(sizes, kind="t", blocks=[Block(columns=columns, lines=[Line(cells)])])
    text = html([table], records, folder=tmp_path, files={})
    row = "<td><strong>0.5</strong><sup>▲</sup>"
    row += '<td>—<sup><a href="#t-reason-1">1</a></sup><td><small>0.1</small>\n'
    assert row in text


def test_a_reason_of_any_letters_is_text_and_nothing_else(made):
    *_, text, page = made
    assert f"failed: {HOSTILE}" in "".join(page.of("ol"))
    assert "alert('x')" not in text.replace("&#39;", "\0")
    data, script = page.of("script")
    assert HOSTILE in json.loads(data)["texts"]  # of both seeds
    assert HOSTILE not in script
    assert not page.of("b")


def test_blocks_lines_columns_and_sections_say_what_they_are_about(made):
    *_, page = made
    blocks = [attrs for _, attrs, _ in page.elements if attrs.get("class") == "scroll" and "data-dataset" in attrs]
    of_one_set = [attrs.get("data-dataset") for attrs in blocks if attrs["aria-label"].endswith("(entities)")]
    assert set(of_one_set) == {"beauty", "art", "%5Ba%5D%20%26%20b_c%25"}
    sections = {attrs["id"]: attrs for tag, attrs, _ in page.elements if tag == "article"}
    about = {k: v for k, v in sections["table2-paper-smoke-full"].items() if k.startswith("data-")}
    assert about == {
        "data-dataset": "art beauty",
        "data-features": "entities",
        "data-protocol": "paper",
        "data-budget": "*best smoke",
        "data-ranking": "full",
    }
    assert "data-protocol" not in sections["table1"]
    assert sections["one-paper-smoke"]["data-protocol"] == "paper"
    named = [(text, attrs.get("data-metric")) for tag, attrs, text in page.texts if attrs.get("scope") == "col"]
    assert {metric for text, metric in named if text == "H@5"} == {"H@5"}
    assert {metric for text, metric in named if text == "paper"} == {"H@5", "N@5", "H@10", "N@10"}
    assert {metric for text, metric in named if text in ("Model", "Users", "train s")} == {None}


def test_filters_offer_what_the_report_has(made):
    *_, page = made
    names = [attrs["name"] for tag, attrs, _ in page.elements if tag == "select"]
    assert names == ["dataset", "features", "protocol", "budget", "ranking", "metric"]
    choices = [text for text in page.of("option") if text != "all"]
    kinds = ["entities", "clean", "paper", "best of each", "quick", "smoke", "sampled", "full"]
    assert choices == ["Beauty", "Art", "[a] & b_c%", *kinds, "H@5", "N@5", "H@10", "N@10"]
    boxes = [attrs for tag, attrs, _ in page.elements if tag == "input"]
    assert [attrs["value"] for attrs in boxes[:2]] == ["Pop", "BPRMF"]
    assert all("checked" in attrs for attrs in boxes)


def test_every_table_and_figure_names_its_conditions_and_records(made):
    found, records, text, page = made
    sections = dict(re.findall(r'(?s)<article id="([^"]*)"(.*?)</article>', text))
    assert "Features: Beauty (entities), Art (entities). Seeds: 0, 1." in sections["table2-paper-smoke-sampled"]
    assert "<small>(protocol paper, budget smoke, sampled ranking)</small>" in sections["table2-paper-smoke-sampled"]
    for one in found:
        assert re.findall(r'<li><a href="#r\d+">(\w{16})</a>', sections[one.name]) == list(one.keys)
    found = re.findall(r'<tr id="record-(\w{16})".*?><th .*?<a id="r(\d+)" href="(.*?)">\1</a>', sections["records"])
    listed = set(re.findall(r'<li><a href="#r(\d+)">(\w{16})</a>', text))
    assert listed <= {(place, key) for key, place, _ in found}
    links = [(key, link) for key, _, link in found]
    paths = {key: Store(records.results).path(record.job) for key, record in records.by_key.items()}
    assert dict(links) == {key: linked(path, records.results) for key, path in paths.items()}


def linked(path, results) -> str:
    from urllib.parse import quote

    return quote(f"../results/{path.relative_to(results)}")


def test_the_index_lists_every_record_and_what_it_came_to(tmp_path):
    made = {"start": "2024-01-01T00:00:00+00:00", "device": "cpu", "threads": "2", "torch": "2.6.0", "code": "abc"}
    kept = record(value=0.25).model_copy(update={"provenance": made})
    old = record(value=0.9, source="old", start="2023-01-01T00:00:00+00:00")
    page = small(kept, old, record("MCLN", 0.5), unfinished("VBPR"), tmp_path=tmp_path)
    index = page.partition('<article id="records"')[2]
    lines = {}
    for line in re.findall(r"<tr id=.*", index):
        cells = [re.sub("<.*?>", "", cell) for cell in re.split(r"<t[hd].*?>", line)[1:]]
        lines[cells[0]] = cells[1:]
    assert list(lines) == [*sorted([kept.key, old.key]), record("MCLN").key, unfinished("VBPR").key]
    run = ["Beauty", "entities", "BPRMF", "paper", "smoke", "0"]
    assert lines[kept.key] == [*run, "done", "0.2500", "0.2500", "2.0", "1.0", "cpu", "torch 2.6.0, code abc"]
    assert lines[old.key][6:9] == ["done, superseded", "0.9000", "0.9000"]
    assert lines[record("MCLN").key][7:9] == ["0.5000", "—1"]
    assert lines[unfinished("VBPR").key][6:] == ["failed", "—2", "—2", "—", "—", "", ""]
    assert re.findall(r"(?m)<li id=\S+reason\S+>(.*)</li>$", index) == [
        "full ranking is not defined: a score depends on the other candidates",
        "failed: killed by signal 9",
    ]


def test_the_records_are_counted_by_what_the_report_is_made_from(made):
    *_, text, page = made
    index = text.partition('<article id="records"')[2].partition("</article>")[0]
    terms = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", index))
    # 16 seeded, 2 of the folder, 3 of Beauty, 1 old and 2 with a setting are done; 2 failed, 2 were skipped
    assert terms.pop("Records") == "28 (24 done, 2 failed, 2 skipped)"
    assert terms.pop("Time of all jobs") == "0.0 h"
    assert terms == {"Data sets": "3", "Models": "7", "Protocols": "2", "Budgets": "2"}


def test_files_beside_the_page_are_offered_where_they_belong(made):
    *_, text, page = made
    links = [attrs["href"] for tag, attrs, _ in page.elements if tag == "a" and "download" in attrs]
    assert links[0] == "paper-smoke/table2-full.tex"
    assert {"table1.md", "table1.csv"} <= set(links)
    assert {"paper-smoke/one.svg", "paper-smoke/two.svg"} <= set(links)
    assert (
        '<a href="paper-smoke/one.svg"' in text.partition('<article id="one-paper-smoke"')[2].partition("</article>")[0]
    )


def test_the_improvement_stays_below_the_lines_that_are_sorted(made):
    *_, text, _ = made
    assert "%Imp." in text
    bodies = re.findall(r"(?s)<tbody>(.*?)</tbody>", text)
    feet = re.findall(r"(?s)<tfoot>(.*?)</tfoot>", text)
    assert not [body for body in bodies if "%Imp." in body]
    assert feet
    assert all("%Imp." in foot for foot in feet)


def test_a_number_is_marked_as_one_and_an_interval_is_not(made):
    *_, page = made
    named = [(text, attrs.get("class")) for tag, attrs, text in page.texts if attrs.get("scope") == "col"]
    assert {kind for text, kind in named if text in ("H@5", "paper", "train s", "Users", "Seed")} == {"number"}
    assert {kind for text, kind in named if text in ("Model", "Data set", "Key")} == {"name"}
    assert {kind for text, kind in named if text == "swapped N@10"} == {"text"}


def test_the_questions_stand_in_their_order_and_the_contents_follow_them(made):
    found, _, text, page = made
    asked = [text for tag, attrs, text in page.texts if tag == "h2" and attrs["id"].startswith("about-")]
    assert asked == [one.value for one in Question if one in {page.question for page in found} | {Question.RECORDS}]
    contents = re.findall(r'href="#([^"]*)"', text.partition("<nav")[2].partition("</nav>")[0])
    sections = [attrs["id"] for tag, attrs, _ in page.elements if tag in ("section", "article")]
    assert contents == sections


def test_a_line_names_its_records_and_its_model(made):
    found, records, _, page = made
    data = json.loads(page.of("script")[0])
    assert [record["key"] for record in data["records"]] == sorted(records.by_key)
    keys = {key.key for key in records.records if key.job.run == "LightGCN" and key.job.dataset == "art"}
    rows = [attrs for tag, attrs, _ in page.elements if tag == "tr"]
    named = [{data["records"][int(place)]["key"] for place in attrs.get("data-records", "").split()} for attrs in rows]
    lines = [attrs for attrs, own in zip(rows, named, strict=True) if own == keys]
    assert lines
    assert {data["abouts"][int(attrs["data-of"])]["model"] for attrs in lines} == {"LightGCN"}
    assert set().union(*named) <= set(records.by_key)
    assert {attrs["id"].removeprefix("record-") for attrs in rows if "id" in attrs} == set(records.by_key)


def test_names_stand_left_and_the_table_says_once_where(made):
    """The style has a rule for each place of a column of names, and the first column is one."""
    found, _, text, page = made
    rules = set(re.findall(r"\.(left-\d+) td:nth-child", text))
    tables = [attrs.get("class", "").split() for tag, attrs, _ in page.elements if tag == "table"]
    assert set().union(*tables) <= rules
    blocks = [block for table in found if isinstance(table, Table) for block in table.blocks]
    assert {block.columns[0].kind for block in blocks} == {"name"}
    (columns,) = {
        tuple(c.kind for c in b.columns) for table in found if table.kind == "significance" for b in table.blocks
    }
    assert ["left-2", "left-3"] == [f"left-{n}" for n, kind in enumerate(columns, 1) if n > 1 and kind == "name"]
    assert ["left-2", "left-3"] in tables


def test_every_head_names_the_term_that_explains_it(made):
    *_, page = made
    heads = [(text, attrs["data-term"]) for tag, attrs, text in page.texts if attrs.get("scope") == "col"]
    terms = {attrs["id"]: text for tag, attrs, text in page.texts if attrs.get("id", "").startswith("term-")}
    assert {terms[f"term-{place}"] for text, place in heads if text == "H@5"} == {TERMS["H@5"]}
    assert {f"term-{place}" for _, place in heads} <= set(terms)
