"""A search: default first, a function of what has ended, on validation alone."""

import dataclasses
from pathlib import Path
from statistics import mean

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from bench import registry
from bench.run.plan import PlannedJob
from bench.spec import BUDGETS, PROTOCOLS, Training, read
from bench.store.places import TRIALS, WINNERS
from bench.store.record import Record
from bench.store.store import Store
from bench.tune import trials, winners
from bench.tune.outcomes import value
from bench.tune.trials import Trials, encode, space
from tests.tune.searched import drive, objective, search, trial, work

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
TRAINED = [name for name, card in registry.cards().items() if not card.is_floor]


def test_the_value_is_the_best_of_the_selecting_metric():
    curve = [
        {"epoch": 5, "loss": 9.0, "seconds": 8.0, "full.ndcg@10": 0.2, "full.hr@10": 0.9},
        {"epoch": 10, "loss": 9.0, "seconds": 9.0, "full.ndcg@10": 0.3, "full.ndcg@5": 0.8},
        {"epoch": 15, "loss": 9.0, "seconds": 9.9, "full.ndcg@10": 0.1},
    ]
    assert value(trial(work(), 0.5).model_copy(update={"curve": curve})) == 0.3


def test_the_test_set_has_no_say():
    """Made-up trials have the better test metrics the worse they are on validation."""
    made = trial(work(), 0.75)
    assert made.metrics["full.ndcg@10"] == 0.25
    assert value(made) == 0.75


def test_the_default_is_first_and_spelled_out():
    first = search().proposal()
    assert first.job.hyper == {"learning_rate": 0.001, "sampling": "interaction", "reg_weight": 0.01}
    assert first.is_trial


def test_the_default_is_that_of_preset_and_data_set():
    card = registry.cards()["MCLN"]
    told = registry.settings(card, "itemwise", dataset="beauty", hyper={})
    hyper = search("MCLN", preset="itemwise", dataset="beauty").proposal().job.hyper
    assert hyper == {name: told[name] for name in hyper}
    assert set(hyper) == {"learning_rate", "sampling", "n_layers", "n_attention_layers", "reg_weight"}


def test_interrupted_it_ends_the_same():
    """A search made anew from its records, in whatever order, against one that never left memory."""
    whole, found = drive(search(), 13), search()
    for n in (1, 2, 12, 13):  # the sampler models what it saw from the eleventh on
        found = search(records=sorted(found.ended, key=lambda record: record.key))
        assert found.proposal() == found.proposal()  # killed while it ran
        cut = drive(found, n)
    assert cut == whole
    assert len({tuple(hyper.values()) for hyper in whole}) == 13


def test_another_search_proposes_other_settings():
    one, other = drive(search(), 2), drive(search(data_hash="e"), 2)
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_it_learns_from_its_trials():
    """Later trials of three searches lie nearer to the best value, 1, than the ten that were drawn at random."""
    drawn, learnt = [], []
    for data_hash in "abc":
        found = search(data_hash=data_hash)
        drive(found, 40)
        values = [value(record) for record in found.ended]
        assert max(values) > 0.95 > 0.6 > values[0]
        drawn, learnt = drawn + values[1:11], learnt + values[25:]
    assert 1 - mean(learnt) < 0.75 * (1 - mean(drawn))


def entered(*values):
    """A search with trials of these values; None failed."""
    found = search()
    for number in values:
        found.enter(trial(found.proposal(), number))
    return found


def test_the_winner_by_hand():
    found = entered(0.25, 0.5, None, 0.5, 0.75)
    winner = found.winner(4)  # the fifth trial is of a longer search
    assert (winner.value, winner.trial, winner.default_value) == (0.5, 2, 0.25)
    assert (winner.trials, winner.failed, winner.pruned) == (4, 1, 0)
    assert winner.seconds == 3 * (2.0 + 1.0)  # made-up records take 2 s of training, 1 s of evaluation
    assert winner.hyper == found.ended[1].job.hyper
    assert found.winner(5).trial == 5
    assert winner.words.startswith(
        "4 trials (1 failed, 0 pruned) in 9 s: validation 0.5000 (trial 2), default 0.2500; "
    )


def test_the_seconds_of_trials_that_failed_count():
    found = entered(0.25)
    failed = trial(found.proposal(), None)
    found.enter(failed.model_copy(update={"seconds": {"spent": 40.0}}))
    assert found.winner(2).seconds == 2.0 + 1.0 + 40.0


