"""A Dask scheduler and workers as real processes on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.run.storm import until


class Place:
    """A scheduler, started at once; workers as asked for; ``settings`` are variables of the environment."""

    def __init__(self, folder: Path, *flags: str, settings: dict[str, str] | None = None):
        self.folder, self.info, self.workers = folder, folder / "scheduler.json", {}
        self.settings = {**os.environ, "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False", **(settings or {})}
        self.scheduler = self._start("dask_scheduler", "--port", "0", "--no-show", *flags)
        until(lambda: self.info.exists() and self.info.stat().st_size)
        self.address = json.loads(self.info.read_text())["address"]

    def _start(self, tool: str, *flags: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.{tool}", "--scheduler-file", str(self.info)]
        command += ["--host", "127.0.0.1", "--no-dashboard", *flags]
        with open(self.folder / "dask.log", "a") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.settings, stdout=log, stderr=log)

    def add(self, name: str, *, n_threads: int) -> None:
        """A worker in a folder of its own."""
        flags = ("--name", name, "--nthreads", str(n_threads), "--local-directory", str(self.folder / name))
        self.workers[name] = self._start("dask_worker", "--no-nanny", *flags)

    def kill(self, name: str) -> None:
        self.workers[name].kill()
        self.workers.pop(name).wait()

    def close(self) -> None:
        for process in (*self.workers.values(), self.scheduler):
            process.kill()
            process.wait()


def jobs_of(place: Place) -> list[int]:
    """Processes of jobs at work: what they print goes into a log below the place."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            out = os.readlink(folder / "fd" / "1")
        except OSError:  # it ended, or is another user's
            continue
        if out.startswith(f"{place.folder}/") and "/mcln-bench-" in out:
            found.append(int(folder.name))
    return found
