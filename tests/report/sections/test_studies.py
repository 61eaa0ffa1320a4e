"""Tables of variants: whole ones against strings, whose record stands in which cell, and why one is empty."""

import re

import pytest

from bench.report.leaderboard import NOT_RUN
from bench.report.render.text import markdown
from bench.report.sections import comparison
from bench.report.sections.studies import pages, tables
from bench.report.write import console
from bench.run.studies import STUDIES
from bench.spec import BUDGETS, PROTOCOLS
from tests.report.made import evidence, record, unfinished

NONE = {"modalities": "none", "use_cl": False}
NO_CL = {"use_cl": False}


def mcln(value=0.4, hyper=None, **more):
    return record("MCLN", value, hyper=hyper or {}, **more)


def made(study, *records, **more):
    return tables(evidence(*records, **more), study)


def cells(table, dataset="beauty", metric="hr@5"):
    data = table.data[(table.data["dataset"] == dataset) & (table.data["metric"] == metric)]
    return data.set_index("row")


MARKDOWN = r"""# Table 4: fusion in MCLN (protocol paper, budget smoke, sampled ranking)

Protocol paper: the epoch is chosen on the TEST set (by the sampled N@10, every epoch). Ranking sampled: the test item against 99 sampled candidates. Budget smoke. Features: toy (entities). Seeds: 0, 1.

## toy (entities)

| Variant | H@5 | N@5 | H@10 | N@10 |
|:-|-:|-:|-:|-:|
| Base | <u>0.5000 ± 0.3536</u> | <u>0.5000 ± 0.3536</u> | <u>0.5000 ± 0.3536</u> | <u>0.5000 ± 0.3536</u> |
| w/ intra-modal | — <sup>1</sup> | — <sup>1</sup> | — <sup>1</sup> | — <sup>1</sup> |
| MCLN † | **0.7500 ± 0.0000** | **0.7500 ± 0.0000** | **0.7500 ± 0.0000** | **0.7500 ± 0.0000** |

- Not run: w/ inter-modal. `python run_all.py --study table4 --datasets path/to/toy --models MCLN --protocols paper --budget smoke --features entities --seeds 0 1`

1. seed 1 failed: out of memory; not run with seed 0

- Base: the graph alone. Intra-modal: each modality scores on its own; the paper calls it MCLN w/o inter-modality. Inter-modal: the fused vector; the paper calls it MCLN w/o intra-modality.
- H@k is HR@k (equal to Recall@k, as a case has one test item), N@k is NDCG@k.
- The best value of a data set is bold and the second best underlined, judged before rounding.
- Values are the mean ± the sample standard deviation over the seeds.
- † A score of this model depends on the other candidates, not only on the user and the item.

## Cost

| Data set | Variant | best epoch | epochs | train s | evaluate s | parameters | memory MiB | trials | tuning s |
|:-|:-|-:|-:|-:|-:|-:|-:|-:|-:|
| toy (entities) | Base | 1 | 1 | 2.0 | 1.0 | 1,000 | 12.5 | 0 | 0.0 |
| toy (entities) | MCLN | 1 | 1 | 2.0 | 1.0 | 1,000 | 12.5 | 0 | 0.0 |

Records: 5, named in table4-sampled.csv and in a comment here.

<!-- records: b0 b1 f1 m0 m1 -->
"""  # noqa: E501


def test_markdown_of_a_whole_table():
    free = {"dataset": "toy", "facts": {"is_candidate_dependent": False}}
    table = made(
        "table4",
        record("MCLN", 0.25, hyper=NONE, key="b0", seed=0, **free),
        record("MCLN", 0.75, hyper=NONE, key="b1", seed=1, **free),
        mcln(0.75, key="m0", seed=0, dataset="toy"),
        mcln(0.75, key="m1", seed=1, dataset="toy"),
        unfinished("MCLN", reason="out of memory", hyper=NO_CL, key="f1", seed=1, dataset="toy"),
    )[0]
    unpadded = re.sub(r"-+(?=[:|])", "-", re.sub(r" *\| *", "|", markdown(table)))
    assert unpadded == re.sub(r" *\| *", "|", MARKDOWN)


