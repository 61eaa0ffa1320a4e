"""The actions --list and --report, which read stored records without torch; and the check for flags without effect."""

from pathlib import Path

from bench import registry
from bench.run.studies import KNOWN
from bench.spec import BenchError

ASKING = (
    "datasets", "models", "study", "protocols", "budget", "seeds", "features", "ours", "metrics", "top", "ranking",
    "set", "hyper", "tune", "when", "dry_run", "list", "report", "keep_weights",
)  # fmt: skip
WHAT = ("datasets", "models", "protocols", "budget", "features")
ACTIONS = {  # what each does, in words, and the flags of ASKING that it uses
    "list": ("lists stored records by what is compared", (*WHAT, "seeds")),
    "report": ("writes the tables of all records", ("ours", "metrics", "top")),
    "tune": (
        "searches with seed 0 and makes no tables (--hyper tuned runs what is found)",
        (*WHAT, "study", "set", "hyper", "dry_run"),
    ),
}


def refuse_idle(args, parser) -> None:
    """Refuse flags that have no effect beside --list, --report or --tune, after which nothing runs, and --tune with the
    released presets, which would run without what the search found."""
    action = next((name for name in ACTIONS if getattr(args, name)), None)
    if action == "tune" and args.hyper == "released":
        remedy = (
            "to search around a released preset, leave --hyper out and name the preset, as in --models MCLN:released"
        )
        raise BenchError(
            f"--tune does not go with --hyper released, whose settings do not come from a search; {remedy}"
        )
    if action is None or action == "tune" and args.hyper != "default":  # after this --tune, a run follows
        return
    deed, used = ACTIONS[action]
    for name in ASKING:
        value = getattr(args, name)
        # models given by their files are allowed: they make the files' code known
        is_of_files = name == "models" and all(map(registry.is_of_file, value or ()))
        if name not in (action, *used) and value != parser.get_default(name) and not is_of_files:
            flag = f"--{name.replace('_', '-')}"
            raise BenchError(f"--{action} {deed} and has no use for {flag}; leave it out")


def listing(args) -> str:
    """Return the stored records that the flags of the comparison select, one per line."""
    from bench.cli import show
    from bench.store.store import Store

    if not args.results.is_dir():
        raise BenchError(f"{args.results} is not a folder; give the folder of the records with --results")
    return show.listing(Store(args.results), show.asked_of(args))


def rows(folder: Path) -> set[str]:
    """Return the rows of the records in a folder, as tables name them."""
    from bench.store.frame import frame
    from bench.store.store import Store

    return set(frame(Store(folder).records()).get("row", ()))


def report(args, options: dict) -> str:
    """Write every table and figure again from all records; return in words what was done."""
    from bench.report import write  # here: it takes seconds

    return write.rebuild(args.results, args.reports, **options, **KNOWN)
