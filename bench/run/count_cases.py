"""Makes the files about the test cases that follow from the data: facts, by which the report groups them, and, where
they were lost, the users and targets. They are kept beside the records of the data set."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
from jaxtyping import Int

from bench.data.dataset import Dataset
from bench.data.readers.features import is_empty
from bench.data.split import Split, keys, split
from bench.files import digest, read_checked, write_whole
from bench.run.plan import PlannedJob, load
from bench.store import case_facts as case_facts_file
from bench.store import ranks as rank_files
from bench.store.record import BROKEN, read_record
from bench.store.store import Store


def restore(planned: Sequence[PlannedJob], store: Store) -> None:
    """Write the users and targets that records of the jobs name again where their file is missing or damaged, so that
    no job runs again for want of them. Only what has the sha256 that the records name is written."""
    files = {}
    for one in planned:
        with suppress(*BROKEN):  # a damaged record names nothing
            record = read_record(store.path(one.job))
            if record is not None and record.ranks_sha256 and record.job.key == one.job.key:
                files.setdefault(next(iter(store.rank_files(record).items())), one)
    for (path, sha256), example in files.items():
        with suppress(*BROKEN):
            read_checked(path, sha256)
            continue
        pairs = split(load(example), example.job.protocol.train).test
        content = rank_files.encode(pd.DataFrame(pairs, columns=rank_files.CASE))
        if digest(content) == sha256:
            with suppress(OSError):  # in a folder that cannot be written, the records stay left out
                write_whole(path, [content], is_durable=True)
                print(f"{path} was missing or damaged; it is written again from the data")


def fill(planned: Sequence[PlannedJob], store: Store) -> None:
    """Write the facts for each data set and protocol of the jobs whose file of facts is missing or damaged."""
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