def test_table_2_alone_makes_no_other_table():
    for study in STUDIES:
        assert made(study, mcln(), record("LightGCN")) == []


def test_settings_say_which_depth_a_finished_run_has():
    """The default of Taobao is 4 layers; the same depth by name, run later, stands before it."""
    deep = {"n_attention_layers": 4}
    by_default = mcln(0.3, settings=deep)
    by_name = mcln(0.5, deep, settings=deep, start="2024-02-01T00:00:00+00:00")
    other = mcln(0.1, {"n_attention_layers": 1}, settings={"n_attention_layers": 1})
    (table,) = made("table5", by_default, other)
    assert cells(table)["mean"].dropna().to_dict() == {"1 layer": 0.1, "4 layers": 0.3}
    (table,) = made("table5", by_default, other, by_name)
    assert cells(table)["mean"].dropna().to_dict() == {"1 layer": 0.1, "4 layers": 0.5}
    assert any("which this table leaves out: 1" in note.text for note in table.notes)


def test_presets_models_protocols_and_budgets_stand_apart():
    kinds = [{}, {"preset": "itemwise"}, {"protocol": PROTOCOLS["clean"]}, {"budget": BUDGETS["quick"]}]
    found = made("figure4", *(mcln(hyper={"n_layers": 1}, **kind) for kind in kinds), record("LightGCN"))
    names = {table.name for table in found}
    assert {name for name in names if name.endswith("sampled")} == {
        "figure4-paper-smoke-sampled",
        "figure4-MCLN-itemwise-paper-smoke-sampled",
        "figure4-clean-smoke-sampled",
        "figure4-paper-quick-sampled",
    }
    assert len(names) == len(found)
    assert all(len(table.keys) == 1 for table in found)


def test_a_layer_of_two_models_is_two_cells():
    found = made("figure4", mcln(0.1, {"n_layers": 1}), record("LightGCN", 0.2, hyper={"n_layers": 1}))
    means = {table.data["model"].iloc[0]: cells(table).loc["1 layer", "mean"] for table in found}
    assert means == {"MCLN": 0.1, "LightGCN": 0.2}
    assert found[0].data["model"].iloc[0] == "MCLN"  # the study's own model first
    assert "in LightGCN" in found[-1].title


def test_a_full_ranking_that_no_variant_has_is_no_table():
    dependent, free = mcln(hyper={"use_id": False}), {"is_candidate_dependent": False}
    assert [table.ranking for table in made("table3", dependent)] == ["sampled"]
    both = made("table3", dependent, mcln(hyper=NO_CL, facts=free, preset="default"))
    assert [table.ranking for table in both] == ["sampled"]  # made.record gives MCLN no full metrics
    item = record("MCLN", preset="itemwise", hyper=NO_CL)
    assert [table.ranking for table in made("table3", item)] == ["sampled", "full"]


def test_taobao_has_the_four_rows_of_table_3_that_the_paper_has():
    """It has images alone, so that row 4 would be MCLN itself."""
    facts = {"modalities": "visual", "is_candidate_dependent": False}
    visual = {"modalities": "visual"}
    hypers = [NONE, {**visual, **NO_CL}, {**visual, "use_id": False}, visual, {}]
    records = [mcln(n / 10, hyper, dataset="taobao", facts=facts, key=f"t{n}") for n, hyper in enumerate(hypers)]
    (table,) = tables(evidence(*records), "table3")
    shown = [line.texts[:4] for line in table.blocks[0].lines]
    assert shown == [
        ["(1) Base", "0.0000", "0.3933", "-0.3933"],
        ["(2) Base w/ V", "0.1000", "0.3994", "-0.2994"],
        ["(3) Base w/ V&CL", "0.2000", "0.4048", "-0.2048"],
        ["(10) MCLN", "0.4000", "0.4067", "-0.0067"],
    ]
    assert [note.text for note in table.blocks[0].notes] == [
        "Not there: (4) Base w/ V&ID&CL, because taobao has visual features only, with which this is MCLN.",
        "Not there: (5) Base w/ T, (6) Base w/ T&CL, (7) Base w/ T&ID&CL, (8) Base w/ V&T, (9) Base w/ V&T&CL, because "
        "taobao has no textual features.",
    ]
    assert [line.texts[1] for line in table.cost.lines] == [line[0] for line in shown]
    assert table.keys == ["t0", "t1", "t2", "t4"]


