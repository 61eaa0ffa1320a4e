"""When a job stops by itself: asked, or before a deadline that another epoch would miss."""

import math

from bench.run.child import Patience


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def patience(monkeypatch, deadline):
    clock = Clock()
    monkeypatch.setattr("bench.run.child.time.monotonic", clock)
    return Patience(deadline), clock


def test_without_a_deadline_it_goes_on_until_it_is_asked(monkeypatch):
    one, _ = patience(monkeypatch, math.inf)
    assert not one.is_over()
    one.is_asked.set()
    assert one.is_over()


def test_another_epoch_as_long_as_the_longest_must_fit(monkeypatch):
    """The first one took 50 s with what came before it; then 10, 20 and 10: at 90 s another 20 s end at 110."""
    one, clock = patience(monkeypatch, deadline=109.0)
    for now in (50, 60, 80):
        clock.now = now
        assert not one.is_over()
    clock.now = 90
    assert one.is_over()


def test_after_the_first_epoch_only_it_is_known(monkeypatch):
    one, clock = patience(monkeypatch, deadline=90.0)
    clock.now = 50
    assert one.is_over()
