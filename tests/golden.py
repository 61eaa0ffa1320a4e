"""Models against runs of their authors' code: python tests/golden.py FILE.npz [FILE ...]

Prints, per array, the largest difference relative to the array's largest entry. Exits with 1 where one of
them is above 1e-4, or a file cannot be read. tests/golden/README.md has the layout of the files. A file with a
``model`` key belongs to one of the newer models (tests/golden_models.py), any other to MCLN's `released` preset.
"""

import re
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.train.bridge import TrainingSet, build
from models.mcln import MCLN
from tests import golden_arrays
from tests.toy import as_dense

TOLERANCE = 1e-4
ROUNDING = 1e-6  # a gradient this small beside the largest one of the file is rounding
MODALITIES = {"v": "visual", "t": "textual"}  # w1_v projects the rows V
LAYER = {
    r"cd_cl(\d+)/Q/kernel": "weights.query",
    r"cd_cl(\d+)/K/kernel": "weights.key",
    r"cd_cl(\d+)/V/kernel": "weights.value",
    r"cd_cl(\d+)/Q_int/kernel": "weights.counterfactual_query",
    r"cd_cl(\d+)/K_int/kernel": "weights.counterfactual_key",
    r"cd_cl(\d+)/linear/kernel": "weights.linear",
    r"cd_cl(\d+)/LayerNorm/beta": "attention_norm.bias",
    r"cd_cl(\d+)/LayerNorm/gamma": "attention_norm.weight",
    r"cd_dense(\d+)/dense/kernel": "expand.weight",
    r"cd_dense(\d+)/dense/bias": "expand.bias",
    r"cd_dense(\d+)/dense_1/kernel": "contract.weight",
    r"cd_dense(\d+)/dense_1/bias": "contract.bias",
    r"cd_dense(\d+)/LayerNorm/beta": "output_norm.bias",
    r"cd_dense(\d+)/LayerNorm/gamma": "output_norm.weight",
}
OTHERS = {
    "user_embedding": "user_embedding.weight",
    "item_embedding": "item_embedding.weight",
    "dense/kernel": "heads.0",
    "dense_1/kernel": "heads.1",
}


def parameter_name(variable: str) -> str | None:
    """Our name of a variable of the authors' code, None for one that we have not."""
    variable = variable.removesuffix(":0")
    if variable.startswith("w1_"):
        return f"projections.{MODALITIES.get(variable[3:])}"
    for pattern, name in LAYER.items():
        if found := re.fullmatch(pattern, variable):
            return f"layers.{found[1]}.{name}"
    return OTHERS.get(variable)


def ours(model, variable: str, *, gradient: bool = False) -> torch.Tensor | None:
    """The weight, or its gradient, in the layout of the authors' code: (in, out), no padding row."""
    name = parameter_name(variable)
    parameter = dict(model.named_parameters()).get(name)
    if parameter is None:
        return None
    value = parameter.grad if gradient else parameter.data
    value = torch.zeros_like(parameter) if value is None else value
    if name.endswith("_embedding.weight"):
        return value[1:]
    return value.T if name.endswith(("expand.weight", "contract.weight")) else value


def source_exponent(adjacency: np.ndarray) -> float:
    """alpha: the slope of log(A d_target^(1/2)) over log d_source is alpha - 1/2, d counts non-zeros."""
    degree = (adjacency != 0).sum(axis=1)
    row, column = adjacency.nonzero()
    x = np.log(degree[column].astype(np.float64))
    y = np.log(adjacency[row, column].astype(np.float64)) + 0.5 * np.log(degree[row])
    return 0.5 + float(x @ y / (x @ x)) if x.any() else 0.0


