"""The flags of a run and their parsers; a wrong flag gives one clear line before anything starts."""

import argparse
import ast
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench import __version__
from bench.files import findable
from bench.registry import GROUPS
from bench.run.clock import CHECKPOINT_EVERY
from bench.run.studies import STUDIES
from bench.spec import BUDGETS, METRIC_NAMES, PROTOCOLS, BenchError, unknown

QUICK_SET = "ml-100k"
PAPER_FILES = "folder of the paper's files; default: $MCLN_BENCH_DATA, else they are downloaded"


class Parser(argparse.ArgumentParser):
    """A parser that reports a wrong flag in one clear line, with similar flags."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str):
        words = message.split()
        if message.startswith("unrecognized arguments") and words[2:] and words[2].startswith("-"):
            flags = [flag for action in self._actions for flag in action.option_strings]
            raise unknown("flag", words[2].split("=")[0], flags)
        raise BenchError(f"{message}; see {self.prog} --help")


def setting(text: str) -> tuple[str, Any]:
    """Parse KEY=VALUE; VALUE is read as JSON, else as a literal of Python, such as ``(64, 64)``, else as text."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    parsed = value
    for reader in (ast.literal_eval, json.loads):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            parsed = reader(value)
    try:
        return key, json.loads(json.dumps(parsed, allow_nan=False))
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError(f"{text!r} is no finite number, text or list") from None


def once(given: list[tuple[str, Any]], flag: str) -> dict[str, Any]:
    """Return the values that ``flag`` gives, by key, none of which may be given twice."""
    keys = [key for key, _ in given]
    for key in keys:
        if keys.count(key) > 1:
            raise BenchError(f"{flag} gives {key} twice; give it once")
    return dict(given)


def natural(text: str) -> int:
    if not text.isdecimal() or len(text) > 19:  # 2**63 has 19 digits
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a whole number of 0 or more with at most 19 digits")
    return int(text)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def per_gpu(text: str) -> int | None:
    return None if text == "auto" else positive(text)


def metrics(names: list[str] | None, top: list[int] | None) -> tuple[str, ...]:
    """Return the metrics that ``--metrics`` and ``--top`` ask for, such as "hr@20", each once; none without flags."""
    for name in names or ():
        if name not in METRIC_NAMES:
            raise unknown("metric", name, METRIC_NAMES)
    asked = [f"{name}@{k}" for name in names or ("hr", "ndcg") for k in top or (5, 10)] if names or top else []
    return tuple(dict.fromkeys(asked))


def place(text: str) -> Path:
    """Parse a path, in which ~ is the home folder."""
    if not text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a path")
    try:
        return findable(text)
    except BenchError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_flags(parser: Parser) -> Parser:
    """Return the parser with the flags of a run."""
    parser.add_argument("--version", action="version", version=__version__)
    add_comparison(parser.add_argument_group("what is compared"))
    add_settings(parser.add_argument_group("settings of the models"))
    add_actions(parser.add_argument_group("what is done"))
    add_machines(parser.add_argument_group("where and how jobs run (none of it is part of the key of a result)"))
    add_places(parser.add_argument_group("files"))
    return parser


