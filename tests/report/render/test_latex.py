"""The LaTeX of whole reports, before a strict reader and before pdflatex where there is one."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from bench.report.model import Block, Column, Table
from bench.report.render.latex import in_order, latex
from bench.report.sections import comparison, pages
from tests.report.latex import Unsound, check
from tests.report.made import evidence, many, record, stored, unfinished


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> list[Table]:
    """Every table of a report, whatever part it is from."""
    made = evidence(*many(), folder=tmp_path_factory.mktemp("results"))
    return [page for page in pages(made) if isinstance(page, Table)]


def test_every_table_is_sound(found):
    is_wide = []
    for table in found:
        read = check(latex(table))
        is_wide.append(r"\multicolumn" in latex(table))
        if not is_wide[-1]:
            blocks = [*table.blocks, *([table.cost] if table.cost else [])]
            assert [len(lines) for lines in read] == [1 + len(block.lines) for block in blocks], table.name
    assert {True, False} == set(is_wide)


def test_data_sets_stand_side_by_side_as_in_the_paper():
    """One of two data sets lacks a row, the other the paper's values, which are a table of their own."""
    beauty = [record("LightGCN", 0.5), record("MCLN", 0.6)]
    own = [record("LightGCN", 0.3, dataset="tiny"), record("NGCF", 0.2, dataset="tiny")]
    (table,) = [page for page in comparison.pages(evidence(*beauty, *own)) if page.name == "table2-paper-smoke-sampled"]
    written = latex(table)
    first, paper, *_ = check(written)
    metrics = ["H@5", "N@5", "H@10", "N@10"]
    assert r"& \multicolumn{4}{c}{Beauty (entities)} & \multicolumn{4}{c}{tiny (entities)} \\" in written
    assert first[0] == ["Model", *metrics, *metrics]
    rows = {line[0]: [re.sub(r"\\\w+{([\d.]+)}|\\text.*", r"\1", cell) for cell in line[1:]] for line in first[1:]}
    assert rows["LightGCN"] == ["0.5000"] * 4 + ["0.3000"] * 4
    assert rows["NGCF"] == ["---"] * 4 + ["0.2000"] * 4
    assert rows[r"MCLN $\dagger$"] == ["0.6000"] * 4 + ["---"] * 4
    assert list(rows)[-1] == r"\%Imp."
    assert [paper[0], *[line for line in paper if line[0] == "LightGCN"]] == [
        ["Model", *metrics],
        ["LightGCN", "0.5229", "0.3909", "0.6385", "0.4285"],
    ]


def test_a_row_for_which_the_paper_has_some_values_stands_among_its_values():
    paper = {("table2", "beauty", "LightGCN", "hr@5"): 0.25}
    both = [record("LightGCN", 0.5, dataset=dataset) for dataset in ("beauty", "art")]
    (table,) = [
        one for one in comparison.pages(evidence(*both, paper=paper)) if one.name == "table2-paper-smoke-sampled"
    ]
    beside = check(latex(table))[1]
    assert [line[:2] for line in beside] == [["Model", "H@5"], ["LightGCN", "0.2500"]]


def test_blocks_of_other_columns_stand_one_below_the_other():
    """Slices have a metric in every column too, but each part of the cases has slices of its own."""
    parts = {"popularity": ("head N@10", "tail N@10"), "degree": ("Q1 N@10",)}
    blocks = [
        Block(
            title=title, columns=[Column("Model", "name"), *(Column(name, metric="N@10") for name in names)], lines=[]
        )
        for title, names in parts.items()
    ]
    (table, *_) = comparison.pages(evidence(record()))
    read = check(latex(replace(table, blocks=blocks)))
    assert read == [[["Model", "head N@10", "tail N@10"]], [["Model", "Q1 N@10"]]]


def test_rows_keep_the_order_of_each_data_set():
    assert in_order([["a", "c", "z"], ["a", "b", "c"], ["x", "z"]]) == ["x", "a", "b", "c", "z"]


