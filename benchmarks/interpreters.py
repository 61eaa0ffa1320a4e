"""The suite under every Python that is here, each in a fresh environment made by the README's own commands.

    python -m benchmarks.interpreters
    python -m benchmarks.interpreters --pythons python3.12 /opt/python/bin/python3.13 --only registry

The commands are those of the README's line that ends in ``bench check``, without that end. The exit code is 1 if, under
any Python, the suite failed or the environment could not be made.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

import pandas as pd

ROOT = Path(__file__).parents[1]
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")  # those that pyproject.toml and README promise
PACKAGES = ("torch", "numpy", "pandas")
VERSIONS = (
    "import json, sys; from importlib.metadata import version; "
    f"print(json.dumps([sys.version.split()[0], *map(version, {PACKAGES})]))"
)
COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


class Outcome(NamedTuple):
    """The result of the suite under one interpreter; ``problem`` says why there is none to count."""

    python: str
    versions: Sequence[str]
    counts: dict[str, int]
    seconds: float
    problem: str = ""
    output: str = ""  # the last lines

    @property
    def is_good(self) -> bool:
        return not self.problem and not self.counts.get("failed") and bool(self.counts.get("passed"))

    def row(self) -> dict:
        counts = {name: self.counts.get(name, 0) for name in ("passed", "failed", "skipped")}
        about = dict(zip(PACKAGES, self.versions[1:], strict=False))
        python = self.versions[0] if self.versions else self.python
        return {"python": python, **about, **counts, "seconds": round(self.seconds), "problem": self.problem}


def installing(readme: str) -> str:
    """Return the README's commands that make ``.venv`` ready for the tests.

    Raises:
        ValueError: when the README has no line that ends in "bench check".
    """
    found = re.search(r"^    (.*) && \S+ -m bench check$", readme, flags=re.MULTILINE)
    if found is None:
        raise ValueError("README.md has no install line that ends in 'bench check'")
    return found[1]


def counted(output: str) -> dict[str, int]:
    """Return the counts of pytest's summary line, with errors counted as failed; ``-q`` prints no frame around it."""
    counts: dict[str, int] = {}
    lines = [line for line in output.splitlines() if re.search(r"\d+ \w+.* in [\d.]+s", line)]
    for number, word in COUNT.findall(lines[-1] if lines else ""):
        name = "failed" if word.startswith("error") else word
        counts[name] = counts.get(name, 0) + int(number)
    return counts


def try_one(python: str, place: Path, *, only: str | None) -> Outcome:
    """Make the environment ``place`` with ``python`` and run the suite in it; its output goes to ``place``.log."""
    print(f"{python} ...", flush=True)
    started = time.monotonic()
    command = installing((ROOT / "README.md").read_text()).replace(".venv", shlex.quote(str(place)))
    command = re.sub(r"^python3(?= )", shlex.quote(python), command)
    with place.with_name(f"{place.name}.log").open("w+") as log:
        if call(["bash", "-euo", "pipefail", "-c", command], log):
            return Outcome(python, [], {}, time.monotonic() - started, "not installed", tail(log))
        inside = str(place / "bin" / "python")
        versions = json.loads(subprocess.check_output([inside, "-c", VERSIONS], env=environment()))
        started = time.monotonic()
        code = call([inside, "-m", "pytest", "-n", "2", *(["-k", only] if only else [])], log)
        text = tail(log)
    counts = counted(text)
    problem = "" if counts and code in (0, 1) else f"exit code {code}"
    return Outcome(python, versions, counts, time.monotonic() - started, problem, text)


def call(command: list[str], log: TextIO) -> int:
    """Run a command in the project's root with its output in ``log``; return the exit code."""
    return subprocess.run(command, cwd=ROOT, env=environment(), stdout=log, stderr=subprocess.STDOUT).returncode


def environment() -> dict[str, str]:
    """Return the caller's variables without those that would let a fresh environment find the caller's packages."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return variables | {"OMP_NUM_THREADS": "1"}


def tail(log: TextIO, n: int = 20) -> str:
    """Return the last ``n`` lines of the log."""
    log.seek(0)
    return "".join(log.readlines()[-n:])


def is_here(python: str) -> bool:
    """Return whether ``python`` runs; a launcher's stand-in for a version that is not installed exists, but fails."""
    try:
        return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.interpreters", description=__doc__.splitlines()[0])
    parser.add_argument("--pythons", nargs="+", default=PYTHONS, metavar="NAME|PATH")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make environments and logs there and leave them")
    parser.add_argument("--only", metavar="EXPR", help="run only the tests that this selects, as pytest -k does")
    args = parser.parse_args(argv)
    here = [python for python in args.pythons if is_here(python)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        outcomes = [try_one(python, folder / Path(python).name, only=args.only) for python in here]
        print("".join(outcome.output for outcome in outcomes if not outcome.is_good), end="")
        print(pd.DataFrame([outcome.row() for outcome in outcomes]).to_markdown(index=False), flush=True)
    print(f"not here: {', '.join(python for python in args.pythons if python not in here) or 'none'}")
    sys.exit(not outcomes or not all(outcome.is_good for outcome in outcomes))


if __name__ == "__main__":
    main()
