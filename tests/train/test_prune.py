import pytest

from bench.train.fit import Choice, Fit
from bench.train.prune import Pruned, prune

SELECT = "full.ndcg@10"


def course(*values) -> Fit:
    """What was evaluated every fifth epoch, and took a second and a half each time."""
    fit = Fit(choices={SELECT: Choice()}, seconds_train=1.0 * len(values), seconds_evaluate=0.5 * len(values))
    for n, value in enumerate(values, 1):
        fit.curve.append({"epoch": 5 * n, "loss": 0.5, "seconds": 1.0, SELECT: value})
        fit.choices[SELECT].sees(value, 5 * n)
        fit.epochs = 5 * n
    return fit


def test_below_its_limit_a_trial_ends_with_its_whole_curve_and_all_its_seconds():
    fit = course(0.2, 0.25)
    message = r"pruned at epoch 10: 0\.2500 is below 0\.3000, the median of the trials before"
    with pytest.raises(Pruned, match=message) as found:
        prune(fit.curve[-1], fit, select=SELECT, limits={10: 0.3})
    assert (found.value.curve, found.value.seconds) == (fit.curve, 3.0)


@pytest.mark.parametrize("limits", [{}, {10: 0.25}, {5: 0.3, 15: 0.3}])
def test_at_its_limit_or_without_one_it_goes_on(limits):
    fit = course(0.2, 0.25)
    prune(fit.curve[-1], fit, select=SELECT, limits=limits)


def test_a_trial_is_held_to_its_best_value_and_not_to_the_last():
    """It was best at epoch 5, by which it would be judged in the end, and overfits since."""
    fit = course(0.35, 0.25)
    prune(fit.curve[-1], fit, select=SELECT, limits={10: 0.3})


def test_an_epoch_that_is_not_evaluated_ends_nothing():
    prune({"epoch": 10, "loss": 0.5}, course(0.2, 0.25), select=SELECT, limits={10: 0.3})