def test_a_variant_that_the_data_cannot_form_says_why():
    """On data with one modality w/ V&T would be w/ T: the same run as Table 4's intra-modal part, but no V&T."""
    facts = {"modalities": "textual", "is_candidate_dependent": False}
    textual = {"modalities": "textual", "use_cl": False}
    found = cells(made("table3", mcln(hyper=NO_CL, facts=facts), mcln(0.2, textual, facts=facts))[0])
    assert found.loc["w/ T", "mean"] == 0.2
    assert found.loc[["w/ V", "w/ V&T", "w/ V&ID&CL"], "note"].unique().tolist() == ["beauty has no visual features"]
    assert found.loc[["Base", "w/ T&CL", "MCLN"], "note"].unique().tolist() == ["not run"]
    assert found["mean"].count() == 1


def test_data_without_content_bar_every_variant_that_needs_some():
    runs = [mcln(hyper=hyper, features="none", facts={"modalities": ""}) for hyper in ({}, NONE)]
    found = cells(made("table3", *runs)[0])
    assert found["mean"].count() == 2
    assert NOT_RUN not in set(found["note"])
    assert found.loc["w/ V&T", "note"] == "beauty has no visual and no textual features"
    unknown = cells(made("table3", *(mcln(hyper=hyper, features="none") for hyper in ({}, NONE)))[0])
    assert unknown.loc["w/ V&T", "note"] == NOT_RUN


@pytest.mark.parametrize("order", [1, -1])
def test_each_data_set_s_own_modalities_bar_its_variants(order):
    rows = [
        mcln(hyper=NONE, dataset=name, facts={"modalities": own, "is_candidate_dependent": False})
        for name, own in (("beauty", "visual, textual"), ("art", "visual"))
    ]
    table = made("table3", *rows[::order])[0]
    assert cells(table, "beauty").loc["w/ T", "note"] == "not run"
    assert cells(table, "art").loc["w/ T", "note"] == "art has no textual features"


def test_marks_are_given_among_what_is_shown():
    facts = {"modalities": "textual"}
    runs = [mcln(0.9, NO_CL), mcln(0.2, NONE), mcln(0.3, facts=facts)]  # w/ V&T is best but is not formed
    found = cells(made("table3", *runs)[0])
    assert list(found.index[found["best"]]) == ["MCLN"]
    assert list(found.index[found["second"]]) == ["Base"]


def test_the_papers_value_stands_beside_its_row():
    paper = {("table4", "beauty", "Base", "hr@5"): 0.45}
    sampled = made("table4", mcln(0.4, NONE, facts={"is_candidate_dependent": False}), paper=paper)[0]
    assert [column.name for column in sampled.blocks[0].columns[:4]] == ["Variant", "H@5", "paper", "diff."]
    assert sampled.blocks[0].lines[0].texts[:4] == ["Base", "0.4000", "0.4500", "-0.0500"]
    other = made("table4", record("MCLN", preset="itemwise", hyper=NONE), paper=paper)[0]
    assert [column.name for column in other.blocks[0].columns] == ["Variant", "H@5", "N@5", "H@10", "N@10"]


@pytest.mark.parametrize(
    ("hyper", "is_in"),
    [({}, True), (NO_CL, False), ({"n_layers": 2}, False), ({"alpha": 0.0}, True), ({"n_layers": 9}, True)],
)
def test_table_2_holds_no_variants_but_other_settings(hyper, is_in):
    for one in (mcln(hyper=hyper), unfinished("MCLN", hyper=hyper)):
        found = comparison.pages(evidence(record(), one))
        assert all((one.key in table.keys) == is_in for table in found[1:])


def test_a_run_that_asked_for_its_settings_sees_them():
    asked = evidence(mcln(hyper={"n_layers": 2}))
    assert "MCLN (n_layers=2)" in console(asked)
    assert "Table 4" in console(evidence(mcln(hyper=NO_CL), mcln()), names=["table4"])
    both = console(evidence(mcln(hyper=NO_CL), mcln()), names=["table2", "table4"])
    assert both.index("Table 2") < both.index("Table 4")
    assert "use_cl" not in both


