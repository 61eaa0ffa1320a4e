"""Tables 3 to 5 and Figure 4: the variants of a model beside one another."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

import pandas as pd

from bench.report.conditions import mixtures
from bench.report.evidence import Evidence, has_place, remember
from bench.report.leaderboard import TABLE, comparison
from bench.report.model import Figure, Note, Page, Question, Table
from bench.report.prose import APART, caption, notes
from bench.report.rows import BLOCK, blocks, heading, in_block, order
from bench.report.sections import cost, parts
from bench.report.sections.comparison import CSV, beside_paper, compared_block
from bench.spec import RANKINGS
from bench.study import Study

PLOTTED = ("hr@10", "ndcg@10")


def pages(evidence: Evidence) -> list[Page]:
    """Return the tables of every study that has records, and figures of those that vary a number of layers."""
    found = []
    for study in evidence.studies:
        of_study = tables(evidence, study.name)
        found += of_study + (figures(evidence, study, of_study) if study.is_layered else [])
    return found


def question(study: Study) -> Question:
    return Question.LAYERS if study.is_layered else Question.COMPONENTS


@remember
def tables(evidence: Evidence, name: str) -> list[Table]:
    """Return the tables of the study ``name`` for each protocol, budget and ranking, without those of a full ranking in
    which no cell has a value."""
    [study] = [study for study in evidence.studies if study.name == name]
    found = across(evidence, study) if study.is_for_all else by_model(evidence, study)
    return [page for page in found if page.ranking == "sampled" or page.data["mean"].notna().any()]


def by_model(evidence: Evidence, study: Study) -> list[Table]:
    """Return one table per model of its variants.

    A model of which only the unchanged variant, which stands in Table 2, was run has no table.
    """
    groups = evidence.variants(study).groupby(["of", *TABLE[:2]])
    varied = [(model, group) for (model, _, _), group in groups if group["hyper"].map(bool).any()]
    varied.sort(key=lambda one: study.models.index(one[1]["model"].iloc[0]))
    return [of_model(evidence, study, model, group, ranking) for model, group in varied for ranking in RANKINGS]


def of_model(evidence: Evidence, study: Study, model: str, records: pd.DataFrame, ranking: str) -> Table:
    """Return the table of one model's variants under one protocol, budget and ranking."""
    is_default = model == study.models[0]
    barred = {block: why_not(study, block, evidence.every) for block in blocks(records)}
    data = comparison(records, ranking, rows=study.labels, barred=barred).assign(model=model)
    possible = records[[run.row not in barred[run.dataset, run.features] for run in records.itertuples()]]
    possible = possible.assign(row=possible["row"].map(study.titles))
    about = {
        "kind": study.name if is_default else f"{study.name}-{model.replace(':', '-')}",
        "what": f"{study.title} in {model}",
        "cost": cost.block(possible, ranking, variants=[*study.titles.values()]),
    }
    return table(evidence, study, records, data, ranking, **about)


def across(evidence: Evidence, study: Study) -> list[Table]:
    """Return one table of all models that have a place in it (see ``has_place``): a row per model and variant."""
    found, runs = [], evidence.variants(study)
    for _, group in runs[has_place(study, runs)].groupby(TABLE[:2]):
        records = group.assign(row=group["of"] + APART + group["row"])
        rows = [f"{model}{APART}{label}" for model in order(records["of"]) for label in study.labels]
        for ranking in RANKINGS:
            data = comparison(records, ranking, rows=rows)
            data = data.assign(model=data["row"].str.rpartition(APART)[0])
            about = {"kind": study.name, "what": study.title, "cost": cost.block(records, ranking)}
            found.append(table(evidence, study, records, data, ranking, **about))
    return found


def table(evidence: Evidence, study: Study, records: pd.DataFrame, data: pd.DataFrame, ranking: str, **about) -> Table:
    """Return the table of the cells ``data`` of a study, made from ``records``; ``about`` are further attributes."""
    is_papers = study.is_papers and data["model"].iloc[0] == study.models[0]
    data = beside_paper(data, evidence.paper if is_papers else {}, study.name, ranking)
    data = parts.marked(evidence, study, records, data, ranking)
    return Table(
        question=question(study),
        caption=caption(records, ranking),
        blocks=[compared_block(in_block(data, block), records, block, study) for block in blocks(records)],
        notes=[
            *[Note(study.note)] * bool(study.note),
            *notes(records, data, ranking, is_compared=is_papers, study=study),
            *[Note(parts.LEGEND, is_warning=True)] * bool(data["sign"].any()),
        ],
        data=data[[*CSV, "model", "sign"]],
        **records[TABLE[:2]].iloc[0],
        ranking=ranking,
        **about,
    )


def why_not(study: Study, block: tuple[str, str], every: pd.DataFrame) -> dict[str, str]:
    """Return, by label, why the data set of ``block`` cannot have a variant; its modalities are read from ``every``."""
    recorded = in_block(every, block)["modalities"].dropna()
    modalities: Sequence[str] | None = recorded.iloc[-1] if len(recorded) else None
    reasons = {variant.label: study.why_not(variant, block[0], modalities) for variant in study.variants}
    return {label: reason for label, reason in reasons.items() if reason}


def figures(evidence: Evidence, study: Study, found: list[Table]) -> list[Figure]:
    """Return a figure for each protocol and budget of a study's tables on sampled candidates: one line per model."""
    place = attrgetter("protocol", "budget")
    sampled = sorted((page for page in found if page.ranking == "sampled"), key=place)
    return [layered(evidence, study, list(group)) for _, group in groupby(sampled, key=place)]


def layered(evidence: Evidence, study: Study, found: list[Table]) -> Figure:
    """Return the figure of quality against the number of layers, from the tables ``found``."""
    numbers = pd.concat([page.data for page in found], ignore_index=True)
    numbers = numbers.assign(layers=numbers["row"].map({variant.label: variant.n_layers for variant in study.variants}))
    empty = numbers[numbers["note"] != ""].drop_duplicates([*BLOCK, "model", "layers", "note"])
    missing = [f"{heading((e.dataset, e.features))}, {e.model}, {e.row}: {e.note}." for e in empty.itertuples()]
    texts = [
        "H@10 is HR@10, N@10 is NDCG@10; bars are sample standard deviations over the seeds, and a ring marks the best "
        "value of a model. A data set for which no model has two numbers of layers is not drawn beside one that has.",
        *missing,
    ]
    columns = [*BLOCK, "model", "layers", "metric", "mean", "std", "n_seeds", "keys", "note"]
    records = evidence.rows_of([key for page in found for key in page.keys])
    return Figure(
        question=question(study),
        kind=f"{study.name}-layers",
        what=study.title,
        caption=" ".join(dict.fromkeys(page.caption for page in found)),
        notes=[*map(Note, texts), *mixtures(records, study)],
        data=numbers.loc[numbers["metric"].isin(PLOTTED), columns],
        protocol=found[0].protocol,
        budget=found[0].budget,
        plot="layers",
    )
