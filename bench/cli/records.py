"""What --list and --report do: they read stored records, and import no torch. And which flags an action passes over."""

from bench import registry
from bench.run.studies import STUDIES
from bench.spec import BenchError

ASKING = (
    "datasets", "models", "study", "protocols", "budget", "seeds", "features", "ours", "metrics", "top", "ranking",
    "set", "hyper", "tune", "when", "dry_run", "list", "report", "keep_weights",
)  # fmt: skip
WHAT = ("datasets", "models", "protocols", "budget", "features")
ACTIONS = {  # what each does, and what of ASKING it has a use for
    "list": ("lists stored records by what is compared", (*WHAT, "seeds")),
    "report": ("writes the tables of all records", ("ours", "metrics", "top")),
    "tune": (
        "searches with seed 0 and makes no tables (--hyper tuned runs what is found)",
        (*WHAT, "study", "set", "hyper", "dry_run"),
    ),
}


def refuse_idle(args, parser) -> None:
    """Refuse flags that --list, --report or --tune, after which nothing runs, would pass over.

    Raises:
        BenchError: for the first of them.
    """
    action = next((name for name in ACTIONS if getattr(args, name)), None)
    if action == "tune" and args.hyper != "default":  # a run follows
        return
    if action is None:
        return
    said, used = ACTIONS[action]
    for name in ASKING:
        value = getattr(args, name)
        is_of_files = name == "models" and all(".py:" in one for one in value or ())  # whose code is to be known
        if name not in (action, *used) and value != parser.get_default(name) and not is_of_files:
            flag = f"--{name.replace('_', '-')}"
            raise BenchError(f"--{action} {said} and has no use for {flag}; leave it out")


def listing(args) -> str:
    """The stored records of what is compared, one per line.

    Raises:
        BenchError: where there is no such folder.
    """
    from bench.cli import show
    from bench.store.store import Store

    if not args.results.is_dir():
        raise BenchError(f"{args.results} is not a folder; give the folder of the records with --results")
    return show.listing(Store(args.results), show.asked_of(args))


def report(args, more: dict) -> str:
    """Every table and figure again, from all records; says what it did."""
    from bench.report import drawers

    with drawers.start() as others:
        from bench.report import write  # a second, in which the drawers import matplotlib

        more |= {"studies": tuple(STUDIES.values()), "is_installed": registry.is_installed, "others": others}
        return write.rebuild(args.results, args.reports, **more)