def add_comparison(group) -> None:
    many = {"nargs": "+", "action": "extend"}
    text = f"names or folders of data sets; default: {QUICK_SET}, which needs no network"
    group.add_argument("--datasets", **many, metavar="NAME|FOLDER", help=text)
    text = "models, each with a preset unless the default one is meant, path/to/file.py:MODEL for your own model, or "
    text += f"groups: {', '.join(GROUPS)}; default: all, which leaves the floors out (without --datasets: all floors)"
    group.add_argument("--models", **many, metavar="MODEL[:PRESET]|GROUP", help=text)
    text = f"the tables and figures to fill: {', '.join(STUDIES)}, all; default: table2"
    group.add_argument("--study", **many, metavar="NAME", help=text)
    text = f"{', '.join(PROTOCOLS)}; default: paper for the paper's data sets, clean for others"
    group.add_argument("--protocols", **many, metavar="NAME", help=text)
    text = f"{', '.join(BUDGETS)}; default: standard, or quick without --datasets"
    group.add_argument("--budget", metavar="NAME", help=text)
    group.add_argument("--seeds", **many, type=natural, metavar="N", help="one job per seed; default: 0")
    text = "features of the items, as [BASE][,KNOCKOUT...]: entities, real, shuffled, noise, none, visual=shuffled; "
    text += "default: what the data set has"
    group.add_argument("--features", **many, metavar="ID", help=text)
    text = "the model that takes MCLN's place in the tables; default: MCLN"
    group.add_argument("--ours", default="MCLN", metavar="MODEL[:PRESET]", help=text)
    text = f"further metrics, from the stored ranks: {', '.join(METRIC_NAMES)}; default with --top: hr ndcg"
    group.add_argument("--metrics", **many, metavar="NAME", help=text)
    text = "lengths of the lists that these metrics look at; default with --metrics: 5 10"
    group.add_argument("--top", **many, type=positive, metavar="K", help=text)
    text = "print only this ranking; refused for models that lack it"
    group.add_argument("--ranking", choices=("sampled", "full"), help=text)


def add_settings(group) -> None:
    text = "settings for all models asked for; floors, which train nothing, ignore those of training"
    group.add_argument("--set", nargs="+", action="extend", type=setting, metavar="KEY=VALUE", help=text)
    text = "where the other settings are from: the defaults, the authors' released preset, or what --tune found"
    group.add_argument("--hyper", choices=("default", "released", "tuned"), default="default", help=text)
    text = "search settings on validation with N trials per model, of which the first is the default"
    group.add_argument("--tune", type=positive, metavar="N", help=text)


def add_actions(group) -> None:
    text = "which jobs run: those without a finished record (default), only those that failed, or all"
    group.add_argument("--when", choices=("missing", "failed", "always"), default="missing", help=text)
    text = "print the jobs that would run and how long they would take"
    group.add_argument("--dry-run", action="store_true", help=text)
    group.add_argument("--list", action="store_true", help="print the stored records of what is compared")
    group.add_argument("--report", action="store_true", help="write the tables again from the stored records")


def add_machines(group) -> None:
    group.add_argument("--jobs", type=positive, metavar="N", help="jobs at a time; default: cores / threads")
    text = "threads per job; default: 2; another number can change the last digits of a result"
    group.add_argument("--threads", type=positive, default=2, metavar="N", help=text)
    group.add_argument("--gpus", default="auto", metavar="auto|none|0,1", help="GPUs to use; default: all there are")
    text = "jobs per GPU; default: auto, as many as fit by the memory that the first one of a kind took"
    group.add_argument("--jobs-per-gpu", type=per_gpu, metavar="N|auto", help=text)
    text = "address of a Dask scheduler on whose workers the jobs run (docs/cluster.md)"
    group.add_argument("--cluster", metavar="ADDRESS", help=text)
    text = "take no locks, on a file system that has none; no other run may use the results folder then"
    group.add_argument("--no-lock", action="store_true", help=text)
    text = "how long the whole run may take; before that, jobs write their state, and the next start goes on"
    group.add_argument("--time-limit", type=seconds, metavar="SECONDS", help=text)
    text = "how long a job may take; after that, it fails"
    group.add_argument("--timeout", type=seconds, metavar="SECONDS", help=text)
    text = "epochs between two writes of a job's state, from which a killed job goes on; default: 25; 0: never"
    group.add_argument("--checkpoint-every", type=natural, default=CHECKPOINT_EVERY, metavar="EPOCHS", help=text)


def add_places(group) -> None:
    group.add_argument("--data-dir", type=place, help=PAPER_FILES)
    for name, what in (("results", "records"), ("reports", "tables and figures")):
        group.add_argument(f"--{name}", type=place, default=Path(name), help=f"folder of the {what}; default: {name}")
    text = "write the weights of the chosen epochs beside each record; python -m bench recommend reads them"
    group.add_argument("--keep-weights", action="store_true", help=text)
    text = "folder where --tune writes what --hyper tuned reads; default: configs/tuned"
    group.add_argument("--configs", type=place, default=Path("configs/tuned"), help=text)
