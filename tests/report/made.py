"""Records made up for the tests of the report."""

from bench.spec import BUDGETS, PROTOCOLS, Job
from bench.store.record import Record

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
