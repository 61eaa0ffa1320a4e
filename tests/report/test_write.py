"""Files below the reports folder."""

import shutil
import subprocess
import sys
import time

import pytest

from bench.report import write as report_write
from bench.report.render.text import escaped
from bench.report.sections import pages
from bench.report.write import console, rebuild
from bench.spec import BUDGETS, BenchError
from bench.store.record import write_record
from bench.store.store import Store
from tests.report.made import evidence, record, stored, three_hundred, unfinished


def write(records, folder):
    return report_write.write(evidence(*records, folder=folder), folder)


def test_every_table_and_figure_in_its_formats_and_an_index_of_them(tmp_path):
    paths = write([record()], tmp_path / "new" / "reports")
    tables, pictures = ("md", "tex", "csv"), ("md", "svg", "png", "pdf", "csv")
    names = [f"paper-smoke/{stem}.{ext}" for stem in ("table2-sampled", "table2-full", "cost") for ext in tables]
    names += [f"paper-smoke/cost-figure.{ext}" for ext in pictures]
    names = [*(f"answer.{ext}" for ext in tables), *names, *(f"table1.{ext}" for ext in tables), "report.html"]
    assert paths == [tmp_path / "new" / "reports" / name for name in [*names, "index.md"]]
    index = paths[-1].read_text()
    assert "Made from 1 record: 1 done, 0 failed, 0 skipped; their jobs took 0.0 h." in index
    assert all(f"({name})" in index for name in names)


def test_the_index_escapes_the_name_of_a_data_set_in_a_title():
    """The figure of the models' places has it there."""
    named = [record(model, dataset="x/<b>*c*") for model in ("BPRMF", "VBPR", "LightGCN")]
    figures = [page for page in pages(evidence(*named)) if page.name.startswith("sensitivity-slopes")]
    text = report_write.index(figures, {page.name: {} for page in figures}, evidence(*named))
    assert "places of the models, &lt;b>\\*c\\* (entities)" in text


def test_a_second_report_has_identical_bytes_whatever_the_order_of_records(tmp_path):
    records = [record(), record("VBPR", 0.5), unfinished("NGCF"), record(dataset="art")]
    first = {path: path.read_bytes() for path in write(records, tmp_path)}
    again = {path: path.read_bytes() for path in write(records[::-1], tmp_path)}
    assert first == again


