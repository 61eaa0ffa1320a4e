"""The command line; the only reader of ``sys.argv``."""

import os
import sys
from pathlib import Path

from bench import __version__
from bench.cli.flags import Parser, once, per_gpu, positive, seconds, setting
from bench.run.studies import STUDIES
from bench.spec import BUDGETS, PROTOCOLS, BenchError, unknown

QUICK_SET = "ml-100k"
POOL = ("jobs", "threads", "gpus", "jobs_per_gpu", "cluster", "timeout", "checkpoint_every")  # how jobs run


def main(argv: list[str] | None = None, *, command: str | None = None) -> None:
    """Run one command and exit: 0 done, 1 a job failed, 2 a mistake in the request, 130 stopped."""
    argv = sys.argv[1:] if argv is None else argv
    if command is None:
        command, argv = (argv[0], argv[1:]) if argv else ("--help", [])
    try:
        if command not in COMMANDS:
            if command not in ("-h", "--help"):
                raise unknown("command", command, COMMANDS)
            print(f"usage: python -m bench {{{','.join(COMMANDS)}}} ...   (python -m bench run --help)")
            sys.exit(0)
        sys.exit(COMMANDS[command](argv))
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def run_command(argv: list[str]) -> int:
    """Plan, run what is missing, report."""
    args = run_parser().parse_args(argv)
    if args.list or args.report:
        from bench.cli import show
        from bench.report import write
        from bench.store.store import Store

        more = {"studies": tuple(STUDIES.values())}
        print(show.listing(Store(args.results)) if args.list else write.rebuild(args.results, args.reports, **more))
        return 0
    from bench import session
    from bench.run import plan

    request = plan.Request(
        datasets=args.datasets or [QUICK_SET],
        models=args.models or (None if args.datasets else ["all", "floors"]),
        protocols=args.protocols,
        budget=args.budget or ("standard" if args.datasets else "quick"),
        seeds=args.seeds or [0],
        features=args.features,
        hyper=once(args.set or []),
        data_dir=args.data_dir,
        studies=args.study or ["table2"],
    )
    options = {k: getattr(args, k) for k in ("results", "configs", "dry_run", *POOL)}
    if args.tune:
        from bench.tune import command as tuning  # optuna, for which nothing else has a use

        code = tuning.tune(request, args.tune, **options)
        if code or args.hyper == "default":
            return code
    more = {k: getattr(args, k) for k in ("reports", "when", "ranking", "hyper")}
    return session.run(request, **options, **more)


