"""One run of the program: plan the jobs, run those that are due, show progress, write the report."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import registry
from bench.run import count_cases, plan
from bench.run.clock import Clock, handling
from bench.run.due import When, is_due, relabel
from bench.run.estimates import LONG, longest_first
from bench.run.machines import Machines
from bench.run.plan import PlannedJob, Request
from bench.run.progress import Screen
from bench.run.studies import KNOWN
from bench.spec import DEPENDENT, BenchError, counted
from bench.store.places import TRIALS
from bench.store.record import STATUSES
from bench.store.store import Store
from bench.tune import winners

WORDS = {"left": "not started", "kept": "stopped with its state kept"}
AGAIN = "run the same command again to go on"
ANEW = "the same command would start every job anew; to run only what has no record, leave out --when always"


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
    dry_run: bool,
    ranking: str | None,
    tables: Mapping[str, Any],
) -> int:
    """Do everything from the request to the tables; return the exit code. Only the tables of ``ranking`` are printed,
    where one is given; ``tables`` has further arguments of ``bench.report.evidence.Evidence``."""
    if mode == "released":  # before the plan: a variant's difference from its preset depends on the preset
        request = replace(request, prefer="released")
    planned, notes = winners.choose(plan.jobs(request), mode, configs, Store(results / TRIALS))
    print("".join(f"{note}\n" for note in [*plan.left_out(request), *notes]), end="")
    if ranking == "full":
        refuse_candidate_dependent(planned)
    store = Store(results, is_locked=not machines.no_lock)
    count_cases.restore(planned, store)
    due = due_of(planned, store, when)
    recorded = f", {len(planned) - len(due)} already recorded in {results}" if when == "missing" else ""
    print(f"{counted(len(planned), 'job')}: {len(due)} to run{recorded}")
    if when == "failed" and not due:
        print("none of them has failed, so --when failed runs nothing")
    if dry_run:
        show(due, store, machines)
        return 0
    from bench.report.write import check_place  # here, as in ``report``

    check_place(reports)
    make_ready(planned, due, store)
    ended = run_due(due, store, machines, clock, when=when)
    try:
        with handling(clock.hear):  # a signal that arrives now takes effect after the tables; Ctrl-C leaves them out
            paths = report(planned, store, reports, tables, ranking=ranking, studies=request.studies)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the records in {results} are kept, and --report makes the tables") from None
    page = "".join(f"; read {path}" for path in paths if path.suffix == ".html")
    files = f"records in {results}, {counted(len(paths), 'report file')}{page}"
    return close(planned, ended, store, clock, files=files, when=when)


def make_ready(planned: Sequence[PlannedJob], due: Sequence[PlannedJob], store: Store) -> None:
    """Bring the folder of the records up to date; leave a read-only folder as it is where no job is due."""
    try:
        store.check_writable()
    except BenchError:
        if due:
            raise
        return
    store.sweep(due=[each.job for each in due])
    relabel(planned, store)
    count_cases.fill(planned, store)


def report(
    planned: Sequence[PlannedJob],
    store: Store,
    reports: Path,
    tables: Mapping[str, Any],
    *,
    ranking: str | None,
    studies: Sequence[str],
) -> list[Path]:
    """Write the tables of all records, print those that the jobs are in, and return the files."""
    from bench.report.evidence import Evidence  # here, since pandas and scipy take two seconds to import
    from bench.report.write import console, write

    evidence = Evidence.of(store, **tables, **KNOWN)
    paths = write(evidence, reports)
    jobs = [each.job for each in planned]  # the comparisons that these jobs are in are printed in full
    asked = {(job.set_name, job.protocol.name, job.budget.name) for job in jobs}
    print(console(evidence, ranking=ranking, names=studies, asked=asked))
    return paths


def due_of(planned: Sequence[PlannedJob], store: Store, when: When) -> list[PlannedJob]:
    return [each for each in planned if is_due(store, each, when=when)]


def show(due: Sequence[PlannedJob], store: Store, machines: Machines) -> None:
    """Print the jobs that would run, and how long they would take."""
    for each in due:
        print(f"  {each.title}  {each.job.key}")
    slots, estimate = machines.look_ahead(due, store)
    machines.say(estimate, due, slots)


def run_due(due: list[PlannedJob], store: Store, machines: Machines, clock: Clock, *, when: When) -> dict[str, str]:
    """Run the jobs and show their progress; return the final state of each by its key."""
    stamps = {each.job.key: store.stamp(each.job) for each in due}
    due = due_of(due, store, when)  # again, since another runner may have finished some of them
    if not due:
        return {}
    slots, estimate = machines.look_ahead(due, store)
    machines.say(estimate, due, slots, least=LONG)
    if when == "always":  # without their checkpoints, the jobs start from the first epoch
        for each in due:
            with store.lock(each.job) as is_ours:  # not ours while another runner works on the job
                if is_ours:
                    with store.writing():
                        store.checkpoint(each.job).unlink(missing_ok=True)
    with Screen(due, estimate) as screen:
        options = {"listener": screen.tell, "estimate": estimate, "stamps": stamps}
        with machines.pool(store, slots, clock, **options) as pool:
            queue = longest_first(due, estimate)
            return dict(zip([each.job.key for each in queue], pool.run(queue), strict=True))


def close(
    planned: list[PlannedJob], ended: dict[str, str], store: Store, clock: Clock, *, files: str, when: When = "missing"
) -> int:
    """Print how the run ended, by the records on disk, and return the exit code. ``ended`` is the final state of each
    job that ran, by its key, and ``files`` says which files were written."""
    records = [(each, store.find(each.job)) for each in planned]
    gone = [each for each, record in records if record is None and ended.get(each.job.key) in STATUSES]
    kept = [each for each in planned if ended.get(each.job.key) == "stopped" and store.checkpoint(each.job).exists()]
    states = {**ended, **{each.job.key: "gone" for each in gone}, **{each.job.key: "kept" for each in kept}}
    counts = Counter(states.values())
    text = ", ".join(f"{n} {WORDS.get(state, state)}" for state, n in sorted(counts.items())) or "nothing to run"
    print(f"{text} in {time.monotonic() - clock.begun:.0f} s; {files}")
    for each in gone:
        print(f"gone: {each.title}: its record was written, but {store.path(each.job)} no longer contains it")
    failed = [(each, record) for each, record in records if record is not None and record.status == "failed"]
    for each, record in failed:
        print(f"failed: {each.title}: {record.reason}" + (f" (log {store.root / record.log})" if record.log else ""))
    is_cut = bool(counts["stopped"] or counts["kept"] or counts["left"])
    if is_cut:
        print(f"ended early; {ANEW if when == 'always' else AGAIN}")
    if is_cut or clock.signal:
        return clock.exit_code
    return 1 if failed or gone or counts["failed"] else 0


def refuse_candidate_dependent(planned: Sequence[PlannedJob]) -> None:
    """Refuse, before any work, models whose scores depend on the other candidates: they have no full ranking."""
    for each in planned:
        model = registry.load(registry.cards()[each.job.model])
        if model.depends_on_candidates(registry.hyper(model, each.settings)):
            raise BenchError(
                f"{each.job.row} {DEPENDENT}; leave it out of --models, use a preset without that dependence "
                "(MCLN:itemwise), or use --ranking sampled"
            )
