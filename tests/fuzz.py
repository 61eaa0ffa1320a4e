"""Random damage, from a seed: nothing damaged changes a table or a result in silence, no input gives a traceback.

    python -m tests.fuzz --records 500 --folders 1000 --commands 1500 --seed 0

Every case is drawn from the seed and its own number, so that ``--only N`` tries one again.
"""

import argparse
import contextlib
import io
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

LIMIT = 15  # seconds that a case may take
CODES = (0, 1, 2, 124)  # of a program that ends in good order


class Hung(BaseException):
    """A case took too long; no ``Exception``, which a handler under test may catch."""


@dataclass(kw_only=True)
class Tally:
    """What came of the cases of one kind, and those that are faults."""

    kind: str
    counts: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def enter(self, outcome: str, case: str = "") -> None:
        self.counts[outcome] += 1
        if case:
            self.faults.append(f"{self.kind} {case}")

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(self.counts.items()))
        return "\n".join([f"{self.kind}: {self.counts.total()} tried, {counts or 'none'}", *self.faults])


@contextlib.contextmanager
def bounded(seconds: int = LIMIT) -> Iterator[None]:
    """Raises Hung in the block when it takes longer."""

    def late(*_) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def said(call: Callable[[], object]) -> tuple[object, str]:
    """What ``call`` returns, and what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out), bounded():
        found = call()
    return found, out.getvalue()


def changed(content: bytes, rng: random.Random, other: bytes = b"") -> bytes:
    """``content`` with one change: a bit, a byte, a piece less, twice or of nought, cut, longer, or another's."""
    place = rng.randrange(len(content) + 1)
    end = min(len(content), place + rng.choice((1, 2, 7, 64, 512)))
    return rng.choice(
        (
            lambda: content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :],
            lambda: content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :],
            lambda: content[:place] + content[end:],
            lambda: content[:end] + content[place:],
            lambda: content[:place] + bytes(end - place) + content[end:],
            lambda: content[:place],
            lambda: content + rng.randbytes(rng.choice((1, 64))),
            lambda: other,
        )[: 8 if place < len(content) else 2]
        if place < len(content)
        else (lambda: content[:place] + b"\n", lambda: other)
    )()


def last_lines() -> str:
    """Where the error that is being handled came from."""
    return "".join(traceback.format_exc().splitlines(keepends=True)[-7:])


# records and what lies beside them


def stored(folder: Path) -> None:
    """A results folder of two rows and two seeds, with weights, case facts, a checkpoint and a search."""
    import numpy as np
    import pandas as pd
    import torch
    from optuna.storages import RDBStorage

    from bench.files import digest
    from bench.store import case_facts
    from bench.store.places import TRIALS, TUNING
    from bench.store.store import Store
    from bench.train.checkpoint import Checkpoint
    from bench.tune import winners
    from bench.tune.search import DATABASE
    from tests.report import made
    from tests.tune.searched import objective, search, trial

    rng, store = np.random.default_rng(0), Store(folder)
    for model, seed in itertools.product(("BPRMF", "MCLN"), (0, 1)):
        more = {"seed": seed, "facts": {"weights_sha256": digest(model.encode()), "n_cases": 60}}
        full = {"full": rng.integers(1, 400, 60)} if model == "BPRMF" else {}
        kept = made.stored(folder, rng.integers(1, 101, 60), model, **more, **full)
        store.weights(kept.job).write_bytes(model.encode())
    facts = {name: np.arange(60, dtype=np.int32) for name in ("user_degree", "item_popularity", "pairs_above")}
    facts |= {"train_pairs": np.full(60, 99, dtype=np.int32), "is_in_own_train": np.arange(60) % 7 == 0}
    case_facts.write(pd.DataFrame(facts), store.cases(kept.job))
    state = {"fit": {"epochs": 3}, "model": {"w": torch.arange(40.0)}}
    Checkpoint(store.checkpoint(kept.job), every=1, generator=torch.Generator().manual_seed(0)).save(1, state)
    (folder / TUNING).mkdir()
    storage = RDBStorage(f"sqlite:///{folder / TUNING / DATABASE}")
    found = search(storage=storage)
    while len(found.ended) < 3:
        proposed = found.proposal()
        record = trial(proposed, objective(proposed.job.hyper))
        Store(folder / TRIALS).write(record)
        found.enter(record)
    winners.write(found.winner(3), winners.path(folder / "configs", found.base.job))
    storage.engine.dispose()


