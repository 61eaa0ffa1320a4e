"""Simulated sets: the paper's counts, a similar distribution of degrees, and item content of known relevance.

User u and item i have preference factors p_u, q_i of length 1 (6 factors). A user's items are drawn without
repeats: each is chosen among 32 drawn by popularity, with probability proportional to exp(10 p_u . q_i). A
modality's rows are [relevant | irrelevant]: the relevant columns are a noisy linear view of q_i, the irrelevant ones
a view, twice as strong, of other factors that have nothing to do with preference.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from bench.data.cache import Recipe
from bench.data.dataset import Dataset
from bench.spec import BenchError, unknown

VERSION = 1  # raised when the code makes other data of the same settings
N_FACTORS = 6
N_CHOICES = 32
SHARPNESS = 10.0
MIN_TRAIN = 4  # train entries per user, as in the paper's files
WIDTHS = {"visual": 64, "textual": 32}  # columns of each kind; other modalities have 16
NOISE = 0.5  # standard deviation; the signal of the relevant columns has variance 1
CHUNK = 1 << 14  # entries drawn at a time, so that memory does not grow with the set
# part of the hash, together with the settings of a set
GENERATOR = {"version": VERSION, "factors": N_FACTORS, "choices": N_CHOICES, "sharpness": SHARPNESS}
GENERATOR |= {"min_train": MIN_TRAIN, "widths": WIDTHS, "noise": NOISE, "chunk": CHUNK}

# the settings of each set, and the defaults of settings
SIMULATED = {
    "beauty-sim": {"n_users": 15_576, "n_items": 8_678, "n_train": 123_742},
    "art-sim": {"n_users": 25_165, "n_items": 9_324, "n_train": 176_262},
    "taobao-sim": {"n_users": 12_539, "n_items": 8_735, "n_train": 71_109, "modalities": ("visual",)},
}
USUAL = {"seed": 2023, "modalities": ("visual", "textual")}


def simulated_recipe(name: str, features: str | None) -> Recipe:
    """Return the recipe of one of ``SIMULATED``."""
    if features not in {None, "planted", "none"}:
        raise unknown(f"features of {name}", features, ["planted", "none"])
    settings, feature_id = USUAL | SIMULATED[name], features or "planted"
    if feature_id == "none":
        settings["modalities"] = ()
    return Recipe(
        feature_id=feature_id,
        settings=settings | GENERATOR,
        modalities=settings["modalities"],
        build=lambda: replace(simulate(name=name, **settings), feature_id=feature_id),
    )


def simulate(
    *,
    name: str,
    n_users: int,
    n_items: int,
    n_train: int,
    seed: int = USUAL["seed"],
    modalities: tuple[str, ...] = USUAL["modalities"],
) -> Dataset:
    """Simulate a set: each user has a validation pair in train and a test pair outside it; every item is in train."""
    most = max(MIN_TRAIN, n_items // 3)  # the largest number of train entries of a user
    if not max(MIN_TRAIN * n_users, n_items) <= n_train <= most * n_users or n_items < 2 * MIN_TRAIN:
        raise BenchError(f"{n_users} users and {n_items} items cannot have {n_train} train entries")
    pairs_seed, *feature_seeds = np.random.SeedSequence(seed).spawn(1 + len(modalities))
    rng = np.random.default_rng(pairs_seed)
    taste = Taste(rng, n_users=n_users, n_items=n_items)
    degrees = draw_degrees(rng, n_users=n_users, n_train=n_train, most=most)
    slots = np.repeat(np.arange(n_users), degrees)
    train = taste.cover(taste.draw(slots, taken=np.empty(0, dtype=np.int64)))
    test = taste.draw(np.arange(n_users), taken=train)
    valid = train[np.cumsum(degrees) - 1 - rng.integers(degrees)]
    parts = {"train": train, "valid": valid, "test": test}
    widths = {m: WIDTHS.get(m, 16) for m in modalities}
    seeds = zip(modalities, feature_seeds, strict=True)
    return Dataset(
        name=name,
        n_users=n_users,
        n_items=n_items,
        **{part: np.stack(np.divmod(keys, n_items), axis=1) for part, keys in parts.items()},
        features={m: draw_content(seed, taste.items, widths[m]) for m, seed in seeds},
        feature_id="planted",
        hash="",
        planted={m: {"relevant": (0, width), "irrelevant": (width, 2 * width)} for m, width in widths.items()},
    )


def draw_degrees(rng: np.random.Generator, *, n_users: int, n_train: int, most: int) -> np.ndarray:
    """Draw (n_users,) train counts, heavy-tailed as in the paper's sets: 4 to ``most`` each, ``n_train`` in all."""
    weights = rng.lognormal(sigma=1.5, size=n_users)
    weights = weights.clip(max=45 * weights.mean())
    degrees = MIN_TRAIN + rng.multinomial(n_train - MIN_TRAIN * n_users, weights / weights.sum())
    while (excess := (degrees - most).clip(min=0).sum()) > 0:
        degrees = degrees.clip(max=most)
        room = most - degrees
        degrees = degrees + rng.multinomial(excess, room / room.sum())
    return degrees


