"""Raw interactions: finds their columns, selects those that count, and splits them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.data.columns import ITEM, LABEL, TIME, USER, column, moments, numbers, tokens
from bench.data.preparing import Parts, cut_by_time, hold_out, keep_core, leave_one_out
from bench.spec import BenchError, unknown

SEED = 2023
SHARED = ("ratio", "global-time")  # the splits that take a share of the interactions
SPLITS = ("leave-one-out", *SHARED)
SHARES = (0.1, 0.1)  # of validation and test


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Which columns are read, which interactions are kept, and how they are split.

    Attributes:
        user, item, time: names of columns; default: those of RecBole and MMRec, if they are there.
        rating, at_least: an interaction counts if its value in the column ``rating`` is ``at_least`` or more.
        split: one of ``SPLITS``; default: by the column ``x_label`` where there is one, else leave-one-out.
        shares: of validation and test, for the other two splits; default: 0.1 each.
        k_core: users and items are left out until each has this number of interactions.
    """

    user: str | int | None = None
    item: str | int | None = None
    time: str | int | None = None
    rating: str | int | None = None
    at_least: float | int | None = None
    split: str | None = None
    shares: Sequence[float | int] | None = None
    k_core: int = 0

    def __post_init__(self):
        if self.split not in (None, *SPLITS):
            raise unknown("split", self.split, SPLITS)
        if (self.rating is None) != (self.at_least is None):
            raise BenchError("--rating COL and --at-least X go together: an interaction counts from a rating of X on")
        if self.shares is None:
            return
        if len(self.shares) != 2:
            raise BenchError("--shares takes two numbers, the shares of validation and of test")
        if self.split not in SHARED:
            raise BenchError(f"--shares goes with --split {' or '.join(SHARED)}; give one of them, or leave it out")
        if not (min(self.shares) >= 0 and sum(self.shares) < 1):
            raise BenchError("--shares: validation and test must leave some of the interactions to train on")
        if not self.shares[1]:
            raise BenchError("--shares: the share of test, the second one, must be above 0")


class Interactions:
    """The interactions that count: ``user`` and ``item``, ids as text; where the file has them ``time``, as ranks, and
    ``label``, the part."""

    def __init__(self, rows: pd.DataFrame, *, item_name: Hashable):
        self.rows = rows
        self.item_name = item_name  # of the column in the file
        self.left_out: dict[str, int] = {}  # how many interactions, by reason
        self.all_items = rows["item"].unique()  # those of interactions that are left out included

    def keep(self, is_kept: np.ndarray, why: str) -> None:
        """Leave out the interactions where ``is_kept`` (n,) is false; ``why`` is the reason."""
        if is_kept.all():
            return
        if not is_kept.any():
            raise BenchError(f"no interaction is left: all {len(is_kept):,} are {why}")
        self.left_out[why] = int((~is_kept).sum())
        self.rows = self.rows[is_kept]


def select(frame: pd.DataFrame, chosen: Choices, origin: str) -> Interactions:
    """Return the interactions that count, each pair once: the earliest, or the first in the file without times."""
    flag_of = {}

    def find(asked: str | int | None, known: Sequence[str], flag: str) -> pd.Series:
        remedy = f"name one with {flag}, or add a line with the columns' names"
        found = column(frame, known if asked is None else [asked], origin, remedy)
        if (first := flag_of.get(found.name, flag)) != flag:
            raise BenchError(
                f"{origin}: {first} and {flag} both read the column {found.name}; name another with one of them"
            )
        if flag in ("--user", "--item"):  # a column of times may well be read as ratings, to keep what is recent
            flag_of[found.name] = flag
        return found

    if not len(frame):
        raise BenchError(f"{origin} has no interactions")
    names = {*frame.columns, *frame.index.names}
    users, items = find(chosen.user, USER, "--user"), find(chosen.item, ITEM, "--item")
    found = {"user": tokens(users, origin), "item": tokens(items, origin)}
    if chosen.time is not None or names & {*TIME}:
        found["time"] = moments(find(chosen.time, TIME, "--time"), origin)
    if LABEL in names and chosen.split is None:
        found["label"] = numbers(find(LABEL, (), "--split"), origin)
        for row in np.flatnonzero(~np.isin(found["label"], (0, 1, 2)))[:1]:
            raise BenchError(f"{origin}: row {row + 1}: {LABEL} is none of 0, 1, 2; with --split it is not read")
    kept = Interactions(pd.DataFrame(found), item_name=items.name)
    if chosen.rating is not None:
        ratings = numbers(find(chosen.rating, (), "--rating"), origin)
        kept.keep(ratings >= chosen.at_least, f"below {chosen.rating} {chosen.at_least:g}")
    ordered = kept.rows.sort_values("time", kind="stable") if "time" in found else kept.rows
    is_repeat = ordered.drop(columns="time", errors="ignore").duplicated().sort_index()
    kept.keep(~is_repeat.to_numpy(), "repeats of a pair")
    if chosen.k_core:
        codes = (pd.factorize(kept.rows[kind])[0] for kind in ("user", "item"))
        kept.keep(keep_core(*codes, core=chosen.k_core), f"outside the {chosen.k_core}-core")
    return kept


def split(pairs: np.ndarray, kept: Interactions, chosen: Choices) -> tuple[Parts, str]:
    """Return the train, validation and test pairs, and in words how they were split."""
    rng, (valid, test) = np.random.default_rng(SEED), chosen.shares or SHARES
    if "time" in kept.rows:
        times, how = kept.rows["time"].to_numpy(), "by time"
    else:  # random times by a pair's place in sorted order, so that the order of the rows does not matter
        times = rng.permutation(len(pairs))[np.argsort(np.lexsort(pairs.T[::-1]), kind="stable")]
        how = f"at random (seed {SEED}), as no column of times was given"
    if "label" in kept.rows:
        label = kept.rows["label"].to_numpy()
        train, valid_pairs, test_pairs = (pairs[label == part] for part in range(3))
        if len(valid_pairs):
            return (train, valid_pairs, test_pairs), "as the file says"
        train, _, valid_pairs = leave_one_out(train, times[label == 0])
        how = f"as the file says, with a validation pair of each user out of train {how}"
        return (np.concatenate([train, valid_pairs]), valid_pairs, test_pairs), how
    if chosen.split == "global-time":
        if "time" not in kept.rows:
            raise BenchError("--split global-time needs the column of times: give --time COL")
        return cut_by_time(pairs, times, valid=valid, test=test), "by one moment for all users"
    if chosen.split == "ratio":
        return hold_out(pairs, times, valid=valid, test=test), f"by shares of each user's items {how}"
    return leave_one_out(pairs, times), f"leave-one-out {how}"


def check_parts(parts: Parts, kept: Interactions, chosen: Choices, *, origin: str, how: str) -> None:
    """Refuse a split without pairs to train on or without pairs to test."""
    missing = [name for name, pairs in (("train", parts[0]), ("test", parts[2])) if not len(pairs)]
    if not missing:
        return
    if "label" in kept.rows:
        remedy = f"{LABEL} must be {0 if missing[0] == 'train' else 2} for some; --split NAME does not read it"
    elif chosen.split == "global-time":
        remedy = "so small a share begins after the last moment; give a larger one with --shares, or another --split"
    else:
        remedy = "there must be users of two items or more"
    raise BenchError(f"{origin}: no {missing[0]} pair comes from the split {how}; {remedy}")