def readings(folder: Path) -> dict[str, Callable[[], object]]:
    """All that a table or a result may take from a results folder, in a form that can be compared."""
    import torch

    from bench.report.boards import ranks_of
    from bench.report.evidence import Evidence
    from bench.store import case_facts
    from bench.store.store import Store
    from bench.train.checkpoint import Checkpoint
    from bench.tune import winners
    from bench.tune.search import DATABASE, opened
    from bench.tune.trials import Trials
    from tests.tune.searched import work

    def records() -> dict[str, str]:
        store = Store(folder)
        found = store.records(in_full=True)
        evidence = Evidence(found, folder)
        ranks = {r.key: {k: (v.cases, v.place.tolist()) for k, v in ranks_of(evidence, r.key).items()} for r in found}
        return {r.key: f"{r.model_dump_json()} {ranks[r.key]}" for r in found}

    def weights() -> dict[str, bytes]:
        store = Store(folder)
        return {r.key: store.weights(r.job).read_bytes() for r in store.records() if store.has_weights(r)}

    def state() -> str:
        (path,) = folder.glob("*/*/*.checkpoint")
        return str(Checkpoint(path, every=1, generator=torch.Generator()).load())

    def search() -> list[str]:
        with opened(folder / "tuning" / DATABASE) as storage:
            trials, store = Trials(work(), storage), Store(folder / "tuning" / "records")
            if not trials.hold(store):
                print("the trials are not what their records say")
                return []
            return [str((t.number, t.state, t.values, t.params, t.user_attrs)) for t in trials.ended]

    return {
        "records": records,
        "weights": weights,
        "facts": lambda: {p.name: str(case_facts.read(p)) for p in folder.glob("*/cases/*.facts.parquet")},
        "state": state,
        "tuned": lambda: str(winners.load(folder / "configs", work(), Store(folder / "tuning" / "records"))),
        "search": search,
    }


def fuzz_records(n: int, seed: int, only: int | None = None) -> Tally:
    """Change one file of a results folder, and read all of it: equal, or named."""
    tally = Tally(kind="records")
    with tempfile.TemporaryDirectory() as place:
        whole, folder = Path(place) / "whole", Path(place) / "results"
        stored(folder)
        shutil.copytree(folder, whole)
        files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
        expected = {name: said(read)[0] for name, read in readings(folder).items()}
        for number in range(n) if only is None else [only]:
            rng = random.Random(f"{seed} records {number}")
            file, other = rng.choice(files), whole / rng.choice(files)
            content = (whole / file).read_bytes()
            (folder / file).write_bytes(changed(content, rng, other.read_bytes()))
            tally.enter(*judged(f"{number}: {file}", readings(folder), expected))
            for path in (path for path in folder.rglob("*") if path.is_file()):
                if path.relative_to(folder) not in files:
                    path.unlink()
            (folder / file).write_bytes(content)
    return tally


def judged(case: str, reads: dict[str, Callable[[], object]], expected: dict[str, object]) -> tuple[str, str]:
    """What came of reading a damaged folder, and the case if that is a fault."""
    from bench.spec import BenchError

    outcome = "without effect"
    for name, read in reads.items():
        try:
            found, text = said(read)
        except BenchError as error:
            found, text = None, str(error)
            if "\n" in text:
                return "of several lines", f"{case}: {name}: {text!r}"
        except Hung:
            return "hung", f"{case}: {name} hangs"
        except Exception:
            return "traceback", f"{case}: {name}\n{last_lines()}"
        if found == expected[name]:
            continue
        is_lost = name == "facts" and None in map({"None": None}.get, found.values())  # counted again by the next run
        is_part = isinstance(found, dict) and found.items() <= expected[name].items()
        if not text and not is_lost:
            return "silent", f"{case}: {name} differs without a word"
        if name in ("records", "weights") and not is_part:
            return "silent", f"{case}: {name} were believed that are others"
        outcome = "named"
    return outcome, ""


