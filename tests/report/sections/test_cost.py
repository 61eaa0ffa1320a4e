"""What quality costs: means over the seeds, and what is left out."""

import math

import pytest

from bench.report.render.figures import PLOTS
from bench.report.render.latex import latex
from bench.report.render.text import markdown, text
from bench.report.sections import comparison, cost, studies
from tests.report.made import evidence, record


def means(*records, ranking="sampled"):
    return cost.means(evidence(*records).frame, ranking).set_index("model")


def test_a_floor_is_in_the_table_of_cost_and_not_in_its_figure():
    floor = record("Pop", 0.1, seconds={"train": 1e-6, "evaluate": 1.0}, facts={"epochs": 0})
    assert math.isnan(means(floor).loc["Pop", "seconds.epoch"])
    fitted = record("Pop", seconds={"prepare": 40.26, "train": 1e-6}, facts={"epochs": 0})
    assert cost.pages(evidence(fitted))[0].blocks[0].lines[0].texts[3:5] == ["40.3", "0.0"]
    _, page = cost.pages(evidence(floor, record()))
    assert page.data["model"].tolist() == ["BPRMF"]
    assert "Not shown, because they are fitted without training: Pop." in [note.text for note in page.notes]
    assert [page.name for page in cost.pages(evidence(floor))] == ["cost-paper-smoke"]


def test_cost_has_no_mean_of_only_some_of_the_seeds():
    whole, short = record(value=0.2), record(value=0.4, seed=1)
    short = short.model_copy(update={"metrics": {}})
    row = means(whole, short).iloc[0]
    assert math.isnan(row["sampled.ndcg@10"])
    assert row["seconds.train"] == 2.0


def test_runs_that_may_have_shared_a_gpu_are_said():
    def text(device):
        return cost.machines(evidence(record(provenance={"device": device})).frame).text

    assert text("NVIDIA H200").startswith(
        "Machines, with their number of runs: NVIDIA H200: 1. Runs on a GPU may have shared"
    )
    assert "GPU" not in text("cpu")


def test_cost_is_a_mean_over_the_seeds_and_draws_quality_against_seconds():
    runs = [record(value=0.2, seconds={"train": 10.0, "evaluate": 1.0}, facts={"epochs": 4})]
    runs += [record(value=0.4, seconds={"train": 20.0, "evaluate": 2.0}, facts={"epochs": 10}, seed=1)]
    runs += [record("VBPR", 0.9, seconds={"train": 40.0}, provenance={"device": "cpu", "threads": "2"})]
    found = means(*runs)
    row = found.loc["BPRMF"]
    assert row["sampled.ndcg@10"] == pytest.approx((0.2 + 0.4) / 2)
    assert row["seconds.train"] == (10 + 20) / 2
    assert row["seconds.epoch"] == (10 / 4 + 20 / 10) / 2
    assert found["seconds.evaluate"].isna().tolist() == [False, True]
    assert cost.machines(evidence(*runs).frame).text == (
        "Machines, with their number of runs: not recorded: 2; cpu, 2 threads: 1."
    )
    _, page = cost.pages(evidence(*runs))
    (axis,) = PLOTS[page.plot](page.data).axes
    assert axis.get_xscale() == "log"
    assert [line.get_xydata().tolist() for line in axis.get_lines()] == [[[15.0, pytest.approx(0.3)]], [[40.0, 0.9]]]
    assert axis.get_legend_handles_labels()[1] == ["BPRMF", "VBPR"]


def test_an_epoch_does_not_take_what_comes_before_the_epochs():
    curve = [{"epoch": n, "loss": 1.0, "seconds": 100.0 + 2 * n, "sampled.ndcg@10": 0.1} for n in (5, 10)]
    spent = {"seconds": {"train": 120.0, "evaluate": 1.0}, "facts": {"epochs": 10, "best_epoch": 5}}
    several, once = record("InvRL", curve=curve, **spent), record("VBPR", curve=curve[1:], **spent)
    found = means(several, once, record("Pop", facts={"epochs": 0}))
    assert found["seconds.epoch"].dropna().to_dict() == {"InvRL": 2.0, "VBPR": 12.0}


def test_a_run_that_was_held_up_is_named_and_its_epochs_take_what_they_usually_take():
    """Stretches of 5 epochs in 10, 10, 70 and 12 s; 70 is 59 more than five epochs of the median, which is 2.2 s."""
    seconds = [3.0, 13.0, 23.0, 93.0, 105.0]
    curve = [{"epoch": 5 * n, "loss": 1.0, "seconds": s, "sampled.ndcg@10": 0.1} for n, s in enumerate(seconds, 1)]
    spent = {"seconds": {"train": 105.0, "evaluate": 1.0}, "facts": {"epochs": 25}}
    held, free = record("NGCF", curve=curve, **spent), record("VBPR", curve=curve[:3], **spent)
    frame = evidence(held, free).frame.set_index("row")
    assert frame["seconds.epoch"].to_dict() == {"NGCF": pytest.approx(2.2), "VBPR": 2.0}
    assert frame["seconds.held_up"].to_dict() == {"NGCF": pytest.approx(70 - 5 * 2.2), "VBPR": 0}
    table, figure = cost.pages(evidence(held, free))
    (note,) = [note for note in table.notes if note.is_warning]
    assert "for a share of train s: NGCF on Beauty (entities), seed 0 (56%)." in note.text
    assert figure.notes[-1] == note
    assert not [note for note in cost.pages(evidence(free))[0].notes if note.is_warning]


def test_a_run_that_was_held_up_is_named_wherever_its_seconds_are_shown():
    """Below the cost under Table 2 and under a study's table, but not in a terminal, which leaves the cost out."""
    curve = [{"epoch": n, "loss": 1.0, "seconds": s, "sampled.ndcg@10": 0.1} for n, s in enumerate((1, 2, 3, 13), 1)]
    spent = {"seconds": {"train": 13.0, "evaluate": 1.0}, "facts": {"epochs": 4}, "curve": curve}
    made = evidence(record("VBPR", **spent), record("MCLN", hyper={"n_attention_layers": 1}, **spent), record("MCLN"))
    (study,), (_, table, _) = studies.tables(made, "table5"), comparison.pages(made)
    said = "for a share of train s: {} on Beauty (entities), seed 0 (69%)."
    for page, row in ((table, "VBPR"), (study, study.blocks[0].lines[0].texts[0].removesuffix(" †"))):
        (note,) = page.cost.notes
        assert said.format(row) in note.text
        assert said.format(row) in markdown(page)
        assert said.format(row).replace("%", r"\%") in latex(page)
        assert "Held up" not in text(page)


def test_the_best_epoch_is_that_of_the_ranking_shown():
    made = record(facts={"best_epoch": None, "best_epoch.sampled": 10, "best_epoch.full": 25})
    assert means(made).loc["BPRMF", "best_epoch"] == 10
    assert means(made, ranking="full").loc["BPRMF", "best_epoch"] == 25
