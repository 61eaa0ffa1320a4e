"""The terms that the whole program shares: jobs, protocols, budgets, settings. Imports nothing from bench."""

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError

ENGINE = 2  # raised by hand, with a line under "Numbers moved", when shared code changes what a job computes

# RecBole asks for a release of ray that newer versions of Python lack and that nothing here uses
INSTALL_RECBOLE = "python -m pip install --no-deps recbole==1.2.1"

METRICS = ("hr@5", "ndcg@5", "hr@10", "ndcg@10", "hr@20", "ndcg@20", "mrr")
METRIC_NAMES = {"hr": "H", "ndcg": "N", "mrr": "MRR", "recall": "Recall", "precision": "Precision", "map": "MAP"}
SHOWN = {"hr@5": "H@5", "ndcg@5": "N@5", "hr@10": "H@10", "ndcg@10": "N@10"}  # the paper's names
PAPER_MODELS = ("BPRMF", "SVDPP", "NGCF", "LightGCN", "VBPR", "MMGCN", "MGAT", "InvRL", "DMRL", "MCLN")  # in its order
NEWER_MODELS = ("LATTICE", "MACR", "CausalRec", "MEGCF", "MGCL", "FREEDOM", "BM3", "MGCN", "LGMRec")  # by year
CAUSAL_MODELS = ("MACR", "CausalRec", "CausalMMRec")  # other models that claim to be causal, as MCLN does
BASELINES = (*PAPER_MODELS[:-1], *NEWER_MODELS)  # the models that a model under study is compared with
SHOWN_MODELS = {"SVDPP": "SVD++"}  # names that Python cannot spell
DATA_SETS = ("beauty", "art", "taobao", "ml-100k", "beauty-sim", "art-sim", "taobao-sim")  # others are folders
RANKINGS = ("sampled", "full")
DEPENDENT = "gives an item a score that depends on the other candidates, so it cannot rank all items"  # after a row
N_CANDIDATES = 99  # of a sampled ranking, beside the test item
KNOCKOUTS = ("real", "shuffled", "noise", "none")  # what may be done to the rows of a modality; real leaves them


class BenchError(Exception):
    """A mistake that the user can correct: the message names the place and the remedy, on one line."""

    status: ClassVar[Literal["failed", "skipped"]] = "failed"


class NotApplicable(BenchError):
    """A job that makes no sense, such as a content model on data without content; it is skipped, not failed."""

    status = "skipped"


def unknown(kind: str, name: Any, known: Iterable[str]) -> BenchError:
    """Return the error for an unknown name; it suggests similar names, or else lists the known ones."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name).lower(), [k.lower() for k in known], n=3, cutoff=0.65)
    hint = [k for k in known if k.lower() in near]
    tail = f"did you mean {' or '.join(hint)}?" if hint else f"known: {', '.join(known) or 'none'}"
    return BenchError(f"unknown {kind} {name!r}; {tail}")


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 job", "2 jobs", "0 searches"."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


# types of settings: `embedding_size: Size = 64` refuses 0 before anything starts
Size = Annotated[int, Field(ge=1, strict=True)]  # strict: True does not pass for 1
Count = Annotated[int, Field(ge=0, strict=True)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
Share = Annotated[float, Field(ge=0, lt=1, strict=True)]
Part = Annotated[float, Field(ge=0, le=1, strict=True)]

# types of values from files: names go into paths, tables and terminals, numbers into columns of 64 bits
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)] | Annotated[float, Field(allow_inf_nan=False)]
Value = str | bool | Number | None
Settings = dict[Name, Value | list[Value]]


def choice(default: Any, *, among: tuple) -> Any:
    """A field of ``Hyper`` whose search space is the finite set ``among``."""
    return field(default=default, metadata={"among": among})


def log_uniform(default: float, *, low: float, high: float) -> Any:
    """A field of ``Hyper`` searched log-uniformly in [low, high]."""
    return field(default=default, metadata={"low": low, "high": high, "log": True})


def uniform(default: float, *, low: float, high: float) -> Any:
    """A field of ``Hyper`` searched uniformly in [low, high]."""
    return field(default=default, metadata={"low": low, "high": high, "log": False})


def read(cls: type, values: Mapping[str, Any], *, what: str = "setting") -> Any:
    """Build the dataclass ``cls`` from ``values``, whose types pydantic checks; errors call a value a ``what``."""
    names = [f.name for f in dataclasses.fields(cls)]
    for key in values:
        if key not in names:
            raise unknown(what, key, names)
    try:
        return TypeAdapter(cls).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        is_list_asked = first["type"] == "sequence_str" or first.get("ctx", {}).get("class") == "Sequence"
        example = "" if first["input"] is None else f", such as [{first['input']!r}]"
        why = f"give a list{example}" if is_list_asked else first["msg"].lower()
        raise BenchError(f"{what} {place}={first['input']!r}: {why}") from None


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a model is trained; a model's ``training`` and ``presets`` may set these beside its own ``Hyper``."""

    learning_rate: Rate = log_uniform(1e-3, low=1e-4, high=1e-1)
    train_batch_size: Size = 2048
    # interaction: shuffled training pairs; user: B distinct users per step with one positive each (MCLN's code)
    sampling: Literal["user", "interaction"] = choice("interaction", among=("user", "interaction"))
    # of the matrix products in training: float32, TensorFloat-32 (on GPUs only) or bfloat16; never searched
    precision: Literal["highest", "tf32", "bf16"] = "highest"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a number is measured: the training interactions, the metric that selects the epoch, the candidates."""

    name: Name
    version: int = 2
    train: Literal["released", "clean"]
    select_on: Literal["test", "valid"]
    # the ranking whose metric chooses the epoch; "own": each ranking's numbers come from the epoch that this ranking
    # chose (version 1 had one choice for both)
    select_ranking: Literal["own", "sampled", "full"] = "own"
    select_metric: str = "ndcg@10"
    n_candidates: int = N_CANDIDATES
    candidate_seed: int = 2023
    ties: Literal["pessimistic"] = "pessimistic"


PROTOCOLS = {
    "paper": Protocol(name="paper", train="released", select_on="test"),
    "clean": Protocol(name="clean", train="clean", select_on="valid"),
}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long a job may train; ``epochs=None`` means the epochs of MCLN's released code for the data set."""

    name: Name
    epochs: int | None
    eval_every: int | None
    patience: int | None  # evaluations without gain before training stops; None never stops


