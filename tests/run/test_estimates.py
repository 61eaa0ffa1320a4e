"""Seconds that jobs will take, by records and by the measured table."""

import math

import pandas as pd
import pytest

from bench import registry
from bench.run.estimates import BEAUTY_PAIRS, MEASURED, Estimates, longest_first, spell, whole
from bench.spec import BUDGETS
from tests.run.made import toy
from tests.store.made import job, record


def done(model, seconds, **more):
    return record(job=job(model=model, **more), seconds={"train": seconds, "evaluate": 1.0, "prepare": 9.0})


def test_jobs_like_it_say_it_best():
    estimate = Estimates(
        [done("BPRMF", 5.0), done("BPRMF", 8.0, dataset="other"), done("MCLN", 7.0, preset="itemwise")]
    )
    assert estimate(job(seed=7)) == 6.0
    assert estimate(job(dataset="new")) == 9.0  # as long as on the slowest other one
    assert estimate(job(model="MCLN", preset="itemwise")) == 8.0
    assert estimate(job(model="MCLN")) == math.inf  # another preset is another model
    assert estimate(job(budget=BUDGETS["quick"])) == math.inf


def test_a_variant_does_not_stand_for_the_model_itself():
    """MCLN without its contrastive loss takes a twentieth of the time."""
    starts = [{"start": f"2026-0{month}-01T00:00:00+00:00"} for month in (1, 2, 3)]
    made = [done("MCLN", 99.0), done("MCLN", 4.0, hyper={"use_cl": False}), done("MCLN", 49.0, hyper={"n_layers": 2})]
    estimate = Estimates(r.model_copy(update={"provenance": s}) for r, s in zip(made, starts, strict=True))
    assert estimate(job(model="MCLN", seed=7)) == 100.0
    assert estimate(job(model="MCLN", hyper={"use_cl": False})) == 5.0
    assert estimate(job(model="MCLN", hyper={"n_layers": 3})) == 100.0
    variants = Estimates(r.model_copy(update={"provenance": s}) for r, s in zip(made[1:], starts, strict=False))
    assert variants(job(model="MCLN")) == 50.0  # where there is no better one, the last


def test_what_held_a_job_up_does_not_count():
    """Stretches of 5 epochs in 10, 10 and 90 s: 80 of the 110 s are more than the median."""
    curve = [{"epoch": 5 * n, "seconds": s, "sampled.ndcg@10": 0.1} for n, s in enumerate([10.0, 20.0, 30.0, 120.0], 1)]
    held = done("BPRMF", 120.0).model_copy(update={"curve": curve})
    assert Estimates([held])(job(seed=7)) == pytest.approx(120 - 80 + 1)


def test_the_newest_of_several_counts():
    old, new = done("BPRMF", 50.0), done("BPRMF", 5.0, seed=1)
    starts = {"start": "2026-01-01T00:00:00+00:00"}, {"start": "2026-02-01T00:00:00+00:00"}
    old, new = (r.model_copy(update={"provenance": start}) for r, start in zip((old, new), starts, strict=True))
    assert Estimates([old, new])(job(seed=7)) == Estimates([new, old])(job(seed=7)) == 6.0


def test_else_the_measured_seconds_by_epochs_and_pairs():
    """BPRMF takes 0.2097 s per epoch of Beauty and 0.251 s per evaluation: 30 and 6 of them on twice the pairs."""
    quick = {"budget": BUDGETS["quick"], "data_hash": "d"}
    estimate = Estimates([], {"d": 2 * BEAUTY_PAIRS})
    assert estimate(job(**quick)) == pytest.approx(2 * (30 * 0.2097 + 6 * 0.251))
    assert estimate(job(**quick, dataset="beauty-sim")) == pytest.approx(30 * 0.2097 + 6 * 0.251)
    assert estimate(job(**quick, model="Pop")) == pytest.approx(2 * 0.2)  # it has no epochs
    assert estimate(job(**quick, model="MCLN", preset="released")) == pytest.approx(2 * (30 * 33.54 + 6 * 26.5))
    assert estimate(job(**quick, model="MCLN", preset="itemwise")) == pytest.approx(2 * (30 * 16.6 + 6 * 1.4))
    itemwise = job(**quick, model="MCLN", preset="itemwise", dataset="art")
    assert estimate(itemwise) == pytest.approx(2 * (30 * 16.6 + 6 * 1.4))  # not as MCLN itself takes on Art
    assert estimate(job(**quick, model="Unheard")) == math.inf
    assert estimate(job(budget=BUDGETS["quick"], data_hash="other")) == math.inf


def test_the_measured_models_are_ours():
    names = {name.partition(":")[0] for name in pd.read_csv(MEASURED, comment="#").model}
    assert names <= set(registry.cards())
    assert {"BPRMF", "LightGCN", "MCLN", "Pop"} <= names


def test_longest_first_and_those_not_known_before_all():
    seconds = {"BPRMF": 5.0, "LightGCN": 50.0, "MGAT": math.inf}
    order = longest_first([toy(model=name) for name in seconds], lambda job: seconds[job.model])
    assert [one.job.model for one in order] == ["MGAT", "LightGCN", "BPRMF"]


def test_the_whole_by_hand():
    assert whole([10.0, 20.0, 30.0], 2) == 30  # the longest job
    assert whole([10.0, 20.0, 30.0, 40.0], 2) == 50
    assert whole([10.0, 30.0, math.inf], 1) == 60  # the third one counts 20
    assert whole([math.inf], 1) is None
    assert whole([], 1) is None
    assert whole([math.inf], 1, like=[7.0]) == 7


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (5400.0, "90 min"), (7200.0, "2.0 h")]
)
def test_times_in_words(seconds, words):
    assert spell(seconds) == words
