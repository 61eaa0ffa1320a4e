"""Which variants are better or worse than the model as it is, by hand."""

import pytest

from bench.report.render.text import markdown
from bench.report.sections.parts import LEGEND
from bench.report.sections.studies import pages, tables
from tests.report.made import evidence, record, stored, unfinished

ALL = [1] * 40


def lost(n: int) -> list[int]:
    """Of 40 cases, ``n`` are not among the ten."""
    return [50] * n + [1] * (40 - n)


def table4(folder, *records):
    (table, *_) = tables(evidence(*records, folder=folder), "table4")
    return table


def signs(table, dataset="beauty") -> dict[str, set[str]]:
    """Row to its marks over the metrics, of the rows that have a value."""
    data = table.data[table.data["mean"].notna() & (table.data["dataset"] == dataset)]
    return {row: set(own) for row, own in data.groupby("row")["sign"]}


def variants(folder, base, intra, **more):
    """Base and MCLN with intra-modal fusion alone, with these ranks."""
    return [
        stored(folder, base, "MCLN", hyper={"modalities": "none", "use_cl": False}, **more),
        stored(folder, intra, "MCLN", hyper={"use_cl": False}, **more),
    ]


@pytest.mark.parametrize(
    ("whole", "base", "intra", "expected"),
    [
        (ALL, lost(12), lost(0), {"Base": {"▼"}, "w/ intra-modal": {""}, "MCLN": {""}}),
        (lost(12), ALL, lost(12), {"Base": {"▲"}, "w/ intra-modal": {""}, "MCLN": {""}}),
        (ALL, lost(6), lost(6), {"Base": {""}, "w/ intra-modal": {""}, "MCLN": {""}}),
    ],
)
def test_a_variant_is_held_against_the_model_as_it_is(tmp_path, whole, base, intra, expected):
    """12 of 12 differences on one side have p = 2 / 2^12, 6 of 6 have 2 / 2^6 = 0.03, which Holm's correction for eight
    tests makes more than 0.05."""
    table = table4(tmp_path, stored(tmp_path, whole, "MCLN"), *variants(tmp_path, base, intra))
    assert signs(table) == expected
    assert (LEGEND in [note.text for note in table.notes]) is (expected["Base"] != {""})
    assert ("<sup>▼</sup>" in markdown(table)) is (expected["Base"] == {"▼"})


def test_each_data_set_is_a_family_of_its_own(tmp_path):
    """On Taobao the whole model is missing, so that nothing is held against it."""
    beauty = [stored(tmp_path, ALL, "MCLN"), *variants(tmp_path, lost(12), ALL)]
    table = table4(tmp_path, *beauty, *variants(tmp_path, lost(12), ALL, dataset="taobao"))
    assert signs(table)["Base"] == {"▼"}
    assert signs(table, "taobao") == {"Base": {""}, "w/ intra-modal": {""}}


def test_what_cannot_be_paired_has_no_mark(tmp_path):
    """Other users, ranks that are not there, and a failed seed beside one that is."""
    whole = stored(tmp_path, ALL, "MCLN")
    others = stored(tmp_path, lost(12), "MCLN", hyper={"use_cl": False}, users=range(100, 140))
    gone = record("MCLN", 0.1, hyper={"modalities": "none", "use_cl": False})
    assert set().union(*signs(table4(tmp_path, whole, others, gone)).values()) == {""}
    failed = unfinished("MCLN", seed=1, hyper={"modalities": "none", "use_cl": False})
    base, _ = variants(tmp_path, lost(12), ALL)
    assert signs(table4(tmp_path, whole, base, failed))["Base"] == {"▼"}


def test_no_mark_where_records_disagree_on_what_the_model_is(tmp_path):
    """Once MCLN drew users by default, say, and now pairs: two variants of the sampler study are the model as it is."""
    now = stored(tmp_path, ALL, "BPRMF", settings={"sampling": "interaction"})
    once = stored(tmp_path, lost(20), "BPRMF", settings={"sampling": "user"}, source="old", key="old")
    (table, *_) = tables(evidence(now, once, folder=tmp_path), "sampler")
    assert set(table.data["row"]) >= {"BPRMF, interactions", "BPRMF, users"}
    assert set(table.data["sign"]) == {""}


def test_the_model_as_it_is_may_be_another_variant_on_another_data_set(tmp_path):
    """MCLN has two counterfactual layers on Beauty and four on Taobao."""

    def layers(dataset, n, places, **more):
        return stored(tmp_path, places, "MCLN", dataset=dataset, settings={"n_attention_layers": n}, **more)

    own = [layers("beauty", 2, ALL), layers("taobao", 4, ALL)]
    one = [layers(dataset, 1, lost(12), hyper={"n_attention_layers": 1}) for dataset in ("beauty", "taobao")]
    (table, *_) = tables(evidence(*own, *one, folder=tmp_path), "table5")
    assert signs(table) == {"1 layer": {"▼"}, "2 layers": {""}}
    assert signs(table, "taobao") == {"1 layer": {"▼"}, "4 layers": {""}}


@pytest.mark.parametrize(("more", "told"), [({"learning_rate": 0.1}, "learning_rate"), ({}, ""), (None, "code")])
def test_a_variant_that_differs_in_more_than_its_study_changes_has_no_mark(tmp_path, more, told):
    """What a record lacks, as the second does, is not known to differ."""
    whole, base = ({"use_cl": is_whole, "use_intra": True} for is_whole in (True, False))
    whole |= {"modalities": "all", "learning_rate": 0.01}
    hyper = {"modalities": "none", "use_cl": False}
    made = {"source": "new"} if more is None else {"settings": {**base, **hyper, **more}}
    runs = [stored(tmp_path, ALL, "MCLN", settings=whole), stored(tmp_path, lost(12), "MCLN", hyper=hyper, **made)]
    table = table4(tmp_path, *runs)
    assert signs(table)["Base"] == ({""} if told else {"▼"})
    text = f"Not comparable: of the records of Beauty (entities), those of MCLN differ in {told}."
    assert [note.text for note in table.notes if "comparable" in note.text] == ([text] if told else [])


def test_models_of_a_study_for_all_are_compared_each_with_itself(tmp_path):
    """InvRL's defaults changed with its sampler; BPRMF's settings are other than InvRL's, as they may be."""

    def runs(model, *rates):
        for rate, sampling, hyper in zip(rates, ("interaction", "user"), ({}, {"sampling": "user"}), strict=True):
            settings = {"sampling": sampling, "learning_rate": rate}
            yield stored(tmp_path, lost(12 * bool(hyper)), model, hyper=hyper, settings=settings)

    records = [*runs("InvRL", 0.01, 0.001), *runs("BPRMF", 0.1, 0.1)]
    (table, *_) = tables(evidence(*records, folder=tmp_path), "sampler")
    text = "Not comparable: of the records of Beauty (entities), those of InvRL differ in learning_rate."
    assert [note.text for note in table.notes if "comparable" in note.text] == [text]
    assert {row: own for row, own in signs(table).items() if row.endswith("users")} == {
        "BPRMF, users": {"▼"}, "InvRL, users": {""},
    }  # fmt: skip


def test_a_drawing_of_layers_warns_as_its_table_does():
    runs = [record("MCLN", hyper={"n_layers": n}, source=f"s{n}") for n in (1, 2)]
    text = "Not comparable: of the records of Beauty (entities), those of MCLN differ in code."
    found = [page for page in pages(evidence(*runs)) if page.kind in ("figure4", "figure4-layers")]
    assert len(found) == 2
    assert all(text in [note.text for note in page.notes] for page in found)
