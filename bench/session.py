"""One call of the program: plan, run what is due, show progress, report."""

import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from bench import registry
from bench.data import sources
from bench.report import write as report_write
from bench.report.evidence import Evidence
from bench.run import casefacts, plan
from bench.run.cluster import connected
from bench.run.plan import PlannedJob, Request
from bench.run.pool import Pool
from bench.run.progress import Screen, name
from bench.run.slots import Slots, default_jobs, estimates, find_gpus, longest_first, measured
from bench.run.studies import STUDIES
from bench.spec import BenchError
from bench.store.record import Record
from bench.store.store import Store
from bench.tune import winners


def run(
    request: Request,
    *,
    results: Path,
    reports: Path,
    configs: Path,
    when: plan.When,
    hyper: winners.Mode,
    ranking: str | None,
    dry_run: bool,
    **options,
) -> int:
    """Everything from the request to the tables; returns the exit code. ``options`` are those of ``pool_at``."""
    if hyper == "released":  # before the plan: what a variant changes of its preset depends on the preset
        request = replace(request, prefer="released")
    works, said = winners.choose(plan.jobs(request), hyper, configs)
    print("".join(f"{line}\n" for line in said), end="")
    if ranking == "full":
        refuse_candidate_dependent(works)
    store = Store(results)
    due = [work for work in works if plan.is_due(store, work.job, when=when)]
    print(f"{len(works)} jobs: {len(due)} to run, {len(works) - len(due)} stand in {results}")
    if dry_run:
        for work in due:
            print(f"  {name(work)}  {work.job.key}")
        return 0
    store.check_writable()
    store.sweep()
    report_write.check_writable(reports)
    winners.relabel(works, store)
    stamps = {work.job.key: store.stamp(work.job) for work in due}
    due = [work for work in due if plan.is_due(store, work.job, when=when)]  # another runner may be at work here
    casefacts.fill(works, store)
    started, states = time.monotonic(), []
    if due:
        load_once(due)
        if when == "always":  # from the start, then
            for work in due:
                store.checkpoint(work.job).unlink(missing_ok=True)
        records = store.records()
        with pool_at(store, records, **options) as pool, Screen(due, estimates(due, records)) as screen:
            pool.tell, pool.stamps = screen.tell, stamps
            states = pool.run(longest_first(due, records))
    keys = {work.job.key for work in works}
    records = store.records()
    evidence = Evidence(records, results, studies=tuple(STUDIES.values()))
    paths = report_write.write(evidence, reports)
    mine = [record for record in records if record.key in keys]
    shown = evidence if len(mine) == len(records) else replace(evidence, records=mine)
    print(report_write.console(shown, ranking=ranking, names=request.studies))
    return close(works, states, store, seconds=time.monotonic() - started, reports=reports, paths=paths)


def pool_at(store: Store, records: list[Record], *, jobs, gpus, jobs_per_gpu, cluster, **options):
    """The pool that the flags ask for, on this machine or behind a Dask scheduler, as a context."""
    options |= {"store": store}
    if cluster:
        return connected(cluster, gpus=gpus, jobs=jobs, jobs_per_gpu=jobs_per_gpu, **options)
    cpus = jobs or default_jobs(options["threads"])
    slots = Slots(cpus=cpus, total=jobs, gpus=find_gpus(gpus), per_gpu=jobs_per_gpu, measured=measured(records))
    return nullcontext(Pool(slots=slots, **options))


def load_once(works: list[PlannedJob]) -> None:
    """Parse every data set before any job starts: a broken file is one error, and the jobs find the cache filled."""
    for location, data_dir, features in {(w.location, w.data_dir, w.job.features) for w in works}:
        sources.find(location, data_dir=Path(data_dir) if data_dir else None).load(features)


def close(works: list[PlannedJob], states: list[str], store: Store, *, seconds: float, reports: Path, paths) -> int:
    """Say how it ended; the exit code says it too."""
    counts = Counter(states)
    text = ", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "nothing to run"
    print(f"{text} in {seconds:.0f} s; records in {store.root}, {len(paths)} report files in {reports}")
    found = [(work, store.find(work.job)) for work in works]
    failed = [(work, record) for work, record in found if record is not None and record.status == "failed"]
    for work, record in failed:
        print(f"failed: {name(work)}: {record.reason}" + (f" (log {store.root / record.log})" if record.log else ""))
    if counts["stopped"]:
        print("stopped; the same command goes on where it was")
        return 130
    return 1 if failed or counts["failed"] else 0


def refuse_candidate_dependent(works: list[PlannedJob]) -> None:
    """Full ranking of a model that scores an item among its candidates is not defined: say so before any work."""
    for work in works:
        model = registry.load(registry.cards()[work.job.model])
        if model.depends_on_candidates(registry.hyper(model, work.settings)):
            raise BenchError(
                f"{work.job.row} scores an item among its candidates, so full ranking is not defined; leave it out of "
                "--models, use a preset that stands alone (MCLN:itemwise), or use --ranking sampled"
            )
