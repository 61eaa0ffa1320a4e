"""The README's answer is the reference's."""

from pathlib import Path

import pandas as pd
import pytest

from bench.cli.readme import BEGIN, END, REFERENCE, UNLIKE, answered, renewed, table, write
from bench.spec import BenchError
from tests.report.made import stored

ROOT = Path(__file__).parents[2]
COLUMNS = ["dataset", "ranking", "row", "metric", "vs", "difference", "low", "high", "verdict", "unequal", "n_above"]
LEVEL = "shows no clear difference from"
ANSWERS = pd.DataFrame(
    [
        ["beauty", "sampled", "MCLN", "ndcg@10", "LightGCN", 0.02452, 0.02076, 0.02828, "beats", "", 0],
        ["beauty", "sampled", "MCLN", "hr@5", "LightGCN", 0.02921, 0.02336, 0.03506, "beats", "", 0],
        ["beauty", "full", "MCLN", "ndcg@10", None, None, None, None, "has no answer", "", 0],
        ["taobao", "sampled", "MCLN", "ndcg@10", "SVD++", -0.0033, -0.0065, -0.00003, LEVEL, "engine version", 2],
        ["ml-100k", "full", "MCLN", "ndcg@10", "Pop", 0.1, 0.0, 0.2, "beats", "", 0],
    ],
    columns=COLUMNS,
).assign(protocol="paper", n_baselines=9)


def test_the_table_by_hand():
    assert table(ANSWERS).splitlines()[2:] == [
        "| Beauty | paper | sampled | MCLN | +0.0245 | [+0.0208, +0.0283] | beats LightGCN | 0 of 9 |",
        f"| Taobao | paper | sampled | MCLN | -0.0033 | [-0.0065, 0.0000] | {LEVEL} SVD++ ‡ | 2 of 9 |",
        "",
        f"‡ {UNLIKE}",
    ]


def test_what_stands_around_the_table_stays():
    text = f"a\n{BEGIN}\nold\n{END}\nb\n"
    assert renewed(text, ANSWERS) == f"a\n{BEGIN}\n\n{table(ANSWERS)}\n\n{END}\nb\n"
    with pytest.raises(BenchError, match="no place for the answer"):
        renewed("a", ANSWERS)


def test_a_difference_is_rounded_once(tmp_path):
    """15 hits more among 119 cases are 0.1260504: of the six digits in the CSV, 0.126050, four places are 0.1260."""
    stored(tmp_path / REFERENCE, [50] * 119)
    stored(tmp_path / REFERENCE, [1] * 15 + [50] * 104, "MCLN")
    (tmp_path / "README.md").write_text(f"{BEGIN}\n{END}")
    with pytest.raises(BenchError, match="answers anything"):
        answered(tmp_path / "none")
    assert "| Beauty | paper | sampled | MCLN | +0.1261 | [" in write(tmp_path / "README.md").read_text()


def test_the_readme_says_what_the_reference_says():
    text = (ROOT / "README.md").read_text()
    assert renewed(text, answered(ROOT / REFERENCE)) == text, "stale: run python -m bench readme"