def run_parser() -> Parser:
    parser = Parser(prog="run_all.py", description="Run what is missing, then report.", allow_abbrev=False)
    add = parser.add_argument
    add("--version", action="version", version=__version__)
    add(
        "--datasets",
        nargs="+",
        action="extend",
        metavar="NAME|FOLDER",
        help=f"default: {QUICK_SET}, which needs no network",
    )
    add(
        "--models",
        nargs="+",
        action="extend",
        metavar="MODEL[:PRESET]",
        help="also the words all, floors; default: all",
    )
    add("--study", nargs="+", action="extend", metavar="NAME", help=f"{', '.join(STUDIES)}, all; default: table2")
    add(
        "--protocols",
        nargs="+",
        action="extend",
        metavar="NAME",
        help=f"{', '.join(PROTOCOLS)}; default: paper for its sets, else clean",
    )
    add("--budget", metavar="NAME", help=f"{', '.join(BUDGETS)}; default: standard, quick without --datasets")
    add("--seeds", nargs="+", action="extend", type=int, metavar="N", help="default: 0")
    add(
        "--features",
        nargs="+",
        action="extend",
        metavar="ID",
        help="[BASE][,KNOCKOUT...]: entities, real, shuffled, noise, none, visual=shuffled; default: what the set has",
    )
    add("--set", nargs="+", action="extend", type=setting, metavar="KEY=VALUE", help="settings of all models asked for")
    add("--hyper", choices=("default", "released", "tuned"), default="default", help="settings: where they are from")
    add("--tune", type=positive, metavar="N", help="search settings on validation, N trials a model, the default first")
    add("--configs", type=Path, default=Path("configs/tuned"), help="where --tune writes what --hyper tuned reads")
    add("--data-dir", type=Path, help="folder of the paper's files; default: $MCLN_BENCH_DATA, then download")
    add("--results", type=Path, default=Path("results"))
    add("--reports", type=Path, default=Path("reports"))
    add("--when", choices=("missing", "failed", "always"), default="missing", help="which jobs to run")
    add("--ranking", choices=("sampled", "full"), help="print only this ranking; refused for models that lack it")
    add("--dry-run", action="store_true", help="print the jobs, run nothing")
    add("--list", action="store_true", help="print the records that stand, run nothing")
    add("--report", action="store_true", help="tables again from the stored records, run nothing")
    add("--jobs", type=positive, metavar="N", help="jobs at a time; default: cores / threads")
    add("--threads", type=positive, default=2, metavar="N", help="threads a job (default 2)")
    add("--gpus", default="auto", metavar="auto|none|0,1", help="GPUs to run on (default: all there are)")
    add("--jobs-per-gpu", type=per_gpu, metavar="N|auto", help="default auto: as many as the first one's memory lets")
    add("--cluster", metavar="ADDRESS", help="of a Dask scheduler: jobs run on its workers (docs/cluster.md)")
    add("--timeout", type=seconds, metavar="SECONDS", help="longest time a job may take")
    add("--checkpoint-every", type=int, default=25, metavar="EPOCHS", help="a killed job goes on from there; 0: never")
    return parser


def audit_command(argv: list[str]) -> int:
    """Measure data sets and store what was found."""
    parser = Parser(prog="python -m bench audit", allow_abbrev=False)
    parser.add_argument("datasets", nargs="+", metavar="NAME|FOLDER")
    parser.add_argument("--features", metavar="ID")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--reports", type=Path, default=Path("reports"))
    args = parser.parse_args(argv)
    from bench.data import audit, sources

    audits = []
    for name in args.datasets:
        source = sources.find(name, data_dir=args.data_dir)
        audits.append(audit.audit(source.load(args.features)))
    print(audit.render(audits))
    for path in audit.write(audits, args.reports):
        print(f"wrote {path}")
    return 0


def cards_command(argv: list[str]) -> int:
    """Write what every model's file says of it."""
    parser = Parser(prog="python -m bench cards", allow_abbrev=False)
    parser.add_argument("--out", type=Path, default=Path("docs/models.md"), metavar="FILE")
    args = parser.parse_args(argv)
    from bench import registry
    from bench.report import cards

    print(f"wrote {cards.write(registry.cards().values(), args.out)}")
    return 0


def show_command(argv: list[str]) -> int:
    """Print one record: settings, metrics, curve, where it comes from, the end of its log."""
    parser = Parser(prog="python -m bench show", allow_abbrev=False)
    parser.add_argument("key", help="as --list prints it, or how it begins")
    parser.add_argument("--results", type=Path, default=Path("results"))
    args = parser.parse_args(argv)
    from bench.cli.show import show
    from bench.store.store import Store

    print(show(Store(args.results), args.key))
    return 0


def check_command(argv: list[str]) -> int:
    """The four checks, all of them even when one fails."""
    import subprocess

    from joblib import cpu_count

    Parser(prog="python -m bench check", allow_abbrev=False).parse_args(argv)
    tools = Path(sys.executable).parent
    checks = (
        [tools / "ruff", "format", "--check"],
        [tools / "ruff", "check"],
        [tools / "lint-imports"],
        [sys.executable, "-m", "pytest", "-n", str(min(4, cpu_count()))],
    )
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # workers share the cores
    return max(subprocess.run(check, env=one_thread).returncode for check in checks)


COMMANDS = {name.removesuffix("_command"): call for name, call in globals().items() if name.endswith("_command")}
