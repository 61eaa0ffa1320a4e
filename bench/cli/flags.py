"""How flags are read: one clear line for a wrong one."""

import argparse
import json
import threading
from typing import Any

from bench.spec import BenchError, unknown


class Parser(argparse.ArgumentParser):
    """One clear line for a wrong flag, near misses named."""

    def error(self, message: str):
        words = message.split()
        if message.startswith("unrecognized arguments") and words[2].startswith("-"):
            flags = [flag for action in self._actions for flag in action.option_strings]
            raise unknown("flag", words[2].split("=")[0], flags)
        raise BenchError(f"{message}; see {self.prog} --help")


def setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value read as JSON where it is JSON and as text otherwise."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        found = json.loads(value)
    except ValueError:
        return key, value
    try:
        json.dumps(found, allow_nan=False)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not finite") from None
    return key, found


def once(settings: list[tuple[str, Any]]) -> dict[str, Any]:
    """The settings by key.

    Raises:
        BenchError: for a key that is given twice.
    """
    keys = [key for key, _ in settings]
    for key in keys:
        if keys.count(key) > 1:
            raise BenchError(f"--set gives {key} twice; give each setting once")
    return dict(settings)


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return found


def per_gpu(text: str) -> int | None:
    return None if text == "auto" else positive(text)
