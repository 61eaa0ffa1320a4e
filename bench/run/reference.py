"""The reference comparison: its jobs, which of them have a record, and how long the rest would take."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.data.sources import FOLDERS
from bench.run import plan
from bench.run.estimates import Estimates, spell, whole
from bench.run.plan import PlannedJob, Request
from bench.run.studies import STUDIES
from bench.spec import KNOCKOUTS, Job
from bench.store.store import Store

ITEMWISE = "MCLN:itemwise"
SEEDED = ("BPRMF", "LightGCN", "VBPR", "DMRL", "MCLN", ITEMWISE)
TUNED = ("BPRMF", "LightGCN")  # models whose settings were searched
OWN_TABLES = ("table3", "table4", "table5", "figure4")


class Part(NamedTuple):
    """Jobs that answer one question together; ``is_tuned`` means that each has the settings that a search found."""

    title: str
    request: Request
    is_tuned: bool = False


def parts(data_dir: Path | None = None) -> list[Part]:
    """Return all parts of the reference, in the order in which they are run."""
    every_set, two_sets = list(FOLDERS), ["taobao", "beauty"]

    def part(title: str, datasets: list[str], models: Iterable[str] | None, protocols: list[str], **options) -> Part:
        names = {"datasets": datasets, "models": models and list(models), "protocols": protocols}
        return Part(title, Request(**names, **options, data_dir=data_dir))

    both = ["paper", "clean"]
    return [
        part("Table 2, paper", every_set, ["paper", ITEMWISE, "floors"], ["paper"]),
        part("Table 2, clean", every_set, ["paper", ITEMWISE, "floors"], ["clean"]),
        part("Newer models", two_sets, ["newer", "causal"], both),
        part("Seeds 1 and 2", every_set, SEEDED, both, seeds=[1, 2]),
        part("Seeds 1 and 2 of MEGCF", two_sets, ["MEGCF"], both, seeds=[1, 2]),  # so far the strongest baseline
        part("Both samplers", ["taobao"], None, ["paper"], studies=["sampler"]),
        part("Tables 3 to 5, Figure 4", two_sets, None, ["paper"], studies=OWN_TABLES),
        part("Figure 4 of LightGCN", two_sets, ["LightGCN"], ["paper"], studies=["figure4"]),
        part("Tuned, Taobao", ["taobao"], TUNED, both)._replace(is_tuned=True),
        part("Full budget", every_set, ["MCLN", "LightGCN"], ["paper"], budget="full"),
        part("Knock-outs, Taobao", ["taobao"], ["VBPR", "MEGCF"], ["clean"], features=["real", "shuffled"]),
        part(
            "Knock-outs, Beauty",
            ["beauty"],
            ["VBPR", "MMGCN", "DMRL", "MCLN", ITEMWISE],
            ["clean"],
            features=KNOCKOUTS,
        ),
    ]


def standing(
    store: Store, data_dir: Path | None = None, *, tuned: Callable[[list[PlannedJob]], list[PlannedJob]] = list
) -> pd.DataFrame:
    """Return one line per part with its number of ``jobs``: those that ``stand``, with a record; ``older`` ones, with a
    record by an earlier version of the model, the engine or the data's reading; and those that are ``missing``.

    A job that two parts share counts in the first. ``seconds`` is the estimate for the older and missing ones, with one
    job at a time; NaN where nothing similar was ever measured.

    Args:
        tuned: gives jobs the settings that a search found for them.

    Raises:
        BenchError: for data that cannot be had.
    """
    records = store.records()
    keys = {record.key for record in records if record.status == "done"}
    names = {name for record in records if record.status == "done" for name in names_of(record.job, record.settings)}
    sizes, seen, lines = {}, set(), []
    for title, request, is_tuned in parts(data_dir):
        planned = plan.jobs(request)
        planned = [one for one in (tuned(planned) if is_tuned else planned) if one.job.key not in seen]
        seen |= {one.job.key for one in planned}
        for one in planned:
            if one.job.data_hash not in sizes:
                sizes[one.job.data_hash] = len(plan.load(one).train)
        estimate, jobs = Estimates(records, sizes), [one.job for one in planned]
        due = [job for job in jobs if job.key not in keys]
        older = [job for job in due if names & names_of(job)]
        seconds = whole([estimate(job) for job in due], 1) if due else 0.0
        counts = {"jobs": len(jobs), "stand": len(jobs) - len(due), "older": len(older)}
        lines.append({"part": title, **counts, "missing": len(due) - len(older), "seconds": seconds})
    return pd.DataFrame(lines)


def names_of(job: Job, settings: Mapping[str, Any] | None = None) -> set[tuple]:
    """Return what tables call a job, whatever version of data, protocol and model it has: its row of Table 2, and the
    variants of studies that it is by its ``settings``, or without these by the settings that it changes."""
    where = (job.dataset, job.features, job.protocol.name, job.budget.name, job.seed, job.model, job.preset)
    variants = {name: study.variant(job.model, job.hyper, settings or {}) for name, study in STUDIES.items()}
    names = {(*where, name, variant.label) for name, variant in variants.items() if variant}
    return names | {(*where, "", repr(sorted(job.hyper.items())))}


def page(summary: pd.DataFrame) -> str:
    """Return the Markdown page on a ``summary`` that ``standing`` made."""
    total = summary[["jobs", "stand", "older", "missing"]].sum()
    spelled = [spell(seconds) if pd.notna(seconds) else "unknown" for seconds in summary["seconds"]]
    table = summary.drop(columns="seconds").assign(time=spelled)
    rows = table.astype(str).to_numpy().tolist()
    known = spell(summary["seconds"].sum())
    rows.append(["all", *map(str, total), f"at least {known}" if summary["seconds"].isna().any() else known])
    head = ["part", "jobs", "with a record", "older version", "missing", "time for the rest"]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * 5], *rows)]
    return "\n".join(
        [
            "# What the reference comparison has, and what it lacks",
            "",
            f"Of {total['jobs']} jobs, {total['stand']} have a record; {total['older']} more have only one that an "
            f"earlier version made, which the tables show, and {total['missing']} were never run. The time of a job is "
            "that of the newest similar job on the same data, early stop included; where there is none, it is the "
            "measured seconds per epoch times all epochs of the budget. Times are those of one job at a time on the "
            "machine of the records. Searches for settings are not counted. "
            "This page is written by `python -m bench reference`.",
            "",
            *lines,
            "",
        ]
    )
