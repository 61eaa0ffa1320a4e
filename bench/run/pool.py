"""Many jobs: one process each through joblib, watched, logged, killable; a job that dies costs only itself."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from joblib import Parallel, delayed

from bench.run.plan import PlannedJob
from bench.run.server import FORKS, child_main, death, kill, start_server
from bench.run.slots import Slot, Slots
from bench.spec import BenchError
from bench.store.record import Record
from bench.store.store import Store

RETRIES = 1  # of a job whose process was killed: by the system, as a rule, for want of memory
POLL = 0.5  # seconds between two looks at jobs that another runner has
THREADS = 2  # a job: fixed, so that results are equal to the bit on machines of any size


def events(ours: Connection) -> Iterator[dict]:
    """What a job tells until it ends, be it amid a message."""
    while True:
        try:
            event = ours.recv()
        except (EOFError, OSError):
            return
        yield event


def gpu_of(slot: Slot) -> dict[str, str]:
    """One device, or none; numbered as nvidia-smi does, where CUDA by itself counts the fastest first."""
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": slot.gpu}


@dataclass(kw_only=True)
class Pool:
    """Runs work in processes forked from one server, which imports torch and RecBole once.

    Args:
        slots: how many processes at a time, and where.
        threads: torch threads a process.
        timeout: seconds a job may take; ``None`` for no limit.
        checkpoint_every: epochs between two writes of a job's state; 0 for none.
        tell: told (work, event) as events come: {"state": "started"}, {"device"} once it has one, {"stage"},
            {"epoch", "of", "value"}, and last {"state": "done" | "skipped" | "failed" | "stopped", "reason": …}.
        follow: asked, with a work and its state, what runs next in its place; a search has its next trial.
    """

    store: Store
    slots: Slots
    threads: int = THREADS
    timeout: float | None = None
    checkpoint_every: int = 0
    tell: Callable[[PlannedJob, dict], None] = lambda work, event: None
    follow: Callable[[PlannedJob, str], PlannedJob | None] = lambda work, state: None
    stopping: threading.Event = field(default_factory=threading.Event)
    live: dict[str, BaseProcess] = field(default_factory=dict)
    stamps: dict[str, tuple[int, int] | None] = field(default_factory=dict)  # of the records before the run

    def run(self, works: Sequence[PlannedJob]) -> list[str]:
        """The final state of every work, in order. A signal to stop ends all processes and leaves the rest."""
        self.warm()
        self.stamps = {work.job.key: self.store.stamp(work.job) for work in works} | self.stamps
        is_main = threading.current_thread() is threading.main_thread()
        signals = (signal.SIGINT, signal.SIGTERM) if is_main else ()
        previous = {s: signal.signal(s, self.stop) for s in signals}
        try:
            # threads only wait: for processes here, for those of other machines in bench.run.cluster
            states, left = {}, list(works)
            while left:
                at_a_time = Parallel(n_jobs=min(self.slots.most, len(left)), backend="threading")
                ended = at_a_time(delayed(self.chain)(work) for work in left)
                states |= {work.job.key: state for work, state in zip(left, ended, strict=True)}
                left = [work for work in left if states[work.job.key] == "elsewhere"]
                time.sleep(POLL if left else 0)  # another runner may finish these, or die over them
            return [states[work.job.key] for work in works]
        except BaseException:  # what cannot be written down is not worth going on with
            self.stop()
            raise
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def warm(self) -> None:
        """Have what jobs are forked from ready."""
        start_server(self.threads)

    def stop(self, *_) -> None:
        self.stopping.set()
        for process in list(self.live.values()):
            kill(process)

    def chain(self, work: PlannedJob) -> str:
        """Run one job, then those that follow from it, one after another; returns the last one's state."""
        state = self.one(work)
        while state not in ("stopped", "elsewhere") and (work := self.follow(work, state)) is not None:
            self.stamps[work.job.key] = self.store.stamp(work.job)
            state = self.one(work)
        return state

    def one(self, work: PlannedJob) -> str:
        """Run one job to its end unless another runner has it; returns its state."""
        if self.stopping.is_set():
            return "stopped"
        with self.store.lock(work.job) as is_ours:
            if not is_ours:
                return "elsewhere"
            if self.store.stamp(work.job) in (None, self.stamps[work.job.key]):
                return self._run(work)
        record = self.store.find(work.job)  # another runner's
        self.tell(work, {"state": record.status, "reason": record.reason})
        return record.status

    def _run(self, work: PlannedJob) -> str:
        log = self.store.start_log(work.job)
        self.tell(work, {"state": "started"})
        is_alone, record, spent = False, None, 0.0
        for _ in range(1 + RETRIES):
            before, slot = self.store.stamp(work.job), self.slots.take(work, alone=is_alone)
            clock = time.perf_counter()
            try:
                returncode, reason = self._process(work, log, slot)
                if self.stopping.is_set():
                    self.tell(work, {"state": "stopped"})
                    return "stopped"
                if self.store.stamp(work.job) != before:
                    record = self.store.find(work.job)
            finally:
                spent += time.perf_counter() - clock
                self.slots.give_back(slot, work, record)
            is_alone = record is not None and "OutOfMemoryError" in record.reason and slot.gpu and not is_alone
            was_killed = record is None and returncode < 0 and not reason  # a reason: it ran out of time
            if not (is_alone or was_killed):
                break
        if record is None:
            why = reason or (death(returncode) if returncode else f"{log} says why; the finished record stands")
            record = self._bury(work, why, log, seconds={"spent": spent})
        if record.status == "done":  # its process may have been ended before it took this away
            self.store.checkpoint(work.job).unlink(missing_ok=True)
        self.tell(work, {"state": record.status, "reason": record.reason})
        return record.status

    def _process(self, work: PlannedJob, log: Path, slot: Slot) -> tuple[int, str]:
        """(return code, reason): start the process, pass its events on, wait for its end."""
        order = {
            "results": str(self.store.root),
            "log": str(log),
            "device": "cuda:0" if slot.gpu else "cpu",
            "threads": self.threads,
            "checkpoint_every": self.checkpoint_every,
            "environment": {**os.environ, **gpu_of(slot)},
            **work.payload(),
        }
        ours, theirs = FORKS.Pipe()
        process = FORKS.Process(target=child_main, args=(order, theirs), daemon=True)
        process.start()
        theirs.close()
        self.live[work.job.key] = process
        if self.stopping.is_set():
            kill(process)
        self.tell(work, {"device": f"GPU {slot.gpu}" if slot.gpu else "CPU"})
        timed_out = threading.Event()
        late = threading.Timer(self.timeout or 0, lambda: (timed_out.set(), kill(process)))
        if self.timeout:
            late.start()
        try:
            for event in events(ours):
                if "end" in event:
                    raise BenchError(event["end"])
                self.tell(work, event)
        finally:
            process.join()
            self.live.pop(work.job.key, None)
            ours.close()
            late.cancel()
        return process.exitcode, f"timeout: over {self.timeout:g} s" if timed_out.is_set() else ""

    def _bury(self, work: PlannedJob, reason: str, log: Path, *, seconds: dict[str, float] | None = None) -> Record:
        """A failed record for a job whose process ended without one."""
        text = log.read_text(errors="replace") if log.exists() else ""
        tail = "".join(text.splitlines(keepends=True)[-12:])
        place = str(log.relative_to(self.store.root))
        ended = {"start": datetime.now(UTC).isoformat(timespec="seconds")}
        job, settings = work.job, {}
        with suppress(Exception):  # of a model file that cannot be imported, which may be what the job died of
            settings = work.settings
        record = Record(
            job=job,
            key=job.key,
            status="failed",
            reason=reason,
            traceback=tail,
            log=place,
            settings=settings,
            seconds=seconds or {},
            facts=work.facts,
            provenance=ended,
        )
        self.store.write(record)
        return record
