"""Tables 3 to 5 and the values of Figure 4: variants of a model against one another."""

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.report import figures
from bench.report import paper as published
from bench.report.evidence import Evidence
from bench.report.layout import Page, Table
from bench.report.paper import DATASETS, VARIED, Published
from bench.report.prose import caption, notes
from bench.report.summary import blocks, cells, in_block
from bench.report.tables import compared_block, cost
from bench.report.variants import matched
from bench.spec import RANKINGS
from bench.studies import STUDIES, Study


def contents(evidence: Evidence) -> list[Page]:
    """Every study of which some record was made."""
    found = []
    for study in STUDIES.values():
        own = tables(evidence.every, study)
        found += own + (figures.layers(study, own) if study.is_layered else [])
    return found


def tables(every: pd.DataFrame, study: Study, *, paper: Published | None = None) -> list[Table]:
    """A table of the study's variants for each model, protocol, budget and ranking.

    None where no record was made for a variant but all that stand are Table 2's, or where no cell has a value
    in the full ranking.

    Args:
        every: ``bench.store.store.frame`` of the records.
        paper: the paper's numbers; those of ``paper.csv`` where it is not given.
    """
    paper = published.load() if paper is None else paper
    records, found = matched(every, study), []
    for (model, _, _), group in records.groupby(["of", "protocol", "budget"]):
        if not group["hyper"].map(bool).any():
            continue
        barred = {block: why_not(study, block, every) for block in blocks(group)}
        made = [table(study, model, group, ranking, paper, barred) for ranking in RANKINGS]
        found += [one for one in made if one.ranking == "sampled" or one.data["mean"].notna().any()]
    places = {name: place for place, name in enumerate(study.models)}
    return sorted(found, key=lambda one: places.get(one.data["model"].iloc[0].split(":")[0], len(places)))


def table(
    study: Study,
    model: str,
    records: pd.DataFrame,
    ranking: str,
    paper: Published,
    barred: Mapping[tuple[str, str], Mapping[str, str]],
) -> Table:
    """The variants of one model under one protocol, budget and ranking."""
    protocol, budget = records[["protocol", "budget"]].iloc[0]
    is_papers = study.name in VARIED and model == study.models[0]
    data = cells(
        records, ranking, paper if is_papers else {}, table=study.name, rows=study.labels, barred=barred
    ).assign(model=model)
    kept = records[[run.row not in barred[run.dataset, run.features] for run in records.itertuples()]]
    shown = [
        compared_block(
            in_block(data, block),
            records,
            block,
            is_compared=is_papers and block[0] in DATASETS and ranking == "sampled",
            kind="Variant",
        )
        for block in blocks(records)
    ]
    said = notes(records, data, ranking, is_compared=is_papers, is_improved=False)
    of = f" of {model}" if model not in study.title else ""
    return Table(
        name=f"{study.name}{suffix(study, model)}-{protocol}-{budget}-{ranking}",
        title=f"{study.title}{of} (protocol {protocol}, budget {budget}, {ranking} ranking)",
        caption=caption(records, ranking),
        blocks=shown,
        cost=cost(kept, rows=study.labels, kind="Variant"),
        notes=[study.note] * bool(study.note) + said,
        keys=sorted(kept["key"]),
        data=data,
        ranking=ranking,
    )


def suffix(study: Study, model: str) -> str:
    """Names a model other than the study's default one in a file's name."""
    return "" if model == study.models[0] else f"-{model.replace(':', '-')}"


def why_not(study: Study, block: tuple[str, str], every: pd.DataFrame) -> dict[str, str]:
    """Label to reason of each variant that the data set of ``block`` does not form."""
    modalities = modalities_of(block, every)
    reasons = {variant.label: study.why_not(variant, block[0], modalities) for variant in study.variants}
    return {label: reason for label, reason in reasons.items() if reason}


def modalities_of(block: tuple[str, str], every: pd.DataFrame) -> Sequence[str] | None:
    """The modalities of a block's data, as its finished records have them; None where no record says."""
    said = in_block(every, block)["modalities"].dropna() if "modalities" in every else []
    return said.iloc[-1].split(", ") if len(said) else None
