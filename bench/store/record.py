"""The record of a job's outcome, and the JSON file that holds it."""

import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bench.files import digest, plain, regular, write_text
from bench.spec import BenchError, Job, Name, Number, Settings, Value

TEXTS = (
    "base_hash",
    "modalities",
    "selected_by",
    "candidate_hash",
    "weights_sha256",
    "tuning.protocol",
    "tuning.budget",
)


def check_facts(facts: dict[str, Value]) -> dict[str, Value]:
    """Return ``facts`` if each has the type that tables expect by its name: text, truth value or number."""
    for name, value in facts.items():
        is_text = name in TEXTS or name.endswith(".reason")
        kind = str if is_text else bool if name.startswith("is_") else (int, float)
        if value is None and not is_text:  # has no value, such as the best epoch of an untrained model
            continue
        if not isinstance(value, kind) or isinstance(value, bool) and kind is not bool:
            raise ValueError(f"fact {name} is {str(value)[:40]!r}")
    return facts


Text = Annotated[str, AfterValidator(plain)]
Status = Literal["done", "skipped", "failed"]
STATUSES: tuple[Status, ...] = get_args(Status)
Hash = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
BROKEN = (BenchError, OSError, ValueError)  # what the checks of a damaged record, or of a file beside it, raise


class Record(BaseModel):
    """The outcome of one job. The rank of every test case lies in a file beside the record.

    Attributes:
        digest: sha256 of the file's content with this field empty; empty in memory.
        ranks_sha256: sha256 of the file of ranks, and part of its name; empty where there is none.
        cases_sha256: the same of the file of the users and targets that were ranked.
        settings: every setting the job ran with, defaults and presets resolved.
        metrics: test means, unrounded, named "ranking.metric" as in "sampled.hr@5".
        curve: one entry per evaluation: epoch, mean training loss, seconds so far, the selecting metrics.
        seconds: prepare, train and evaluate; for a job that did not finish, only spent, the time of its process.
        facts: numbers and names a table may show: best_epoch, epochs, parameters, peak_memory_mib, modalities, n_cases,
            ties_sampled, ties_full, candidate_hash, is_candidate_dependent, selected_by; on simulated sets occlusion.*
            and gradient.* (``bench.run.content_use``); tuning.trials, tuning.seconds, tuning.protocol and tuning.budget
            where a search found the settings; weights_sha256 where the weights were kept; for a knock-out base_hash,
            the hash of the data from which it was made.
        provenance: versions, device, threads, code revision, start time; ``earlier`` names other threads and versions
            of a run that was resumed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str = ""  # must be the first field: ``write_record`` fills it in at its first place in the text
    schema_version: Literal[2] = 2
    job: Job
    key: Name
    status: Status
    reason: Text = ""
    traceback: Text = ""
    log: Text = ""
    ranks_sha256: Hash = ""
    cases_sha256: Hash = ""
    settings: Settings = {}
    metrics: dict[Name, float] = {}
    curve: list[dict[Name, Number]] = []
    seconds: dict[Name, Number] = {}
    facts: Annotated[dict[Name, Value], AfterValidator(check_facts)] = {}
    provenance: dict[Name, Text] = {}


def write_record(record: Record, path: Path) -> None:
    """Write ``record`` with its digest."""
    text = record.model_dump_json(indent=1) + "\n"
    text = text.replace('"digest": ""', f'"digest": "{digest(text.encode())}"', 1)
    write_text(path, text, is_durable=True)


def read_record(path: Path) -> Record | None:
    """Return the record in the file, which must be valid and as it was written; None without a file."""
    try:
        content = regular(path).read_bytes()
        record = Record.model_validate_json(content, strict=True)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BenchError(f"{path} cannot be read as a record ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])[:80]
        reason = plain(f"{place}: {first['msg']}" if place else first["msg"], is_line=True)
        raise BenchError(f"{path} cannot be read as a record ({reason})") from None
    if reason := why_unusable(record):
        raise BenchError(f"{path} cannot be read as a record ({reason})")
    if digest(content.replace(record.digest.encode(), b"", 1)) != record.digest:
        raise BenchError(f"{path} was changed after it was written")
    return record.model_copy(update={"digest": ""})


def why_unusable(record: Record) -> str:
    """Return why no table can be made of the record's values, although their types are right; empty where one can."""
    if not all(map(math.isfinite, record.metrics.values())):
        return "a metric is not finite"
    for entry in record.curve:  # epoch 0 is before any training
        if "epoch" not in entry or entry["epoch"] and "seconds" not in entry:
            return "an entry of the curve has no epoch or no seconds"
    return ""


def twice(check: Callable[[Path], Any], path: Path) -> Any:
    """Return what ``check`` returns for a file. If it fails, it is tried once more: a run at work in the folder may
    replace or remove files, of which some belong together, while they are read."""
    with suppress(*BROKEN):
        return check(path)
    return check(path)


def why(error: Exception) -> str:
    """Return on one line the reason why a file failed its check."""
    is_systems = isinstance(error, OSError) and error.filename
    return plain(f"{error.filename} cannot be read ({error.strerror})" if is_systems else str(error), is_line=True)
