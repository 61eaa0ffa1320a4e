"""The live view from sequences of events, with a clock and a console of our own."""

import io
import math

import pytest
from rich.console import Console

from bench.run.events import ELSEWHERE, Event
from bench.run.progress import Screen
from tests.run.made import toy as work


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def show():
    """show(works, seconds known of each) -> (screen, its clock, what it printed)."""

    def make(works, seconds=(), *, is_terminal=False):
        out, clock = io.StringIO(), Clock()
        console = Console(file=out, force_terminal=is_terminal, width=120, color_system=None)
        known = {w.job.key: s for w, s in zip(works, seconds, strict=False)}
        estimate = lambda job: known.get(job.key, math.inf)  # noqa: E731
        return Screen(works, estimate, console=console, clock=clock), clock, out

    return make


def drawn(screen) -> list[str]:
    """The table, line by line, runs of spaces made one."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(screen.view())
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines() if line.strip()]


def test_a_job_s_line_and_its_time_left(show):
    """Epochs 1 and 3 are 4 s apart: 2 s each, 7 of 10 to go are 14 s, less the second since."""
    one = work()
    screen, clock, _ = show([one, work(seed=1)])
    assert drawn(screen)[0] == "0 of 2"  # it waits for its slot
    screen.tell(one, Event(device="GPU 0"))
    screen.tell(one, Event(stage="loading"))
    clock.now += 5
    assert drawn(screen)[2:] == ["toy BPRMF npy clean smoke seed 0 GPU 0 loading 5 s"]
    screen.tell(one, Event(epoch=1, of=10, value=0.25))
    clock.now += 4
    screen.tell(one, Event(epoch=3, of=10, value=0.125))
    clock.now += 1
    assert drawn(screen)[1] == "job device at best so far left"
    assert drawn(screen)[2] == "toy BPRMF npy clean smoke seed 0 GPU 0 epoch 3/10 0.2500 10 s 13 s"
    # the job that waits counts as long as this one: 13 + 13, one at a time
    assert drawn(screen)[0] == "0 of 2, about 26 s left"


def test_what_jobs_took_before_counts_until_it_is_over(show):
    """Others took 30 s, stopped early; by the epochs alone it would be 2 s * 98."""
    one = work()
    screen, clock, _ = show([one], [30.0])
    screen.tell(one, Event(device="CPU"))
    clock.now += 2
    assert screen.left() == 28
    screen.tell(one, Event(epoch=1, of=100, value=None))
    clock.now += 2
    screen.tell(one, Event(epoch=2, of=100, value=None))
    assert screen.left() == 26
    clock.now += 27
    assert screen.left() == 2 * 98 - 27  # longer than the others: all epochs, then
    assert drawn(screen)[2].endswith("epoch 2/100 31 s 3 min")


def test_the_pace_after_a_checkpoint_is_that_of_this_start(show):
    one = work()
    screen, clock, _ = show([one])
    screen.tell(one, Event(device="CPU"))
    clock.now += 100
    screen.tell(one, Event(epoch=26, of=30, value=None))
    assert screen.left() is None  # one epoch is no pace
    clock.now += 3
    screen.tell(one, Event(epoch=27, of=30, value=None))
    assert screen.left() == 3 * 3


def test_waiting_jobs_are_shared_by_as_many_as_run_at_a_time(show):
    """Two at a time: 10 + 20 at work and 30 + 40 waiting are 50 s; alone, the longest sets the end."""
    works = [work(seed=s) for s in range(4)]
    screen, clock, _ = show(works, [10.0, 20.0, 30.0, 40.0])
    for w in works[:2]:
        screen.tell(w, Event(device="CPU"))
    assert screen.left() == 50
    screen.tell(works[0], Event(state="done"))
    assert screen.left() == (20 + 30 + 40) / 2  # the next one is about to start
    for w in works[2:]:
        screen.tell(w, Event(state="done"))
    assert screen.left() == 20


def test_plain_lines_without_a_terminal(show):
    one, two, three = works = [work(seed=s) for s in range(3)]
    screen, clock, out = show(works)
    with screen:
        for w in (one, two):
            screen.tell(w, Event(device="CPU"))
            screen.tell(w, Event(epoch=1, of=1, value=0.5))
        screen.tell(three, Event(stage=ELSEWHERE))
        clock.now += 30
        screen.tell(one, Event(state="done"))
        clock.now += 30
        screen.tell(two, Event(state="failed", reason="loss is nan"))
        screen.tell(three, Event(state="done"))  # another runner's
        screen.tell(three, Event(epoch=7, of=9, value=1.0))  # told late
    assert out.getvalue().splitlines() == [
        f"toy BPRMF npy clean smoke seed 2: {ELSEWHERE}",
        "[1/3] toy BPRMF npy clean smoke seed 0 done",
        "[2/3] toy BPRMF npy clean smoke seed 1 failed: loss is nan",
        "[3/3] toy BPRMF npy clean smoke seed 2 done",
        "2 jobs ended within 60 s (90 s of their own time, 1.5 jobs at a time); "
        "the longest took 60 s: toy BPRMF npy clean smoke seed 1",
    ]


def test_a_job_tried_again_starts_its_clock_anew_and_a_stopped_one_has_no_time(show):
    one, two = work(), work(seed=1)
    screen, clock, out = show([one, two])
    with screen:
        screen.tell(one, Event(device="a CPU"))
        clock.now += 50
        screen.tell(one, Event(device="b CPU"))
        clock.now += 7
        assert "b CPU starting 7 s" in drawn(screen)[2]
        screen.tell(one, Event(state="done"))
        screen.tell(two, Event(device="CPU"))
        screen.tell(two, Event(state="stopped"))
    assert [took for took, _ in screen.took] == [7]


def test_on_a_terminal_the_table_lives_and_leaves_only_lines(show):
    one, two = works = [work(), work(seed=1)]
    screen, clock, out = show(works, is_terminal=True)
    with screen:
        screen.tell(one, Event(device="GPU 1"))
        screen.live.refresh()
        assert "GPU 1" in out.getvalue()
        assert "0 of 2" in out.getvalue()
        screen.tell(one, Event(state="done"))
    assert "[1/2] toy BPRMF npy clean smoke seed 0 done" in out.getvalue()
