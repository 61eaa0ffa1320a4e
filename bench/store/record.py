"""What a job leaves behind, and the file that holds it."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.files import write_whole
from bench.spec import BenchError, Job

SCHEMA = 2


class Record(BaseModel):
    """One job's outcome. The rank of every test case lies in a file beside it.

    Attributes:
        digest: sha256 of the file's content with this field empty; empty in memory, and in files of schema 1.
        ranks_sha256: names and vouches for the file of ranks; empty where there is none, and in files of schema 1.
        cases_sha256: names and vouches for the file of the users and targets that were ranked.
        settings: every setting the job ran with, defaults and presets resolved.
        metrics: test means, unrounded, named "ranking.metric" as in "sampled.hr@5".
        curve: one entry per evaluation: epoch, mean training loss, seconds so far, the selecting metrics.
        seconds: prepare, train, evaluate; or spent, by the process of a job that was not finished.
        facts: numbers and names a table may show: best_epoch, epochs, parameters, peak_memory_mib, modalities, n_cases,
            ties_sampled, ties_full, candidate_hash, is_candidate_dependent, selected_by; on simulated sets occlusion.*
            and gradient.* (``bench.run.content_use``); tuning.trials, tuning.seconds, tuning.protocol and tuning.budget
            where a search found the settings; weights_sha256 where the weights were kept.
        provenance: versions, device, threads, code revision, start time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str = ""  # the first field: ``write_record`` fills it in within the text
    schema_version: Literal[1, 2] = SCHEMA
    job: Job
    key: str
    status: Literal["done", "skipped", "failed"]
    reason: str = ""
    traceback: str = ""
    log: str = ""
    ranks_sha256: str = ""
    cases_sha256: str = ""
    settings: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    curve: list[dict[str, float]] = []
    seconds: dict[str, float] = {}
    facts: dict[str, Any] = {}
    provenance: dict[str, str] = {}


def write_record(record: Record, path: Path) -> None:
    """Write ``record`` with its digest, in the newest schema."""
    current = record.model_copy(update={"schema_version": SCHEMA, "digest": ""})
    text = current.model_dump_json(indent=1) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    text = text.replace('"digest": ""', f'"digest": "{digest}"', 1)
    write_whole(path, lambda name: Path(name).write_text(text, encoding="utf-8"), is_durable=True)


def read_record(path: Path) -> Record | None:
    """The record that ``write_record`` wrote, or one of schema 1, which has no digest; None where there is no file.

    Raises:
        BenchError: where the file is no record, or was changed since it was written.
    """
    try:
        content = path.read_bytes()
        record = Record.model_validate_json(content)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValidationError, OSError) as error:
        raise BenchError(f"{path} cannot be read as a record ({str(error).splitlines()[0]})") from None
    if record.schema_version > 1:
        body = content.replace(record.digest.encode(), b"", 1)
        if not record.digest or hashlib.sha256(body).hexdigest() != record.digest:
            raise BenchError(f"{path} was changed after it was written")
    return record.model_copy(update={"digest": ""})
