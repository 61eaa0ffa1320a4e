"""What a study is: which variants of which model it compares, and which settings tell them apart."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of a table, or one place on an axis: the settings in which it differs from the study's base."""

    label: str
    title: str = ""  # what a table calls it, where that is not the label
    hyper: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()  # modalities: on data without them it would be another variant
    alone: str = ""  # the variant that it is on data with no other modalities than it needs
    n_layers: int = 0  # where a variant is a number of layers


@dataclass(frozen=True, kw_only=True)
class Study:
    """A table or figure of the paper, or of ours.

    Attributes:
        models: whom it is about, the default one first; none: about every model asked for, as it is.
        is_for_all: it compares all of its models, in one table, where no model is named.
        variants: its rows, in their order; a study without variants has the jobs of Table 2.
        own: the variants of a model whose settings have other names, by label as in ``variants``.
        base: the settings that the variants change, as they are where a variant does not say.
        note: what the labels mean.
        is_papers: a table of the paper, whose values may stand beside ours.
    """

    name: str
    title: str
    models: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    own: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    is_papers: bool = False
    is_for_all: bool = False

    @property
    def is_layered(self) -> bool:
        """Whether its variants are numbers of layers."""
        return any(variant.n_layers for variant in self.variants)

    @property
    def labels(self) -> list[str]:
        return [variant.label for variant in self.variants]

    @property
    def titles(self) -> dict[str, str]:
        """Label to what a table calls the variant."""
        return {variant.label: variant.title or variant.label for variant in self.variants}

    @property
    def changed(self) -> set[str]:
        """The settings that its variants change."""
        return {key for some in (self.variants, *self.own.values()) for variant in some for key in variant.hyper}

    def variants_of(self, model: str) -> tuple[Variant, ...]:
        return self.own.get(model, self.variants) if model in self.models else ()

    def why_not(self, variant: Variant, dataset: str, modalities: Sequence[str] | None) -> str:
        """Why ``variant`` is not formed on ``dataset``; empty where it is. ``modalities`` None: not known."""
        if modalities is None:
            return ""
        missing = [modality for modality in variant.needs if modality not in modalities]
        if missing:
            return f"{dataset} has no {' and no '.join(missing)} features"
        is_whole = variant.alone and set(modalities) == set(variant.needs)
        return (
            f"{dataset} has {' and '.join(modalities)} features alone, where this is {variant.alone}"
            if is_whole
            else ""
        )

    def variant(self, model: str, overrides: Mapping[str, Any], settings: Mapping[str, Any]) -> Variant | None:
        """The variant that a run of ``model`` is, if any.

        Args:
            overrides: what the run changed of its preset; it may be nothing but what variants change.
            settings: all that it ran with; empty where they are not recorded, the run then goes by ``overrides``.
        """
        if not set(overrides) <= self.changed:
            return None
        for variant in self.variants_of(model):
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
    """Whether two values of a setting mean the same; 0 is 0.0, but no is not 0."""
    if isinstance(one, float) or isinstance(other, float):
        return one == other and not isinstance(one, bool) and not isinstance(other, bool)
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
