"""Jobs, and records of them with ranks."""

import pandas as pd

from bench.protocol.metrics import means
from bench.spec import BUDGETS, PROTOCOLS, Job
from bench.store.record import Record, read_record, write_record


def job(**more) -> Job:
    fixed = {
        "dataset": "toy",
        "data_hash": "d",
        "features": "npy",
        "model": "BPRMF",
        "preset": "default",
        "hyper": {},
    }
    return Job(
        **{
            **fixed,
            "protocol": PROTOCOLS["clean"],
            "budget": BUDGETS["smoke"],
            "seed": 0,
            "source": "s",
            **more,
        }
    )


def record(**more) -> Record:
    j = more.pop("job", job())
    return Record(job=j, key=j.key, status="done", metrics={"sampled.hr@5": 1 / 3}, **more)


def ranks(places=(1, 99), **more) -> pd.DataFrame:
    return pd.DataFrame({"user": [0, 3], "target": [7, 1], "rank_sampled": places, "ties_sampled": [0, 2], **more})


def followed(places=(1, 99), **more) -> Record:
    """A record whose metrics follow from ``ranks(places)``."""
    return record(**more).model_copy(update={"metrics": means(ranks(places))})


def rewritten(store, **changes) -> None:
    """The record of ``job()`` edited by someone who knows of the digest."""
    path = store.path(job())
    write_record(read_record(path).model_copy(update=changes), path)