BUDGETS = {
    "smoke": Budget(name="smoke", epochs=1, eval_every=1, patience=None),
    "quick": Budget(name="quick", epochs=30, eval_every=5, patience=3),
    "standard": Budget(name="standard", epochs=400, eval_every=5, patience=20),
    "full": Budget(name="full", epochs=None, eval_every=None, patience=None),
}
RELEASED_EPOCHS = {"taobao": (500, 5), "beauty": (1000, 20)}  # (epochs, evaluated every); others train as Beauty does


def resolve_budget(budget: Budget, dataset: str) -> Budget:
    """Return ``budget`` with the released epochs of ``dataset``, or of the set that it simulates, filled in."""
    epochs, every = RELEASED_EPOCHS.get(dataset.removesuffix("-sim"), RELEASED_EPOCHS["beauty"])
    return dataclasses.replace(budget, epochs=budget.epochs or epochs, eval_every=budget.eval_every or every)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A unit of work: one model, trained once on one data set under one protocol."""

    dataset: Name
    data_hash: Name  # of the content of every file that was read, features included
    features: Name
    model: Name
    preset: Name
    hyper: Settings  # those that differ from the preset
    protocol: Protocol
    budget: Budget
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    source: Name  # revision of the model's file: comments and docstrings do not count
    engine: int = ENGINE

    @cached_property
    def key(self) -> str:
        """The name of the job's record: equal keys mean equal work."""
        return canonical_hash(dataclasses.asdict(self))[:16]

    @property
    def set_name(self) -> str:
        """``dataset`` in tables and folders: the last part of a path, which only a record made elsewhere has."""
        return Path(self.dataset).name

    @property
    def row(self) -> str:
        """The model's name in a table."""
        return row_name(self.model, self.preset)

    @property
    def run(self) -> str:
        """``row`` with the settings that differ from its preset."""
        changed = ", ".join(f"{name}={value}" for name, value in sorted(self.hyper.items()))
        return f"{self.row} ({changed})" if changed else self.row


def row_name(model: str, preset: str) -> str:
    """Return the name of a model in a table: with its preset, unless that is the default one."""
    name = SHOWN_MODELS.get(model, model)
    return name if preset == "default" else f"{name}:{preset}"


def is_knocked_out(features: str) -> bool:
    """Whether the features have a knock-out, as those of the id ``entities,shuffled`` have."""
    return "," in features


def canonical_hash(value: Any) -> str:
    """Return the sha256 of ``value`` as JSON with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
