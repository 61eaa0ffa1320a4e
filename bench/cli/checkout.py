"""What keeps a checkout of MCLN-Bench in order: the pages that are written from code and records, and the checks."""

import os
import sys
from pathlib import Path

from bench import registry
from bench.cli.flags import Parser, place


def cards_command(argv: list[str]) -> int:
    """Write docs/models.md, what every model's file says of it."""
    parser = Parser(prog="python -m bench cards")
    parser.add_argument("--out", type=place, default=Path("docs/models.md"), metavar="FILE")
    args = parser.parse_args(argv)
    from bench.cli import cards

    print(f"wrote {cards.write(registry.cards().values(), args.out)}")
    return 0


def readme_command(argv: list[str]) -> int:
    """Write the answer of the reference into the README."""
    Parser(prog="python -m bench readme").parse_args(argv)
    from bench.cli import readme

    print(f"wrote {readme.write(Path('README.md'))}")
    return 0


def check_command(argv: list[str]) -> int:
    """Run the checks (format, lint, import contracts, tests), all of them even if one fails."""
    Parser(prog="python -m bench check").parse_args(argv)
    import subprocess

    from joblib import cpu_count

    tools = Path(sys.executable).parent
    checks = (
        [tools / "ruff", "format", "--check"],
        [tools / "ruff", "check"],
        [tools / "lint-imports"],
        [sys.executable, "-m", "pytest", "-n", str(min(4, cpu_count()))],
    )
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # workers share the cores
    return max(subprocess.run(check, env=one_thread).returncode for check in checks)
