"""The paper's studies, declared: which variants of which model, and which of its settings tell them apart."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.spec import unknown

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of a table, or one place on an axis: the settings in which it differs from the study's base."""

    label: str
    hyper: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()  # modalities: on data without them it would be another variant


@dataclass(frozen=True, kw_only=True)
class Study:
    """A table or figure of the paper, or of ours.

    Attributes:
        models: whom it is about, the default one first; none: about every model asked for, as it is.
        variants: its rows, in their order; a study without variants has the jobs of Table 2.
        own: the variants of a model whose settings have other names, by label as in ``variants``.
        base: the settings that the variants change, as they are where a variant does not say.
        empty: data sets that it leaves out, with the reason.
        note: what the labels mean.
        is_layered: a variant is a number of layers.
    """

    name: str
    title: str
    models: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    own: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    empty: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    is_layered: bool = False

    @property
    def labels(self) -> list[str]:
        return [variant.label for variant in self.variants]

    def variants_of(self, model: str) -> tuple[Variant, ...]:
        return self.own.get(model, self.variants) if model in self.models else ()

    def why_not(self, variant: Variant, dataset: str, modalities: Sequence[str] | None) -> str:
        """Why ``variant`` is not formed on ``dataset``; empty where it is. ``modalities`` None: not known."""
        left_out = self.empty.get(dataset.removesuffix("-sim"), "")
        missing = [m for m in variant.needs if modalities is not None and m not in modalities]
        return left_out or (f"{dataset} has no {' and no '.join(missing)} features" if missing else "")

    def variant(self, model: str, overrides: Mapping[str, Any], settings: Mapping[str, Any]) -> Variant | None:
        """The variant that a run of ``model`` is, if any.

        Args:
            overrides: what the run changed of its preset; it may be nothing but what variants change.
            settings: all that it ran with; empty where they are not recorded, the run then goes by ``overrides``.
        """
        variants = self.variants_of(model)
        if not set(overrides) <= {key for variant in variants for key in variant.hyper}:
            return None
        for variant in variants:
            same = not differing(self.full(variant), settings) if settings else is_same(variant.hyper, overrides)
            if same:
                return variant
        return None

    def full(self, variant: Variant) -> dict[str, Any]:
        return {**self.base, **variant.hyper}


def differing(wanted: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``wanted`` that are not in ``settings``; tuples are lists, as in a record."""
    return {key: value for key, value in wanted.items() if not is_same(value, settings.get(key))}


def is_same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def find(names: Sequence[str]) -> list[Study]:
    """The studies of these names, each once; "all" is every one.

    Raises:
        BenchError: for an unknown name, near misses named.
    """
    for name in names:
        if name not in (*STUDIES, ALL):
            raise unknown("study", name, [*STUDIES, ALL])
    return list(STUDIES.values()) if ALL in names else [STUDIES[name] for name in dict.fromkeys(names)]


def layers(numbers: Sequence[int], setting) -> tuple[Variant, ...]:
    """A variant a number of layers; ``setting`` makes its settings of the number."""
    return tuple(Variant(label=f"{n} layer{'s' * (n > 1)}", hyper=setting(n)) for n in numbers)


V, T = ("visual",), ("textual",)
NO_ID = {"use_id": False}
ONLY_V, ONLY_T = {"modalities": "visual"}, {"modalities": "textual"}
NO_CL = {"use_cl": False}
BASE = Variant(label="Base", hyper={"modalities": "none", **NO_CL})
DEPTHS = range(1, 7)

STUDIES = {
    study.name: study
    for study in (
        Study(name="table2", title="Table 2: comparison"),
        Study(
            name="table3",
            title="Table 3: components of MCLN",
            models=("MCLN",),
            base={"modalities": "all", "use_cl": True, "use_id": True},
            variants=(
                BASE,
                Variant(label="w/ V", hyper={**ONLY_V, **NO_CL}, needs=V),
                Variant(label="w/ T", hyper={**ONLY_T, **NO_CL}, needs=T),
                Variant(label="w/ V&T", hyper=NO_CL, needs=V + T),
                Variant(label="w/ V&CL", hyper={**ONLY_V, **NO_ID}, needs=V),
                Variant(label="w/ T&CL", hyper={**ONLY_T, **NO_ID}, needs=T),
                Variant(label="w/ V&T&CL", hyper=NO_ID, needs=V + T),
                Variant(label="w/ V&ID&CL", hyper=ONLY_V, needs=V),
                Variant(label="w/ T&ID&CL", hyper=ONLY_T, needs=T),
                Variant(label="MCLN"),  # V&T&ID&CL where the data set has both
            ),
            empty={"taobao": "Taobao has one modality, and the paper leaves it out"},
            note="Base: the graph alone. V, T: visual and textual vectors score. CL: so does the fused counterfactual "
            "vector. ID: the base vector enters it too. MCLN: all of these that the data set offers.",
        ),
        Study(
            name="table4",
            title="Table 4: fusion in MCLN",
            models=("MCLN",),
            base={"modalities": "all", "use_cl": True, "use_intra": True},
            variants=(
                BASE,
                Variant(label="w/ intra-modal", hyper=NO_CL),
                Variant(label="w/ inter-modal", hyper={"use_intra": False}),
                Variant(label="MCLN"),
            ),
            note="Base: the graph alone. Intra-modal: each modality scores on its own. Inter-modal: the fused vector.",
        ),
        Study(
            name="table5",
            title="Table 5: counterfactual layers of MCLN",
            models=("MCLN",),
            variants=layers(range(1, 6), lambda n: {"n_attention_layers": n}),
            is_layered=True,
        ),
        Study(
            name="figure4",
            title="Figure 4: graph layers",
            models=("MCLN", "LightGCN", "NGCF", "MMGCN"),
            variants=layers(DEPTHS, lambda n: {"n_layers": n}),
            own={"NGCF": layers(DEPTHS, lambda n: {"layer_sizes": [64] * n})},
            is_layered=True,
        ),
        Study(name="learning-curves", title="Learning curves"),
        Study(name="cost", title="Cost: quality against training time"),
    )
}
