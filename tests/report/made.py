"""Records made up for the tests of the report."""

import numpy as np
import pandas as pd

from bench.protocol.metrics import means
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


def record(model="BPRMF", value=0.4, *, start=START, key="", facts=None, **job) -> Record:
    """A finished record; all its metrics are ``value``, full ranking undefined for MCLN's default preset."""
    made = Job(**{**JOB, "model": model, **job})
    is_dependent = made.row == "MCLN"
    rankings = ("sampled",) if is_dependent else ("sampled", "full")
    return Record(
        job=made,
        key=key or made.key,
        status="done",
        metrics={f"{ranking}.{metric}": value for ranking in rankings for metric in METRICS},
        seconds={"train": 2.0, "evaluate": 1.0},
        facts={**FACTS, "is_candidate_dependent": is_dependent, **(facts or {})},
        provenance={"start": start},
    )


def unfinished(model="BPRMF", status="failed", reason="killed by signal 9", *, key="", **job) -> Record:
    made = Job(**{**JOB, "model": model, **job})
    provenance = {"start": START}
    return Record(job=made, key=key or made.key, status=status, reason=reason, provenance=provenance)


def stored(folder, places, model="BPRMF", *, full=None, users=None, key="", start=START, facts=None, **job) -> Record:
    """A record with these ranks among the candidates (and in full ranking, where given), written below ``folder``."""
    users = np.arange(len(places)) if users is None else np.asarray(users)
    ranks = pd.DataFrame({"user": users, "target": users + 1, "rank_sampled": np.asarray(places, dtype=np.int32)})
    ranks["ties_sampled"] = 0
    if full is not None:
        ranks = ranks.assign(rank_full=np.asarray(full, dtype=np.int32), ties_full=0)
    made = record(model, key=key, start=start, facts=facts, **job).model_copy(update={"metrics": means(ranks)})
    Store(folder).write(made, ranks)
    return made
