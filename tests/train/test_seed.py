import torch

from bench.train.seed import generator, seed_all, stream


def test_streams_differ_by_seed_and_purpose():
    assert len({stream(s, p) for s in range(50) for p in ("init", "sampling", "train")}) == 150


def test_equal_seeds_give_equal_draws():
    seed_all(3, "init")
    one = torch.rand(4)
    seed_all(3, "init")
    assert torch.equal(one, torch.rand(4))
    cpu = torch.device("cpu")
    assert generator(3, "x", cpu).initial_seed() == generator(3, "x", cpu).initial_seed()
