"""Jobs, pools and executors made up for tests of the runner, and the program itself at work."""

import subprocess
import sys
from pathlib import Path

from bench.run import plan
from bench.run.events import Event
from bench.run.local import Local
from bench.run.pool import Executor, Outcome, Pool
from bench.run.slots import Slots
from tests.run.storm import on_one_core
from tests.store.made import job, record

ROOT = Path(__file__).parents[2]


def toy(**more) -> plan.PlannedJob:
    """A job that no data stand behind."""
    return plan.PlannedJob(job=job(**more), location="toy", data_dir=None)


def planned(folder, **more) -> list[plan.PlannedJob]:
    """Jobs that can be run, BPRMF for one epoch unless ``more`` says otherwise."""
    more = {"models": ["BPRMF"], "budget": "smoke", "protocols": ["clean"], **more}
    return plan.jobs(plan.Request(datasets=[str(folder)], **more))


def local(store, *, jobs=1, **more) -> Pool:
    """A pool of processes on this machine; ``more`` goes to the executor or to the pool."""
    own = {name: more.pop(name) for name in ("timeout", "checkpoint_every", "deadline") if name in more}
    return Pool(executor=Local(store=store, threads=1, **own), slots=Slots(cpus=jobs), **more)


class Scripted(Executor):
    """An executor that runs nothing: ``act(planned, attempt)`` is called instead and returns the outcome."""

    def __init__(self, store, act=None):
        super().__init__(store=store)
        self.act, self.attempts, self.asked, self.killed = act or self.finish, {}, 0, 0

    def finish(self, planned, attempt):
        self.store.write(record(job=planned.job))
        return Outcome(record=self.store.find(planned.job))

    def execute(self, planned, slot, listener):
        attempt = self.attempts[planned.job.key] = self.attempts.get(planned.job.key, 0) + 1
        listener(planned, Event(device="CPU"))
        return self.act(planned, attempt)

    def ask(self):
        self.asked += 1

    def kill(self):
        self.killed += 1


def start(folder, tmp_path, *flags, **more) -> subprocess.Popen:
    """The program at work in a process of its own."""
    places = ["--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")]
    common = ["--datasets", str(folder), "--protocols", "clean", "--gpus", "none", "--jobs", "1"]
    common += ["--threads", "1", *places]
    out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "env": on_one_core(), **more}
    return subprocess.Popen([sys.executable, str(ROOT / "run_all.py"), *common, *flags], cwd=ROOT, **out)
