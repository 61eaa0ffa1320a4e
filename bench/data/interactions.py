"""Raw interactions: which columns hold them, which of them count, and how they are split."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bench.data.columns import column, moments, numbers, tokens, with_index
from bench.data.preparing import Parts, cut_by_time, hold_out, keep_core, leave_one_out
from bench.data.readers.recbole import ITEM, USER
from bench.spec import BenchError, unknown

TIME = ("timestamp",)
LABEL = "x_label"  # RecBole's and MMRec's column for the parts: 0 train, 1 validation, 2 test
SEED = 2023
SHARED = ("ratio", "global-time")  # the splits that take a share of the interactions
SPLITS = ("leave-one-out", *SHARED)
SHARES = (0.1, 0.1)  # of validation and test


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Which columns are read, which interactions are kept, and how they are split.

    Attributes:
        user, item, time: columns; where they are not given, those that RecBole and MMRec use, if they are there.
        rating, at_least: an interaction counts if this column is as large as that.
        split: by ``x_label`` where the file has that and nothing is given here, leave-one-out otherwise.
        shares: of validation and test, for the other two splits; 0.1 each where they are not given.
        k_core: users and items are left out until each has so many interactions.
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


@dataclass(eq=False, kw_only=True)
class Interactions:
    """What was kept: user and item ids as text, times as ranks, and the part of each where the file says it.

    ``left_out`` counts what was not kept, by the reason; ``all_items`` are the items of all, kept or not.
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray | None = None
    label: np.ndarray | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    all_items: np.ndarray = field(init=False)

    def __post_init__(self):
        self.all_items = pd.unique(self.item)

    def keep(self, kept: np.ndarray, why: str) -> None:
        """Leave out all but ``kept`` (n,) bool."""
        if kept.all():
            return
        if not kept.any():
            raise BenchError(f"no interaction is left: all {len(kept):,} are {why}")
        self.left_out[why] = int((~kept).sum())
        for name in ("user", "item", "time", "label"):
            values = getattr(self, name)
            setattr(self, name, None if values is None else values[kept])


def select(frame: pd.DataFrame, chosen: Choices, origin: str) -> Interactions:
    """The interactions that count, each pair once: the earliest, or the first where there is no time."""

    def find(asked: str | int | None, known: Sequence[str], flag: str) -> pd.Series:
        found = with_index(frame, known if asked is None else [asked])
        remedy = f"name one with {flag}, or add a line with the columns' names"
        return found[column(found, asked, known, origin, remedy)]

    if not len(frame):
        raise BenchError(f"{origin} has no interactions")
    names = {*frame.columns, *frame.index.names}
    read = Interactions(
        user=tokens(find(chosen.user, USER, "--user"), origin), item=tokens(find(chosen.item, ITEM, "--item"), origin)
    )
    if chosen.time is not None or names & {*TIME}:
        read.time = moments(find(chosen.time, TIME, "--time"), origin)
    if LABEL in names and chosen.split is None:
        read.label = numbers(find(LABEL, (), "--split"), origin)
        for row in np.flatnonzero(~np.isin(read.label, (0, 1, 2)))[:1]:
            raise BenchError(f"{origin}: row {row + 1}: {LABEL} is none of 0, 1, 2; --split leaves the column unread")
    if chosen.rating is not None:
        ratings = numbers(find(chosen.rating, (), "--rating"), origin)
        read.keep(ratings >= chosen.at_least, f"below {chosen.rating} {chosen.at_least:g}")
    pairs = pd.DataFrame({"user": read.user, "item": read.item, "label": 0 if read.label is None else read.label})
    order = np.arange(len(pairs)) if read.time is None else np.argsort(read.time, kind="stable")
    read.keep(~pairs.iloc[order].duplicated().sort_index().to_numpy(), "repeats of a pair")
    if chosen.k_core:
        codes = (pd.factorize(ids)[0] for ids in (read.user, read.item))
        read.keep(keep_core(*codes, core=chosen.k_core), f"outside the {chosen.k_core}-core")
    return read


def split(pairs: np.ndarray, kept: Interactions, chosen: Choices) -> tuple[Parts, str]:
    """Train, validation and test pairs, and in words how they came to be."""
    rng, (valid, test) = np.random.default_rng(SEED), chosen.shares or SHARES
    how = "by time" if kept.time is not None else f"at random (seed {SEED}), as no column of times was given"
    times = kept.time
    if times is None:  # drawn by user and item, so that the order of the rows is of no account
        times = rng.permutation(len(pairs))[np.argsort(np.lexsort(pairs.T[::-1]), kind="stable")]
    if kept.label is not None:
        train, valid_pairs, test_pairs = (pairs[kept.label == part] for part in range(3))
        if len(valid_pairs):
            return (train, valid_pairs, test_pairs), "as the file says"
        train, _, valid_pairs = leave_one_out(train, times[kept.label == 0])
        how = f"as the file says, with a validation pair of each user out of train {how}"
        return (np.concatenate([train, valid_pairs]), valid_pairs, test_pairs), how
    if chosen.split == "global-time":
        if kept.time is None:
            raise BenchError("--split global-time needs the column of times: give --time COL")
        return cut_by_time(pairs, times, valid=valid, test=test), "by one moment for all users"
    if chosen.split == "ratio":
        return hold_out(pairs, times, valid=valid, test=test), f"by shares of each user's items {how}"
    return leave_one_out(pairs, times), f"leave-one-out {how}"


def check_parts(parts: Parts, kept: Interactions, chosen: Choices, *, origin: str, how: str) -> None:
    """See that there are pairs to train on and to test.

    Raises:
        BenchError: where there are none, with what would make some.
    """
    missing = [name for name, pairs in (("train", parts[0]), ("test", parts[2])) if not len(pairs)]
    if not missing:
        return
    if kept.label is not None:
        remedy = f"{LABEL} must be {0 if missing[0] == 'train' else 2} for some; --split NAME does not read it"
    elif chosen.split == "global-time":
        remedy = "so small a share begins after the last moment; give a larger one with --shares, or another --split"
    else:
        remedy = "there must be users of two items or more"
    raise BenchError(f"{origin}: no {missing[0]} pair comes out of split {how}; {remedy}")
