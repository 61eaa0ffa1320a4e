import pytest

from bench.train.prune import Pruned, prune

ENTRY = {"epoch": 10, "loss": 0.5, "seconds": 1.0, "full.ndcg@10": 0.25}


def test_below_its_limit_a_trial_ends():
    with pytest.raises(Pruned, match=r"pruned at epoch 10: 0\.2500 is below 0\.3000, the median of the trials before"):
        prune(ENTRY, select="full.ndcg@10", limits={10: 0.3})


@pytest.mark.parametrize("limits", [{}, {10: 0.25}, {5: 0.3, 15: 0.3}])
def test_at_its_limit_or_without_one_it_goes_on(limits):
    prune(ENTRY, select="full.ndcg@10", limits=limits)


def test_an_epoch_that_is_not_evaluated_ends_nothing():
    prune({"epoch": 10, "loss": 0.5}, select="full.ndcg@10", limits={10: 0.3})
