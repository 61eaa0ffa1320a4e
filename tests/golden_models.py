"""Our side of the reference arrays of the newer models: how each model's names differ from those of its authors.

tests/golden_arrays.py computes the arrays from it; tests/golden/README.md has the layout of the files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from tests.toy import as_dense

FEATURES = {"V": "visual", "T": "textual"}
WORDS = {"image": "visual", "text": "textual"}  # MMRec's names of the modalities
SHORT = {"v": "visual", "t": "textual"}


@dataclass(frozen=True)
class Side:
    """How a model's names differ from those of its reference code."""

    settings: dict[str, str]  # setting of the reference -> ours
    parameters: dict[
        str, str | None
    ]  # variable of the reference -> ours; None for one whose gradient is 0 and ours lacks
    forward: Callable  # (model, batch, draws) -> {name: vectors}, in training mode
    per_batch: tuple[str, ...] = ()  # our weights of terms that the reference divides by its configured batch size
    graphs: Callable = lambda model: {"adjacency": as_dense(model.adjacency)}
    derived: Callable = lambda stored: {}  # settings of ours that are no setting of the reference
    added_up: tuple[str, ...] = ()  # our weights, of means, of terms that the reference adds up over the batch
    fixed: dict = field(default_factory=dict)
    prepare: Callable = lambda model, draws: None
    terms: Callable = lambda model, batch, draws: model.terms(batch)


def both(of_image: dict[str, str]) -> dict[str, str]:
    """Names of the visual modality, and the same of the textual one, written in MMRec's three ways."""
    out = {}
    for (word, short), modality in zip(zip(WORDS, SHORT, strict=True), WORDS.values(), strict=True):
        for theirs, ours in of_image.items():
            out[theirs.format(word=word, short=short)] = ours.format(modality=modality)
    return out


IDS = {"user_embedding.weight": "user_embedding.weight", "item_id_embedding.weight": "item_embedding.weight"}
CONTENT = both(
    {
        "{word}_embedding.weight": "content.{modality}.rows",
        "{word}_trs.weight": "content.{modality}.linear.weight",
        "{word}_trs.bias": "content.{modality}.linear.bias",
    }
)


def vectors(model, batch, draws):
    return dict(zip(("users", "items"), model.embed(), strict=True))


def mgcn_vectors(model, batch, draws):
    behaviour, side = model.views()
    return vectors(model, batch, draws) | {"content": behaviour, "side": side}


def lgmrec_vectors(model, batch, draws):
    users, items, edges = model.views(draws)
    out = {"users": users, "items": items}
    for modality, (of_users, of_items) in edges.items():
        out |= {f"hyper_users_{modality}": of_users.rows(), f"hyper_items_{modality}": of_items.rows()}
    return out


def megcf_vectors(model, batch, draws):
    (users, items), (more_users, more_items, entities) = model.last_layers()
    plain = {"users_interactions": users, "items_interactions": items}
    return plain | {"users_entities": more_users, "items_entities": more_items, "entities": entities}


def megcf_graphs(model) -> dict[str, torch.Tensor]:
    """The reference's plain graph holds the entities too, each with its loop alone."""
    loops = model.hyper.self_loop_weight * torch.eye(len(model.entity_embedding.weight))
    plain = torch.block_diag(as_dense(model.interactions), loops)
    return {"interactions": plain, "entities": as_dense(model.entities)}


def mgcl_vectors(model, batch, draws):
    out = {}
    for space, (users, items) in model.spaces(model.start()).items():
        suffix = "" if space == "ids" else f"_{space}"
        out |= {f"users{suffix}": users, f"items{suffix}": items}
    return out


def bm3_terms(model, batch, draws):
    """Of the recorded masks, those of the batch's users and items."""
    user, item = batch["user_id"], batch["item_id"]
    masks = {name.removeprefix("kept_"): mask.bool() for name, mask in draws.items()}
    return model.terms(
        user, item, {name: mask[(user if name == "users" else item) - 1] for name, mask in masks.items()}
    )


def thin(model, draws) -> None:
    """The thinned graph of the recorded interactions."""
    if "kept" in draws:
        user, item = draws["kept"].long().T + 1
        model.thinned = model.pruning.adjacency(user, item)


def refresh(model, draws) -> None:
    """A batch later in the epoch: its first one has made the graph."""
    if not draws["is_refresh"]:
        model.train().embed()


def item_graphs(model) -> dict[str, torch.Tensor]:
    return {f"item_{m}": as_dense(graph) for m, graph in model.item_graph.items()}


def lattice_graphs(model) -> dict[str, torch.Tensor]:
    def dense(near, weights):
        return torch.zeros(len(near), len(near), dtype=weights.dtype).scatter_add(1, near, weights)

    initial = zip(model.content, model.initial_near, model.initial_weights, strict=True)
    return {
        "item": dense(*model.item_graph()),
        "adjacency": as_dense(model.adjacency),
        **{f"item_{m}": dense(near, weights) for m, near, weights in initial},
    }


