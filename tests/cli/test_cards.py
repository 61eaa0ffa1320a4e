"""Fidelity cards: a made-up file against the Markdown worked out by hand, and what every model's file must say."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

import bench
from bench.cli.cards import REQUIRED, card, docstring, page, prose
from bench.cli.main import main
from bench.registry import Card, cards, load
from bench.spec import BenchError, choice, log_uniform
from bench.store import case_facts
from bench.store.store import Store

ROOT = Path(__file__).parents[2]
MODELS = [model for model in cards().values() if not model.is_floor]
FAKE = Card(
    name="SVDPP",
    module="baselines.fake",
    training={},
    presets={"default": {}, "paper": {"n_layers": 0, "kind": "b"}},
    per_dataset={"art": {"rate": 0.5}},
    is_floor=False,
    code=(),
)
DOCSTRING = """Fake: scores <u, v> for a test.

Somebody. "Something", 2020.

    score   u * v    embed

Departures: one word
- a * b, not `a * b`;
  and more
Last word.

Modalities: none.
Fusion: none.
Loss: mean BPR,
    and more.
Parameters: N d.
Cost per step: B d.
Quality: not known.
Checked: by nobody."""


@dataclass
class Base:
    size: int = 64  # d, of |u|


@dataclass
class Hyper(Base):
    n_layers: int = choice(3, among=(1, (2, 2)))
    rate: float = log_uniform(0.0025, low=1e-4, high=1.0)  # of step
    kind: Literal["a", "b"] = "a"


CARD = r"""## SVD++

Fake: scores &lt;u, v> for a test. File: [baselines/fake.py](../baselines/fake.py).

- **Modalities**: none.
- **Fusion**: none.
- **Loss**: mean BPR, and more.
- **Parameters**: N d.
- **Cost per step**: B d.
- **Checked**: by nobody.
- **Quality**: not known.

Somebody. "Something", 2020.

```text
score   u * v    embed
```

Departures: one word

- a \* b, not `a * b`;
  and more

Last word.

Presets:

- `default`: as below
- `paper`: `n_layers=0, kind='b'`
- on `art`, where the preset does not say otherwise: `rate=0.5`

| setting | default | allowed or searched | meaning |
| --- | --- | --- | --- |
| `size` | `64` |  | d, of \|u\| |
| `n_layers` | `3` | `1`, `(2, 2)` |  |
| `rate` | `0.0025` | `0.0001` to `1.0` | of step |
| `kind` | `'a'` | `'a'`, `'b'` |  |
"""


def test_a_card_by_hand():
    assert card(FAKE, DOCSTRING, Hyper) == CARD


def test_a_hanging_paragraph_ends_where_the_next_begins():
    assert prose("`one` is\n    this\n`two` is\n    that") == "`one` is\n    this\n\n`two` is\n    that"


def test_blank_lines_are_as_good_as_one():
    assert prose("one\n\n\n\ntwo") == "one\n\ntwo"


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_field_is_one_clear_error(name):
    for other in (DOCSTRING.replace(f"{name}: ", "and "), re.sub(f"{name}: .*", f"{name}:", DOCSTRING)):
        with pytest.raises(BenchError, match=f"^baselines/fake.py: the docstring ends without the field '{name}'"):
            card(FAKE, other.replace("\n    and more.", ""), Hyper)


def test_a_file_without_fields_or_docstring_is_an_error():
    for said in ("", "One line."):
        with pytest.raises(BenchError, match="without the field 'Modalities'"):
            card(FAKE, said, Hyper)


def test_an_unknown_field_is_named():
    with pytest.raises(BenchError, match="unknown field in the docstring of baselines/fake.py 'Qualty'.*Quality"):
        card(FAKE, DOCSTRING.replace("Quality:", "Qualty:"), Hyper)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_model_has_every_field(model):
    found = card(model, docstring(model), load(model).Hyper)
    assert [name for name in REQUIRED if f"\n- **{name}**: " not in found] == []


def test_the_card_of_bm3_counts_the_ties_of_the_reference():
    """Each tied case, but for one in each full ranking, is of an item without training pairs, and costs no NDCG@10."""
    text = card(cards()["BM3"], docstring(cards()["BM3"]), load(cards()["BM3"]).Hyper)
    results, counts = bench.load(ROOT / "results/reference"), {}
    for protocol in ("paper", "clean"):
        ranks = results.ranks("BM3", dataset="taobao", protocol=protocol)
        (key,) = ranks["key"].unique()
        facts = case_facts.read(Store(ROOT / "results/reference").cases(results.evidence.by_key[key].job))
        is_cold = facts["item_popularity"].to_numpy() == 0
        for ranking, n_others in (("sampled", 0), ("full", 1)):
            ties = ranks[f"ties_{ranking}"]
            counts[protocol, ranking] = f"{(ties > 0).sum():,}"
            assert ((ties > 0) & ~is_cold).sum() == n_others
            best = ranks.loc[(ties > 0) & is_cold, f"rank_{ranking}"] - ties[(ties > 0) & is_cold]
            assert best.min() > 10
    sampled, full = ([counts[protocol, ranking] for protocol in ("paper", "clean")] for ranking in ("sampled", "full"))
    said = "in {} cases under `paper` and in {} under `clean` (another item does in the full ranking in {} and {})"
    assert said.format(*sampled, *full) in text


def test_the_page_names_every_model_once():
    text = page()
    assert [text.count(f"\n## {name}\n") for name in ("SVD++", "MCLN", "Floors")] == [1, 1, 1]
    assert all(f"\n- {model.name}: " in text for model in cards().values() if model.is_floor)
    assert text.count("\n## ") == len(MODELS) + 1


def test_the_stored_page_is_what_the_files_say(tmp_path):
    with pytest.raises(SystemExit, match="^0$"):
        main(["--out", str(tmp_path / "new" / "models.md")], command="cards")
    stored = (ROOT / "docs/models.md").read_text()
    assert (tmp_path / "new" / "models.md").read_text() == stored, "stale: run python -m bench cards"


def test_a_page_that_cannot_be_written_is_one_clear_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="^2$"):
        main(["--out", str(tmp_path / "file" / "models.md")], command="cards")
    assert re.fullmatch(r"error: .*models.md cannot be written .*--out\n", capsys.readouterr().err)
