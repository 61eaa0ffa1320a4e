"""Jobs and runner killed at random until all is done, held against a run that nobody disturbed.

    python -m tests.run.storm --sets 5 --seeds 3 --runner-kills 10

prints how often what was killed, and ends with an error where a record differs.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np

from bench.store.store import Store

MODELS = ("BPRMF", "LightGCN", "VBPR", "SVDPP")
ROOT = Path(__file__).parents[2]


def write_set(folder: Path, *, seed: int) -> Path:
    """A small set of 60 users and 150 items in the generic layout."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    rows = [rng.choice(150, 10, replace=False) for _ in range(60)]
    for name, part in (("train", slice(0, 8)), ("validation", slice(8, 9)), ("test", slice(9, 10))):
        text = "".join(f"{u} {' '.join(map(str, row[part]))}\n" for u, row in enumerate(rows))
        (folder / f"{name}.txt").write_text(text)
    np.save(folder / "image_feat.npy", rng.normal(size=(150, 6)).astype(np.float32))
    return folder


def on_one_core(**more: str) -> dict[str, str]:
    """The environment of a program that is to draw with one process, as the other cores have tests of their own."""
    return {**os.environ, "LOKY_MAX_CPU_COUNT": "1", **more}


def start(place: Path, results: str, *, sets: int, seeds: int, models=MODELS) -> subprocess.Popen:
    """The program on all sets, at work in a process of its own."""
    flags = ["--datasets", *(str(place / f"set{k}") for k in range(sets)), "--models", *models]
    flags += ["--seeds", *map(str, range(seeds)), "--budget", "quick", "--protocols", "clean", "--gpus", "none"]
    flags += ["--jobs", "2", "--threads", "1", "--checkpoint-every", "5"]
    flags += ["--results", str(place / results), "--reports", str(place / f"{results}-reports")]
    more = {"cwd": ROOT, "env": on_one_core(), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, str(ROOT / "run_all.py"), *flags], **more)


def processes() -> dict[int, tuple[int, int]]:
    """Process to parent and group, of all that have not ended."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            state, parent, group = path.read_bytes().rpartition(b")")[2].split()[:3]
            if state != b"Z":
                found[int(path.parent.name)] = int(parent), int(group)
    return found


def below(pid: int) -> set[int]:
    """The processes that ``pid`` started, and those that they started."""
    table, found, last = processes(), set(), {pid}
    while last:
        last = {one for one, (parent, _) in table.items() if parent in last}
        found |= last
    return found


def jobs_of(runner: subprocess.Popen) -> list[int]:
    """Processes of the runner's jobs: leaders of their own groups below its fork server."""
    table = processes()
    servers = {pid for pid, (parent, _) in table.items() if parent == runner.pid}
    return [pid for pid, (parent, group) in table.items() if parent in servers and group == pid]


def is_drawing(runner: subprocess.Popen) -> bool:
    """Whether the runner has processes that draw: forked from it, they bear its command line."""

    def command(pid: int) -> bytes:
        with suppress(OSError):  # it has ended
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        return b""

    own = command(runner.pid)
    return any(parent == runner.pid and command(pid) == own != b"" for pid, (parent, _) in processes().items())


def storm(
    place: Path, *, period: float, job_kills: int, runner_kills: int, drawing_kills: int, rng: random.Random, **size
) -> dict[str, int]:
    """Run to the end through the kills, of which there are at most so many; how many there were.

    Every other job is killed as soon as its ranks lie there without its record, and the runner while it draws, where
    that is seen in time.
    """
    killed, rounds, results = Counter(), 0, place / "storm"
    runner = start(place, "storm", **size)
    try:
        while True:
            try:
                if runner.wait(period) == 0:
                    return killed
                runner = start(place, "storm", **size)  # jobs killed twice have failed: they are due again
                continue
            except subprocess.TimeoutExpired:
                rounds += 1
            victims = jobs_of(runner)
            if victims and rounds % 4 == 0 and killed["runners"] < runner_kills:
                runner = killed_and_started(runner, place, **size)
                killed["runners"] += 1
            elif victims and killed["jobs"] < job_kills:
                is_between = rounds % 2 and is_seen(is_half_written, results, seconds=period)
                killed["between writes"] += bool(is_between)
                for victim in jobs_of(runner) if is_between else [rng.choice(victims)]:
                    with suppress(ProcessLookupError):
                        os.kill(victim, signal.SIGKILL)
                        killed["jobs"] += 1
            elif not victims and killed["drawing"] < drawing_kills:
                if is_seen(is_drawing, runner, seconds=period, every=0.05):
                    runner = killed_and_started(runner, place, **size)
                    killed["drawing"] += 1
    finally:
        runner.kill()
        runner.wait()


