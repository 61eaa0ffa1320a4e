"""Records made up for the tests of the report."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench.protocol.metrics import means
from bench.report.evidence import Evidence
from bench.report.model import Figure, Note, Question
from bench.report.render.drawing import pictures
from bench.report.render.figures import PLOTS
from bench.report.sections import comparison
from bench.run.studies import STUDIES
from bench.spec import BUDGETS, PROTOCOLS, Job
from bench.store.record import Record
from bench.store.store import Store

START = "2024-01-01T00:00:00+00:00"
SIZES = {"users": 15576, "items": 8678, "interactions": 139318, "density": 139318 / (15576 * 8678)}
METRICS = ("hr@5", "ndcg@5", "hr@10", "ndcg@10")
JOB = {
    "dataset": "beauty",
    "data_hash": "d",
    "features": "entities",
    "model": "BPRMF",
    "preset": "default",
    "hyper": {},
    "protocol": PROTOCOLS["paper"],
    "budget": BUDGETS["smoke"],
    "seed": 0,
    "source": "s",
}
FACTS = {
    **SIZES,
    "best_epoch": 1,
    "epochs": 1,
    "selected_by": "test sampled.ndcg@10, every 1 epochs",
    "candidate_hash": "c",
    "parameters": 1000,
    "peak_memory_mib": 12.5,
}


def evidence(*records, folder=Path("nowhere"), **more) -> Evidence:
    """What a report is made from, all studies asked for."""
    return Evidence(records, folder, studies=tuple(STUDIES.values()), **more)


def record(
    model="BPRMF",
    value=0.4,
    *,
    start=START,
    key="",
    facts=None,
    settings=None,
    curve=(),
    seconds=None,
    provenance=None,
    **job,
) -> Record:
    """A finished record; all its metrics are ``value``, full ranking undefined for MCLN's default preset."""
    made = Job(**{**JOB, "model": model, **job})
    is_dependent = made.row == "MCLN"
    rankings = ("sampled",) if is_dependent else ("sampled", "full")
    return Record(
        job=made,
        key=key or made.key,
        status="done",
        metrics={f"{ranking}.{metric}": value for ranking in rankings for metric in METRICS},
        settings=settings or {},
        curve=list(curve),
        seconds=seconds or {"train": 2.0, "evaluate": 1.0},
        facts={**FACTS, "is_candidate_dependent": is_dependent, **(facts or {})},
        provenance={"start": start, **(provenance or {})},
    )


def unfinished(model="BPRMF", status="failed", reason="killed by signal 9", *, key="", **job) -> Record:
    made = Job(**{**JOB, "model": model, **job})
    provenance = {"start": START}
    return Record(job=made, key=key or made.key, status=status, reason=reason, provenance=provenance)


OLD_CLEAN = replace(PROTOCOLS["clean"], version=1, select_ranking="full")  # one choice for both rankings
HOSTILE = "</script><script>alert('x')</script> & \"--gpus\" 100% of {a_b}\\$#^~ [0] \n * <b>|é"


def many() -> list[Record]:
    """What a report may have to show: seeds, failures, unlike rankings, floors, names and reasons of any letters."""
    clean = {"protocol": PROTOCOLS["clean"], "budget": BUDGETS["quick"]}
    some = [
        record(model, value + 0.01 * seed, seed=seed, dataset=dataset)
        for dataset in ("beauty", "art")
        for model, value in (("BPRMF", 0.3), ("VBPR", 0.4), ("LightGCN", 0.35), ("MCLN", 0.5))
        for seed in (0, 1)
    ]
    some += [
        record(model, value, dataset="mine/[a] & b_c%", **clean) for model, value in (("BPRMF", 0.1), ("Pop", 0.05))
    ]
    some += [
        record("VBPR", 0.2, **clean),
        record("MCLN", 0.3, preset="itemwise", **clean),
        record("MCLN", 0.2, **clean),
    ]
    some += [unfinished("NGCF", reason=HOSTILE, seed=seed) for seed in (0, 1)]
    some += [unfinished("MMGCN", "skipped", "no content", dataset="art", seed=seed) for seed in (0, 1)]
    some += [record("BPRMF", 0.9, source="old", start="2023-01-01T00:00:00+00:00", dataset="art")]
    return [*some, *(record("BPRMF", 0.31, seed=seed, hyper={"[x]": "*"}) for seed in (0, 1))]


def three_hundred() -> list[Record]:
    """A large report: 5 models on 3 sets with 5 seeds under 2 protocols and 2 budgets."""
    return [
        record(model, 0.4, dataset=dataset, seed=seed, protocol=protocol, budget=BUDGETS[budget])
        for model in ("BPRMF", "VBPR", "LightGCN", "NGCF", "MCLN")
        for dataset in ("beauty", "art", "taobao")
        for seed in range(5)
        for protocol in PROTOCOLS.values()
        for budget in ("smoke", "quick")
    ]


def drawn(pages) -> dict[str, dict[str, bytes]]:
    """The SVG files of the figures among ``pages``."""
    return {p.name: {"svg": pictures(PLOTS[p.plot], p.data)["svg"]} for p in pages if isinstance(p, Figure)}


def line_figure(kind: str) -> Figure:
    """A drawing with a legend that has to be escaped."""
    where = {"dataset": "beauty", "features": "entities", "metric": "sampled.ndcg@10", "key": many()[0].key}
    lines = [
        {"model": "<a & b>", "seed": 0, "epoch": n, "seconds": n, "value": n / 10, "is_best": n == 2, **where}
        for n in (1, 2, 3)
    ]
    about = {
        "question": Question.COST,
        "caption": "x & y",
        "notes": [Note("n")],
        "protocol": "paper",
        "budget": "smoke",
    }
    return Figure(kind=kind, what=f"Figure {kind} <1>", data=pd.DataFrame(lines), plot="curves", **about)


def stored(
    folder, places, model="BPRMF", *, full=None, ties=0, ties_full=0, users=None, key="", start=START, facts=None, **job
) -> Record:
    """A record with these ranks among the candidates (and in full ranking, where given), written below ``folder``."""
    users = np.arange(len(places)) if users is None else np.asarray(users)
    ranks = pd.DataFrame({"user": users, "target": users + 1, "rank_sampled": np.asarray(places, dtype=np.int32)})
    ranks["ties_sampled"] = ties
    if full is not None:
        ranks = ranks.assign(rank_full=np.asarray(full, dtype=np.int32), ties_full=ties_full)
    made = record(model, key=key, start=start, facts=facts, **job).model_copy(update={"metrics": means(ranks)})
    Store(folder).write(made, ranks)
    return made


def find(records, name, **more):
    """The page ``name`` of tables 1 and 2."""
    (table,) = [table for table in comparison.pages(evidence(*records, **more)) if table.name == name]
    return table


def said(table):
    return [note.text for note in table.notes]


def sampled(*records, **more):
    return find(records, "table2-paper-smoke-sampled", **more)