def test_contents_are_tables_with_their_figures():
    records = [mcln(hyper={"n_attention_layers": n}) for n in (1, 2)]
    assert [page.name for page in pages(evidence(*records))] == [
        "table5-paper-smoke-sampled",
        "table5-layers-paper-smoke",
    ]


def test_a_failed_default_says_so_where_its_variant_stands():
    hyper, default = {"n_attention_layers": 1}, {"n_attention_layers": 2}
    failed = unfinished("MCLN").model_copy(update={"settings": default})
    others = [
        mcln(settings=default, seed=1),
        mcln(hyper=hyper, settings=hyper),
        mcln(hyper=hyper, settings=hyper, seed=1),
    ]
    (found,) = made("table5", failed, *others)
    assert cells(found).loc["2 layers", "note"] == "seed 0 failed: killed by signal 9"


def drawn(model, value, sampling, own, **more):
    """A record whose model was trained with this sampler; ``own`` is its default one."""
    hyper = {} if sampling == own else {"sampling": sampling}
    return record(model, value, hyper=hyper, settings={"sampling": sampling}, **more)


def test_all_models_under_both_samplers_stand_in_one_table():
    """One model has both on beauty, one lacks a variant there, and a third was run only as it is."""
    found = made(
        "sampler",
        drawn("LightGCN", 0.4, "user", "user"),
        drawn("LightGCN", 0.5, "interaction", "user"),
        drawn("BPRMF", 0.3, "interaction", "interaction"),
        drawn("BPRMF", 0.2, "user", "interaction"),
        drawn("VBPR", 0.1, "interaction", "interaction"),
    )
    assert [table.ranking for table in found] == ["sampled", "full"]
    means = cells(found[0])["mean"].to_dict()
    assert means == {
        "BPRMF, interactions": 0.3,
        "BPRMF, users": 0.2,
        "LightGCN, interactions": 0.5,
        "LightGCN, users": 0.4,
    }
    assert "VBPR" not in markdown(found[0])
    assert "training step" not in markdown(found[0])  # the rows say what it draws


def test_a_sampler_that_stands_is_shown_where_only_the_other_one_is_missing():
    """SVD++ has both on beauty and one on art, where BPRMF has both; no model has both on taobao."""
    found = made(
        "sampler",
        *(drawn("SVDPP", value, sampling, "user") for value, sampling in ((0.3, "user"), (0.2, "interaction"))),
        *(drawn("BPRMF", 0.5, sampling, "user", dataset="art") for sampling in ("user", "interaction")),
        drawn("SVDPP", 0.4, "user", "user", dataset="art"),
        drawn("SVDPP", 0.1, "user", "user", dataset="taobao"),
    )
    cell = found[0].data[found[0].data["metric"] == "hr@5"].set_index(["dataset", "row"])
    assert cell["mean"].dropna().to_dict() == {
        ("beauty", "SVD++, interactions"): 0.2,
        ("beauty", "SVD++, users"): 0.3,
        ("art", "BPRMF, interactions"): 0.5,
        ("art", "BPRMF, users"): 0.5,
        ("art", "SVD++, users"): 0.4,
    }
    assert "Not run: SVD++, interactions." in markdown(found[0])
    beauty = sum((block.notes for block in found[0].blocks if block.about["dataset"] == "beauty"), [])
    assert [note.text for note in beauty] == ["Not run: BPRMF, interactions; BPRMF, users."]


def test_what_runs_a_sampler_that_is_missing():
    """BPRMF has both on beauty, but not on art, where LightGCN has."""
    found = made(
        "sampler",
        *(drawn("BPRMF", 0.3, sampling, "interaction") for sampling in ("user", "interaction")),
        *(drawn("LightGCN", 0.3, sampling, "user", dataset="art") for sampling in ("user", "interaction")),
    )
    text = markdown(found[0])
    assert "--study sampler --datasets beauty --models LightGCN " in text
    assert "--study sampler --datasets art --models BPRMF " in text