def test_our_own_words_lose_no_letter(tmp_path):
    own = [record(), record("VBPR", 0.5, seed=1), record("MCLN"), unfinished("NGCF")]
    for table in pages(evidence(*own, folder=tmp_path)):
        assert not isinstance(table, Table) or latex(table).isascii()


def test_names_keep_their_letters():
    """Of any script; only what cannot be printed is replaced."""
    both = record(dataset="über-日本\x07"), record("VBPR", 0.5, dataset="über-日本\x07")
    _, table, *_ = comparison.pages(evidence(*both))
    written = latex(table)
    check(written)
    assert "über-日本? (entities)" in written
    assert written.startswith("% has letters beyond ASCII, in UTF-8: ")


@pytest.mark.parametrize("datasets", [["beauty"], ["beauty", "art"]])
def test_warnings_of_a_block_are_printed_behind_its_title(datasets, tmp_path):
    """Side by side or one below the other; what was not run stands in a comment."""
    rows = {"BPRMF": [1] * 20 + [50] * 20, "MCLN": [1] * 40, "NGCF": [50] * 40, "Pop": [1] * 10 + [50] * 30}
    records = [stored(tmp_path, own, row, dataset=name) for name in datasets for row, own in rows.items()]
    written = latex(comparison.pages(evidence(*records, folder=tmp_path))[1])
    check(written)
    printed = [line for line in written.splitlines() if not line.startswith("%")]
    said = r"Beauty (entities): $\uparrow$ and $\downarrow$: against BPRMF. Suspect: NGCF (below Pop in N@10).\\"
    assert printed.count(said) == 1
    assert "Suspect" not in "".join(line for line in written.splitlines() if line.startswith("%"))
    assert "Not run: SVD++, " in "".join(line for line in written.splitlines() if line.startswith("%"))


def test_a_caption_has_no_number_of_its_own(found):
    captions = [line for table in found for line in latex(table).splitlines() if line.startswith(r"\caption")]
    assert r"\caption{Comparison (protocol paper, budget smoke, sampled ranking). " in "\n".join(captions)
    assert not [caption for caption in captions if "Table" in caption.partition(".")[0]]


@pytest.mark.parametrize("name", ["*", "[2pt]", "?`", "--set"])
def test_a_line_may_begin_with_what_latex_would_read_as_its_own(name):
    table = comparison.pages(evidence(record(dataset=name)))[0]
    assert len(check(latex(table))[0]) == 2


SOUND = latex(comparison.pages(evidence(record(), record("VBPR", 0.5), unfinished("NGCF")))[1])


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (r"\textbf{0.5000}", r"\textbf{0.5000"),
        (r"\textbf{0.5000}", r"\emph{0.5000}"),
        (r"\textbf{0.5000} &", r"\textbf{0.5000} & &"),
        ("BPRMF &", "BPR_MF &"),
        ("BPRMF &", "BPR^MF &"),
        ("BPRMF &", "[BPRMF] &"),
        ("BPRMF &", "*BPRMF &"),
        ("BPRMF &", "BPRMF é &"),
        ("BPRMF &", "BPRMF --gpus &"),
        ("BPRMF &", "BPRMF % &"),
        ("BPRMF &", "BPRMF < 5 &"),
        ("BPRMF &", r"BPRMF $\pm &"),
        (r"\bottomrule", r"\hline"),
        (r"\end{flushleft}", ""),
        (r"\begin{tabular}{l", r"\begin{tabular}{lr"),
    ],
)
def test_the_reader_refuses(written, instead):
    check(SOUND)
    assert written in SOUND
    with pytest.raises(Unsound):
        check(SOUND.replace(written, instead, 1))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on PATH")
def test_pdflatex_sets_every_table(found, tmp_path):
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    page = "\n".join([head, *(latex(table) + r"\clearpage" for table in found), r"\end{document}"])
    (tmp_path / "all.tex").write_text(page, encoding="utf-8")
    command = ["pdflatex", "-draftmode", "-halt-on-error", "-interaction=nonstopmode", "all.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert run.returncode == 0, run.stdout[-2000:]
