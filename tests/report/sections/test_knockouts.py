"""The table of knock-outs, from records made up for it, and that Table 2 has none of them."""

import pytest

from bench.report.model import Note
from bench.report.sections import comparison, knockouts
from bench.report.write import console, write
from bench.spec import BUDGETS, PROTOCOLS
from tests.report.made import evidence, record, unfinished

VALUES = {"entities": 0.4, "entities,shuffled": 0.32, "entities,noise": 0.3}


def runs(model="VBPR", values=VALUES, **more):
    return [record(model, value, features=features, **more) for features, value in values.items()]


def table(*records):
    found = knockouts.pages(evidence(*records))
    assert [t.name for t in found] == ["knockouts-paper-smoke-sampled", "knockouts-paper-smoke-full"]
    return found[0]


def lines(block):
    return [line.texts for line in block.lines]


def test_gain_over_shuffled():
    skipped = unfinished("VBPR", "skipped", "VBPR needs rows", features="none")
    real = record("BPRMF", 0.5, features="entities")  # nothing was taken from it, so that it has no line
    found = table(*runs(), skipped, real, record("LightGCN", 0.25, features="entities,noise"), *runs("MCLN"))
    (block,) = found.blocks
    assert block.title == "Beauty (entities)"
    assert [column.name for column in block.columns] == ["Model", "real", "shuffled", "noise", "none", "gain", "gain %"]
    assert lines(block) == [
        ["LightGCN", "—", "—", "0.2500", "—", "—", "—"],
        ["VBPR", "0.4000", "0.3200", "0.3000", "—", "+0.0800", "+25.0"],  # 0.4 - 0.32, and that of 0.32
        ["MCLN", "0.4000", "0.3200", "0.3000", "—", "+0.0800", "+25.0"],
    ]
    other, vbpr, _ = block.lines
    assert other.cells[2].note == "not run"
    assert other.cells[5].note == "needs the values with real and with shuffled content of one seed"
    assert vbpr.cells[4].note == "skipped: VBPR needs rows"
    assert len(found.keys) == 8
    assert found.notes == []


def test_mean_over_seeds_and_a_cell_short_of_one():
    values = {"entities": (0.4, 0.5), "entities,shuffled": (0.3, 0.4), "entities,noise": (0.2,)}
    seeded = [record("VBPR", v, features=f, seed=seed) for f, some in values.items() for seed, v in enumerate(some)]
    found = table(*seeded)
    ((line,),) = (block.lines for block in found.blocks)
    assert line.texts[1:] == ["0.4500 ± 0.0707", "0.3500 ± 0.0707", "0.2000 (1 of 2)", "—", "+0.1000", "+28.6"]
    assert [cell.note for cell in line.cells[3:5]] == ["", "not run"]
    mean, few = (note.text for note in found.notes)
    assert mean.startswith("Values are the mean ± ")
    assert few.startswith("(1 of 3): ")


def test_the_gain_is_over_the_seeds_that_have_both_values():
    """Seed 0 loses .01 by the shuffling; seed 1 is .1 better, whatever the content. VBPR has no seed in common."""
    runs = [record(model, 0.3 + 0.1 * seed, seed=seed) for model in ("VBPR", "MEGCF") for seed in (0, 1)]
    runs.append(record("MEGCF", 0.29, features="entities,shuffled"))
    runs.append(record("VBPR", 0.29, features="entities,shuffled", seed=2))
    (block,) = table(*runs).blocks
    assert [line[-2:] for line in lines(block)] == [["—", "—"], ["+0.0100", "+3.4"]]


def test_modalities_knocked_out_one_by_one_stand_in_columns_of_their_own():
    one = record("VBPR", 0.35, features="entities,visual=shuffled")
    (block,) = table(*runs(), one).blocks
    assert [column.name for column in block.columns][-4:] == ["none", "visual=shuffled", "gain", "gain %"]
    assert lines(block)[0][5] == "0.3500"


def test_a_block_a_data_set_and_base_with_none_in_each():
    none = record("LightGCN", 0.2, features="none")
    art = runs(values={"deep": 0.6, "deep,noise": 0.5}, dataset="art")
    other = runs(values={"deep": 0.5, "deep,shuffled": 0.1})
    only_real = record("VBPR", 0.1, dataset="taobao")
    blocks = table(*runs(), *art, *other, none, only_real).blocks
    assert [block.title for block in blocks] == ["Beauty (deep)", "Beauty (entities)", "Art (deep)"]
    assert [lines(block)[0][4] for block in blocks] == ["0.2000", "0.2000", "—"]


def test_full_ranking_of_a_dependent_model_has_a_reason():
    full = knockouts.pages(evidence(*runs("MCLN")))[1]
    assert {cell.note for cell in full.blocks[0].lines[0].cells[1:4]} == {
        "full ranking is not defined: a score depends on the other candidates"
    }


def test_a_worthless_yardstick_has_no_percentage():
    (block,) = table(*runs(values={"entities": 0.4, "entities,shuffled": 0.0})).blocks
    assert lines(block)[0][-2:] == ["+0.4000", "—"]


@pytest.mark.parametrize("facts", [{"candidate_hash": "other"}, {}])
def test_unequal_conditions_are_named(facts):
    none = record("LightGCN", 0.2, features="none", data_hash="another", facts=facts)
    text = "Not comparable: the records of Beauty (entities) and its knock-outs differ in candidates"
    expected = [Note(f"{text}; the rows that differ from most are LightGCN.", is_warning=True)]
    assert table(*runs(), none).notes == (expected if facts else [])


def test_protocols_and_budgets_are_apart():
    more = runs(protocol=PROTOCOLS["clean"]) + runs(budget=BUDGETS["quick"])
    names = [t.name for t in knockouts.pages(evidence(*runs(), *more))]
    assert names == [f"knockouts-{at}-{r}" for at in ("clean-smoke", "paper-quick", "paper-smoke") for r in RANKED]


RANKED = ("sampled", "full")


def table_2(*records):
    return comparison.pages(evidence(*records))


def test_table_2_has_no_knock_out():
    without, having = table_2(*runs(values={"entities": 0.4})), table_2(*runs())
    assert [t.name for t in without] == [t.name for t in having]
    assert [t.blocks for t in without[1:]] == [t.blocks for t in having[1:]]
    assert [t.name for t in table_2(*runs(values={"entities,noise": 0.4}))] == ["table1"]


def test_without_knock_outs_there_is_no_table():
    assert knockouts.pages(evidence(record(), record(features="none"))) == []
    assert knockouts.pages(evidence()) == []


def test_files_and_terminal(tmp_path):
    names = [path.name for path in write(evidence(*runs(), folder=tmp_path), tmp_path)]
    assert "knockouts-sampled.md" in names
    assert "Modality knock-outs" in console(evidence(*runs()))
