"""python -m bench reference: what of the reference comparison stands, and how long the rest would take."""

from pathlib import Path

from bench.cli.flags import Parser, place
from bench.files import write_text, writing


def reference_command(argv: list[str]) -> int:
    """Write and print what the reference has and lacks; with --check, the exit code is 1 where a job is missing."""
    parser = Parser(prog="python -m bench reference", description=reference_command.__doc__)
    text = "folder of the reference's records; default: results/reference"
    parser.add_argument("--results", type=place, default=Path("results/reference"), help=text)
    parser.add_argument("--data-dir", type=place, help="folder of the paper's files; default: $MCLN_BENCH_DATA")
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

    found = reference.standing(Store(args.results), args.data_dir, tuned=tuned)
    text = reference.page(found)
    with writing(args.out, remedy="choose another file with --out"):
        write_text(args.out, text)
    print(text + f"\nwrote {args.out}")
    return 1 if args.check and found["missing"].any() else 0
