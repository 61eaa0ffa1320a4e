"""Many jobs: one subprocess each through joblib, watched, logged, killable; a job that dies costs only itself."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from joblib import Parallel, delayed

from bench.run.grid import Work
from bench.store.record import Record
from bench.store.store import Store

THREADS = 2  # a job: fixed, so that results are equal to the bit on machines of any size
# glibc hands every large matrix back to the kernel and faults its pages in anew: a tenth to a fifth of a step
KEEP_PAGES = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(2**30))


@dataclass(kw_only=True)
class Pool:
    """Runs work in subprocesses.

    Args:
        jobs: processes at a time.
        threads: torch threads a process.
        device: "cpu" or "cuda:0", given to every process.
        timeout: seconds a job may take; ``None`` for no limit.
        checkpoint_every: epochs between two writes of a job's state; 0 for none.
        tell: told (work, event) as events come: {"state": "started"}, {"epoch", "of", "value"}, and last
            {"state": "done" | "skipped" | "failed" | "stopped", "reason": …}.
    """

    store: Store
    jobs: int
    threads: int = THREADS
    device: str = "cpu"
    timeout: float | None = None
    checkpoint_every: int = 0
    tell: Callable[[Work, dict], None] = lambda work, event: None
    stopping: threading.Event = field(default_factory=threading.Event)
    live: dict[str, subprocess.Popen] = field(default_factory=dict)

    def run(self, works: Sequence[Work]) -> list[str]:
        """The final state of every work, in order. A signal to stop ends all processes and leaves the rest."""
        previous = {s: signal.signal(s, self.stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            # threads only wait for subprocesses; a Dask backend would fan the same calls out to other machines
            return Parallel(n_jobs=self.jobs, backend="threading")(delayed(self.one)(work) for work in works)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def stop(self, *_) -> None:
        self.stopping.set()
        for process in list(self.live.values()):
            kill(process)

    def one(self, work: Work) -> str:
        """Run one job to its end; returns its state."""
        if self.stopping.is_set():
            return "stopped"
        log = self.store.log(work.job)
        log.parent.mkdir(parents=True, exist_ok=True)
        started = time.time()
        self.tell(work, {"state": "started"})
        with log.open("w") as stream:
            returncode, reason = self._process(work, stream)
        if self.stopping.is_set():
            self.tell(work, {"state": "stopped"})
            return "stopped"
        path = self.store.path(work.job)
        left_record = path.exists() and path.stat().st_mtime >= started - 1
        if returncode or not left_record:
            self._bury(work, reason or death(returncode), log)
        record = self.store.find(work.job)
        self.tell(work, {"state": record.status, "reason": record.reason})
        return record.status

    def _process(self, work: Work, stream) -> tuple[int, str]:
        """(return code, reason): start the subprocess, pass its events on, wait for its end."""
        environment = {
            **KEEP_PAGES,
            **os.environ,
            **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(self.threads)),
        }
        order = {
            "results": str(self.store.root),
            "device": self.device,
            "threads": self.threads,
            "checkpoint_every": self.checkpoint_every,
            **work.payload(),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "bench", "job"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the runner alone, which then ends its jobs
        )
        self.live[work.job.key] = process
        timed_out = threading.Event()
        late = threading.Timer(self.timeout or 0, lambda: (timed_out.set(), kill(process)))
        if self.timeout:
            late.start()
        try:
            process.stdin.write(json.dumps(order) + "\n")  # stays open: its end tells the job that the runner is gone
            process.stdin.flush()
            for line in process.stdout:
                self._event(work, line, stream)
        except BrokenPipeError:
            pass
        finally:
            returncode = process.wait()
            self.live.pop(work.job.key, None)
            process.stdin.close()
            process.stdout.close()
            late.cancel()
        return returncode, f"timeout: over {self.timeout:g} s" if timed_out.is_set() else ""

    def _event(self, work: Work, line: str, stream) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict):
            self.tell(work, event)
        else:  # something a library printed
            stream.write(line)
            stream.flush()

    def _bury(self, work: Work, reason: str, log: Path) -> None:
        """A failed record for a job whose process ended without one."""
        tail = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-12:])
        place = str(log.relative_to(self.store.root))
        ended = {"start": datetime.now(timezone.utc).isoformat(timespec="seconds")}
        job = work.job
        self.store.write(
            Record(
                job=job,
                key=job.key,
                status="failed",
                reason=reason,
                traceback=tail,
                log=place,
                provenance=ended,
            )
        )


def kill(process: subprocess.Popen) -> None:
    """End a job with everything it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def death(returncode: int) -> str:
    """Why a process ended, in words."""
    if returncode < 0:
        name = signal.Signals(-returncode).name
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"process killed by {name}{hint}"
    return f"process ended with exit code {returncode} and left no record"
