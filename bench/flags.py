"""How flags are read: one clear line for a wrong one."""

import argparse
import json
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
        return key, json.loads(value)
    except ValueError:
        return key, value


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def per_gpu(text: str) -> int | None:
    return None if text == "auto" else positive(text)
