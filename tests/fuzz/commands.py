"""Command lines: each ends in good order, and a wrong one with one line."""

import contextlib
import io
import random
import tempfile
from pathlib import Path

from tests.fuzz.cases import Hung, Tally, bounded, elsewhere, last_lines

CODES = (0, 1, 2, 124)  # of a program that ends in good order

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
        "models": "help",
        "data": "data-dir help",
        "studies": "help",
    }
    return [f"--{name}" for name in known[command].split()]


COMMANDS = (
    "import", "extract", "audit", "cards", "readme", "show", "verify", "recommend", "models", "data", "studies",
    "no-such", *["run"] * 4,
)  # fmt: skip


def line_of(rng: random.Random) -> list[str]:
    """A random command line that starts no job."""
    name = rng.choice(COMMANDS)
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