def test_in_other_bounds_other_settings_are_drawn(monkeypatch):
    before = search().name
    space = {"reg_weight": FloatDistribution(1e-9, 1e-1, log=True)}
    monkeypatch.setattr(trials, "space", lambda card: space)
    assert search().name != before


SETTINGS = {"learning_rate": 0.01, "sampling": "user", "reg_weight": 0.05}


def other(**change) -> Record:
    """The record of a trial of BPRMF, but for ``change``."""
    job = dataclasses.replace(work().job, **{"hyper": SETTINGS, **change})
    return trial(work(), 0.5).model_copy(update={"job": job, "key": job.key})


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": PROTOCOLS["paper"]},
        {"budget": BUDGETS["full"]},
        {"data_hash": "other"},
        {"features": "none"},
        {"source": "other"},
        {"engine": 1},
        {"seed": 1},
        {"hyper": {}},
        {"hyper": {**SETTINGS, "reg_weight": 10.0}},
        {"hyper": {**SETTINGS, "sampling": "all"}},
        {"hyper": {"learning_rate": 0.01, "reg_weight": 0.05}},
        {"hyper": {**SETTINGS, "n_layers": 2}},
    ],
)
def test_records_that_are_no_trials_of_a_search_are_passed_over(change):
    assert search(records=[other()]).ended == [other()]
    assert search(records=[other(**change)]).ended == []


def test_the_default_counts_outside_its_bounds(monkeypatch):
    default = trial(search().proposal(), 0.5)
    narrow = {**search().space, "reg_weight": FloatDistribution(0.02, 0.1, log=True)}
    monkeypatch.setattr(trials, "space", lambda card: narrow)
    assert search(records=[default, other()]).ended == [default, other()]


def test_a_default_whose_record_is_lost_runs_again_and_is_first():
    found = search()
    drive(found, 3)
    default, *rest = found.ended
    left = search(records=rest)
    assert [left.missing(n) for n in (2, 3, 4)] == [1, 1, 2]
    again = left.proposal()
    assert again.job == default.job
    left.enter(trial(again, 0.25, second=30))
    assert [record.key for record in left.ended] == [record.key for record in found.ended]
    assert left.missing(3) == 0


@pytest.mark.parametrize("lost", [1, 3, 5])
def test_a_trial_whose_record_is_lost_makes_room_for_another_one(lost):
    """Among the first ten, whose settings follow from their number alone, the next one could be one that is there."""
    found = search()
    drive(found, 6)
    rest = [record for number, record in enumerate(found.ended) if number != lost]
    left = search(records=rest)
    assert left.missing(6) == 1
    left.enter(trial(left.proposal(), 0.5, second=30))
    assert len({record.key for record in left.ended}) == left.winner(6).trials == 6
    assert search(records=left.ended).missing(6) == 0


@pytest.mark.parametrize("lost", [{1}, {3, 5}, {12, 13}, {2, 7, 12}])
def test_trials_whose_records_are_damaged_run_again(lost):
    """The search, drawn again from its start, has the same settings: at random up to the tenth, then learnt."""
    found = search()
    whole = drive(found, 14)
    rest = [record for number, record in enumerate(found.ended) if number not in lost]
    left = search(records=rest, damaged={found.ended[number].key for number in lost})
    assert left.missing(14) == len(lost)
    for number in sorted(lost):
        again = left.proposal()
        assert again.job == found.ended[number].job
        left.enter(trial(again, objective(again.job.hyper), second=30 + number))
    assert left.missing(14) == 0
    assert left.proposal().job.hyper not in whole


@pytest.mark.parametrize("model", ["BPRMF", "LightGCN"])
def test_the_shipped_searches_are_at_their_end_and_found_what_is_shipped(model):
    """From their records, with no optuna to draw the same settings again."""
    records = Store(REFERENCE / TRIALS).records()
    job = next(dataclasses.replace(r.job, hyper={}) for r in records if r.job.model == model)
    found = Trials(PlannedJob(job=job, location="taobao", data_dir=None), records)
    shipped = winners.parsed(winners.path(REFERENCE / WINNERS, job))
    assert (found.missing(shipped.trials), found.winner(shipped.trials)) == (0, shipped)


@pytest.mark.parametrize(("values", "trial"), [((0.5, 0.5, 0.25), 1), ((0.5, 0.25), 1), ((None, 0.25), 2)])
def test_the_default_wins_unless_it_is_beaten(values, trial):
    assert entered(*values).winner(len(values)).trial == trial