# data folders


def lists(rng: random.Random) -> dict[str, bytes]:
    """A data set of 150 items and 12 users in one of three layouts."""
    import numpy as np

    draw = np.random.default_rng(rng.randrange(2**32))
    rows = [draw.choice(150, 8, replace=False) for _ in range(12)]
    buffer = io.BytesIO()
    np.save(buffer, draw.normal(size=(150, 3)).astype(np.float32))
    layout = rng.choice(("lists", "mmrec", "recbole"))
    if layout == "lists":
        parts = {"train": slice(0, 6), "validation": slice(6, 7), "test": slice(7, 8)}
        files = {
            f"{name}.txt": "".join(f"{u} {' '.join(map(str, row[part]))}\n" for u, row in enumerate(rows)).encode()
            for name, part in parts.items()
        }
        entities = "".join(f"{item} {item % 7} {item % 3}\n" for item in range(150)).encode()
        return {**files, "image_feat.npy": buffer.getvalue(), "i2e_title.txt": entities}
    if layout == "mmrec":
        lines = [f"{u}\t{i}\t{max(0, n - 5)}" for u, row in enumerate(rows) for n, i in enumerate(row)]
        table = "\n".join(["userID\titemID\tx_label", *lines, ""]).encode()
        return {"set.inter": table, "text_feat.npy": buffer.getvalue()}
    lines = [f"u{u}\ti{i}\t{n}.5" for u, row in enumerate(rows) for n, i in enumerate(row)]
    table = "\n".join(["user_id:token\titem_id:token\ttimestamp:float", *lines, ""]).encode()
    words = "\n".join(["item_id:token\ttitle:token_seq", *(f"i{i}\tword{i % 9} old" for i in range(150)), ""]).encode()
    return {"set.inter": table, "set.item": words}


ODD = (
    b"", b"\n", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"<!DOCTYPE html><html>",
    b"version https://git-lfs.github.com/spec/v1\n", b"0 99999999999\n", b"0 -1\n", b"0 1e3\n", b"0 00\n", b"a b\n",
    b"0,1,2\n", b"0;1\n", b"0\x0c1\n", b"0 1\r0 2\r", b"0 \xe9\n", b"9" * 5000 + b" 1\n", b"0 " * 3000 + b"\n",
    b"\x93NUMPY\x01\x00", b"PK\x03\x04", "0 ٣\n".encode(), b"0\t1\n", b"user_id\titem_id\n",
    b'"user_id"\t"item_id"\ttimestamp\n', b"user_id,item_id,timestamp\n1,2,3\n",
    b"user_id\tuser_id\titem_id\n1\t1\t2\n",
)  # fmt: skip


def arrays() -> list[bytes]:
    """Files of arrays that are no table of rows, or rows that no model can use."""
    import numpy as np

    tables = [np.zeros((150, 0)), np.zeros(150), np.zeros((150, 3), dtype=complex), np.full((150, 3), np.nan)]
    tables += [np.full((150, 3), 1e30), np.full((150, 3), 1e-30), np.zeros((2, 3)), np.array([["a", "b"]] * 150)]
    tables += [np.zeros((150, 3), dtype=bool), np.zeros((150, 3), dtype=np.float16), np.zeros((3, 3, 3))]
    tables += [np.zeros((150, 3), dtype=[("a", "f4")]), np.zeros((150, 2), dtype="M8[s]"), np.full((150, 3), np.inf)]
    found = []
    for table in tables:
        np.save(buffer := io.BytesIO(), table)
        found.append(buffer.getvalue())
    return found


