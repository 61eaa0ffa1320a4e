"""Writes and reads the weights of the epochs that a job chose, as safetensors beside its record."""

from pathlib import Path

from torch import Tensor

from bench.files import digest, read_checked, write_whole
from bench.spec import BenchError
from bench.train.fit import Fit


def write(path: Path, model, result: Fit) -> str:
    """Write the weights that each ranking chose, named "ranking/parameter", and return the sha256 of the file.

    A model that was not trained is written as it stands.
    """
    from safetensors.torch import save  # here and below, since without kept weights nothing needs it

    tensors, rankings = {}, []
    for metric in result.choices:
        result.load(model, metric)
        rankings.append(metric.partition(".")[0])
        for name, value in model.state_dict().items():
            tensors[f"{rankings[-1]}/{name}"] = value.detach().cpu().clone().contiguous()
    content = save(tensors, metadata={"rankings": " ".join(rankings)})
    write_whole(path, [content], is_durable=True)
    return digest(content)


def read(path: Path, ranking: str, *, sha256: str) -> dict[str, Tensor]:
    """Return the weights that ``ranking`` chose, by the name of the parameter."""
    if not (sha256 and path.exists()):  # without a digest in the record, the file is from an earlier run of the job
        raise BenchError(f"{path} is not there, or not of this record; run the job again with --keep-weights")
    try:
        read_checked(path, sha256)
    except ValueError as error:
        raise BenchError(f"{error}; run the job again with --keep-weights") from None
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        if ranking not in file.metadata()["rankings"].split():
            raise BenchError(f"{path} has no weights of the {ranking} ranking, which this model does not define")
        names = [name for name in file.keys() if name.startswith(f"{ranking}/")]  # noqa: SIM118 - no mapping
        return {name.partition("/")[2]: file.get_tensor(name) for name in names}
