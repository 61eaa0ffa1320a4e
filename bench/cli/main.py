"""The entry point of the command line: runs a command and turns its outcome into an exit code."""

import errno
import os
import sys
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from bench import __version__, registry
from bench.cli import records
from bench.cli.checkout import cards_command, check_command, readme_command, reference_command
from bench.cli.extract import extract_command
from bench.cli.flags import PAPER_FILES, QUICK_SET, Parser, add_flags, metrics, once, place
from bench.cli.import_data import import_command
from bench.cli.lists import data_command, models_command, studies_command
from bench.cli.stored import recommend_command, show_command, verify_command
from bench.files import plain
from bench.run.clock import Clock, Ended, ending
from bench.spec import BenchError, unknown


def main(argv: list[str] | None = None, *, command: str | None = None) -> None:
    """Run one command and exit.

    The exit code is 0 when all is done, 1 when a job failed, 2 for a mistake in the request, 124 when the run ended
    early for want of time and the same command goes on with it, and 130, 143 or 129 after Ctrl-C, SIGTERM or SIGHUP.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as ``>&-`` does it
            setattr(sys, name, open(os.devnull, "w"))
        if hasattr(getattr(sys, name), "reconfigure"):  # a character that the terminal cannot show must not end a run
            getattr(sys, name).reconfigure(errors="replace")
    if argv is None:
        argv = sys.argv[1:]
        find_modules_here()
    if command is None:
        command, argv = (argv[0], argv[1:]) if argv else ("--help", [])
    try:
        with ending():
            code = dispatch(command, argv)
        sys.stdout.flush()
    except BenchError as error:
        print(f"error: {plain(str(error), is_line=True)}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt as error:
        print("; ".join(["stopped", *map(str, error.args)]), file=sys.stderr)
        code = 130
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC) or error.filename:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # discard the rest of the output
        if error.errno == errno.ENOSPC:
            print("error: the output cannot be written, as its device is full", file=sys.stderr)
        code = 0 if error.errno == errno.EPIPE else 1  # EPIPE: the reader, such as head, needs no more output
    except Ended as ended:
        code = 128 + ended.args[0]
    sys.exit(code)


def find_modules_here() -> None:
    """Let models from outside import modules of the folder that the program was started in. ``python -m`` puts it on
    the path itself; the installed ``mcln-bench`` and ``run_all.py`` of another folder do not."""
    with suppress(FileNotFoundError):  # the folder was removed
        here = str(Path.cwd())
        if not (sys.flags.safe_path or here in sys.path):
            sys.path.insert(0, here)


def dispatch(command: str, argv: list[str]) -> int:
    """Run the command of this name and return its exit code, which is 0 where the command returns none."""
    if command in ("-h", "--help", "--version"):
        print(__version__ if command == "--version" else usage())
        return 0
    if command not in COMMANDS:
        raise unknown("command", command, COMMANDS)
    if command in OF_CHECKOUT and Path.cwd() != registry.HOME:
        raise BenchError(f"{command} writes or checks files of MCLN-Bench's own checkout; run it in the root of one")
    prog = "run_all.py" if Path(sys.argv[0]).name == "run_all.py" else f"python -m bench {command}"
    return COMMANDS[command](Parser(prog=prog, description=COMMANDS[command].__doc__), argv) or 0


def usage() -> str:
    """Return the list of commands, each with the first line of its docstring."""
    lines = {name: f"  {name:<10} {call.__doc__.splitlines()[0]}" for name, call in COMMANDS.items()}
    of_checkout = [lines.pop(name) for name in OF_CHECKOUT]
    head = "usage: python -m bench COMMAND ...   (python -m bench COMMAND --help)"
    return "\n".join([head, "", *lines.values(), "", "in the root of a checkout of MCLN-Bench:", *of_checkout])


def run_command(parser: Parser, argv: list[str]) -> int:
    """Run the jobs that have no record yet, then write the tables."""
    args = add_flags(parser).parse_args(argv)
    clock = Clock(limit=args.time_limit)
    records.refuse_idle(args, parser)
    for text in args.models or ():
        if registry.is_of_file(text):
            registry.from_outside(text)  # before --ours, which may name it
    ours = registry.row_of(args.ours, lambda: records.rows(args.results) if args.report else ())
    for_tables = {"ours": ours, "metrics": metrics(args.metrics, args.top)}
    if args.list or args.report:
        print(records.listing(args) if args.list else records.report(args, for_tables))
        return 0
    from bench import session
    from bench.run import plan
    from bench.run.machines import Machines

    usual = "standard" if args.datasets else "quick"
    request = plan.Request(
        datasets=args.datasets or [QUICK_SET],
        models=args.models or (None if args.datasets else ["all", "floors"]),
        protocols=args.protocols,
        budget=usual if args.budget is None else args.budget,
        seeds=args.seeds or [0],
        features=args.features,
        hyper=once(args.set or [], "--set"),
        data_dir=args.data_dir,
        studies=args.study or ["table2"],
        keep_weights=args.keep_weights,
    )
    shared = {"results": args.results, "configs": args.configs, "dry_run": args.dry_run, "clock": clock}
    shared["machines"] = Machines(**{f.name: getattr(args, f.name) for f in fields(Machines)})
    if args.tune:
        from bench.tune import command as tuning  # here, since it imports optuna, which nothing else needs

        code, is_over = tuning.tune(request, args.tune, **shared)
        if args.hyper == "tuned" and not is_over and not code:
            print("the jobs that run with the settings found are known once the search is over")
            return code
        if code or args.hyper == "default":
            return code
    shared |= {"reports": args.reports, "ranking": args.ranking, "tables": for_tables}
    return session.run(request, **shared, when=args.when, mode=args.hyper)


def audit_command(parser: Parser, argv: list[str]) -> None:
    """Count what the files of data sets hold: sizes, repeats, overlaps, missing features."""
    parser.add_argument("datasets", nargs="+", metavar="NAME|FOLDER", help="names or folders of data sets")
    parser.add_argument("--features", metavar="ID", help="features of the items, as in a run")
    parser.add_argument("--data-dir", type=place, help=PAPER_FILES)
    text = "folder for audit.md and audit.json; default: reports"
    parser.add_argument("--reports", type=place, default=Path("reports"), help=text)
    args = parser.parse_args(argv)
    from bench.data import audit, sources

    by_name = {}
    for given in dict.fromkeys(args.datasets):
        facts = audit.audit(sources.find(given, data_dir=args.data_dir).load(args.features))
        if by_name.setdefault(facts["dataset"], facts)["hash"] != facts["hash"]:
            raise sources.named_twice(given, facts["dataset"])
    audits = list(by_name.values())
    print(audit.render(audits))
    for path in audit.write(audits, args.reports):
        print(f"wrote {path}")


OF_CHECKOUT = {
    "cards": cards_command,
    "readme": readme_command,
    "reference": reference_command,
    "check": check_command,
}
COMMANDS = {
    "run": run_command,
    "import": import_command,
    "extract": extract_command,
    "audit": audit_command,
    "models": models_command,
    "data": data_command,
    "studies": studies_command,
    "show": show_command,
    "verify": verify_command,
    "recommend": recommend_command,
    **OF_CHECKOUT,
}
