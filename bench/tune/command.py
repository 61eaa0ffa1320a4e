"""One call of ``--tune``: search settings over the pool, show progress, write the winners."""

from pathlib import Path

from bench.run import plan
from bench.run.plan import Request
from bench.run.progress import Screen
from bench.run.slots import longest_first
from bench.session import load_once, pool_at
from bench.store.store import Store
from bench.tune import winners
from bench.tune.search import Search


def tune(request: Request, n_trials: int, *, results: Path, configs: Path, dry_run: bool, **options) -> int:
    """Search settings on validation for all that the request names, and write the winners; returns the exit code.

    ``options`` are those of ``pool_at``.
    """
    search = Search(plan.jobs(request), n_trials=n_trials, folder=results / "tuning")
    print("\n".join([*search.said, f"{len(search.bases)} searches of {n_trials} trials, kept in {search.folder}"]))
    if dry_run:
        return 0
    Store(results).check_writable()
    winners.check_writable(configs)
    load_once(search.bases)
    with search.open():
        records, states = search.store.records(), []
        if due := longest_first(search.due(), records):
            with pool_at(search.store, records, **options) as pool, Screen(due, {}, total=search.n_missing) as screen:
                search.screen, pool.tell, pool.follow = screen.tell, search.tell, search.follow
                states = pool.run(due)
        lines, is_whole = search.write(configs)
    print("\n".join(lines))
    return 130 if "stopped" in states else 0 if is_whole else 1
