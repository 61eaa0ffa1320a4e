"""Files below the reports folder."""

import subprocess
import sys
import time

import pytest

from bench.report import write as report_write
from bench.report.contents import contents
from bench.report.evidence import Evidence
from bench.report.write import check_writable, console
from bench.spec import BUDGETS, BenchError
from bench.store.store import frame
from tests.report.made import record, three_hundred, unfinished


def write(records, folder):
    return report_write.write(Evidence(records, folder), folder)


def test_every_table_and_figure_in_its_formats_and_an_index_of_them(tmp_path):
    paths = write([record()], tmp_path / "new" / "reports")
    names = [f"{stem}.{ext}" for stem in ("table1", *TABLES2, "cost-paper-smoke") for ext in ("md", "tex", "csv")]
    names += [f"cost-figure-paper-smoke.{ext}" for ext in ("md", "svg", "png", "pdf", "csv")]
    names.append("report.html")
    assert [path.name for path in paths] == [*names, "index.md"]
    index = paths[-1].read_text()
    assert "Made from 1 records: 1 done, 0 failed, 0 skipped." in index
    assert all(f"({name})" in index for name in names)


TABLES2 = ("table2-paper-smoke-sampled", "table2-paper-smoke-full")


def test_a_second_report_has_identical_bytes_whatever_the_order_of_records(tmp_path):
    records = [record(), record("VBPR", 0.5), unfinished("NGCF"), record(dataset="art")]
    first = {path.name: path.read_bytes() for path in write(records, tmp_path)}
    again = {path.name: path.read_bytes() for path in write(records[::-1], tmp_path)}
    assert first == again


def test_tables_without_records_go_and_other_files_stay(tmp_path):
    write([record(), record(budget=BUDGETS["quick"])], tmp_path)
    for name in ("notes.md", "table2-mine.md"):
        (tmp_path / name).write_text("mine")
    write([record()], tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert {"notes.md", "table2-mine.md", "table2-paper-smoke-full.md"} <= left
    assert not [name for name in left if "quick" in name]


def test_no_records_give_an_index_only(tmp_path):
    assert [path.name for path in write([], tmp_path)] == ["index.md"]
    assert console(frame([])) == "No records.\n"


def test_only_failures_still_give_tables(tmp_path):
    paths = write([unfinished()], tmp_path)
    assert "no finished record" in paths[0].read_text()
    assert "failed: killed by signal 9" in console(frame([unfinished()]))


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(BenchError, match=r"reports folder .*reports cannot be written .*--reports"):
        write([record()], tmp_path / "reports")
    check_writable(tmp_path / "new")


def test_the_console_prints_one_ranking_where_asked():
    both, full = console(frame([record()])), console(frame([record()]), ranking="full")
    assert both.count("Table 2") == 2
    assert full.count("Table 2") == 1
    assert "Table 1" in full
    assert "full ranking" in full


def test_a_report_needs_no_torch():
    code = "import sys, bench.report.write; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_pages_of_three_hundred_records_take_seconds(tmp_path):
    """Without the drawing, whose time is matplotlib's and the machine's."""
    evidence = Evidence(three_hundred(), tmp_path)
    start = time.process_time()
    pages = contents(evidence)
    assert len(evidence.records) == 300
    assert len(pages) > 20
    assert time.process_time() - start < 5