def released_model(stored) -> MCLN:
    """The `released` model of the file's sizes and settings, with the file's weights."""
    user, item = np.nonzero(stored["R"])
    suffixes = [s for s in MODALITIES if f"w/w1_{s}:0" in stored]
    n_users, n_items = stored["R"].shape
    features = {MODALITIES[s]: stored[s.upper()] for s in suffixes}
    data = TrainingSet(np.stack([user, item], axis=1), n_users=n_users, n_items=n_items, features=features)
    settings = {
        "embedding_size": stored["w/user_embedding:0"].shape[1],
        "n_layers": int(stored["n_layers"]),
        "n_attention_layers": int(stored["n_mca"]),
        "reg_weight": float(stored["decay"]),
        "lambda_m": float(stored["lambda_m"]),
        "alpha": source_exponent(stored["A"]),
    }
    model = build(MCLN, data, {**MCLN.presets["released"], **settings})
    given = {key[2:]: value for key, value in stored.items() if key.startswith("w/")}
    missing = set(dict(model.named_parameters())) - {parameter_name(variable) for variable in given}
    if missing:
        raise ValueError(f"no weights for {', '.join(sorted(missing))}")
    for variable, value in given.items():
        weight = ours(model, variable)
        if weight is not None:
            if weight.shape != value.shape:
                raise ValueError(f"{variable} has shape {value.shape}, not {tuple(weight.shape)}")
            weight.copy_(torch.from_numpy(value))
    return model


def computed(model, stored) -> dict[str, torch.Tensor]:
    """Ours of every array that the file has an expectation for.

    In float64: gradients of deep layers are what cancellation leaves, and the authors' rounding is enough.
    """
    n_users, adjacency = model.n_users, as_dense(model.adjacency)
    model = model.double()
    user, positive, negative, counterfactual = (
        torch.from_numpy(stored[k]).long() + 1 for k in ("users", "pos", "neg", "cf")
    )
    batch = {
        "user_id": user,
        "item_id": positive,
        "neg_item_id": torch.stack([negative, counterfactual], dim=1),
    }
    ranking, regulariser = model.losses(batch)
    (ranking + regulariser).backward()
    with torch.no_grad():
        users, items = model.embed()
        fused = model.fuse_pairs(items[positive], items[negative], items[counterfactual])
        who, candidates = (
            torch.from_numpy(stored["eval_user"]).view(1),
            torch.from_numpy(stored["cand"]).view(1, -1),
        )
        scores = model.score(model.represent(), who + 1, candidates + 1)
    nodes = torch.cat([torch.arange(1, n_users), torch.arange(n_users + 1, n_users + model.n_items)])
    found = {
        "A": adjacency[nodes][:, nodes],
        "ua": users[1:],
        "ia": model.components(items)["base"][1:],
    }
    found |= {"loss": ranking + regulariser, "mf_loss": ranking, "emb_loss": regulariser}
    found |= {"pos_m": fused[0], "neg_m": fused[1], "eval_scores": scores[0]}
    for key in stored:
        if key.startswith("g/"):
            found[key] = ours(model, key[2:], gradient=True)
    return found


def differences(path: str) -> dict[str, float]:
    """Largest difference relative to the largest entry, per array of the file; NaN where ours has none."""
    with open(path, "rb") as file, np.load(file) as archive:
        stored = dict(archive.items())
    result, gradient = {}, max((np.abs(v).max() for k, v in stored.items() if k.startswith("g/")), default=0.0)
    found = golden_arrays.computed(stored) if "model" in stored else computed(released_model(stored), stored)
    for key, value in found.items():
        expected = torch.from_numpy(np.asarray(stored[key])).double()
        if value is None or value.shape != expected.shape:
            result[key] = float("nan")
            continue
        largest = expected.abs().max().item()
        if key.startswith("g/") and largest < ROUNDING * gradient:  # a sum that is 0 but for its rounding
            largest = gradient
        result[key] = (value.detach().double() - expected).abs().max().item() / (largest or 1.0)
    return result


def check(path: str) -> bool:
    """Print the differences of one file; whether all of them are small."""
    try:
        found = differences(path)
    except Exception as error:  # whatever is wrong with a file is said in one line
        reason = " ".join(str(error).split()) or "no reason given"
        print(f"{path}: cannot be checked: {type(error).__name__}: {reason}")
        return False
    for key, value in found.items():
        print(f"{key:45} {value:.1e}{'' if value <= TOLERANCE else '  ABOVE ' + format(TOLERANCE, '.0e')}")
    wrong = [key for key, value in found.items() if not value <= TOLERANCE]  # NaN is wrong
    print(f"{path}: {len(found)} arrays, {len(wrong)} wrong, largest difference {max(found.values()):.1e}")
    return not wrong


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python tests/golden.py FILE.npz [FILE ...]")
    sys.exit(0 if all([check(path) for path in sys.argv[1:]]) else 1)
