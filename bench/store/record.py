"""What a job leaves behind."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from bench.spec import Job

SCHEMA = 1


class Record(BaseModel):
    """One job's outcome; per-user ranks lie beside it as parquet.

    Attributes:
        settings: every setting the job ran with, defaults and presets resolved.
        metrics: test means, unrounded, named "ranking.metric" as in "sampled.hr@5".
        curve: one entry an evaluation: epoch, mean training loss, seconds so far, the selecting metrics.
        seconds: prepare, train, evaluate; or spent, by the process of a job that was not finished.
        facts: numbers and names a table may show: best_epoch, epochs, parameters, peak_memory_mib, modalities, n_cases,
            ties_sampled, ties_full, candidate_hash, is_candidate_dependent, selected_by; on simulated sets occlusion.*
            and gradient.* (``bench.run.content_use``); tuning.trials, tuning.seconds, tuning.protocol and tuning.budget
            where a search found the settings.
        provenance: versions, device, threads, code revision, start time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = SCHEMA
    job: Job
    key: str
    status: Literal["done", "skipped", "failed"]
    reason: str = ""
    traceback: str = ""
    log: str = ""
    settings: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    curve: list[dict[str, float]] = []
    seconds: dict[str, float] = {}
    facts: dict[str, Any] = {}
    provenance: dict[str, str] = {}
