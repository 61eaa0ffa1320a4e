"""Records and what lies beside them: what is damaged is named, and never believed."""

import itertools
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.cases import Hung, Tally, changed, last_lines, said


def stored(folder: Path) -> None:
    """A results folder of two rows and two seeds, with weights, case facts, a checkpoint and a search."""
    import numpy as np
    import pandas as pd
    import torch

    from bench.files import digest
    from bench.store import case_facts
    from bench.store.places import TRIALS
    from bench.store.store import Store
    from bench.train.checkpoint import Checkpoint
    from bench.tune import winners
    from tests.report import made
    from tests.tune.searched import drive, search

    rng, store = np.random.default_rng(0), Store(folder)
    for model, seed in itertools.product(("BPRMF", "MCLN"), (0, 1)):
        more = {"seed": seed, "facts": {"weights_sha256": digest(model.encode()), "n_cases": 60}}
        full = {"full": rng.integers(1, 400, 60)} if model == "BPRMF" else {}
        kept = made.stored(folder, rng.integers(1, 101, 60), model, **more, **full)
        store.weights(kept.job).write_bytes(model.encode())
    facts = {name: np.arange(60, dtype=np.int32) for name in ("user_degree", "item_popularity", "pairs_above")}
    facts |= {"train_pairs": np.full(60, 99, dtype=np.int32), "is_in_own_train": np.arange(60) % 7 == 0}
    case_facts.write(pd.DataFrame(facts), store.cases(kept.job))
    state = {"fit": {"epochs": 3}, "model": {"w": torch.arange(40.0)}}
    Checkpoint(store.checkpoint(kept.job), every=1, generator=torch.Generator().manual_seed(0)).save(1, state)
    found = search()
    drive(found, 3)
    for record in found.ended:
        Store(folder / TRIALS).write(record)
    winners.write(found.winner(3), winners.path(folder / "configs", found.base.job))


def readings(folder: Path) -> dict[str, Callable[[], object]]:
    """All that a table or a result may take from a results folder, in a form that can be compared."""
    import torch

    from bench.report.boards import ranks_of
    from bench.report.evidence import Evidence
    from bench.store import case_facts
    from bench.store.places import TRIALS
    from bench.store.store import Store
    from bench.train.checkpoint import Checkpoint
    from bench.tune import winners
    from tests.tune.searched import search, work

    def records() -> dict[str, str]:
        store = Store(folder)
        found = store.records()
        evidence = Evidence(found, folder)
        ranks = {r.key: {k: (v.cases, v.place.tolist()) for k, v in ranks_of(evidence, r.key).items()} for r in found}
        return {r.key: f"{r.model_dump_json()} {ranks[r.key]}" for r in found}

    def weights() -> dict[str, bytes]:
        store = Store(folder)
        return {r.key: store.weights(r.job).read_bytes() for r in store.records() if store.has_weights(r)}

    def state() -> str:
        (path,) = folder.glob("*/*/*.checkpoint")
        return str(Checkpoint(path, every=1, generator=torch.Generator()).load())

    def trials() -> list[str]:
        return [record.model_dump_json() for record in search(records=Store(folder / TRIALS).records()).ended]

    return {
        "records": records,
        "weights": weights,
        "facts": lambda: {p.name: str(case_facts.read(p)) for p in folder.glob("*/cases/*.facts.parquet")},
        "state": state,
        "tuned": lambda: str(winners.load(folder / "configs", work(), Store(folder / TRIALS))),
        "search": trials,
    }


def fuzz_records(n: int, seed: int, only: int | None = None) -> Tally:
    """Change one file of a results folder, and read all of it: equal, or named."""
    tally = Tally(kind="records")
    with tempfile.TemporaryDirectory() as place:
        whole, folder = Path(place) / "whole", Path(place) / "results"
        stored(folder)
        shutil.copytree(folder, whole)
        files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
        expected = {name: said(read)[0] for name, read in readings(folder).items()}
        for number in range(n) if only is None else [only]:
            rng = random.Random(f"{seed} records {number}")
            file, other = rng.choice(files), whole / rng.choice(files)
            content = (whole / file).read_bytes()
            (folder / file).write_bytes(changed(content, rng, other.read_bytes()))
            tally.enter(*judged(f"{number}: {file}", readings(folder), expected))
            for path in (path for path in folder.rglob("*") if path.is_file()):
                if path.relative_to(folder) not in files:
                    path.unlink()
            (folder / file).write_bytes(content)
    return tally


def judged(case: str, reads: dict[str, Callable[[], object]], expected: dict[str, object]) -> tuple[str, str]:
    """What came of reading a damaged folder, and the case if that is a fault."""
    from bench.spec import BenchError

    outcome = "without effect"
    for name, read in reads.items():
        try:
            found, text = said(read)
        except BenchError as error:
            found, text = None, str(error)
            if "\n" in text:
                return "of several lines", f"{case}: {name}: {text!r}"
        except Hung:
            return "hung", f"{case}: {name} hangs"
        except Exception:
            return "traceback", f"{case}: {name}\n{last_lines()}"
        if found == expected[name]:
            continue
        is_lost = name == "facts" and None in map({"None": None}.get, found.values())  # counted again by the next run
        is_part = isinstance(found, dict) and found.items() <= expected[name].items()
        if not text and not is_lost:
            return "silent", f"{case}: {name} differs without a word"
        if name in ("records", "weights") and not is_part:
            return "silent", f"{case}: {name} were believed that are others"
        outcome = "named"
    return outcome, ""