HOWS = ("bytes", "odd", "odd line", "gone", "renamed", "linked", "folder", "fifo", "swapped", "array", "ends")


def damage(folder: Path, rng: random.Random) -> str:
    """Change one thing in a data folder, and say what."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    path = rng.choice(files)
    content = path.read_bytes()
    how = rng.choice(
        ("bytes", "odd", "odd line", "gone", "renamed", "linked", "folder", "fifo", "swapped", "array", "ends")
    )
    if how == "bytes":
        path.write_bytes(changed(content, rng))
    elif how == "odd":
        path.write_bytes(rng.choice(ODD))
    elif how == "odd line":
        lines = content.split(b"\n")
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(ODD).strip(b"\n"))
        path.write_bytes(b"\n".join(lines))
    elif how == "ends":
        path.write_bytes(
            content.replace(b"\n", rng.choice((b"\r", b"\r\n", b" \n", b"\n\n", b"\x0b", "\u2028".encode())))
        )
    elif how == "gone":
        path.unlink()
    elif how == "renamed":
        path.rename(folder / rng.choice(("valid.txt", "x_feat.npy", "text-feat.npy", "i2e_.txt", "a b.inter", "=.npy")))
    elif how == "linked":
        path.unlink()
        path.symlink_to(rng.choice(("nowhere", "/dev/zero", "/dev/null", ".", path.name)))
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "fifo":
        path.unlink()
        os.mkfifo(path)
    elif how == "swapped":
        path.write_bytes(rng.choice(files).read_bytes())
    else:
        path = folder / rng.choice(("image_feat.npy", "audio_feat.npy", "_feat.npy"))
        if not path.exists() or path in files:
            path.write_bytes(rng.choice(arrays()))
    return f"{path.name} {how}"


def fuzz_folders(n: int, seed: int, only: int | None = None) -> Tally:
    """Damage a data folder once or twice and measure, import or plan on it: it works, or one line says why not."""
    tally = Tally(kind="folders")
    with tempfile.TemporaryDirectory() as place, elsewhere(Path(place)):
        for number in range(n) if only is None else [only]:
            rng = random.Random(f"{seed} folders {number}")
            folder = Path(place) / "data" / rng.choice(("set", "=1+1", "[x](y)", "a b", "-x", "é", "..x"))
            folder.mkdir(parents=True)
            for name, content in lists(rng).items():
                (folder / name).write_bytes(content)
            how = ", ".join(damage(folder, rng) for _ in range(rng.choice((1, 1, 1, 2))))
            argv = rng.choice(
                (
                    ["audit", folder, "--reports", "reports"],
                    ["import", folder, "--out", "new"],
                    ["import", folder / "set.inter", "--out", "new"],
                    ["run", "--datasets", folder, "--models", "Pop", "--dry-run", "--gpus", "none"],
                )
            )
            tally.enter(*command([*map(str, argv)], f"{number}: {how}: {argv[0]}"))
            for leftover in (folder, Path("new"), Path("reports"), Path("cache")):
                shutil.rmtree(leftover, ignore_errors=True)
    return tally


@contextlib.contextmanager
def elsewhere(place: Path) -> Iterator[None]:
    """In a folder of its own, with no network and a cache of its own."""
    from bench.data import sources

    before, url = Path.cwd(), sources.URL
    os.environ["MCLN_BENCH_CACHE"] = str(place / "cache")
    sources.URL = "http://127.0.0.1:9"  # where nobody answers
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir(before)
        sources.URL = url
        del os.environ["MCLN_BENCH_CACHE"]


# command lines

VALUES = (
    "", "0", "1", "-1", "1.5", "nan", "inf", "1e400", "9" * 30, "9" * 5000, "x", "é", "a\0b", "\x1b[31m", "../x", "~",
    "~nobody/x", "/dev/null", "/proc/1/mem", "a" * 300, "beauty", "ml-100k", "ml-100k-sim", "beauty-sim", "all",
    "none", "auto", "BPRMF", "BPRMF:", ":x", "MCLN:itemwise", "x.py:Y", "bprmf", "KEY=VALUE", "reg_weight=0.1",
    "reg_weight=NaN", "reg_weight=[", "=1", "k=", "image=x.npy", "clean", "paper", "smoke", "full", "table2",
    "default", "tuned", "released", "visual=shuffled", "shuffled,", ",", "none,none", "entities", "=cmd()", "tcp://x",
    "2,0", "--", "-", "{}", "[]", "null", "'", '"', "\n",
)  # fmt: skip


def flags_of(command: str) -> list[str]:
    """The flags of a subcommand, as its own parser names them; those that start work are left out."""
    known = {
        "run": "datasets models study protocols budget seeds features ours ranking set hyper tune when list report "
        "jobs threads gpus jobs-per-gpu time-limit timeout checkpoint-every data-dir results reports keep-weights "
        "configs version help",
        "import": "user item time rating at-least split shares k-core features row-ids out help",
        "extract": "images texts image-encoder text-encoder help",
        "audit": "features data-dir reports help",
        "cards": "out help",
        "readme": "help",
        "show": "results help",
        "verify": "help",
        "recommend": "top users data data-dir results out help",
    }
    return [f"--{name}" for name in known[command].split()]


COMMANDS = ("import", "extract", "audit", "cards", "readme", "show", "verify", "recommend", "no-such", *["run"] * 4)


def line_of(rng: random.Random) -> list[str]:
    """A random command line that starts no job."""
    name = rng.choice(
        ("run", "run", "run", "import", "extract", "audit", "cards", "readme", "show", "verify", "recommend", "no-such")
    )
    argv = [name]
    for _ in range(rng.randrange(1, 6)):
        kind = rng.random()
        if kind < 0.7 and name != "no-such":
            flag = rng.choice(flags_of(name))
            argv.append(flag[:-1] if rng.random() < 0.05 else flag)
        argv += rng.choices(VALUES, k=rng.choice((0, 1, 1, 1, 2)))
    return [*argv, "--dry-run"] if name == "run" else argv


def fuzz_commands(n: int, seed: int, only: int | None = None) -> Tally:
    """Random command lines: each ends in good order, and a wrong one with one line."""
    tally = Tally(kind="commands")
    with tempfile.TemporaryDirectory() as place, elsewhere(Path(place)):
        for number in range(n) if only is None else [only]:
            argv = line_of(random.Random(f"{seed} commands {number}"))
            tally.enter(*command(argv, f"{number}: {' '.join(word[:60] for word in argv)!r}"))
    return tally


def command(argv: list[str], case: str) -> tuple[str, str]:
    """What came of one command line, and the case if that is a fault."""
    from bench.cli.main import main

    error = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(error), bounded():
            main(argv)
    except SystemExit as end:
        lines = error.getvalue().splitlines()
        if end.code not in CODES:
            return "odd exit code", f"{case}: exit code {end.code}"
        if end.code == 2 and (len(lines) != 1 or not lines[0].startswith("error: ") or not lines[0].isprintable()):
            return "not one line", f"{case}: {lines}"
        return f"exit code {end.code}", ""
    except Hung:
        return "hung", f"{case} hangs"
    except BaseException:
        return "traceback", f"{case}\n{last_lines()}"
    return "no exit", f"{case} does not exit"


KINDS = {"records": fuzz_records, "folders": fuzz_folders, "commands": fuzz_commands}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in KINDS:
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, metavar="N", help="try one case of the kinds asked for again")
    args = parser.parse_args()
    faults = 0
    for name, fuzz in KINDS.items():
        if n := getattr(args, name):
            begun = time.monotonic()
            tally = fuzz(n, args.seed, args.only)
            print(f"{tally}\n{name} took {time.monotonic() - begun:.0f} s", flush=True)
            faults += len(tally.faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
