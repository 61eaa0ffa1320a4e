import torch

from bench.train.seed import generator, repeatable, seed_all, stream


def test_streams_differ_by_seed_and_purpose():
    assert len({stream(s, p) for s in range(50) for p in ("init", "sampling", "train")}) == 150


def test_equal_seeds_give_equal_draws():
    seed_all(3, "init")
    one = torch.rand(4)
    seed_all(3, "init")
    assert torch.equal(one, torch.rand(4))
    for other in ((4, "init"), (3, "train")):
        seed_all(*other)
        assert not torch.equal(one, torch.rand(4))
    cpu = torch.device("cpu")
    assert generator(3, "x", cpu).initial_seed() == generator(3, "x", cpu).initial_seed()


def test_threads_add_to_a_row_in_the_order_of_the_batch(two_threads):
    """The oracle adds row after row. Sixty thousand rows go to ten: unordered, the last digits would differ."""
    table, index = torch.zeros(10, 8, requires_grad=True), torch.arange(60_000) % 10
    towards = torch.rand(len(index), 8, generator=torch.Generator().manual_seed(1))
    expected = torch.zeros(10, 8)
    for rows in towards.split(10):
        expected += rows
    with repeatable(torch.device("cpu")):
        (gradient,) = torch.autograd.grad(table[index], table, towards)
    assert torch.equal(gradient, expected)


def test_what_was_set_before_is_set_again():
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with repeatable(torch.device("cpu")):
            assert not torch.utils.deterministic.fill_uninitialized_memory
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.utils.deterministic.fill_uninitialized_memory
    finally:
        torch.use_deterministic_algorithms(False)
    with repeatable(torch.device("cpu")):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_other_devices_are_left_as_they_are():
    with repeatable(torch.device("cuda")):
        assert not torch.are_deterministic_algorithms_enabled()