def draw_content(seed: np.random.SeedSequence, factors: np.ndarray, width: int) -> np.ndarray:
    """Draw (n_items, 2 * width) float32 rows [relevant | irrelevant]; ``factors`` is (n_items, N_FACTORS)."""
    rng = np.random.default_rng(seed)
    n_items, n_factors = factors.shape
    relevant = factors @ rng.normal(size=(n_factors, width)) + NOISE * rng.normal(size=(n_items, width))
    other_factors = unit(rng.normal(size=(n_items, n_factors)))
    irrelevant = 2 * other_factors @ rng.normal(size=(n_factors, width)) + NOISE * rng.normal(size=(n_items, width))
    return np.hstack([relevant, irrelevant]).astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Taste:
    """Preference factors and item popularity; a pair is stored as one number, user * n_items + item."""

    def __init__(self, rng: np.random.Generator, *, n_users: int, n_items: int):
        self.rng = rng
        self.users = unit(rng.normal(size=(n_users, N_FACTORS)))
        self.items = unit(rng.normal(size=(n_items, N_FACTORS)))
        self.popularity = np.cumsum(rng.lognormal(sigma=1.1, size=n_items))

    def draw(self, slots: np.ndarray, *, taken: np.ndarray) -> np.ndarray:
        """Draw a pair for the user of each slot, (slot,): the pairs are distinct and none is in ``taken``."""
        n_items = len(self.items)
        drawn = np.full(len(slots), -1, dtype=np.int64)
        open_slots = np.arange(len(slots))
        rounds = 0
        while len(open_slots):
            users = slots[open_slots]
            # uniform from the 20th round on, so that the loop also ends for a user who has nearly all popular items
            pairs = users * n_items + (self.pick(users) if rounds < 20 else self.rng.integers(n_items, size=len(users)))
            distinct, first = np.unique(pairs, return_index=True)
            first = np.sort(first[~np.isin(distinct, taken)])
            drawn[open_slots[first]] = pairs[first]
            taken = np.concatenate([taken, pairs[first]])
            open_slots = np.delete(open_slots, first)
            rounds += 1
        return drawn

    def pick(self, users: np.ndarray) -> np.ndarray:
        """Draw an item for each user, (slot,): ``N_CHOICES`` by popularity, and one of these by preference."""
        picked = [np.empty(0, dtype=np.int64)]
        for first, last in pairwise([*range(0, len(users), CHUNK), len(users)]):
            shape = (last - first, N_CHOICES)
            drawn = np.searchsorted(self.popularity, self.rng.random(shape) * self.popularity[-1], side="right")
            affinity = np.einsum("sf,scf->sc", self.users[users[first:last]], self.items[drawn])
            best = (SHARPNESS * affinity + self.rng.gumbel(size=shape)).argmax(axis=1)
            picked.append(np.take_along_axis(drawn, best[:, None], axis=1)[:, 0])
        return np.concatenate(picked)

    def cover(self, pairs: np.ndarray) -> np.ndarray:
        """Return ``pairs`` with every item in them: an item without users replaces another item in some entry."""
        user, item = np.divmod(pairs, len(self.items))
        missing = np.setdiff1d(np.arange(len(self.items)), item)
        shuffled = self.rng.permutation(len(pairs))
        _, first = np.unique(item[shuffled], return_index=True)
        spare = np.delete(shuffled, first)  # may be replaced, as every item in ``pairs`` keeps one entry
        n_choices = min(N_CHOICES, len(spare) // max(1, len(missing)))
        choices = spare[: len(missing) * n_choices].reshape(len(missing), n_choices)
        affinity = np.einsum("mf,mcf->mc", self.items[missing], self.users[user[choices]])
        place = choices[np.arange(len(missing)), affinity.argmax(axis=1)] if len(missing) else missing
        item[place] = missing
        return user * len(self.items) + item
