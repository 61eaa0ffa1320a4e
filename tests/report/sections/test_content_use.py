"""The table and the figure of occlusion, from records made up for them."""

import pytest

from bench.data.synthetic import simulate
from bench.report.render import figures
from bench.report.sections import content_use
from bench.report.write import write
from tests.report.made import evidence, record

BASE = {"modalities": "none", "use_cl": False}


def facts(irrelevant, relevant, *, slope=0.5):
    """Every measure of a part is ``irrelevant`` or ``relevant``."""
    parts = {"irrelevant": irrelevant, "relevant": relevant}
    names = ("score_change", "rank_changed", "rank_change", "ndcg@10_change")
    found = {f"occlusion.{part}.{name}": value for part, value in parts.items() for name in names}
    return {**found, "occlusion.ratio": irrelevant / relevant, "gradient.irrelevant": slope}


def known(model, irrelevant, relevant, **more):
    at = {"dataset": "beauty-sim", "features": "planted", **more}
    return record(model, 0.25, facts=facts(irrelevant, relevant), **at)


def base():
    found = {name: 0.0 for name in facts(1, 1) if name not in ("occlusion.ratio", "gradient.irrelevant")}
    found["gradient.reason"] = "the model holds no rows of content"
    return record("MCLN", 0.125, facts=found, dataset="beauty-sim", features="planted", hyper=BASE)


def contents(*records):
    return content_use.pages(evidence(*records))


def test_the_table():
    blind = record("BPRMF", 0.5, dataset="beauty-sim", features="planted")  # from before there was occlusion
    floors = known("Pop", 1, 1), known("ItemKNN", 1, 1, hyper={"k": 10})
    found, figure = contents(known("VBPR", 0.25, 1.0), known("MCLN", 0.125, 0.25), base(), blind, *floors)
    assert (found.name, figure.name) == ("content-use-paper-smoke-sampled", "content-use-figure-paper-smoke")
    (block,) = found.blocks
    assert block.title == "beauty-sim (planted)"
    assert [line.texts[:5] for line in block.lines] == [
        ["Base: MCLN (modalities=none, use_cl=False)", "0.1250", "0.000", "0.000", "—"],
        ["MCLN", "0.2500", "0.125", "0.250", "0.500"],
        ["VBPR", "0.2500", "0.250", "1.000", "0.250"],
        ["BPRMF", "0.5000", "—", "—", "—"],
    ]
    assert block.lines[2].texts[5:] == [
        *("25.0%", "100.0%", "0.25", "1.00", "+0.2500", "+1.0000", "0.500"),
    ]
    assert block.lines[0].cells[4].note == "no score changes with the relevant content"
    assert block.lines[0].cells[-1].note == "the model holds no rows of content"
    assert block.lines[3].cells[2].note == "recorded without occlusion.irrelevant.score_change"
    assert len(found.keys) == 4  # none of the floors


def test_seeds_are_averaged_whatever_their_number_and_data_sets_apart():
    two = [known("VBPR", value, 1.0, seed=seed) for seed, value in enumerate((0.25, 0.75))]
    one = known("MCLN", 0.5, 1.0)
    found, _ = contents(*two, one, known("VBPR", 0.125, 1.0, dataset="art-sim"))
    assert [block.title for block in found.blocks] == ["art-sim (planted)", "beauty-sim (planted)"]
    mcln, vbpr = found.blocks[1].lines
    assert vbpr.texts[4] == "0.500"
    assert (mcln.texts[4], mcln.cells[4].note) == ("0.500", "")


def test_the_ratio_of_several_seeds_is_the_mean_of_their_own_and_a_note_says_so():
    """0.5 / 1 and 0.25 / 0.25 have the mean 0.75; the means beside it, 0.375 and 0.625, have another ratio."""
    one, other = known("VBPR", 0.5, 1.0, seed=0), known("VBPR", 0.25, 0.25, seed=1)
    for page in contents(one, other):
        assert content_use.MEANS in [note.text for note in page.notes]
    assert contents(one, other)[0].blocks[0].lines[0].texts[2:5] == ["0.375", "0.625", "0.750"]
    assert content_use.MEANS not in [note.text for note in contents(one)[0].notes]


def test_the_note_on_base_stands_where_base_does():
    seen = [[note.text for note in contents(known("VBPR", 0.5, 1.0), *more)[0].notes] for more in ([base()], [])]
    assert [content_use.BLIND in texts for texts in seen] == [True, False]


def test_only_where_something_was_measured():
    shuffled = known("VBPR", 0.5, 1.0, features="planted,textual=shuffled")
    assert contents(record(), shuffled) == []
    assert contents(record()) == []
    assert contents() == []
    found, _ = contents(known("VBPR", 0.5, 1.0), record(), shuffled)
    assert len(found.blocks) == 1


def test_the_figure_shows_the_changes(tmp_path):
    other = known("VBPR", 0.125, 0.5, dataset="art-sim")
    _, figure = contents(known("VBPR", 0.25, 1.0), known("MCLN", 0.75, 0.5), other)
    canvas = figures.content_use(figure.data)
    panels = canvas.get_axes()
    assert [panel.get_title() for panel in panels] == ["art-sim (planted)", "beauty-sim (planted)"]
    irrelevant, relevant = ([bar.get_width() for bar in bars] for bars in panels[1].containers)
    assert [label.get_text() for label in panels[1].get_yticklabels()] == ["VBPR", "MCLN"]  # from below
    assert (irrelevant, relevant) == ([0.25, 0.75], [1.0, 0.5])
    canvas.savefig(tmp_path / "figure.png")


def test_the_yardstick_in_the_notes():
    """A random linear map's change is the root of the sum of its columns' variances."""
    data = simulate(name="some-sim", n_users=200, n_items=4000, n_train=6000)
    rows, half = data.features["visual"], data.features["visual"].shape[1] // 2
    relevant, irrelevant = (part.var(axis=0).sum() ** 0.5 for part in (rows[:, :half], rows[:, half:]))
    assert irrelevant / relevant == pytest.approx(1.84, abs=0.15)
    assert "1.84 and slope 0.707" in content_use.YARDSTICK


def test_a_report_is_written(tmp_path):
    names = [path.name for path in write(evidence(known("VBPR", 0.5, 1.0), base(), folder=tmp_path), tmp_path)]
    assert {f"content-use-sampled.{ext}" for ext in ("md", "tex", "csv")} <= set(names)


def test_a_component_is_named_by_the_content_there_is():
    changes = {f"occlusion.{part}.score_change": 0.1 for part in ("irrelevant", "relevant")}
    for modalities, label in (("visual", "Base+V"), ("visual, textual", "Base+V+T")):
        made = record("MCLN", hyper={"use_cl": False}, facts={**changes, "modalities": modalities})
        page = contents(made)[0]
        assert page.blocks[0].lines[0].texts[0] == f"{label}: MCLN (use_cl=False)"