def test_a_search_without_values_has_no_winner():
    assert entered(None, None).winner(2) is None


def with_curves(*curves):
    """A search whose trials had these curves: epoch to value; an empty one failed."""
    found = search()
    for points in curves:
        made = trial(found.proposal(), 0.5 if points else None)
        entries = [{"epoch": epoch, "full.ndcg@10": number} for epoch, number in points.items()]
        found.enter(made.model_copy(update={"curve": entries}))
    return found


def test_limits_by_hand():
    """Of 30 epochs a quarter is for warming up, and the last can save nothing."""
    curves = [{5: 0.1, 10: v, 15: v, 30: v} for v in (0.1, 0.5, 0.2, 0.4)]
    found = with_curves(*curves, {})
    assert found.proposal().limits == {}  # four is too few
    found = with_curves(*curves, {}, {5: 0.9, 10: 0.9, 30: 0.9})
    assert found.proposal().limits == {10: 0.4}  # the median of 0.1 0.2 0.4 0.5 0.9; epoch 15 had four


def test_the_first_limit_stands_at_the_end_of_the_warming_up():
    """A quarter of 40 epochs is 10: epoch 10 itself may end a trial."""
    base = work(budget=dataclasses.replace(BUDGETS["quick"], epochs=40))
    same = {"budget": base.job.budget}
    curve = [{"epoch": epoch, "full.ndcg@10": 0.5} for epoch in (9, 10, 39, 40)]
    found = Trials(base)
    for _ in range(5):
        proposed = found.proposal()
        job = dataclasses.replace(trial(proposed, 0.5).job, **same)
        found.enter(trial(proposed, 0.5).model_copy(update={"job": job, "key": job.key, "curve": curve}))
    assert found.proposal().limits == {10: 0.5, 39: 0.5}


def test_a_pruned_trial_counts_sets_no_limit_and_does_not_win():
    found = with_curves(*[{10: v} for v in (0.1, 0.2, 0.3, 0.4, 0.5)])
    before = found.proposal()
    reason = {"status": "skipped", "reason": "pruned at epoch 10", "curve": [{"epoch": 10, "full.ndcg@10": 0.25}]}
    found.enter(trial(before, 0.25).model_copy(update=reason))
    assert found.proposal().limits == before.limits == {10: 0.3}
    assert found.proposal().job.hyper != before.job.hyper
    assert found.skipped == ""
    winner = found.winner(6)
    assert (winner.trials, winner.pruned, winner.failed, winner.value) == (6, 1, 0, 0.5)


def test_a_model_that_makes_no_sense_ends_its_search():
    found = search()
    found.enter(trial(found.proposal(), None).model_copy(update={"status": "skipped", "reason": "needs content"}))
    assert found.skipped == "needs content"
    assert found.winner(1) is None


def test_the_space_of_ngcf():
    found = space(registry.cards()["NGCF"])
    assert found == {
        "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
        "sampling": CategoricalDistribution(['"user"', '"interaction"']),
        "layer_sizes": CategoricalDistribution(["[64]", "[64, 64]", "[64, 64, 64]", "[64, 64, 64, 64]"]),
        "reg_weight": FloatDistribution(1e-5, 1e-1, log=True),
        "message_dropout": FloatDistribution(0.0, 0.8),
    }


@pytest.mark.parametrize("model", TRAINED)
def test_proposals_of_every_model_are_settings_it_takes(model):
    card, found = registry.cards()[model], search(model)
    cls = registry.load(card)
    declared = {f.name for c in (Training, cls.Hyper) for f in dataclasses.fields(c) if f.metadata}
    for number in range(12):  # past the random start
        proposed = found.proposal()
        settings = registry.settings(card, "default", dataset="toy", hyper=proposed.job.hyper)
        training, _ = registry.split_settings(settings)
        registry.hyper(cls, settings)
        read(Training, training)
        assert set(proposed.job.hyper) == declared
        assert number == 0 or encode(proposed.job.hyper, found.space).keys() == declared  # inside its bounds
        found.enter(trial(proposed, 0.5 + number / 100))


def test_a_default_outside_its_space_is_tried_and_not_learnt_from():
    found = space(registry.cards()["LightGCN"])
    hyper = {"learning_rate": 0.01, "n_layers": 9, "reg_weight": 0.0}
    assert encode(hyper, found) == {"learning_rate": 0.01}
    assert encode({**hyper, "n_layers": 6}, found) == {"learning_rate": 0.01, "n_layers": "6"}
