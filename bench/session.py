"""One call of the program: plan, run what is due, show progress, report."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import registry
from bench.files import try_writing, writing_reports
from bench.report.rows import STUDIED
from bench.run import casefacts, plan
from bench.run.clock import Clock, handling
from bench.run.due import When, is_due, relabel
from bench.run.estimates import LONG, longest_first
from bench.run.machines import Machines
from bench.run.plan import PlannedJob, Request
from bench.run.progress import Screen
from bench.run.studies import STUDIES
from bench.spec import DEPENDENT, BenchError, counted
from bench.store.places import TRIALS
from bench.store.record import STATUSES
from bench.store.store import Store
from bench.tune import winners

SAID = {"left": "not started", "stopped": "stopped with its state kept"}
AGAIN = "run the same command again to go on"
ANEW = "the same command would start every job anew; to run only what has no record, leave out --when always"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What of the tables is asked for.

    Attributes:
        ranking: the only one to print, if any.
        ours: the row that stands in MCLN's place.
        metrics: further ones, such as "recall@20".
    """

    ranking: str | None = None
    ours: str = STUDIED
    metrics: tuple[str, ...] = ()


def run(
    request: Request,
    *,
    results: Path,
    reports: Path,
    configs: Path,
    machines: Machines,
    clock: Clock,
    when: When,
    mode: winners.Mode,
    shown: Shown,
    dry_run: bool,
) -> int:
    """Everything from the request to the tables; returns the exit code.

    Args:
        mode: where settings are from.
    """
    if mode == "released":  # before the plan: what a variant changes of its preset depends on the preset
        request = replace(request, prefer="released")
    planned, said = winners.choose(plan.jobs(request), mode, configs, Store(results / TRIALS))
    print("".join(f"{line}\n" for line in said), end="")
    if shown.ranking == "full":
        refuse_candidate_dependent(planned)
    store = Store(results, is_locked=not machines.no_lock)
    due = due_of(planned, store, when)
    recorded = f"{len(planned) - len(due)} already recorded in {results}"
    print(f"{counted(len(planned), 'job')}: {len(due)} to run, {recorded}")
    if when == "failed" and not due:
        print("none of them has failed, so --when failed runs nothing")
    if dry_run:
        show(due, store, machines)
        return 0
    with writing_reports(reports):
        try_writing(reports)
    make_ready(planned, due, store)
    ended = run_due(due, store, machines, clock, when=when)
    with handling(clock.hear):  # a signal that comes now waits for the tables
        paths = report(planned, store, reports, shown, studies=request.studies)
    page = "".join(f"; read {path}" for path in paths if path.suffix == ".html")
    said = f"records in {results}, {counted(len(paths), 'report file')}{page}"
    return close(planned, ended, store, clock, said=said, when=when)


def make_ready(planned: Sequence[PlannedJob], due: Sequence[PlannedJob], store: Store) -> None:
    """Bring the folder of the records up to date; where no job is due, one that cannot be written is read as it is.

    Raises:
        BenchError: where a job is due and its record could not be written, and as ``casefacts.fill``.
    """
    try:
        store.check_writable()
    except BenchError:
        if due:
            raise
        return
    store.sweep(due=[one.job for one in due])
    relabel(planned, store)
    casefacts.fill(planned, store)


def report(
    planned: Sequence[PlannedJob], store: Store, reports: Path, shown: Shown, *, studies: Sequence[str]
) -> list[Path]:
    """Write the tables of all records and print those that the jobs are in; the files."""
    from bench.report.evidence import Evidence  # here, since pandas and scipy take two seconds to import
    from bench.report.write import console, write

    more = {"ours": shown.ours, "metrics": shown.metrics, "is_installed": registry.is_installed}
    evidence = Evidence.of(store, studies=tuple(STUDIES.values()), **more)
    paths = write(evidence, reports)
    jobs = [one.job for one in planned]  # their tables are printed whole, whatever else was asked for
    asked = {(Path(job.dataset).name, job.protocol.name, job.budget.name) for job in jobs}
    print(console(evidence, ranking=shown.ranking, names=studies, asked=asked))
    return paths


def due_of(planned: Sequence[PlannedJob], store: Store, when: When) -> list[PlannedJob]:
    return [one for one in planned if is_due(store, one, when=when)]


def show(due: Sequence[PlannedJob], store: Store, machines: Machines) -> None:
    """What would run, and how long it would take."""
    for one in due:
        print(f"  {one.title}  {one.job.key}")
    records = store.records()
    slots = machines.slots(records)
    machines.say(machines.estimate(due, records, slots), due, slots)


def run_due(due: list[PlannedJob], store: Store, machines: Machines, clock: Clock, *, when: When) -> dict[str, str]:
    """Run the jobs and show how they get on; their final states, by key."""
    stamps = {one.job.key: store.stamp(one.job) for one in due}
    due = due_of(due, store, when)  # once more: another runner may be at work here
    if not due:
        return {}
    records = store.records()
    slots = machines.slots(records)
    estimate = machines.estimate(due, records, slots)
    machines.say(estimate, due, slots, least=LONG)
    if when == "always":  # from the start, then
        for one in due:
            with store.lock(one.job) as is_ours:  # another runner may be at work on it
                if is_ours:
                    store.checkpoint(one.job).unlink(missing_ok=True)
    with Screen(due, estimate) as screen:
        more = {"listener": screen.tell, "estimate": estimate, "stamps": stamps}
        with machines.pool(store, slots, clock, **more) as pool:
            queue = longest_first(due, estimate)
            return dict(zip([one.job.key for one in queue], pool.run(queue), strict=True))


def close(
    planned: list[PlannedJob], ended: dict[str, str], store: Store, clock: Clock, *, said: str, when: When = "missing"
) -> int:
    """Say how it ended, as the records on disk have it; the exit code says it too.

    Args:
        ended: key to final state of the jobs that ran.
    """
    found = [(one, store.find(one.job)) for one in planned]
    gone = [one for one, record in found if record is None and ended.get(one.job.key) in STATUSES]
    counts = Counter({**ended, **dict.fromkeys((one.job.key for one in gone), "gone")}.values())
    text = ", ".join(f"{n} {SAID.get(state, state)}" for state, n in sorted(counts.items())) or "nothing to run"
    print(f"{text} in {time.monotonic() - clock.begun:.0f} s; {said}")
    for one in gone:
        print(f"gone: {one.title}: its record was written, but {store.path(one.job)} no longer contains it")
    failed = [(one, record) for one, record in found if record is not None and record.status == "failed"]
    for one, record in failed:
        print(f"failed: {one.title}: {record.reason}" + (f" (log {store.root / record.log})" if record.log else ""))
    is_cut = bool(counts["stopped"] or counts["left"])
    if is_cut:
        print(f"ended early; {ANEW if when == 'always' else AGAIN}")
    if is_cut or clock.signal:
        return clock.exit_code
    return 1 if failed or gone or counts["failed"] else 0


def refuse_candidate_dependent(planned: Sequence[PlannedJob]) -> None:
    """Where scores depend on the other candidates, full ranking is not defined: say so before any work."""
    for one in planned:
        model = registry.load(registry.cards()[one.job.model])
        if model.depends_on_candidates(registry.hyper(model, one.settings)):
            raise BenchError(
                f"{one.job.row} {DEPENDENT}; leave it out of --models, use a preset without that dependence "
                "(MCLN:itemwise), or use --ranking sampled"
            )