def test_tables_without_records_go_and_other_files_stay(tmp_path):
    write([record(), record(budget=BUDGETS["quick"])], tmp_path)
    for name in ("notes.md", "paper-smoke/table2-mine.md"):
        (tmp_path / name).write_text("mine")
    assert (tmp_path / "paper-quick").is_dir()
    write([record()], tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert {"notes.md", "paper-smoke/table2-mine.md", "paper-smoke/table2-full.md"} <= left
    assert not [name for name in left if "quick" in name]


def test_a_folder_of_tables_that_somebody_removed_is_not_missed(tmp_path):
    write([record(), record(budget=BUDGETS["quick"])], tmp_path)
    shutil.rmtree(tmp_path / "paper-quick")
    assert tmp_path / "index.md" in write([record()], tmp_path)
    assert not (tmp_path / "paper-quick").exists()


def test_a_file_that_is_no_index_of_ours_and_what_it_names_stay(tmp_path):
    (tmp_path / "index.md").write_text("# Mine\n[a](notes.md)")
    (tmp_path / "notes.md").write_text("mine")
    with pytest.raises(BenchError, match="is not an index of reports"):
        write([record()], tmp_path)
    (tmp_path / "index.md").write_text("# Reports\n[a](../outside.md) [b](/outside.md) [c](x/../../outside.md)")
    assert report_write.named(tmp_path / "index.md") == set()


def test_no_records_give_an_index_only(tmp_path):
    assert [path.name for path in write([], tmp_path)] == ["index.md"]
    assert console(evidence()) == "No records.\n"


def test_only_failures_still_give_tables(tmp_path):
    paths = {path.name: path for path in write([unfinished()], tmp_path)}
    assert "no finished record" in paths["table2-sampled.md"].read_text()
    assert "failed: killed by signal 9" in console(evidence(unfinished()))


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(BenchError, match=r"reports folder .*reports cannot be written .*--reports"):
        write([record()], tmp_path / "reports")


def test_the_console_prints_one_ranking_where_asked():
    both, full = console(evidence(record())), console(evidence(record()), ranking="full")
    assert both.count("Table 2") == 2
    assert full.count("Table 2") == 1
    assert "Table 1" in full
    assert "full ranking" in full


def test_the_console_says_of_what_was_asked_for_what_the_page_says(tmp_path):
    """The answer may be of another budget, and claims are judged by all records; other data sets are not spoken of."""
    models = {"BPRMF": 0.3, "NGCF": 0.4, "LightGCN": 0.5, "VBPR": 0.45, "MCLN": 0.5}
    both = [record(model, value, dataset=dataset) for dataset in ("beauty", "art") for model, value in models.items()]
    both += [stored(tmp_path, [1, 50], model, dataset=name) for name in ("taobao", "toy") for model in ("VBPR", "MCLN")]
    found = evidence(*both, record("Pop", dataset="toy", budget=BUDGETS["quick"]), folder=tmp_path)
    said = report_write.opening(found)

    def lines(*asked):
        printed = " ".join(console(found, asked=set(asked)).split())
        return [one for one in said if one in printed]

    def about(name):
        return [one for one in said if one.startswith(name)]

    (claims,), (authors,) = about("Of 10 claims"), about("By their authors' own code")
    assert lines(("taobao", "paper", "smoke")) == [*about("Taobao"), authors, claims]
    assert "no answer: not run" not in console(found, asked={("taobao", "paper", "smoke")})
    (verdict,) = about("toy")
    assert "budget smoke" in verdict
    assert lines(("toy", "paper", "quick"))[:1] == [verdict]
    assert claims not in lines(("toy", "paper", "quick"))


@pytest.mark.parametrize("name", ["table2", "all", "learning-curves", "table3"])
def test_the_console_says_the_answer_wherever_it_prints_table_2(duel, name):
    printed = console(duel, names=(name,))
    assert ("Table 2: comparison" in printed) == (name != "table3")
    assert ("MCLN shows no clear difference from BPRMF" in printed) == (name != "table3")


def test_the_console_calls_data_sets_as_the_page_does():
    """Of two under one name, the older one was asked for."""
    old = record(dataset="toy", data_hash="0123456789")
    new = record(dataset="toy", data_hash="abc", start="2024-02-01T00:00:00+00:00", budget=BUDGETS["quick"])
    assert "toy@01234567 (entities)" in console(evidence(old, new), asked={("toy", "paper", "smoke")})


def test_the_console_names_whom_its_signs_were_tested_against(tmp_path):
    """A variant of LightGCN is the best row that it prints, but no row that the signs are against."""
    rows = {"BPRMF": [50] * 40, "LightGCN": [1] * 20 + [50] * 20, "MCLN": [1] * 40}
    records = [stored(tmp_path, places, model) for model, places in rows.items()]
    variant = stored(tmp_path, [1] * 30 + [50] * 10, "LightGCN", hyper={"n_layers": 2})
    printed = console(evidence(*records, variant, folder=tmp_path))
    assert "LightGCN (n_layers=2)" in printed
    assert "▲ and ▼: against LightGCN." in printed
    assert "Not tested, so that a missing mark says nothing about them: LightGCN (n_layers=2)." in printed


def test_a_report_needs_no_torch():
    code = "import sys, bench.report.write; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_pages_of_three_hundred_records_take_seconds(tmp_path):
    """Without the drawing, whose time is matplotlib's and the machine's."""
    made = evidence(*three_hundred(), folder=tmp_path)
    start = time.process_time()
    found = pages(made)
    assert len(made.records) == 300
    assert len(found) > 20
    assert time.process_time() - start < 15  # 4 to 5 on a quiet machine


def test_the_index_opens_with_the_answer(three):
    found = pages(three)
    (answer,) = (page for page in found if page.kind == "answer")
    said = report_write.index(found, {page.name: {} for page in found}, three)
    head, below, *lines = said.partition(f"## The answer\n\n{answer.caption}\n\n")[2].splitlines()
    assert [cell.strip() for cell in head.split("|")[1:-1]] == [
        "Where",
        "Model",
        "Verdict",
        "N@10 difference",
        "95% CI",
    ]
    assert below.startswith("|:--")
    compared = [line for line in answer.blocks[0].lines if line.is_run]
    for shown, line in zip(lines, compared, strict=False):
        assert [cell.strip() for cell in shown.split("|")[1:-1]] == [escaped(cell.text) for cell in line.cells[:5]]
    assert len(compared) > 0
    assert lines[len(compared)] == ""
    assert "‡" not in said
    assert lines[len(compared) + 1] == "[answer.md](answer.md) has H@5, p and the seeds."


def test_a_record_whose_metrics_do_not_follow_is_named_in_the_report(tmp_path, capsys):
    stored(tmp_path / "results", [1, 2, 3])
    false = stored(tmp_path / "results", [4, 5, 6], "VBPR")
    store = Store(tmp_path / "results")
    edited = store.find(false.job).model_copy(update={"metrics": {**false.metrics, "sampled.ndcg@10": 0.9}})
    write_record(edited, store.path(false.job))
    rebuild(store.root, tmp_path / "reports", studies=())
    reason = "sampled.ndcg@10 is 0.9000, and 0.3912 when computed from its ranks"
    assert capsys.readouterr().err.count(reason) == 1
    for name in ("index.md", "report.html"):
        text = (tmp_path / "reports" / name).read_text()
        assert f"Left out: beauty/VBPR/{false.key}.json" in text
        assert reason in text
    assert false.key not in (tmp_path / "reports/paper-smoke/table2-sampled.csv").read_text()
