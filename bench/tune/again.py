"""The words that say how to have a winner that is missing or cannot be used."""

import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path

from bench.run.plan import PlannedJob
from bench.spec import PROTOCOLS
from bench.store.places import TRIALS
from bench.store.store import Store


def words(planned: PlannedJob, configs: Path, trials: Store) -> str:
    """Return the flags of a search for the job; those that write the winner of the trials in ``trials``, if any are."""
    job, clean = planned.job, replace(planned.job, protocol=PROTOCOLS["clean"], seed=0, hyper={})
    alike = [one.job for one in trials.records() if replace(one.job, hyper={}, budget=job.budget) == clean]
    kept = Counter(one.budget.name for one in alike).most_common(1)  # of the longest search
    budget, n_trials = kept[0] if kept else (job.budget.name, "N")
    name = f"{planned.model_file}:{job.model}" if planned.model_file else job.model
    name = name if job.preset == "default" else f"{name}:{job.preset}"
    what = ["--datasets", planned.location, "--features", job.features, "--models", name, "--protocols", "clean"]
    what += ["--budget", budget, "--results", str(trials.root.parents[len(TRIALS.parts) - 1])]
    return f"search with --tune {n_trials} {shlex.join([*what, '--configs', str(configs)])}"
