"""A search: default first, a function of what has ended, on validation alone."""

import dataclasses
import sqlite3

import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import RDBStorage

from bench.store.store import Store
from bench.tune import trials
from bench.tune.trials import value
from tests.tune.searched import drive, objective, search, trial, work


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
    from bench import registry

    card = registry.cards()["MCLN"]
    told = registry.settings(card, "itemwise", dataset="beauty", hyper={})
    hyper = search("MCLN", preset="itemwise", dataset="beauty").proposal().job.hyper
    assert hyper == {name: told[name] for name in hyper}
    assert set(hyper) == {"learning_rate", "sampling", "n_layers", "n_attention_layers", "reg_weight"}


def test_interrupted_it_ends_the_same(tmp_path):
    """A database read anew each time against a search that never left memory."""
    whole, cut = drive(search(), 13), []
    for n in (1, 2, 12, 13):  # the sampler models what it saw from the eleventh on
        storage = RDBStorage(f"sqlite:///{tmp_path}/trials.db")
        reopened = search(storage=storage)
        assert reopened.proposal() == reopened.proposal()  # killed while it ran
        cut = drive(reopened, n)
        storage.engine.dispose()
    assert cut == whole
    assert len({tuple(hyper.values()) for hyper in whole}) == 13


def test_another_search_proposes_other_settings():
    one, other = drive(search(), 2), drive(search(data_hash="e"), 2)
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_it_learns_from_its_trials():
    """Later trials lie nearer to the best value, 1, than the ten that were drawn at random."""
    found = search()
    drive(found, 40)
    values = [t.value for t in found.ended]
    drawn, learnt = sum(1 - v for v in values[1:11]) / 10, sum(1 - v for v in values[25:]) / 15
    assert learnt < 0.75 * drawn
    assert max(values) > 0.95 > 0.6 > values[0]


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
    assert winner.hyper == found.ended[1].user_attrs["hyper"]
    assert found.winner(5).trial == 5
    assert winner.words.startswith(
        "4 trials (1 failed, 0 pruned) in 9 s: validation 0.5000 (trial 2), default 0.2500; "
    )


def test_the_seconds_of_trials_that_failed_count():
    found = entered(0.25)
    failed = trial(found.proposal(), None)
    found.enter(failed.model_copy(update={"seconds": {"spent": 40.0}}))
    assert found.winner(2).seconds == 2.0 + 1.0 + 40.0


def test_a_search_in_other_bounds_is_another(monkeypatch):
    before = search().name
    space = {"reg_weight": FloatDistribution(1e-9, 1e-1, log=True)}
    monkeypatch.setattr(trials, "space", lambda card: space)
    assert search().name != before


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


@pytest.fixture
def kept(tmp_path):
    """A search of three trials with their records: (what opens it, the store of the records)."""
    store, storages = Store(tmp_path / "records"), []

    def opened():
        storages.append(RDBStorage(f"sqlite:///{tmp_path}/trials.db"))
        return search(storage=storages[-1])

    found = opened()
    while len(found.ended) < 3:
        proposed = found.proposal()
        made = trial(proposed, objective(proposed.job.hyper) if found.ended else None)
        store.write(made)
        found.enter(made)
    yield opened, store, tmp_path / "trials.db"
    for storage in storages:
        storage.engine.dispose()


def test_trials_that_are_what_their_records_say_hold(kept):
    opened, store, _ = kept
    assert opened().hold(store)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE trial_values SET value = 0.99",
        "UPDATE trial_params SET param_value = 0.05 WHERE param_name = 'learning_rate'",
        "UPDATE trial_intermediate_values SET intermediate_value = 0.99",
        "UPDATE trials SET state = 'COMPLETE' WHERE state = 'FAIL'",
        "UPDATE trial_user_attributes SET value_json = '99.0' WHERE key = 'seconds'",
        "DELETE FROM trial_user_attributes WHERE key = 'hyper'",
    ],
)
def test_an_edited_database_is_seen_and_made_anew_from_the_records(kept, edit):
    opened, store, path = kept
    whole = [(t.number, t.value, t.params, t.user_attrs) for t in opened().ended]
    with sqlite3.connect(path) as connection:
        connection.execute(edit)
    connection.close()
    found = opened()
    assert not found.hold(store)
    found.forget(found.kept._storage)
    assert found.ended == []
    for _, _, _, told in whole:
        found.enter(store.find(dataclasses.replace(found.base.job, hyper=told["hyper"])))
    assert [(t.number, t.value, t.params, t.user_attrs) for t in found.ended] == whole


def test_a_trial_without_its_record_does_not_hold(kept):
    opened, store, _ = kept
    next(store.root.glob("*/*/*.json")).unlink()
    assert not opened().hold(store)
