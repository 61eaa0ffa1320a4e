"""Which variants are better or worse than the model as it is, by hand."""

import pytest

from bench.report.render.text import markdown
from bench.report.sections.parts import LEGEND
from bench.report.sections.studies import tables
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
