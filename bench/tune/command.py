"""One call of ``--tune``: searches settings on the pool, shows progress and writes the winners."""

from pathlib import Path

from bench.run import plan
from bench.run.clock import Clock
from bench.run.estimates import LONG, longest_first
from bench.run.machines import Machines
from bench.run.plan import Request
from bench.run.progress import Screen
from bench.spec import counted
from bench.store.store import Store
from bench.tune import winners
from bench.tune.search import Searches


def tune(
    request: Request,
    n_trials: int,
    *,
    results: Path,
    configs: Path,
    machines: Machines,
    clock: Clock,
    dry_run: bool,
) -> tuple[int, bool]:
    """Search settings on validation for all data sets and models of the request, and write the winners.

    Returns the exit code, and whether all searches are at their end.
    """
    searches = Searches(plan.jobs(request), n_trials=n_trials, results=results, is_locked=not machines.no_lock)
    number = f"{counted(len(searches.bases), 'search', 'searches')} of {counted(n_trials, 'trial')}"
    print("\n".join([*searches.notes, f"{number}, kept in {searches.folder}"]))
    for base in searches.bases:
        winners.check_free(configs, base.job)
    slots, estimate = machines.look_ahead(searches.bases, searches.store)
    if dry_run:
        searches.read_trials()
        n = sum(searches.missing.values())
        print(f"{counted(n, 'trial')} to run")
        machines.say(estimate, searches.bases, slots, times=searches.missing)
        return 0, not n
    Store(results).check_writable()
    winners.check_writable(configs)
    with searches.open():
        machines.say(estimate, searches.bases, slots, times=searches.missing, least=LONG)
        states = []
        if due := longest_first(searches.due(), estimate):
            with Screen(due, estimate, total=sum(searches.missing.values())) as screen:
                hooks = {"listener": searches.numbered(screen.tell), "follow": searches.follow, "estimate": estimate}
                with machines.pool(searches.store, slots, clock, **hooks) as pool:
                    states = pool.run(due)
        lines, is_whole = searches.write(configs)
    print("\n".join(lines))
    if {"stopped", "left"} & set(states):
        return clock.exit_code, False
    return (0 if is_whole else 1), is_whole
