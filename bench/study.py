"""Studies: which variants of which models are compared, and the settings in which they differ."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row of a table or one place on an axis, given by the settings that differ from the study's base."""

    label: str
    title: str = ""  # the name in tables, where that is not the label
    hyper: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()  # modalities without which this variant would equal another one
    alone: str = ""  # the variant that this one equals on data whose only modalities are ``needs``
    takes_all: bool = False  # it takes all modalities of the data, so that these must be ``needs`` and no others
    n_least: int = 0  # modalities; on data with fewer, this variant equals that of the label ``else_is``
    else_is: str = ""
    n_layers: int = 0  # the number of layers, where the variants differ in that


@dataclass(frozen=True, kw_only=True)
class Study:
    """A table or figure of the paper, or an additional one of this benchmark."""

    name: str
    title: str
    models: tuple[str, ...] = ()  # those that it is about, the default one first; empty: every requested model
    variants: tuple[Variant, ...] = ()  # the rows in their order; without any, the jobs are those of Table 2
    # variants, with the labels of ``variants``, of each model whose settings have other names
    own: Mapping[str, tuple[Variant, ...]] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)  # changed settings, where a variant has no other value
    note: str = ""  # what the labels mean
    is_papers: bool = False  # the table is in the paper, whose values may be shown beside ours
    is_for_all: bool = False  # where no model is named, it compares all of its models in one table

    @property
    def is_layered(self) -> bool:
        """Whether the variants differ in their numbers of layers."""
        return any(variant.n_layers for variant in self.variants)

    @property
    def labels(self) -> list[str]:
        return [variant.label for variant in self.variants]

    @property
    def titles(self) -> dict[str, str]:
        """The name of each variant in tables, by its label."""
        return {variant.label: variant.title or variant.label for variant in self.variants}

    @property
    def changed(self) -> set[str]:
        """The names of the settings that the variants change."""
        groups = (self.variants, *self.own.values())
        return {key for variants in groups for variant in variants for key in variant.hyper}

    def variants_of(self, model: str) -> tuple[Variant, ...]:
        return self.own.get(model, self.variants) if model in self.models else ()

    def why_not(self, variant: Variant, dataset: str, modalities: Sequence[str] | None) -> str:
        """Return why ``variant`` cannot be run on ``dataset``; "" where it can, or where ``modalities`` is None."""
        if modalities is None:
            return ""
        missing = [modality for modality in variant.needs if modality not in modalities]
        if missing:
            return f"{dataset} has no {' and no '.join(missing)} features"
        further = [modality for modality in modalities if modality not in variant.needs]
        if variant.takes_all and further:
            return f"{dataset} has {' and '.join(further)} features, too, which this would take"
        only = f"{dataset} has {' and '.join(modalities)} features only, with which"
        if len(modalities) < variant.n_least:
            only = only if modalities else f"{dataset} has no item features, without which"
            return f"{only} this is {variant.else_is}"
        if variant.alone and not further:
            return f"{only} this is {variant.alone}"
        return ""

    def variant(self, model: str, overrides: Mapping[str, Any], settings: Mapping[str, Any]) -> Variant | None:
        """Return the variant that a run of ``model`` belongs to, or None. ``overrides`` are the settings in which the
        run differs from its preset; they decide where its ``settings`` were not recorded and are empty."""
        if not set(overrides) <= self.changed:
            return None
        for variant in self.variants_of(model):
            same = not differing(self.full(variant), settings) if settings else is_same(variant.hyper, overrides)
            if same:
                return variant
        return None

    def full(self, variant: Variant) -> dict[str, Any]:
        """Return the settings of ``variant``, those of the base included."""
        return {**self.base, **variant.hyper}


def differing(wanted: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of ``wanted`` that ``settings`` lacks or has otherwise; a tuple equals a list of its items."""
    return {key: value for key, value in wanted.items() if not is_same(value, settings.get(key))}


def is_same(value: Any, other: Any) -> bool:
    """Whether two values of a setting mean the same: 0 equals 0.0, but False does not equal 0."""
    if isinstance(value, float) or isinstance(other, float):
        return value == other and not isinstance(value, bool) and not isinstance(other, bool)
    return json.dumps(value, sort_keys=True) == json.dumps(other, sort_keys=True)


def own(value: Any) -> Any:
    """Return ``value``, such as settings, with Python's own numbers and lists for what NumPy and pandas hold in it."""
    if isinstance(value, dict):
        return {name: own(part) for name, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(own, value))
    return value.tolist() if hasattr(value, "tolist") else value


def can_be_kept(value: Any) -> bool:
    """Whether a record can hold a setting: a text, a truth value, a finite number of 64 bits, or a list of these."""
    if isinstance(value, list | tuple):
        return all(map(can_be_kept, value))
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, str | None) or isinstance(value, float) and math.isfinite(value)
