"""What a command prints, wherever it goes."""

import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRINTS = """
from bench.cli import main
main.COMMANDS["say"] = lambda parser, argv: print("{}" * {})
main.main([], command="say")
"""


def say(text, times=1, **more):
    call = [sys.executable, "-c", PRINTS.format(text, times)]
    return subprocess.run(call, cwd=ROOT, stderr=subprocess.PIPE, **more)


def test_letters_that_a_terminal_lacks_are_replaced():
    run = say("a ▲ b", stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (run.returncode, run.stdout, run.stderr) == (0, b"a ? b\n", b"")


def test_whoever_stops_reading_ends_it_quietly():
    call = [sys.executable, "-c", PRINTS.format("long ", 100_000)]
    process = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(4)
    process.stdout.close()
    assert (process.wait(), process.stderr.read()) == (0, b"")
    process.stderr.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_device_is_one_line():
    with open("/dev/full", "w") as full:
        run = say("text", stdout=full)
    assert (run.returncode, run.stderr.count(b"\n")) == (1, 1)
    assert b"the output cannot be written, as its device is full" in run.stderr


def test_another_error_of_the_system_is_not_hidden(monkeypatch):
    from bench.cli import main

    def fail(parser, argv):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setitem(main.COMMANDS, "say", fail)
    with pytest.raises(OSError, match="broken"):
        main.main([], command="say")


@pytest.mark.parametrize(("redirection", "said"), [(">&-", ""), ("2>&-", "table2"), (">&- 2>&-", "")])
def test_a_closed_output_is_no_error(redirection, said):
    line = f"{shlex.quote(sys.executable)} -m bench studies {redirection}"
    run = subprocess.run(line, cwd=ROOT, shell=True, capture_output=True, text=True)
    assert (run.returncode, run.stderr, said in run.stdout) == (0, "", True)