SIDES = {
    "FREEDOM": Side(
        settings={
            "embedding_size": "embedding_size",
            "n_ui_layers": "n_layers",
            "n_mm_layers": "n_item_layers",
            "knn_k": "n_neighbours",
            "mm_image_weight": "visual_weight",
            "dropout": "drop_rate",
            "reg_weight": "content_weight",
        },
        parameters=IDS | CONTENT | {"image_trs.bias": None, "text_trs.bias": None},
        forward=vectors,
        graphs=lambda model: {
            "item": as_dense(model.item_graph),
            "adjacency": as_dense(model.adjacency),
            "pruned": as_dense(model.thinned),
        },
        prepare=thin,
    ),
    "MGCN": Side(
        settings={
            "embedding_size": "embedding_size",
            "n_ui_layers": "n_layers",
            "n_layers": "n_item_layers",
            "knn_k": "n_neighbours",
            "reg_weight": "reg_weight",
            "cl_loss": "contrast_weight",
        },
        parameters=IDS
        | CONTENT
        | both({f"gate_{{short}}.0.{part}": f"gate.{{modality}}.{part}" for part in ("weight", "bias")})
        | both({f"gate_{{word}}_prefer.0.{part}": f"prefer.{{modality}}.{part}" for part in ("weight", "bias")})
        | {f"query_common.{part}": f"query.{part}" for part in ("0.weight", "0.bias", "2.weight")},
        forward=mgcn_vectors,
        graphs=lambda model: item_graphs(model) | {"adjacency": as_dense(model.adjacency)},
        per_batch=("reg_weight",),
    ),
    "LATTICE": Side(
        settings={
            "embedding_size": "embedding_size",
            "cf_model": "backbone",
            "n_ui_layers": "n_layers",
            "n_layers": "n_item_layers",
            "knn_k": "n_neighbours",
            "lambda_coeff": "initial_weight",
            "reg_weight": "reg_weight",
        },
        parameters=IDS | CONTENT | {"modal_weight": "modality_weight"},
        forward=vectors,
        graphs=lattice_graphs,
        per_batch=("reg_weight",),
        prepare=refresh,
    ),
    "LGMRec": Side(
        settings={
            "embedding_size": "embedding_size",
            "n_ui_layers": "n_layers",
            "n_mm_layers": "n_modality_layers",
            "n_hyper_layer": "n_hyper_layers",
            "hyper_num": "n_hyperedges",
            "alpha": "global_weight",
            "cl_weight": "contrast_weight",
            "reg_weight": "reg_weight",
        },
        parameters=IDS | both({"item_{word}_trs": "projection.{modality}", "{short}_hyper": "hyperedge.{modality}"}),
        forward=lgmrec_vectors,
        derived=lambda stored: {"drop_rate": 1 - stored["setting/keep_rate"].item()},
        terms=lambda model, batch, draws: model.terms(batch, draws),
    ),
    "BM3": Side(
        settings={
            "embedding_size": "embedding_size",
            "n_layers": "n_layers",
            "dropout": "drop_rate",
            "reg_weight": "reg_weight",
            "cl_weight": "content_weight",
        },
        parameters=IDS | CONTENT | {f"predictor.{part}": f"predictor.{part}" for part in ("weight", "bias")},
        forward=lambda model, batch, draws: dict(zip(("users", "items"), model.views(), strict=True)),
        terms=bm3_terms,
    ),
    "MEGCF": Side(
        settings={
            "embedding_size": "embedding_size",
            "n_layers": "n_layers",
            "alpha": "alpha",
            "decay_1": "reg_weight",
            "decay_2": "entity_reg_weight",
        },
        parameters={
            "user_embedding": "user_embedding.weight",
            "item_embedding": "item_embedding.weight",
            "e_embedding": "entity_embedding.weight",
        },
        forward=megcf_vectors,
        graphs=megcf_graphs,
        per_batch=("reg_weight", "entity_reg_weight"),
    ),
    "MGCL": Side(
        settings={
            "embedding_size": "embedding_size",
            "n_layers": "n_layers",
            "alpha": "alpha",
            "lambda_m": "modality_weight",
            "temp": "temperature",
            "decay": "reg_weight",
        },
        parameters={
            "user_embedding": "user_embedding.weight",
            "item_embedding": "item_embedding.weight",
            **both({"user_embedding_{short}": "user_content.{modality}", "w1_{short}": "projection.{modality}"}),
        },
        forward=mgcl_vectors,
        per_batch=("reg_weight",),
        fixed={"denominators": "released"},
        added_up=("contrast_weight",),
    ),
}