def killed_and_started(runner: subprocess.Popen, place: Path, **size) -> subprocess.Popen:
    """Kill the runner, see all its processes end within ten seconds, and start another."""
    started = below(runner.pid)
    runner.kill()
    runner.wait()
    until(lambda: not started & set(processes()), seconds=10)
    return start(place, "storm", **size)


def is_half_written(results: Path) -> bool:
    """Whether there are ranks that no record names yet."""
    ranks = {path.name.partition(".")[0]: path for path in results.glob("*/[!c]*/[!.]*.parquet")}
    return any(not path.with_name(f"{key}.json").exists() for key, path in ranks.items())


def is_seen(holds, *args, seconds: float, every: float = 0.002) -> bool:
    """Whether ``holds(*args)`` comes true within that time; it is asked ``every`` so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds(*args):
            return True
        time.sleep(every)
    return False


def until(holds, seconds: float = 180) -> None:
    """Wait until ``holds()``; a machine under load may take long."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def differences(place: Path) -> list[str]:
    """Records that the storm lost, doubled or changed; metrics and ranks must agree to the bit."""
    calm, found = ({p.relative_to(place / r): p for p in (place / r).glob("*/*/*.json")} for r in ("calm", "storm"))
    wrong = [f"{name} is missing or too many" for name in calm.keys() ^ found.keys()]
    for name in calm.keys() & found.keys():
        one, other = (json.loads(side[name].read_text()) for side in (calm, found))
        ranks = [[record["ranks_sha256"], record["cases_sha256"]] for record in (one, other)]  # of equal bytes, equal
        if other["status"] != "done" or one["metrics"] != other["metrics"] or ranks[0] != ranks[1]:
            wrong.append(f"{name} differs")
    left = [p for kind in ("*.lock", "*.checkpoint") for p in (place / "storm").glob(f"*/*/{kind}")]
    store = Store(place / "storm")
    store.records()
    wrong += store.left_out.values()
    return wrong + [f"{path} is left over" for path in left]


def run(
    place: Path,
    *,
    sets: int,
    seeds: int,
    models=MODELS,
    period=3.0,
    job_kills=10**6,
    runner_kills=2,
    drawing_kills=2,
    seed=0,
) -> tuple[int, dict[str, int], list[str]]:
    """(records, kills, differences)."""
    for k in range(sets):
        write_set(place / f"set{k}", seed=k)
    size = {"sets": sets, "seeds": seeds, "models": models}
    if start(place, "calm", **size).wait() != 0:
        raise SystemExit("the calm run failed")
    kills = {"job_kills": job_kills, "runner_kills": runner_kills, "drawing_kills": drawing_kills}
    killed = storm(place, period=period, rng=random.Random(seed), **kills, **size)
    return len(list((place / "storm").glob("*/*/*.json"))), killed, differences(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runner-kills", type=int, default=2)
    parser.add_argument("--period", type=float, default=3.0, help="seconds between two kills")
    args = parser.parse_args()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        records, killed, wrong = run(
            Path(folder), sets=args.sets, seeds=args.seeds, period=args.period, runner_kills=args.runner_kills
        )
    kinds = ", ".join(f"{n} {what}" for what, n in killed.items())
    print(f"{records} records; killed: {kinds}; {time.perf_counter() - begun:.0f} s")
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
