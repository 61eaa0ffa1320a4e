"""Commands for a checkout of MCLN-Bench: they write the pages that are made from code and records, and run checks."""

import os
import sys
from pathlib import Path

from bench.cli.flags import PAPER_FILES, Parser, place
from bench.files import write_text, writing


def cards_command(parser: Parser, argv: list[str]) -> None:
    """Write docs/models.md from the docstrings of the models' files."""
    parser.add_argument("--out", type=place, default=Path("docs/models.md"), metavar="FILE")
    args = parser.parse_args(argv)
    from bench.cli import cards

    text = cards.page()
    with writing(args.out, remedy="choose another with --out"):
        write_text(args.out, text)
    print(f"wrote {args.out}")


def readme_command(parser: Parser, argv: list[str]) -> None:
    """Write the answer of the reference into the README."""
    parser.parse_args(argv)
    from bench.cli import readme

    print(f"wrote {readme.write(Path('README.md'))}")


def reference_command(parser: Parser, argv: list[str]) -> int:
    """Write and print which jobs of the reference are missing; with --check, the exit code is 1 if any is."""
    text = "folder of the reference's records; default: results/reference"
    parser.add_argument("--results", type=place, default=Path("results/reference"), help=text)
    parser.add_argument("--data-dir", type=place, help=PAPER_FILES)
    text = "default: reports/reference/missing.md"
    parser.add_argument("--out", type=place, default=Path("reports/reference/missing.md"), metavar="FILE", help=text)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a job is missing")
    args = parser.parse_args(argv)
    from bench.run import reference
    from bench.store.places import TRIALS, WINNERS
    from bench.store.store import Store
    from bench.tune import winners

    def tuned(planned):
        return winners.choose(planned, "tuned", args.results / WINNERS, Store(args.results / TRIALS))[0]

    jobs = reference.standing(Store(args.results), args.data_dir, tuned=tuned)
    text = reference.page(jobs)
    with writing(args.out, remedy="choose another file with --out"):
        write_text(args.out, text)
    print(text + f"\nwrote {args.out}")
    return 1 if args.check and reference.by_part(jobs)["missing"].any() else 0


def check_command(parser: Parser, argv: list[str]) -> int:
    """Run the checks (format, lint, import contracts, tests), all of them even if one fails."""
    parser.parse_args(argv)
    import subprocess

    from joblib import cpu_count

    workers = min(4, cpu_count() + 1)  # one more than cores, since some tests wait for other processes
    tools = Path(sys.executable).parent
    checks = (
        [tools / "ruff", "format", "--check"],
        [tools / "ruff", "check"],
        [tools / "lint-imports"],
        [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "worksteal"],  # all busy to the end
    )
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # workers share the cores
    return max(subprocess.run(check, env=one_thread).returncode for check in checks)
