"""python -m bench verify: does everything in a results folder hold?"""

from pathlib import Path

from bench.cli.flags import Parser, place
from bench.spec import BenchError


def verify_command(argv: list[str]) -> int:
    """Check every file of a results folder; print a line per failed check, and a summary."""
    parser = Parser(prog="python -m bench verify", description=verify_command.__doc__)
    parser.add_argument(
        "results", type=place, nargs="?", default=Path("results"), help="folder of the records; default: results"
    )
    root = parser.parse_args(argv).results
    if not root.is_dir():
        raise BenchError(f"{root} is not a folder; give the folder of the records")
    from bench.store.verify import verify

    found = verify(root)
    if not found.seen:
        raise BenchError(f"no records in {root}; give the folder of the records")
    print("\n".join([*found.wrong, f"{root}: {found.words}"]))
    return 1 if found.wrong else 0
