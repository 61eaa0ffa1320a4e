"""The reference comparison: its jobs, which of them have a record, and how long the rest would take."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.data.sources import FOLDERS
from bench.run import plan
from bench.run.estimates import Estimates, spell, whole
from bench.run.plan import PlannedJob, Request
from bench.run.studies import STUDIES
from bench.spec import Job
from bench.store.store import Store

ITEMWISE = "MCLN:itemwise"
SEEDED = ("BPRMF", "LightGCN", "VBPR", "DMRL", "MCLN", ITEMWISE)
TUNED = ("BPRMF", "SVDPP", "NGCF", "LightGCN", "VBPR", "MCLN", ITEMWISE, "MGCL")  # models whose settings were searched
USING_CONTENT = ("VBPR", "MMGCN", "DMRL", "MCLN", ITEMWISE)
OWN_TABLES = ("table3", "table4", "table5", "figure4")
WHAT = ("data set", "protocol", "model", "features", "budget", "seed")  # columns that say what a job is


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
        part("Seeds 1 and 2 of MEGCF", two_sets, ["MEGCF"], both, seeds=[1, 2]),
        # the strongest baselines of the two sets
        part("Seeds 1 and 2 of MGCN, Beauty", ["beauty"], ["MGCN"], both, seeds=[1, 2]),
        part("Seeds 1 and 2 of MGCL, Taobao", ["taobao"], ["MGCL"], both, seeds=[1, 2]),
        part("Both samplers", ["taobao"], None, ["paper"], studies=["sampler"]),
        part("Tables 3 to 5, Figure 4", two_sets, None, ["paper"], studies=OWN_TABLES),
        part("Figure 4 of LightGCN", two_sets, ["LightGCN"], ["paper"], studies=["figure4"]),
        part("Tuned, Taobao", ["taobao"], TUNED, both)._replace(is_tuned=True),
        part("Full budget", every_set, ["MCLN", "LightGCN"], ["paper"], budget="full"),
        part("Knock-outs, Taobao", ["taobao"], ["VBPR", "MEGCF"], ["clean"], features=["real", "shuffled"]),
        part("Knock-outs, Beauty", ["beauty"], USING_CONTENT, ["clean"], features=["real", "shuffled", "noise"]),
        # the other models have nothing to train without content
        part("Without content, Beauty", ["beauty"], ["MCLN", ITEMWISE], ["clean"], features=["none"]),
    ]


def standing(
    store: Store, data_dir: Path | None = None, *, tuned: Callable[[list[PlannedJob]], list[PlannedJob]] = list
) -> pd.DataFrame:
    """Return one line per job: its ``part``, what it is, and ``is_due``, whether it has no record.

    A job that two parts share counts in the first. One that is due has the estimated ``seconds``, infinite where
    nothing similar was ever measured; and ``is_older``, whether an earlier version of the model, the engine or the
    data's reading has a record of it. ``tuned`` gives jobs the settings that a search found for them.
    """
    records = store.records()
    keys = {record.key for record in records if record.status != "failed"}  # one that was skipped does not run again
    names = {name for record in records if record.status == "done" for name in names_of(record.job, record.settings)}
    sizes, jobs, lines = {}, {}, []
    for title, request, is_tuned in parts(data_dir):
        planned = plan.jobs(request)
        for one in tuned(planned) if is_tuned else planned:
            jobs.setdefault(one.job.key, (title, one.job))
            if one.job.data_hash not in sizes:
                sizes[one.job.data_hash] = len(plan.load(one).train)
    estimate = Estimates(records, sizes)
    for key, (title, job) in jobs.items():
        what = (title, job.dataset, job.protocol.name, job.run, job.features, job.budget.name, job.seed)
        is_due = key not in keys
        state = {"is_due": is_due, "is_older": is_due and bool(names & names_of(job))}
        seconds = estimate(job) if is_due else 0.0
        lines.append({**dict(zip(("part", *WHAT), what, strict=True)), **state, "seconds": seconds})
    return pd.DataFrame(lines)


def names_of(job: Job, settings: Mapping[str, Any] | None = None) -> set[tuple]:
    """Return what tables call a job, whatever version of data, protocol and model it has: its row of Table 2, and the
    variants of studies that it is by its ``settings``, or without these by the settings that it changes."""
    where = (job.dataset, job.features, job.protocol.name, job.budget.name, job.seed, job.model, job.preset)
    variants = {name: study.variant(job.model, job.hyper, settings or {}) for name, study in STUDIES.items()}
    names = {(*where, name, variant.label) for name, variant in variants.items() if variant}
    return names | {(*where, "", repr(sorted(job.hyper.items())))}


def by_part(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return one line per part of the ``jobs`` that ``standing`` returned: how many there are, how many have a record
    or only an ``older`` one, how many were never run (``missing``), and the seconds for the rest, with one job at a
    time; NaN where nothing similar was ever measured."""
    lines = []
    for title, part in jobs.groupby("part", sort=False):
        due = part[part["is_due"]]
        counts = {"jobs": len(part), "stand": len(part) - len(due), "older": int(due["is_older"].sum())}
        seconds = whole(list(due["seconds"]), 1) if len(due) else 0.0
        lines.append({"part": title, **counts, "missing": len(due) - counts["older"], "seconds": seconds})
    return pd.DataFrame(lines).astype({"seconds": float})


def page(jobs: pd.DataFrame) -> str:
    """Return the Markdown page on the ``jobs`` that ``standing`` returned."""
    parts = by_part(jobs)
    total = parts[["jobs", "stand", "older", "missing"]].sum()
    known = spell(parts["seconds"].sum())
    time = f"at least {known}" if parts["seconds"].isna().any() else known
    rows = parts.assign(time=parts["seconds"].map(in_words)).drop(columns="seconds")
    rows.loc[len(rows)] = ["all", *total, time]
    rows = rows.rename(columns={"stand": "with a record", "older": "older version", "time": "time for the rest"})
    due = jobs[jobs["is_due"]].sort_values("seconds", kind="stable")
    older = due["is_older"].map({True: "yes", False: ""})
    each = due.assign(**{"older version": older, "time": due["seconds"].map(in_words)})
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
            rows.to_markdown(index=False, tablefmt="github"),
            "",
            "## The jobs without a record of the present version, shortest first",
            "",
            each[[*WHAT, "older version", "time", "part"]].to_markdown(index=False, tablefmt="github"),
            "",
        ]
    )


def in_words(seconds: float) -> str:
    return spell(seconds) if math.isfinite(seconds) else "unknown"
