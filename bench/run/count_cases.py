"""Counts facts about every test case, by which the report groups them; kept beside the records of the data set."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from bench.data.dataset import Dataset
from bench.data.readers.features import is_empty
from bench.data.split import Split, keys, split
from bench.run.plan import PlannedJob, load
from bench.store import case_facts as case_facts_file
from bench.store.store import Store


def fill(planned: Sequence[PlannedJob], store: Store) -> None:
    """Write the facts for each data set and protocol of the jobs whose file of facts is missing or damaged.

    Raises:
        BenchError: as ``plan.load``.
    """
    for path, example in {store.cases(one.job): one for one in planned}.items():
        if case_facts_file.read(path) is not None:
            continue
        dataset = load(example)
        facts = case_facts(dataset, split(dataset, example.job.protocol.train))
        with store.writing():
            case_facts_file.write(facts, path)


def case_facts(dataset: Dataset, parts: Split) -> pd.DataFrame:
    """Return one row per test case, in the order of the ranks. A pair that train repeats counts once.

    ``user_degree`` and ``item_popularity`` count the train pairs of the user and of the test item, ``pairs_above``
    those of all items more popular than the test item, and ``train_pairs`` all. ``is_in_own_train`` says whether the
    user's own train list has the test item, ``has_<modality>`` whether the item's feature row has any value but zero.
    """
    user, item = parts.test.T
    train = np.unique(keys(dataset, parts.train))
    popularity = np.bincount(train % dataset.n_items, minlength=dataset.n_items)
    counts = {
        "user_degree": np.bincount(train // dataset.n_items, minlength=dataset.n_users)[user],
        "item_popularity": popularity[item],
        "pairs_above": pairs_above(popularity)[item],
        "train_pairs": np.full(len(item), len(train)),
    }
    flags = {f"has_{modality}": ~is_empty(rows)[item] for modality, rows in dataset.features.items()}
    facts = pd.DataFrame({name: values.astype(np.int32) for name, values in counts.items()})
    return facts.assign(is_in_own_train=np.isin(keys(dataset, parts.test), train), **flags)


def pairs_above(popularity: Int[np.ndarray, " item"]) -> Int[np.ndarray, " item"]:
    """Return for each item the number of train pairs of all items that are strictly more popular."""
    ascending = np.sort(popularity)
    upto = np.concatenate([[0], np.cumsum(ascending)])
    return upto[-1] - upto[np.searchsorted(ascending, popularity, side="right")]
